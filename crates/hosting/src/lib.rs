//! Components of a node, and the processes that they run in.
//!
//! A component is Rust code behind a class name. It runs in the router's process, with a session of
//! that process, or in a container: a process of its own, which connects to a router.
//!
//! | module | purpose |
//! |---|---|
//! | [`components`] | class names and the components behind them |
//! | [`container`] | the process of a container: its components connect and run |
//! | [`supervisor`] | starts the process of each container, and again after its death |

pub mod components;
pub mod container;
pub mod supervisor;

pub use components::{Component, ComponentError, Components, Joined, UnknownClass};
