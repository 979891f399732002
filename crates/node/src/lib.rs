//! The node: realms, listeners, the HTTP bridge, components and containers, assembled.
//!
//! Everything here is assembly and the life of the process. Realms run in `cloverleaf-realms`, HTTP
//! in `cloverleaf-web`, processes in `cloverleaf-hosting`. A program that embeds the node registers
//! its components and hands over to [`main`], or drives a [`Node`] itself.
//!
//! | module | purpose |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`node`] | a node that runs, and changes while it runs |
//! | [`plan`] | the difference between two settings |
//! | `assemble` | from settings to the values that other crates run on |
//! | `endpoints`, `owner` | binding sockets |
//! | `listeners` | a listener that runs |
//! | `accept` | from an accepted socket to its protocol, step by step |
//! | `threads` | the threads that serve connections |
//! | `run`, `signals`, `shutdown` | the life of the process |
//! | `program` | checks of a configuration against this program and its machine |
//! | [`tuning`] | options that change how fast a node is, and no answer |
//! | `descriptors` | the limit of open files |
//! | `log` | how the log is written |

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
pub use cloverleaf_hosting::{Component, ComponentError, Components, Joined};
pub use error::ApplyError;
pub use node::{Node, NodeOptions};
pub use plan::Plan;
pub use tuning::Tuning;
