//! Running realms, and the sessions that join them.
//!
//! The only crate that names the router. A connection joins a realm through a [`WampService`], a
//! session of this process through [`local::join`]. The caller provides the settings of realms and
//! services as values.
//!
//! | module | purpose |
//! |---|---|
//! | [`realm_host`] | a running realm: its lock, its clock, and the task that continues its work |
//! | [`realms`] | the realms of a node by name, configured or made from a template |
//! | [`service`] | WAMP on the connections of one listener or path |
//! | [`peer`] | the session of a connection, from HELLO to its end |
//! | [`local`] | sessions in this process |
//! | [`ports`] | outboxes of sessions: the queue of a connection or a session in this process |
//! | [`meter`] | counts the traffic of a session |
//! | [`memory`] | the memory budgets that all connections share |
//! | `resume_signal` | ends the pause of a session in this process |
//! | [`event_store`] | connects a realm to the file of its stored events |

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
