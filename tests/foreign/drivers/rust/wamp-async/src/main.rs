//! The driver of wamp_async: what is asked of which session.
//!
//! Not for what a session does: that is `session`'s.

mod behaviour;
mod deed;
mod session;

use std::rc::Rc;

use foreign_lines::{Driver, Outcome, Sessions};
use serde_json::json;

use crate::deed::Deed;
use crate::session::Session;

#[derive(Default)]
struct WampAsync(Sessions<Session>);

impl Driver for WampAsync {
    type Deed = Deed;

    async fn act(&self, name: String, deed: Deed) -> Outcome {
        let session = || self.0.named(&name);
        match deed {
            Deed::Join { url, serializer, realm } => {
                let joined = Session::join(&url, serializer, &realm).await?;
                self.0.keep(name, Rc::new(joined));
                Ok(json!({}))
            }
            Deed::Leave => session()?.leave().await,
            Deed::Register { procedure, behaviour, .. } => {
                session()?.register(&procedure, behaviour).await
            }
            Deed::Unregister { registration } => session()?.unregister(registration).await,
            Deed::Call { procedure, payload, .. } => session()?.call(&procedure, payload).await,
            Deed::Subscribe { topic, .. } => session()?.subscribe(&topic).await,
            Deed::Unsubscribe { subscription } => session()?.unsubscribe(subscription).await,
            Deed::Events { subscription, count } => session()?.events(subscription, count).await,
            Deed::Publish { topic, payload, options } => {
                session()?.publish(&topic, payload, options).await
            }
        }
    }
}

fn main() -> std::io::Result<()> {
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).init();
    foreign_lines::serve::<WampAsync>()
}
