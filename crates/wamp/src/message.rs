//! Every message of the protocol, split by who may send it.
//!
//! [`ClientMessage`] is what a router may receive, [`RouterMessage`] what it may send. Fields stand
//! in wire order, options are typed ([`Options`]), the payload stays bytes. An ERROR can be made
//! only from the request that it answers: see [`RequestRef`].
//! Spec: basic profile "Messages", "Message Definitions", "Message Codes and Direction", "No
//! Polymorphism"; advanced profile "Additional Messages".

use std::fmt;

mod options;
mod pubsub;
mod rpc;
mod session;

pub use options::{
    CallTimeoutUnit, CalleeIdentity, CallerIdentity, CancelMode, Carried, CustomAttributes,
    EncAlgo, FieldReader, ForwardFor, InvokePolicy, ListEntry, NoAttribute, OptionValue, Options,
    Part, RunMode, Sharding, Vocabulary, Word,
};
pub use pubsub::{
    Event, EventDetails, Publish, PublishOptions, Published, SharedEvent, Subscribe,
    SubscribeOptions, Subscribed, Unsubscribe, Unsubscribed, UnsubscribedDetails, live_event_bytes,
};
pub use rpc::{
    Call, CallOptions, CallResult, Cancel, CancelOptions, ErrorDetails, Interrupt,
    InterruptOptions, Invocation, InvocationDetails, InvocationError, Register, RegisterOptions,
    Registered, RequestError, ResultDetails, Unregister, Unregistered, UnregisteredDetails, Yield,
    YieldOptions,
};
pub use session::{
    Abort, AbortDetails, Authenticate, Challenge, Goodbye, GoodbyeDetails, Hello, HelloDetails,
    Welcome, WelcomeDetails,
};

use crate::ids::RequestId;

/// The first element of every message.
pub mod code {
    /// HELLO
    pub const HELLO: u64 = 1;
    /// WELCOME
    pub const WELCOME: u64 = 2;
    /// ABORT
    pub const ABORT: u64 = 3;
    /// CHALLENGE
    pub const CHALLENGE: u64 = 4;
    /// AUTHENTICATE
    pub const AUTHENTICATE: u64 = 5;
    /// GOODBYE
    pub const GOODBYE: u64 = 6;
    /// ERROR
    pub const ERROR: u64 = 8;
    /// PUBLISH
    pub const PUBLISH: u64 = 16;
    /// PUBLISHED
    pub const PUBLISHED: u64 = 17;
    /// SUBSCRIBE
    pub const SUBSCRIBE: u64 = 32;
    /// SUBSCRIBED
    pub const SUBSCRIBED: u64 = 33;
    /// UNSUBSCRIBE
    pub const UNSUBSCRIBE: u64 = 34;
    /// UNSUBSCRIBED
    pub const UNSUBSCRIBED: u64 = 35;
    /// EVENT
    pub const EVENT: u64 = 36;
    /// CALL
    pub const CALL: u64 = 48;
    /// CANCEL
    pub const CANCEL: u64 = 49;
    /// RESULT
    pub const RESULT: u64 = 50;
    /// REGISTER
    pub const REGISTER: u64 = 64;
    /// REGISTERED
    pub const REGISTERED: u64 = 65;
    /// UNREGISTER
    pub const UNREGISTER: u64 = 66;
    /// UNREGISTERED
    pub const UNREGISTERED: u64 = 67;
    /// INVOCATION
    pub const INVOCATION: u64 = 68;
    /// INTERRUPT
    pub const INTERRUPT: u64 = 69;
    /// YIELD
    pub const YIELD: u64 = 70;
    /// EVENT_RECEIVED
    pub const EVENT_RECEIVED: u64 = 337;
}

/// What a client may send to a router.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// Opens a session.
    Hello(Hello),
    /// Gives up opening one.
    Abort(Abort),
    /// Answers CHALLENGE.
    Authenticate(Authenticate),
    /// Ends the session.
    Goodbye(Goodbye),
    /// Publishes an event.
    Publish(Publish),
    /// Subscribes to a topic.
    Subscribe(Subscribe),
    /// Ends a subscription.
    Unsubscribe(Unsubscribe),
    /// Calls a procedure.
    Call(Call),
    /// Gives up a call.
    Cancel(Cancel),
    /// Registers a procedure.
    Register(Register),
    /// Ends a registration.
    Unregister(Unregister),
    /// Answers INVOCATION.
    Yield(Yield),
    /// Answers INVOCATION with a failure.
    Error(InvocationError),
    /// Acknowledges EVENT.
    EventReceived(crate::ids::PublicationId),
}

impl ClientMessage {
    /// The name in the specification's capitals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Abort(_) => "ABORT",
            Self::Authenticate(_) => "AUTHENTICATE",
            Self::Goodbye(_) => "GOODBYE",
            Self::Publish(_) => "PUBLISH",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::Call(_) => "CALL",
            Self::Cancel(_) => "CANCEL",
            Self::Register(_) => "REGISTER",
            Self::Unregister(_) => "UNREGISTER",
            Self::Yield(_) => "YIELD",
            Self::Error(_) => "ERROR",
            Self::EventReceived(_) => "EVENT_RECEIVED",
        }
    }
}

impl ClientMessage {
    /// Roughly how many bytes the message holds while it waits in a queue.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Call(call) => {
                    call.options.size() + call.procedure.as_str().len() + call.payload.size()
                }
                Self::Yield(answer) => answer.options.size() + answer.payload.size(),
                Self::Publish(publish) => {
                    let options = size_of::<PublishOptions>() + publish.options.size();
                    options + publish.topic.as_str().len() + publish.payload.size()
                }
                Self::Error(error) => {
                    error.details.size() + error.error.as_str().len() + error.payload.size()
                }
                Self::Hello(hello) => hello.realm.as_str().len() + hello.details.size(),
                Self::Abort(abort) => abort.size(),
                Self::Authenticate(answer) => answer.signature.len() + answer.extra.size(),
                Self::Goodbye(goodbye) => goodbye.size(),
                Self::Subscribe(subscribe) => {
                    subscribe.options.size() + subscribe.topic.as_str().len()
                }
                Self::Register(register) => {
                    register.options.size() + register.procedure.as_str().len()
                }
                Self::Cancel(cancel) => cancel.options.size(),
                Self::Unsubscribe(_) | Self::Unregister(_) | Self::EventReceived(_) => 0,
            }
    }
}

/// What a router may send to a client.
#[derive(Debug, Clone, PartialEq)]
pub enum RouterMessage {
    /// The session is open.
    Welcome(Welcome),
    /// The session is not opened, or is ended for a violation.
    Abort(Abort),
    /// Asks for proof of identity.
    Challenge(Challenge),
    /// Ends the session.
    Goodbye(Goodbye),
    /// Acknowledges PUBLISH.
    Published(Published),
    /// Acknowledges SUBSCRIBE.
    Subscribed(Subscribed),
    /// Acknowledges UNSUBSCRIBE, or revokes a subscription.
    Unsubscribed(Unsubscribed),
    /// Brings an event; the same one for every subscriber of a subscription.
    Event(SharedEvent),
    /// Answers CALL.
    Result(CallResult),
    /// Acknowledges REGISTER.
    Registered(Registered),
    /// Acknowledges UNREGISTER, or revokes a registration.
    Unregistered(Unregistered),
    /// Asks a callee.
    Invocation(Invocation),
    /// Gives up an invocation.
    Interrupt(Interrupt),
    /// Answers a request with a failure.
    Error(RequestError),
}

impl RouterMessage {
    /// The name in the specification's capitals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "WELCOME",
            Self::Abort(_) => "ABORT",
            Self::Challenge(_) => "CHALLENGE",
            Self::Goodbye(_) => "GOODBYE",
            Self::Published(_) => "PUBLISHED",
            Self::Subscribed(_) => "SUBSCRIBED",
            Self::Unsubscribed(_) => "UNSUBSCRIBED",
            Self::Event(_) => "EVENT",
            Self::Result(_) => "RESULT",
            Self::Registered(_) => "REGISTERED",
            Self::Unregistered(_) => "UNREGISTERED",
            Self::Invocation(_) => "INVOCATION",
            Self::Interrupt(_) => "INTERRUPT",
            Self::Error(_) => "ERROR",
        }
    }

    /// Roughly how many bytes the message holds while it waits in a queue.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Event(event) => event.size(),
                Self::Result(result) => result.details.size() + result.payload.size(),
                Self::Invocation(invocation) => {
                    invocation.details.size() + invocation.payload.size()
                }
                Self::Error(error) => {
                    error.error.len() + error.details.size() + error.payload.size()
                }
                Self::Welcome(welcome) => size_of::<WelcomeDetails>() + welcome.details.size(),
                Self::Abort(abort) => abort.size(),
                Self::Challenge(challenge) => challenge.authmethod.len() + challenge.extra.size(),
                Self::Goodbye(goodbye) => goodbye.size(),
                Self::Unsubscribed(Unsubscribed::Revocation(details)) => details.size(),
                Self::Unregistered(Unregistered::Revocation(details)) => details.size(),
                Self::Interrupt(interrupt) => interrupt.options.size(),
                Self::Published(_)
                | Self::Subscribed(_)
                | Self::Registered(_)
                | Self::Unsubscribed(Unsubscribed::Answer(_))
                | Self::Unregistered(Unregistered::Answer(_)) => 0,
            }
    }
}

/// What kind of request an ERROR answers: its second element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// PUBLISH
    Publish,
    /// SUBSCRIBE
    Subscribe,
    /// UNSUBSCRIBE
    Unsubscribe,
    /// CALL
    Call,
    /// REGISTER
    Register,
    /// UNREGISTER
    Unregister,
    /// CANCEL
    Cancel,
}

impl RequestKind {
    const ALL: [Self; 7] = [
        Self::Publish,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Call,
        Self::Register,
        Self::Unregister,
        Self::Cancel,
    ];

    /// The message type of the request.
    pub const fn code(self) -> u64 {
        match self {
            Self::Publish => code::PUBLISH,
            Self::Subscribe => code::SUBSCRIBE,
            Self::Unsubscribe => code::UNSUBSCRIBE,
            Self::Call => code::CALL,
            Self::Register => code::REGISTER,
            Self::Unregister => code::UNREGISTER,
            Self::Cancel => code::CANCEL,
        }
    }

    /// The kind with this message type.
    pub(crate) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Names one request of one client. Only a request makes one, so that an answer always has the
/// right type and number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestRef {
    kind: RequestKind,
    id: RequestId,
}

impl RequestRef {
    pub(crate) const fn new(kind: RequestKind, id: RequestId) -> Self {
        Self { kind, id }
    }

    /// What kind of request it is.
    pub const fn kind(self) -> RequestKind {
        self.kind
    }

    /// Its number, as its client counted.
    pub const fn id(self) -> RequestId {
        self.id
    }
}

impl fmt::Debug for RequestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.id)
    }
}
