//! The HTTP bridge without IO: a request in, a WAMP call or publication, a response out.
//!
//! The crate contains no socket and no HTTP server. The server passes a request's head
//! ([`HttpHead`]), the peer ([`RequestPeer`]) and the body to [`Bridge::handle`]. The returned
//! future resolves to a [`BridgeResponse`].
//!
//! The checks of a request, their order and the error texts are those of Crossbar.io's REST
//! bridge, so that its clients work unchanged.
//!
//! | module | purpose |
//! |---|---|
//! | [`bridge`] | the entry point: from a request to the future of its response |
//! | [`head`], `peer`, `body_error` | the parts of a request that the HTTP server passes in |
//! | [`http1`] | HTTP/1.1 parser and writer of the fast path |
//! | [`settings`], `signing_key` | the options of a caller or publisher |
//! | `checks` | the checks before the body is decoded |
//! | [`request_auth`], `query`, `timestamp` | signed requests |
//! | [`replays`] | nonces of accepted requests |
//! | [`envelope`] | from the JSON body to a URI, raw arguments and options |
//! | `call`, `publish` | the two resources: the request to the router and its outcome |
//! | [`response`] | status, header fields and body |
//! | [`denial`] | the table of errors before the router is asked |
//! | `status` | the table from WAMP errors to HTTP status codes |
//! | `excerpt` | shortened text of a peer |

mod body_error;
pub mod bridge;
mod call;
mod checks;
pub mod denial;
pub mod envelope;
mod excerpt;
pub mod head;
pub mod http1;
mod peer;
mod publish;
mod query;
pub mod replays;
pub mod request_auth;
pub mod response;
pub mod settings;
mod signing_key;
mod status;
mod timestamp;

pub use body_error::BodyError;
pub use bridge::{Bridge, Resource, ResponseFuture};
pub use denial::Denial;
pub use head::{FieldValue, HeaderField, HttpHead};
pub use peer::RequestPeer;
pub use replays::MAX_NONCES;
pub use response::BridgeResponse;
pub use settings::{AddressFilter, AllowedOrigins, BridgeSettings, MAX_BODY};
pub use signing_key::SigningKey;
