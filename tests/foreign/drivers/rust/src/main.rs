//! The driver of wamp_async: requests come as lines, answers go as lines, as `drivers/README.md`
//! tells.
//!
//! Not for what a session does: that is `session`'s.

mod behaviours;
mod lines;
mod session;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::task::{LocalSet, spawn_local};

use crate::lines::{Deed, Failure, Outcome, Request, answer};
use crate::session::Session;

/// The sessions by their names.
#[derive(Default)]
struct Sessions(RefCell<HashMap<String, Rc<Session>>>);

impl Sessions {
    /// Answers one request.
    async fn serve(&self, Request { id, session, deed }: Request) {
        let outcome = match serde_json::from_value(deed) {
            Ok(deed) => self.act(session, deed).await,
            Err(unknown) => Err(Failure::Fault(unknown.to_string())),
        };
        answer(id, outcome);
    }

    async fn act(&self, name: String, deed: Deed) -> Outcome {
        let session = || self.named(&name);
        match deed {
            Deed::Join { url, serializer, realm } => {
                let joined = Session::join(&url, serializer, &realm).await?;
                self.0.borrow_mut().insert(name, Rc::new(joined));
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

    fn named(&self, name: &str) -> Result<Rc<Session>, Failure> {
        let session = self.0.borrow().get(name).cloned();
        session.ok_or_else(|| Failure::Fault(format!("there is no {name}")))
    }
}

/// Serves until the input ends; on one thread, where requests begin in the order of their lines.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).init();
    let sessions = Rc::new(Sessions::default());
    let mut lines = BufReader::new(stdin()).lines();
    let serving = async {
        while let Some(line) = lines.next_line().await? {
            let (sessions, request) = (Rc::clone(&sessions), serde_json::from_str(&line)?);
            spawn_local(async move { sessions.serve(request).await });
        }
        Ok(())
    };
    LocalSet::new().run_until(serving).await
}
