//! A session: joining, and the effects of received messages.
//!
//! Bytes are handled by `connection` and wampproto.

mod requests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error;
use std::rc::Rc;

use foreign_lines::Failure;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_local;
use wampproto::authenticators::anonymous::AnonymousAuthenticator;
use wampproto::idgen::SessionScopeIDGenerator;
use wampproto::joiner::Joiner;
use wampproto::messages::error::MESSAGE_TYPE_ERROR;
use wampproto::messages::event::MESSAGE_TYPE_EVENT;
use wampproto::messages::goodbye::{Goodbye, MESSAGE_TYPE_GOODBYE};
use wampproto::messages::interrupt::MESSAGE_TYPE_INTERRUPT;
use wampproto::messages::invocation::MESSAGE_TYPE_INVOCATION;
use wampproto::messages::message::Message;
use wampproto::messages::registered::MESSAGE_TYPE_REGISTERED;
use wampproto::messages::result::MESSAGE_TYPE_RESULT;
use wampproto::messages::types::{Error, Value};
use wampproto::serializers::cbor::CBORSerializer;
use wampproto::serializers::json::JSONSerializer;
use wampproto::serializers::msgpack::MsgPackSerializer;
use wampproto::serializers::serializer::Serializer;
use wampproto::transports::rawsocket::SerializerID;

use crate::behaviour::{Behaviour, fails};
use crate::command::Dict;
use crate::connection::{Incoming, Outgoing, connect};
use crate::received::Received;
use crate::tallies::Tallies;

/// The end of a request: the router's answer, and the arguments of earlier progressive results.
type Answer = Result<(Received, Vec<Vec<Value>>), Failure>;

/// A request without an answer yet.
struct Awaited {
    answer: oneshot::Sender<Answer>,
    parts: Vec<Vec<Value>>,
    /// The behaviour to register, if the request registers a procedure.
    behaviour: Option<Behaviour>,
}

pub(crate) struct Session {
    serializer: Box<dyn Serializer>,
    /// `None` after the session has ended.
    outgoing: RefCell<Option<UnboundedSender<Vec<u8>>>>,
    numbers: SessionScopeIDGenerator,
    awaited: RefCell<HashMap<i64, Awaited>>,
    /// Calls that can be canceled, by the names of the tests.
    calls: RefCell<HashMap<String, i64>>,
    procedures: RefCell<HashMap<i64, Behaviour>>,
    /// Invocations that do not return, and their registrations.
    hanging: RefCell<HashMap<i64, i64>>,
    interruptions: Tallies<()>,
    events: Tallies<serde_json::Value>,
    is_leaving: Cell<bool>,
    /// The reason of the session's end.
    reason: watch::Sender<Option<String>>,
}

impl Session {
    /// Joins a realm; returns the session and its details.
    pub(crate) async fn join(
        url: &str,
        serializer: SerializerID,
        realm: &str,
    ) -> Result<(Rc<Self>, serde_json::Value), Failure> {
        Self::greet(url, serializer, realm).await.map_err(Failure::untold)
    }

    async fn greet(
        url: &str,
        serializer: SerializerID,
        realm: &str,
    ) -> Result<(Rc<Self>, serde_json::Value), Box<dyn error::Error>> {
        let (mut incoming, mut outgoing) = connect(url, serializer).await?;
        let serializer: Box<dyn Serializer> = match serializer {
            SerializerID::JSON => Box::new(JSONSerializer {}),
            SerializerID::MSGPACK => Box::new(MsgPackSerializer {}),
            SerializerID::CBOR => Box::new(CBORSerializer {}),
        };
        let anonymous = Box::new(AnonymousAuthenticator::default());
        let mut joiner = Joiner::new(realm, serializer.clone(), anonymous);
        outgoing.send(&joiner.send_hello()?).await?;
        joiner.receive(incoming.receive().await?)?;
        let details = joiner.session_details()?.ok_or("there was no welcome")?;
        let welcome = json!({
            "id": details.id,
            "authid": details.authid,
            "authrole": details.auth_role,
            "authmethod": details.auth_method,
        });
        Ok((Self::begin(serializer, incoming, outgoing), welcome))
    }

    fn begin(serializer: Box<dyn Serializer>, incoming: Incoming, outgoing: Outgoing) -> Rc<Self> {
        let (sender, to_send) = unbounded_channel();
        let session = Rc::new(Self {
            serializer,
            outgoing: RefCell::new(Some(sender)),
            numbers: SessionScopeIDGenerator::new(),
            awaited: RefCell::default(),
            calls: RefCell::default(),
            procedures: RefCell::default(),
            hanging: RefCell::default(),
            interruptions: Tallies::default(),
            events: Tallies::default(),
            is_leaving: Cell::new(false),
            reason: watch::Sender::new(None),
        });
        spawn_local(speak(outgoing, to_send));
        spawn_local(Rc::clone(&session).listen(incoming));
        session
    }

    async fn listen(self: Rc<Self>, mut incoming: Incoming) {
        while let Ok(message) = incoming.receive().await {
            if let Err(fault) = self.hear(message) {
                eprintln!("what the router has sent isn't understood: {fault}");
                break;
            }
        }
        self.end("the connection was lost");
    }

    /// Handles a message.
    fn hear(&self, message: Vec<u8>) -> Result<(), Error> {
        let message = Received::read(&*self.serializer, message)?;
        let request = message.number("request_id");
        match message.kind {
            MESSAGE_TYPE_GOODBYE => return self.goodbye(message.text("reason")),
            MESSAGE_TYPE_EVENT => {
                self.events.add(message.number("subscription_id"), message.event());
            }
            MESSAGE_TYPE_INVOCATION => return self.invoke(&message),
            MESSAGE_TYPE_INTERRUPT => return self.interrupt(request),
            MESSAGE_TYPE_RESULT if message.is_part() => {
                if let Some(awaited) = self.awaited.borrow_mut().get_mut(&request) {
                    awaited.parts.push(message.args());
                }
            }
            MESSAGE_TYPE_ERROR => {
                let refused = Failure::Refused {
                    uri: Some(message.text("uri").to_owned()),
                    args: json!(message.args()),
                    kwargs: json!(message.dict("kwargs")),
                };
                self.answer(request, Err(refused));
            }
            _ => self.answer(request, Ok(message)),
        }
        Ok(())
    }

    fn answer(&self, request: i64, outcome: Result<Received, Failure>) {
        let Some(awaited) = self.awaited.borrow_mut().remove(&request) else { return };
        if let (Ok(message), Some(behaviour)) = (&outcome, awaited.behaviour)
            && message.kind == MESSAGE_TYPE_REGISTERED
        {
            let registration = message.number("registration_id");
            self.procedures.borrow_mut().insert(registration, behaviour);
        }
        // The requester may have ended before the answer.
        let _ = awaited.answer.send(outcome.map(|message| (message, awaited.parts)));
    }

    fn invoke(&self, invocation: &Received) -> Result<(), Error> {
        let registration = invocation.number("registration_id");
        let procedures = self.procedures.borrow();
        let behaviour = procedures.get(&registration);
        let behaviour = behaviour.ok_or_else(|| Error::new("there is no such procedure"))?;
        if let Behaviour::Hang = behaviour {
            self.hanging.borrow_mut().insert(invocation.number("request_id"), registration);
        }
        behaviour.says(invocation).iter().try_for_each(|message| self.say(&**message))
    }

    fn interrupt(&self, invocation: i64) -> Result<(), Error> {
        let Some(registration) = self.hanging.borrow_mut().remove(&invocation) else {
            return Ok(());
        };
        self.interruptions.add(registration, ());
        self.say(&*fails(invocation, "wamp.error.canceled", Vec::new(), Dict::new()))
    }

    /// Answers GOODBYE, unless it answers the session's own.
    fn goodbye(&self, reason: &str) -> Result<(), Error> {
        if !self.is_leaving.get() {
            let reason = "wamp.close.goodbye_and_out".to_owned();
            self.say(&Goodbye { details: Dict::new(), reason })?;
        }
        self.end(reason);
        Ok(())
    }

    /// Ends the session once, with its connection and all pending requests.
    fn end(&self, reason: &str) {
        self.reason.send_if_modified(|known| {
            let is_news = known.is_none();
            known.get_or_insert_with(|| reason.to_owned());
            is_news
        });
        self.outgoing.take();
        self.awaited.take();
    }

    fn say(&self, message: &dyn Message) -> Result<(), Error> {
        let bytes = self.serializer.serialize(message)?;
        let outgoing = self.outgoing.borrow();
        let sent = outgoing.as_ref().and_then(|outgoing| outgoing.send(bytes).ok());
        sent.ok_or_else(|| Error::new("the session has ended"))
    }
}

/// Sends queued messages until all senders are gone.
async fn speak(mut outgoing: Outgoing, mut said: UnboundedReceiver<Vec<u8>>) {
    while let Some(message) = said.recv().await {
        if outgoing.send(&message).await.is_err() {
            return;
        }
    }
    let _ = outgoing.close().await;
}
