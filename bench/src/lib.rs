//! What the programs of the measurements are made of; no part of the router.
//!
//! The yardsticks `bare` and `relay` show what plain hyper and plain tokio reach on the machine at
//! hand, so that the router can be given as a ratio to them; they are neither tuned nor slowed. The
//! load generator `cloverleaf-bench` drives a router on the level of WAMP. Neither shares a line
//! with what is measured but the codecs and frames of `cloverleaf-wamp`.
//!
//! | room | what it is for |
//! |---|---|
//! | [`arguments`], [`exchange`], [`frame`], [`front`] | what the yardsticks share |
//! | [`load`] | the load generator |

pub mod arguments;
pub mod exchange;
pub mod frame;
pub mod front;
pub mod load;

/// The JSON text that every yardstick answers, whatever it was asked: what the router answers
/// to `add2(13, 3)`.
pub const ANSWER: &[u8] = br#"{"args":[16]}"#;
