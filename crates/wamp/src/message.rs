//! All messages of the protocol, by direction.
//!
//! A router receives [`ClientMessage`] and sends [`RouterMessage`]. Fields are in wire order,
//! options are typed ([`Options`]) and the payload stays encoded. A [`RequestRef`] ties an ERROR to
//! the request that it answers. Spec: basic profile "Messages", "Message Definitions", "Message
//! Codes and Direction", "No Polymorphism"; advanced profile "Additional Messages".

mod client_message;
pub mod code;
mod event;
mod layout;
mod options;
mod pubsub;
mod request;
mod router_message;
mod rpc;
mod session;
pub mod wire;

pub use client_message::ClientMessage;
pub use event::{Event, EventDetails, SharedEvent, live_event_bytes};
pub use options::{
    CallTimeoutUnit, CalleeIdentity, CallerIdentity, CancelMode, CustomAttributes, EncAlgo,
    FieldReader, ForwardFor, InvalidAttribute, InvokePolicy, ListEntry, OpenEnum, OptionEnum,
    OptionGroup, OptionValue, Options, PassthruDetails, RunMode, Sharding,
};
pub use pubsub::{
    Publish, PublishOptions, Published, Subscribe, SubscribeOptions, Subscribed, Unsubscribe,
    Unsubscribed, UnsubscribedDetails,
};
pub use request::{RequestKind, RequestRef};
pub use router_message::RouterMessage;
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
