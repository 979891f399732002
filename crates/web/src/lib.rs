//! HTTP of a node: the server of a listener, its connections, and the services at its paths.
//!
//! Common calls and publications take a fast path. hyper reads and writes all other HTTP. The
//! service of the path makes the response. After an upgrade to WebSocket, the connection belongs to
//! `cloverleaf-realms`. Settings are handed in as values.
//!
//! ```text
//!  Stream ─▶ server ─▶ fast_path ─▶ routes ─▶ http-bridge
//!               └────▶ hyper ─────▶ routes ─▶ service/* ─▶ realms
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`server`] | serves one connection to its end; routes that can be replaced |
//! | `fast_path` | common calls and publications without hyper |
//! | [`routes`] | finds the service of a path, segment by segment |
//! | [`service`] | WebSocket, long-polling, files, JSON, the welcome page |
//! | [`connections`] | timeouts and shutdown of the connections of a listener |
//! | `request_body`, `response_body` | bodies, bounded in memory and time |
//! | `response` | responses that several services give |
//! | `access_log` | request lines without secrets |
//! | `read_ahead`, `prefixed_stream` | bytes that were read before they can be handled |

mod access_log;
pub mod connections;
mod fast_path;
mod prefixed_stream;
mod read_ahead;
mod request_body;
mod response;
mod response_body;
pub mod routes;
pub mod server;
pub mod service;

pub use connections::Timeouts;
pub use routes::{Routes, Segment, Service};
pub use server::{HttpOptions, HttpServer};
pub use service::{
    FileOptions, Files, FrameOptions, JsonValue, LongPoll, WebSocketEndpoint, WebSocketPurpose,
};
