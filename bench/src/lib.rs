//! What the yardsticks `bare` and `relay` share. They show what plain hyper and plain tokio
//! reach on the machine at hand, so that the router can be given as a ratio to them. They are
//! neither tuned nor slowed, and no part of the router.

pub mod arguments;
pub mod exchange;
pub mod frame;
pub mod front;

/// The JSON text that every yardstick answers, whatever it was asked: what the router answers
/// to `add2(13, 3)`.
pub const ANSWER: &[u8] = br#"{"args":[16]}"#;
