//! The session: the application's handle, and the receiver of the router's messages.
//!
//! Lock order: `ids`, then the locks of the link, then `state`. `ids` is held while a request is
//! sent, so that request ids are sent in order. `state` is never locked while a message is sent,
//! and no value of the application is dropped under a lock.
//!
//! | module | purpose |
//! |---|---|
//! | `connection` | joined, connection lost, joined again |
//! | `delivery` | accepts, drops or refuses messages inside the router |
//! | `incoming` | handles each message of the router |
//! | `invocations` | handles INVOCATION; the parameters' access to the session |
//! | `life` | leaving and the end of the session |
//! | `sending` | sends requests and the messages that refer to them |
//! | `to_restore` | registrations and subscriptions of a lost connection |
//! | `undeliverable` | handles a message that the link could not send |

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloverleaf_wamp::ids::{IdSequence, RegistrationId, SubscriptionId};
use cloverleaf_wamp::message::{CallTimeoutUnit, Welcome};
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use foldhash::HashMap;
use parking_lot::Mutex;

use crate::inbox::Inbox;
use crate::link::Link;
use crate::pending::PendingRequests;
use crate::registration_entry::RegistrationEntry;
use crate::subscription_entry::SubscriptionEntry;
use crate::waiting_events::WaitingEvents;
use crate::watchers::Watchers;

mod connection;
mod delivery;
mod incoming;
mod invocations;
mod life;
mod sending;
mod to_restore;
mod undeliverable;

use to_restore::ToRestore;

/// A session with a router. Cheap to clone; all clones are the same session.
///
/// The session lives until it is left or ended from outside, even when every handle is dropped:
/// procedures stay registered.
pub struct Session {
    shared: Arc<SessionInner>,
}

/// The state that all handles and the driver of a session share.
pub(crate) struct SessionInner {
    pub(crate) link: Box<dyn Link>,
    /// The format in which values are encoded.
    pub(crate) serializer: Serializer,
    /// Counts the events that wait for the application. None if the session has no limits.
    pub(crate) waiting_events: Option<Arc<WaitingEvents>>,
    pub(crate) ids: Mutex<IdSequence>,
    pub(crate) state: Mutex<SessionState>,
}

#[derive(Default)]
pub(crate) struct SessionState {
    welcome: Option<Welcome>,
    pub(crate) pending: PendingRequests<OnAcknowledged>,
    pub(crate) inbox: Inbox,
    pub(crate) procedures: HashMap<RegistrationId, Arc<RegistrationEntry>>,
    pub(crate) subscriptions: HashMap<SubscriptionId, Vec<Arc<SubscriptionEntry>>>,
    /// Registrations and subscriptions of the lost connection that are not restored yet.
    pub(crate) to_restore: ToRestore,
    /// The reason why there is no connection at the moment.
    lost: Option<CompactString>,
    /// The reason why the session has ended.
    pub(crate) closed: Option<CompactString>,
    /// GOODBYE was sent; its answer ends the session.
    leaving: bool,
    /// The owner of the link has not closed the connection of the ended session yet.
    closing: bool,
    pub(crate) watchers: Watchers,
}

impl SessionState {
    /// The reason why nothing can be sent, if so.
    fn unusable(&self) -> Option<&CompactString> {
        self.closed.as_ref().or(self.lost.as_ref())
    }

    /// The unit of call timeouts that WELCOME named; milliseconds by default.
    fn call_timeout_unit(&self) -> CallTimeoutUnit {
        let welcome = self.welcome.as_ref();
        welcome.map_or(CallTimeoutUnit::Milliseconds, |said| said.details.call_timeout_unit())
    }
}

/// A type-erased future.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The entry that an acknowledgement adds to the tables, before any later message is handled.
#[derive(Debug)]
pub(crate) enum OnAcknowledged {
    Registered(Arc<RegistrationEntry>),
    RegisteredAgain(Arc<RegistrationEntry>),
    Subscribed(Arc<SubscriptionEntry>),
    SubscribedAgain(Arc<SubscriptionEntry>),
}

impl Session {
    pub(crate) fn with_state(
        link: impl Link,
        serializer: Serializer,
        state: SessionState,
        waiting_events: Option<Arc<WaitingEvents>>,
    ) -> Self {
        let shared = SessionInner {
            link: Box::new(link),
            serializer,
            waiting_events,
            ids: Mutex::new(IdSequence::new()),
            state: Mutex::new(state),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn of(shared: &Arc<SessionInner>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// WELCOME of the current or last connection; none before joining.
    pub fn welcome(&self) -> Option<Welcome> {
        self.shared.state.lock().welcome.clone()
    }

    /// The unit in which the router counts call timeouts: milliseconds as in the specification,
    /// unless WELCOME says otherwise.
    pub fn call_timeout_unit(&self) -> CallTimeoutUnit {
        self.shared.state.lock().call_timeout_unit()
    }

    pub(crate) fn shared(&self) -> &Arc<SessionInner> {
        &self.shared
    }
}

impl Clone for Session {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for SessionInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        let id = state.welcome.as_ref().map(|welcome| welcome.session);
        f.debug_struct("Session").field("id", &id).field("closed", &state.closed).finish()
    }
}
