//! A WAMP client over serde types.
//!
//! Start with `Client` in `net` (feature `net`, on by default), which connects over WebSocket, TCP
//! or a Unix socket and returns a [`Session`]. The session calls, publishes, registers and
//! subscribes.
//!
//! The core of the crate contains no socket and no async runtime: a [`Session`] sends through a
//! [`Link`] and receives through [`Session::handle_message`]. Without `net`, a router uses it for
//! sessions inside its own process, where the link is a function call. Such a session has
//! [`InboundLimits`] and receives through [`Session::deliver`], which returns the
//! [`DeliveryOutcome`].
//!
//! | module | purpose |
//! |---|---|
//! | [`session`] | the handle: call, publish, register, subscribe, leave |
//! | [`call`], [`publish`], [`register`], [`subscribe`] | the four requests as builders |
//! | [`procedure`] | functions and closures as procedures |
//! | [`answer`], [`reply`] | results, as a procedure returns them and as a caller receives them |
//! | [`driver`] | runs the procedures of a session |
//! | [`link`] | the connection to the router |
//! | [`error`] | errors for callers, failures of procedures |
//! | [`passthru`] | opaque payloads |
//! | `net` | connections over sockets, with the feature `net` |

pub mod answer;
mod arguments;
mod attributes;
pub mod call;
pub mod driver;
pub mod error;
mod inbox;
pub mod link;
#[cfg(feature = "net")]
pub mod net;
mod part_queue;
pub mod passthru;
mod pending;
pub mod procedure;
mod progressive_invocation;
pub mod publish;
mod queued_invocation;
pub mod register;
mod registration_entry;
pub mod reply;
mod sent_request;
pub mod session;
mod state_watch;
pub mod subscribe;
mod subscription_entry;
mod waiting_events;
mod watchers;

pub use answer::Answer;
pub use call::{CallFuture, ProgressiveCall, ProgressiveResults};
pub use cloverleaf_wamp::message::{
    CallOptions, CallTimeoutUnit, CancelMode, InvokePolicy, PublishOptions, RegisterOptions,
    RunMode, SubscribeOptions,
};
pub use cloverleaf_wamp::payload::Payload;
pub use cloverleaf_wamp::serializer::Serializer;
pub use cloverleaf_wamp::uri::MatchPolicy;
pub use driver::Driver;
pub use error::{Error, Failure};
pub use link::{DeliveryOutcome, Link, SendError};
#[cfg(feature = "net")]
pub use net::{Client, Reconnect, Target, TargetEndpoint, TargetProtocol};
pub use passthru::Passthru;
pub use procedure::{Args, CallPart, Invocation, Kwargs, Procedure, Progress, ProgressiveArgs};
pub use publish::PublishFuture;
pub use register::Registration;
pub use reply::Reply;
pub use session::Session;
pub use subscribe::{Event, Subscription};
pub use waiting_events::{EventOverflow, InboundLimits};

/// The example of the README compiles.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../README.md")]
struct Readme;
