//! The HTTP bridge: a function from an HTTP request to a WAMP call or publication and back.
//!
//! It knows no socket and no HTTP server. A [`Bridge`] is given a request's [`Head`] and body, asks
//! the router through a client session and gives a [`Reply`]; whoever reads and writes HTTP calls
//! it. What is refused before the router is asked, in which order and with which text, is what
//! clients of Crossbar.io's REST bridge know.
//!
//! | room | what it is for |
//! |---|---|
//! | [`bridge`] | the front desk: a request in, a reply out |
//! | [`head`] | what the bridge wants to know of a request besides its body |
//! | [`http1`] | HTTP/1.1 for the two hot requests |
//! | [`settings`] | what an operator may choose |
//! | `checks` | what a request must fulfil before its body is read |
//! | [`request_auth`] | signed requests |
//! | [`replays`] | signed requests that were accepted before |
//! | [`envelope`] | from the JSON body to a URI, raw arguments and options |
//! | `call`, `publish` | the two resources: what is asked of the router |
//! | [`reply`] | status, headers and bodies |
//! | [`denial`] | the table of what can be wrong with a request |
//! | `status` | the table from WAMP errors to HTTP statuses |

pub mod bridge;
mod call;
mod checks;
pub mod denial;
pub mod envelope;
pub mod head;
pub mod http1;
mod publish;
mod query;
pub mod replays;
pub mod reply;
pub mod request_auth;
pub mod settings;
mod status;
mod timestamp;

pub use bridge::{Answering, BodyError, Bridge, Resource};
pub use denial::Denial;
pub use head::{Connection, Field, Head, RequestHead, Value};
pub use replays::MAX_NONCES;
pub use reply::Reply;
pub use request_auth::SigningKey;
pub use settings::{AddressFilter, AllowedOrigins, BridgeSettings, MAX_BODY};
