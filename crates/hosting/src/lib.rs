//! Components of a node, and the processes that they run in.
//!
//! A component is Rust code that a configuration names by its class. It runs in the router's
//! process or in a container. A component in the router gets a session of that process. A container
//! is a process of its own, whose components connect to a router as other clients do.
//!
//! | module | purpose |
//! |---|---|
//! | [`components`] | the components by class name |
//! | [`container`] | runs the components of a container, in its process |
//! | [`supervisor`] | starts the process of each container, and restarts it after its end |

pub mod components;
pub mod container;
pub mod supervisor;

pub use components::{Component, ComponentContext, ComponentError, Components, UnknownClass};
