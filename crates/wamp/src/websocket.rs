//! The WebSocket protocol (RFC 6455) without IO: frames, messages and the opening handshake.
//!
//! | room | what it is for |
//! |---|---|
//! | [`frame`] | the header of a frame and the mask |
//! | [`receiver`] | bytes to messages, strictly |
//! | [`sender`] | messages to frames |
//! | [`close`] | close codes, and what a faulty peer is told |
//! | [`handshake`] | the opening handshake, both sides |
//! | [`deflate`] | permessage-deflate (RFC 7692), which a server may agree on |
//!
//! Not here: sockets, timers, randomness (keys and masks are arguments), and the HTTP of anything
//! but the upgrade. Which reserved bits a peer may use is said in one place,
//! [`frame::FrameRules`].

pub mod close;
pub mod deflate;
pub mod frame;
pub mod handshake;
pub mod receiver;
pub mod sender;

pub use close::{CloseCode, CloseFrame, WebSocketFault};
pub use frame::{MessageKind, WebSocketRole};
pub use receiver::{WebSocketLimits, WebSocketMessage, WebSocketReceiver};
