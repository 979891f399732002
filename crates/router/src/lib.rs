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
//! | [`session`] | the sessions of a realm |
//! | [`outbox`] | the only way out |
//! | [`uri_index`] | which entries match a URI |
//! | `broker` | subscriptions and publications |
//! | `dealer` | registrations and calls |
//! | [`authorization`] | what a role may do |
//! | `refused_pattern` | patterns that a permission of the same text does not allow |
//! | [`compatibility`] | Crossbar.io's behaviour or the specification's, where they differ |
//! | [`validation`] | what payloads are held against |
//! | `meta` | what the realm tells of itself |
//! | `testament` | what a session leaves behind to be said |
//! | `jobs`, `work` | what is not done at once, and how much a step does |
//! | `killed_sessions` | sessions that were ended and have not answered |
//! | [`deadline`] | which call ends at what time |
//! | [`wall_clock`] | the time of day, for what people read |

pub mod authorization;
pub mod authorizer;
mod broker;
mod change;
pub mod compatibility;
pub mod deadline;
mod dealer;
mod directory;
mod failure;
mod jobs;
mod killed_sessions;
pub mod limits;
mod meta;
pub mod outbox;
mod parking;
pub mod realm;
mod refused_pattern;
pub mod session;
mod testament;
pub mod uri_index;
pub mod validation;
pub mod wall_clock;
mod work;

pub use authorization::{Action, Disclosure, Permission, Role, Verdict};
pub use authorizer::{Authorizer, Decision, DecisionTicket, Question};
pub use broker::{
    Bounds, EventStore, HistoryAnswer, HistoryId, HistoryQuery, HistorySettings, Record,
    RetentionSettings, Ticket, UnreadableRecord, publication_of,
};
pub use cloverleaf_auth::{Admission, Admitted, Anonymous, Refusal};
pub use compatibility::Compatibility;
pub use deadline::Moment;
pub use dealer::{CallQueue, CallTimes};
pub use meta::{Metered, SessionStats, StatsCycle, Traffic};
pub use outbox::{CloseCause, Delivery, Outbox};
pub use realm::{DisclosedHeaders, Random, Realm, RealmSettings, SessionFlow, WaitConditions};
pub use refused_pattern::RefusedPattern;
pub use session::{Principal, SessionKey, TransportDetails};
pub use validation::{PayloadSchema, Schema, Schemas, SchemasId, Validation};
pub use wall_clock::{TimeOfDay, Timestamp};
