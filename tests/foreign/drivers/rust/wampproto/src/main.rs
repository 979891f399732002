//! The driver of wampproto: passes each request to its session.
//!
//! wampproto is the protocol without IO: messages, three serializers, joining, the framing of
//! RawSocket and request ids. Its user provides the socket (`connection`) and matches answers to
//! requests (`session`).

mod behaviour;
mod command;
mod connection;
mod received;
mod session;
mod tallies;

use foreign_lines::{Driver, Outcome, Sessions};
use serde_json::json;

use crate::command::Command;
use crate::session::Session;

#[derive(Default)]
struct Wampproto(Sessions<Session>);

impl Driver for Wampproto {
    type Command = Command;

    async fn act(&self, name: String, command: Command) -> Outcome {
        let session = || self.0.named(&name);
        match command {
            Command::Join { url, serializer, realm } => {
                let (joined, welcome) = Session::join(&url, serializer, &realm).await?;
                self.0.keep(name, joined);
                Ok(welcome)
            }
            Command::Leave => session()?.leave().await,
            Command::Left => Ok(json!({"reason": session()?.left().await})),
            Command::Register { procedure, behaviour, options } => {
                session()?.register(procedure, behaviour, options).await
            }
            Command::Unregister { registration } => session()?.unregister(registration).await,
            Command::Interrupted { registration } => session()?.interrupted(registration).await,
            Command::Call { procedure, payload, options, name } => {
                session()?.call(procedure, payload, options, name).await
            }
            Command::Cancel { name, mode } => session()?.cancel(&name, mode),
            Command::Subscribe { topic, options } => session()?.subscribe(topic, options).await,
            Command::Unsubscribe { subscription } => session()?.unsubscribe(subscription).await,
            Command::Events { subscription, count } => session()?.events(subscription, count).await,
            Command::Publish { topic, payload, options } => {
                session()?.publish(topic, payload, options).await
            }
        }
    }
}

fn main() -> std::io::Result<()> {
    foreign_lines::serve::<Wampproto>()
}
