//! The driver of wamp_async: passes each request to its session.
//!
//! The actions of a session are in `session`.

mod behaviour;
mod command;
mod session;

use std::rc::Rc;

use foreign_lines::{Driver, Outcome, Sessions};
use serde_json::json;

use crate::command::Command;
use crate::session::Session;

#[derive(Default)]
struct WampAsync(Sessions<Session>);

impl Driver for WampAsync {
    type Command = Command;

    async fn act(&self, name: String, command: Command) -> Outcome {
        let session = || self.0.named(&name);
        match command {
            Command::Join { url, serializer, realm } => {
                let joined = Session::join(&url, serializer, &realm).await?;
                self.0.keep(name, Rc::new(joined));
                Ok(json!({}))
            }
            Command::Leave => session()?.leave().await,
            Command::Register { procedure, behaviour, .. } => {
                session()?.register(&procedure, behaviour).await
            }
            Command::Unregister { registration } => session()?.unregister(registration).await,
            Command::Call { procedure, payload, .. } => session()?.call(&procedure, payload).await,
            Command::Subscribe { topic, .. } => session()?.subscribe(&topic).await,
            Command::Unsubscribe { subscription } => session()?.unsubscribe(subscription).await,
            Command::Events { subscription, count } => session()?.events(subscription, count).await,
            Command::Publish { topic, payload, options } => {
                session()?.publish(&topic, payload, options).await
            }
        }
    }
}

fn main() -> std::io::Result<()> {
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).init();
    foreign_lines::serve::<WampAsync>()
}
