//! The requests of a session, each as a message and the router's answer to it.
//!
//! Messages without a request are handled in `session`.

use foreign_lines::{Failure, Outcome};
use serde_json::json;
use tokio::sync::oneshot;
use wampproto::messages::call::Call;
use wampproto::messages::cancel::Cancel;
use wampproto::messages::goodbye::Goodbye;
use wampproto::messages::message::Message;
use wampproto::messages::publish::Publish;
use wampproto::messages::register::Register;
use wampproto::messages::subscribe::Subscribe;
use wampproto::messages::types::Value;
use wampproto::messages::unregister::Unregister;
use wampproto::messages::unsubscribe::Unsubscribe;

use super::{Answer, Awaited, Session};
use crate::behaviour::Behaviour;
use crate::command::{Dict, Payload};

impl Session {
    /// Sends GOODBYE, unless the router has, and waits for the router's.
    pub(crate) async fn leave(&self) -> Outcome {
        if self.reason.borrow().is_none() && !self.is_leaving.replace(true) {
            let reason = "wamp.close.close_realm".to_owned();
            self.say(&Goodbye { details: Dict::new(), reason }).map_err(Failure::untold)?;
        }
        self.left().await;
        Ok(json!({}))
    }

    /// Waits for the end of the session and returns its reason.
    pub(crate) async fn left(&self) -> Option<String> {
        let mut reason = self.reason.subscribe();
        // The session itself owns the sender.
        reason.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone())
    }

    pub(crate) async fn register(
        &self,
        procedure: String,
        behaviour: Behaviour,
        options: Dict,
    ) -> Outcome {
        let request_id = self.numbers.next_id();
        let register = Register { request_id, options, procedure };
        let (registered, _) = self.ask(request_id, &register, Some(behaviour)).await?;
        Ok(json!({"registration": registered.number("registration_id")}))
    }

    pub(crate) async fn unregister(&self, registration_id: i64) -> Outcome {
        let request_id = self.numbers.next_id();
        self.ask(request_id, &Unregister { request_id, registration_id }, None).await?;
        Ok(json!({}))
    }

    pub(crate) async fn interrupted(&self, registration: i64) -> Outcome {
        self.interruptions.take(registration, 1).await;
        Ok(json!({}))
    }

    pub(crate) async fn call(
        &self,
        procedure: String,
        Payload { args, kwargs }: Payload,
        options: Dict,
        name: Option<String>,
    ) -> Outcome {
        let request_id = self.numbers.next_id();
        if let Some(name) = name {
            self.calls.borrow_mut().insert(name, request_id);
        }
        let call = Call { request_id, options, procedure, args: Some(args), kwargs: Some(kwargs) };
        let (result, parts) = self.ask(request_id, &call, None).await?;
        Ok(json!({"args": result.args(), "kwargs": result.dict("kwargs"), "parts": parts}))
    }

    pub(crate) fn cancel(&self, name: &str, mode: String) -> Outcome {
        let call = self.calls.borrow().get(name).copied();
        let request_id = call.ok_or_else(|| Failure::Fault(format!("there is no {name}")))?;
        let options = Dict::from([("mode".to_owned(), Value::Str(mode))]);
        self.say(&Cancel { request_id, options }).map_err(Failure::untold)?;
        Ok(json!({}))
    }

    pub(crate) async fn subscribe(&self, topic: String, options: Dict) -> Outcome {
        let request_id = self.numbers.next_id();
        let subscribe = Subscribe { request_id, options, topic };
        let (subscribed, _) = self.ask(request_id, &subscribe, None).await?;
        Ok(json!({"subscription": subscribed.number("subscription_id")}))
    }

    pub(crate) async fn unsubscribe(&self, subscription_id: i64) -> Outcome {
        let request_id = self.numbers.next_id();
        self.ask(request_id, &Unsubscribe { request_id, subscription_id }, None).await?;
        Ok(json!({}))
    }

    pub(crate) async fn events(&self, subscription: i64, count: usize) -> Outcome {
        Ok(json!({"events": self.events.take(subscription, count).await}))
    }

    pub(crate) async fn publish(
        &self,
        topic: String,
        Payload { args, kwargs }: Payload,
        options: Dict,
    ) -> Outcome {
        let request_id = self.numbers.next_id();
        let is_answered = options.get("acknowledge") == Some(&Value::Bool(true));
        let publish =
            Publish { request_id, options, topic, args: Some(args), kwargs: Some(kwargs) };
        if !is_answered {
            self.say(&publish).map_err(Failure::untold)?;
            return Ok(json!({}));
        }
        let (published, _) = self.ask(request_id, &publish, None).await?;
        Ok(json!({"publication": published.number("publication_id")}))
    }

    /// Sends a request and waits for its answer.
    async fn ask(
        &self,
        request: i64,
        message: &dyn Message,
        behaviour: Option<Behaviour>,
    ) -> Answer {
        let (answer, answered) = oneshot::channel();
        let awaited = Awaited { answer, parts: Vec::new(), behaviour };
        self.awaited.borrow_mut().insert(request, awaited);
        self.say(message).map_err(Failure::untold)?;
        answered.await.unwrap_or_else(|_| Err(Failure::untold("the session has ended")))
    }
}
