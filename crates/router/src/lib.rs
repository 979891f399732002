//! A WAMP realm as a function: *given which session sent which message at what time, change the
//! realm and list the messages to send.*
//!
//! No socket, no clock, no randomness, no async: time and random bits are arguments, and messages
//! leave through each session's [`Outbox`] only. A socket, an HTTP request and a component inside
//! the process are all a session with an outbox.
//!
//! | module | purpose |
//! |---|---|
//! | [`realm`] | entry point: handles messages, attaches and detaches sessions |
//! | [`session`], `session_key` | the sessions of a realm |
//! | [`outbox`] | the output of a session |
//! | `broker` | subscriptions and publications |
//! | `dealer` | registrations and calls |
//! | `directory` | bookkeeping that registrations and subscriptions share |
//! | `change` | changes of registrations and subscriptions, for meta events |
//! | [`uri_index`] | finds the entries whose pattern matches a URI |
//! | `rendezvous` | which callee or node a resource key belongs to |
//! | [`authorization`], `action` | the rights of roles |
//! | [`authorizer`] | decisions of the host about requests |
//! | `parking` | messages that wait for such a decision |
//! | `refused_pattern` | refused patterns for which a permission has the same text |
//! | [`validation`] | schemas of payloads |
//! | [`compatibility`] | Crossbar.io's behaviour or the specification's, where they differ |
//! | `meta` | meta procedures and meta events |
//! | `testament` | publications that are sent when their session ends |
//! | `jobs`, `work` | work that is done in steps, and the size of a step |
//! | `killed_sessions` | killed sessions that have not answered GOODBYE |
//! | `failure` | why a request fails, and its ERROR |
//! | [`limits`] | the bounds of all tables |
//! | [`deadline`] | monotonic time and deadlines |
//! | [`wall_clock`] | the time of day in meta events and histories |

mod action;
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
mod rendezvous;
pub mod session;
mod session_key;
mod testament;
pub mod uri_index;
pub mod validation;
pub mod wall_clock;
mod work;

pub use authorization::{Action, Disclosure, Permission, Role, Verdict};
pub use authorizer::{Authorizer, Decision, DecisionTicket, Question};
pub use broker::{
    Bounds, EventStore, HistoryAnswer, HistoryId, HistoryQuery, HistorySettings, Record,
    RetentionSettings, StoreTicket, UnreadableRecord, publication_of,
};
pub use cloverleaf_auth::{Admission, Admitted, Anonymous, Refusal};
pub use compatibility::Compatibility;
pub use deadline::Moment;
pub use dealer::{CallQueue, CallTimes};
pub use limits::{SessionLimits, SharedLimits};
pub use meta::{Metered, SessionStats, StatsCycle, Traffic};
pub use outbox::{CloseCause, Delivery, Outbox, WaitConditions};
pub use realm::{DisclosedHeaders, Random, Realm, RealmSettings, SessionFlow};
pub use refused_pattern::RefusedPattern;
pub use session::{Principal, SessionCounts, SessionKey, TransportDetails};
pub use validation::{PayloadSchema, Schema, Schemas, SchemasId, Validation};
pub use wall_clock::{TimeOfDay, Timestamp};
