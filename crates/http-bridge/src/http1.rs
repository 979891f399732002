//! HTTP/1.1 for the fast path: parses the head of a request and writes the head of a response.
//!
//! This is not an HTTP server. It parses the requests that clients of the bridge usually send. For
//! any other request, [`parse_head`] returns [`HeadError::NeedsHyper`]: the owner of the socket
//! passes the connection to hyper, with the bytes that were read.
//!
//! So the parser refuses no request and interprets none differently from hyper. A request with two
//! lengths or hosts, a transfer coding or a folded line needs hyper. Lines may end with a line feed
//! alone, as hyper accepts it. Reasons and measurements: `docs/decisions/http.md`.
//!
//! Standards: RFC 9112 (message syntax), RFC 9110 section 10.1.1 (Expect) and 7.6.1 (Connection).

mod date;
mod parse;
mod write;

pub use date::Date;
pub use parse::{HeadError, Http1Head, MAX_BODY, MAX_FIELDS, MAX_HEAD, parse_head};
pub use write::{Persistence, write_head};
