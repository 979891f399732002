//! The driver of wampproto: what is asked of which session.
//!
//! wampproto is the protocol without IO: messages and the three serializers, joining, the framing
//! of RawSocket, numbers of requests. Its user brings the socket (`connection`), and remembers
//! which answer belongs to which request (`session`).

mod behaviour;
mod connection;
mod deed;
mod received;
mod session;
mod tallies;

use foreign_lines::{Driver, Outcome, Sessions};
use serde_json::json;

use crate::deed::Deed;
use crate::session::Session;

#[derive(Default)]
struct Wampproto(Sessions<Session>);

impl Driver for Wampproto {
    type Deed = Deed;

    async fn act(&self, name: String, deed: Deed) -> Outcome {
        let session = || self.0.named(&name);
        match deed {
            Deed::Join { url, serializer, realm } => {
                let (joined, welcome) = Session::join(&url, serializer, &realm).await?;
                self.0.keep(name, joined);
                Ok(welcome)
            }
            Deed::Leave => session()?.leave().await,
            Deed::Left => Ok(json!({"reason": session()?.left().await})),
            Deed::Register { procedure, behaviour, options } => {
                session()?.register(procedure, behaviour, options).await
            }
            Deed::Unregister { registration } => session()?.unregister(registration).await,
            Deed::Interrupted { registration } => session()?.interrupted(registration).await,
            Deed::Call { procedure, payload, options, name } => {
                session()?.call(procedure, payload, options, name).await
            }
            Deed::Cancel { name, mode } => session()?.cancel(&name, mode),
            Deed::Subscribe { topic, options } => session()?.subscribe(topic, options).await,
            Deed::Unsubscribe { subscription } => session()?.unsubscribe(subscription).await,
            Deed::Events { subscription, count } => session()?.events(subscription, count).await,
            Deed::Publish { topic, payload, options } => {
                session()?.publish(topic, payload, options).await
            }
        }
    }
}

fn main() -> std::io::Result<()> {
    foreign_lines::serve::<Wampproto>()
}
