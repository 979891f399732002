//! A WAMP client that speaks in serde types.
//!
//! The core knows no socket and no runtime: a [`Session`] sends through a [`Link`] and is told what
//! arrives. With the feature `net` the link is a connection over WebSocket, TCP or a Unix socket;
//! inside a router it is a function call. Request ids, pending requests, cancel on drop and the
//! running of procedures are written once, here.
//!
//! | room | what it is for |
//! |---|---|
//! | [`session`] | the handle: join, call, register, publish, subscribe, leave |
//! | [`call`], [`publish`], [`register`], [`subscribe`] | the four requests as builders |
//! | [`procedure`] | from a closure over serde types to a procedure |
//! | [`driver`] | runs the procedures of a session |
//! | [`link`] | the way to the router |
//! | [`error`] | what can go wrong, seen by a caller and told by a callee |
//! | [`passthru`] | payloads that only the two ends can read |
//! | `net` | sockets, with the feature `net` |

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
pub mod register;
mod sent_request;
pub mod session;
pub mod subscribe;
mod watch;

pub use call::{CallFuture, ProgressiveCall, ProgressiveResults, Reply};
pub use cloverleaf_wamp::message::{
    CallOptions, CallTimeoutUnit, CancelMode, InvokePolicy, PublishOptions, RegisterOptions,
    RunMode, SubscribeOptions,
};
pub use cloverleaf_wamp::payload::Payload;
pub use cloverleaf_wamp::serializer::Serializer;
pub use cloverleaf_wamp::uri::MatchPolicy;
pub use driver::Driver;
pub use error::{Error, Failure};
pub use link::{Link, SendError};
#[cfg(feature = "net")]
pub use net::{Client, Endpoint, Protocol, Reconnect, Target};
pub use passthru::Passthru;
pub use procedure::{
    Answer, Args, CallPart, Invocation, Kwargs, Procedure, Progress, ProgressiveArgs,
};
pub use publish::PublishFuture;
pub use register::Registration;
pub use session::Session;
pub use subscribe::{Event, Subscription};

/// The example of the README compiles.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../README.md")]
struct Readme;
