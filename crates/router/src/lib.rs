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
//! | [`admission`] | from HELLO to the right to join, or a refusal |
//! | [`session`] | the sessions of a realm |
//! | [`outbox`] | the only way out |
//! | [`uri_index`] | which entries match a URI |
//! | `broker` | subscriptions and publications |
//! | `dealer` | registrations and calls |
//! | [`authorization`] | what a role may do |
//! | [`deadline`] | which call ends at what time |

pub mod admission;
pub mod authorization;
mod broker;
pub mod deadline;
mod dealer;
pub mod limits;
pub mod outbox;
pub mod realm;
pub mod session;
pub mod uri_index;

pub use admission::{Admission, Admitted, Refusal};
pub use authorization::{Disclosure, Permission, Role};
pub use deadline::Moment;
pub use outbox::{Delivery, Outbox};
pub use realm::{Next, Random, Realm, RealmSettings};
pub use session::{Principal, SessionKey};
