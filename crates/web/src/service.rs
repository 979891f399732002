//! The services at the paths of a listener.

mod files;
mod json;
mod longpoll;
mod websocket;
pub(crate) mod welcome;

pub use files::{FileOptions, Files};
pub use json::JsonValue;
pub use longpoll::LongPoll;
pub use websocket::{FrameOptions, WebSocketEndpoint, WebSocketPurpose};
