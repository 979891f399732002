//! The parts of the measuring programs; no part of the router.
//!
//! The yardsticks `bare` and `relay` show the speed of plain hyper and plain tokio on the present
//! machine. The speed of the router is reported as a ratio to them; they are neither tuned nor
//! slowed. The load generator `cloverleaf-bench` drives a router over WAMP. They share only the
//! codecs and frames of `cloverleaf-wamp` with the router.
//!
//! | module | purpose |
//! |---|---|
//! | [`arguments`], [`exchange`], [`frame`], [`front`] | shared by the yardsticks |
//! | [`load`] | the load generator |

pub mod arguments;
pub mod exchange;
pub mod frame;
pub mod front;
pub mod load;

/// The JSON text of every answer of a yardstick: the router's answer to `add2(13, 3)`.
pub const ANSWER: &[u8] = br#"{"args":[16]}"#;
