//! The WAMP protocol as data: messages, URIs, payloads and their encodings.
//!
//! This crate turns bytes into messages and back. It is synchronous and has no sockets, no clock,
//! no random numbers and no routing.
//!
//! | module | purpose |
//! |---|---|
//! | [`ids`] | newtypes for the numbers of the protocol, each naming its scope |
//! | [`uri`] | the URI rules, the three match policies and their precedence |
//! | [`serializer`] | the wire formats and their names |
//! | [`limits`] | limits on messages that the specification does not set |
//! | [`heap_size`] | the memory that values own, for the limits of queues and tables |
//! | [`payload`] | arguments as encoded bytes with their serializer |
//! | [`message`] | every message by direction, with typed options, and its wire encoding |
//! | [`codec`] | tokens and serde values to bytes and back, in five formats |
//! | [`batch`] | several messages in one WebSocket message |
//! | [`excerpt`] | text of a peer, shortened and escaped for logs and messages |
//! | [`rawsocket`] | the RawSocket handshake and frame splitter |
//! | [`websocket`] | the WebSocket handshake and frame codec (RFC 6455) |
//! | [`transport_kind`] | the transports that carry sessions |
//! | [`http_headers`] | the header fields of the request that opened a session |
//! | [`secrets`] | which parameters and header fields hold secrets, and redacted text |
//! | [`realm_name`] | names of realms |
//! | [`origin`] | origins of web pages, and which of them may connect |
//! | [`features`] | the roles and features that peers announce |
//! | [`error_uri`] | the table of all error URIs |

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
