//! The WAMP protocol as data: what may be said, and how it is written in bytes.
//!
//! This crate knows no socket, no clock, no randomness and no routing. It turns bytes into
//! messages and back, and nothing else. Everything in it is synchronous and runs anywhere.
//!
//! | room | what it is for |
//! |---|---|
//! | [`ids`] | newtypes for the numbers of the protocol, each naming its scope |
//! | [`uri`] | the URI rules and the three match policies |
//! | [`serializer`] | the wire formats and their names |
//! | [`payload`] | arguments as untouched bytes with their format |
//! | [`message`] | every message, split by direction, with its options typed |
//! | [`codec`] | tokens, messages and serde values to bytes and back |
//! | [`batch`] | several messages in one WebSocket message |
//! | [`rawsocket`] | the RawSocket handshake and frame splitter |
//! | [`websocket`] | the WebSocket handshake and frame codec (RFC 6455) |
//! | [`transport_kind`] | the transports that carry sessions |
//! | [`http_headers`] | the header fields of a request that became a session |
//! | [`secrets`] | which parameters and header fields hold secrets, and text without them |
//! | [`realm_name`] | names of realms |
//! | [`origin`] | origins of web pages, and which of them may connect |
//! | [`features`] | what a peer and this router announce |
//! | [`error_uri`] | the one table of error URIs |

pub mod batch;
pub mod codec;
pub mod error;
pub mod error_uri;
pub mod excerpt;
pub mod features;
pub mod heap_size;
pub mod http_headers;
pub mod ids;
pub mod limits;
pub mod message;
pub mod origin;
pub mod payload;
pub mod rawsocket;
pub mod realm_name;
pub mod secrets;
pub mod serializer;
pub mod transport_kind;
pub mod transport_url;
pub mod uri;
pub mod websocket;
