//! Realms that run, and the sessions in them.
//!
//! The only crate that names the router. A connection is a [`WampService`] away from its realm; a
//! session of this process joins with [`local::join`]. Which realms there are and what they allow
//! is handed in as values.
//!
//! | module | purpose |
//! |---|---|
//! | [`realm_host`] | a realm that runs: its lock, clock and deadlines |
//! | [`realms`] | the realms of a node by name, configured or made from a template |
//! | [`service`] | WAMP on the connections of one listener or path |
//! | [`peer`] | the session of a connection, from HELLO to its end |
//! | [`local`] | sessions in this process |
//! | [`ports`] | outboxes of sessions: the queue of a connection or a session in this process |
//! | [`meter`] | traffic of a session |
//! | [`memory`] | the memory budgets that all connections share |
//! | `resume_signal` | tells a session in this process to go on |
//! | [`event_store`] | the stored events of a realm |

pub mod event_store;
pub mod local;
pub mod memory;
pub mod meter;
pub mod peer;
pub mod ports;
pub mod realm_host;
pub mod realms;
mod resume_signal;
pub mod service;

pub use cloverleaf_router as settings;
pub use memory::Memory;
pub use realm_host::RealmHost;
pub use realms::Realms;
pub use service::WampService;
