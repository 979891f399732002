//! The node: assembles realms, listeners, HTTP services, components and containers.
//!
//! This crate turns settings into running objects, and runs the process. Realms are in
//! `cloverleaf-realms`, HTTP in `cloverleaf-web`, components and containers in
//! `cloverleaf-hosting`. A program with components of its own registers them and calls [`main`]. It
//! can also plan and apply settings with a [`Node`] itself.
//!
//! | module | purpose |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`node`] | a running node, whose settings can change |
//! | [`plan`] | the difference between two settings, as a list of changes |
//! | `assemble` | from settings to the values that the other crates run on |
//! | `endpoints`, `owner` | bound sockets, and the owners of socket files |
//! | `listeners` | running listeners |
//! | `accept` | from an accepted socket to its protocol, step by step |
//! | `threads` | the threads that serve connections |
//! | `run`, `signals`, `shutdown` | start, signals and shutdown of the process |
//! | `program` | checks of a configuration against this program and its machine |
//! | [`tuning`] | options that change speed only |
//! | `descriptors` | the limit of open files |
//! | `error` | why a node can't start or change |
//! | `log` | writes the log |

mod accept;
mod assemble;
pub mod cli;
mod descriptors;
mod endpoints;
mod error;
mod listeners;
mod log;
pub mod node;
mod owner;
pub mod plan;
mod program;
mod run;
mod shutdown;
mod signals;
mod threads;
pub mod tuning;

pub use cli::main;
pub use cloverleaf_config as config;
pub use cloverleaf_hosting::components;
pub use cloverleaf_hosting::{Component, ComponentContext, ComponentError, Components};
pub use error::ApplyError;
pub use node::{Node, NodeOptions};
pub use plan::Plan;
pub use tuning::Tuning;
