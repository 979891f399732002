//! HTTP/1.1 for the two hot requests: bytes to the head of a request, and a reply to bytes.
//!
//! No HTTP server: it reads what a client of the bridge usually sends, and says of everything else
//! that it is unusual. Whoever holds the socket then lets a whole server have the connection, with
//! the bytes that were read. So nothing is refused here, and nothing is understood in two ways: a
//! request with two lengths or hosts, a transfer coding or a folded line is unusual. Lines may end
//! with a line feed alone, as for the whole server. See `docs/decisions/http.md`.
//!
//! Source: RFC 9112 (message syntax), RFC 9110 section 10.1.1 (Expect) and 7.6.1 (Connection).

mod date;
mod parse;
mod write;

pub use date::Date;
pub use parse::{HeadError, Http1Head, MAX_BODY, MAX_FIELDS, MAX_HEAD, parse_head};
pub use write::{Persistence, write_head};
