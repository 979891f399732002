//! A WAMP realm as a function: given who sent which message at what time, change the realm and say
//! who is told what.
//!
//! No socket, no clock, no randomness, no async: time and random bits are arguments, and the only
//! way out is each session's [`Outbox`]. A socket, an HTTP request and a component inside the
//! process are the same thing here: a session with an outbox.
//!
//! | room | what it is for |
//! |---|---|
//! | [`realm`] | the front desk: every message goes through it |
//! | `failure` | why a request can't be served |
//! | [`admission`] | from HELLO to the right to join, or a refusal |
//! | [`session`] | the sessions of a realm |
//! | [`outbox`] | the only way out |
//! | [`uri_index`] | which entries match a URI |
//! | `broker` | subscriptions and publications |
//! | `dealer` | registrations and calls |
//! | [`authorization`] | what a role may do |
//! | [`validation`] | what payloads are held against |
//! | `meta` | what the realm tells of itself |
//! | `testament` | what a session leaves behind to be said |
//! | `closing` | sessions that were ended and have not answered |
//! | [`deadline`] | which call ends at what time |
//! | [`wall_clock`] | the time of day, for what people read |

pub mod admission;
pub mod authorization;
mod broker;
mod change;
mod closing;
pub mod deadline;
mod dealer;
mod failure;
pub mod limits;
mod meta;
pub mod outbox;
pub mod realm;
pub mod session;
mod testament;
pub mod uri_index;
pub mod validation;
pub mod wall_clock;

pub use admission::{Admission, Admitted, Refusal};
pub use authorization::{Disclosure, Permission, Role};
pub use broker::{EventStore, HistorySettings, RetentionSettings, Ticket};
pub use deadline::Moment;
pub use dealer::{CallQueue, CallTimes};
pub use meta::{Metered, SessionStats, Traffic};
pub use outbox::{Delivery, Outbox};
pub use realm::{Next, Random, Realm, RealmSettings};
pub use session::{Principal, SessionKey, TransportDetails};
pub use validation::{PayloadSchema, Schema, Schemas, SchemasId, Validation};
pub use wall_clock::Timestamp;
