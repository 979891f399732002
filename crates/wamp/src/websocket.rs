//! The WebSocket protocol (RFC 6455) without IO: frames, messages and the opening handshake.
//!
//! | module | purpose |
//! |---|---|
//! | [`frame`] | the header of a frame and the mask |
//! | [`receiver`] | bytes to messages, strictly |
//! | [`sender`] | messages to frames |
//! | [`close`] | close codes, and protocol errors with their close codes |
//! | [`limits`] | the limits of messages and frames |
//! | [`handshake`] | the opening handshake, both sides |
//! | [`deflate`] | permessage-deflate (RFC 7692), which a server may agree on |
//!
//! This module has no sockets, timers or random numbers: keys and masks are arguments. It handles
//! no HTTP but the upgrade. [`frame::FrameRules`] decides which reserved bits a peer may use.

pub mod close;
pub mod deflate;
pub mod frame;
pub mod handshake;
pub mod limits;
pub mod receiver;
pub mod sender;

pub use close::{CloseCode, CloseFrame, WebSocketFault};
pub use frame::{MessageKind, WebSocketRole};
pub use limits::WebSocketLimits;
pub use receiver::{WebSocketMessage, WebSocketReceiver};
