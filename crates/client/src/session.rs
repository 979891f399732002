//! The handle of a session: what an application holds, and where the router's messages arrive.
//!
//! Lock order: `ids` (held while a request is sent, so that numbers go out in order), then whatever
//! the link takes, then `state`. The state is never locked while something is sent, and nothing of
//! the application's is dropped under any lock.
//!
//! | room | what it is for |
//! |---|---|
//! | `connection` | joined, connection lost, joined again |
//! | `incoming` | what becomes of each message of the router |
//! | `invocations` | what becomes of an INVOCATION |
//! | `life` | leaving and the end |
//! | `sending` | requests with their numbers, and what refers to them |
//! | `to_restore` | what has to be registered and subscribed again |
//! | `unsent` | what fails with a message that can't be sent |

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

use crate::call::CallBuilder;
use crate::driver::Driver;
use crate::inbox::Inbox;
use crate::link::Link;
use crate::pending::PendingRequests;
use crate::procedure::{Procedure, SharedProcedure};
use crate::publish::PublishBuilder;
use crate::register::{RegisterBuilder, RegistrationEntry};
use crate::subscribe::{SubscribeBuilder, SubscriptionEntry};
use crate::watch::Watchers;

mod connection;
mod incoming;
mod invocations;
mod life;
mod sending;
mod to_restore;
mod undeliverable;

use to_restore::ToRestore;

/// A session with a router. Cheap to clone; all clones are the same session. It lives until it is
/// left or ended from outside, even when every handle is dropped: procedures stay registered.
pub struct Session {
    shared: Arc<SessionInner>,
}

pub(crate) struct SessionInner {
    pub(crate) link: Box<dyn Link>,
    pub(crate) serializer: Serializer,
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
    /// What was registered and subscribed before the connection was lost, and is not yet again.
    pub(crate) to_restore: ToRestore,
    /// Why there is no connection at the moment.
    lost: Option<CompactString>,
    /// Why the session has ended.
    pub(crate) closed: Option<CompactString>,
    /// GOODBYE was sent; the answer ends the session.
    leaving: bool,
    /// Somebody still closes the connection of the ended session.
    closing: bool,
    pub(crate) watchers: Watchers,
}

impl SessionState {
    /// Why nothing can be sent, if so.
    fn unusable(&self) -> Option<&CompactString> {
        self.closed.as_ref().or(self.lost.as_ref())
    }
}

/// A future whose type is forgotten.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What an acknowledgement puts into the tables before anything that follows it is handled.
#[derive(Debug)]
pub(crate) enum OnAcknowledged {
    Registered(Arc<RegistrationEntry>),
    RegisteredAgain(Arc<RegistrationEntry>),
    Subscribed(Arc<SubscriptionEntry>),
    SubscribedAgain(Arc<SubscriptionEntry>),
}

impl Session {
    /// A session over a link. The driver runs its procedures and has to be polled, unless there
    /// are none. `serializer` is the format in which values are written.
    pub fn new(link: impl Link, serializer: Serializer) -> (Self, Driver) {
        Self::with_state(link, serializer, SessionState::default())
    }

    fn with_state(link: impl Link, serializer: Serializer, state: SessionState) -> (Self, Driver) {
        let shared = Arc::new(SessionInner {
            link: Box::new(link),
            serializer,
            ids: Mutex::new(IdSequence::new()),
            state: Mutex::new(state),
        });
        (Self::of(&shared), Driver::new(shared))
    }

    pub(crate) fn of(shared: &Arc<SessionInner>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// What the router said at the beginning, once it has.
    pub fn welcome(&self) -> Option<Welcome> {
        self.shared.state.lock().welcome.clone()
    }

    /// The unit in which the router counts the timeouts of calls, as it said at the beginning:
    /// milliseconds, as in the specification, unless it said otherwise.
    pub fn call_timeout_unit(&self) -> CallTimeoutUnit {
        let state = self.shared.state.lock();
        let welcome = state.welcome.as_ref();
        welcome.map_or(CallTimeoutUnit::Milliseconds, |said| said.details.call_timeout_unit())
    }

    /// Calls a procedure: `session.call("com.example.add2").args((2, 3)).await?.value::<i64>()?`.
    pub fn call(&self, procedure: impl Into<CompactString>) -> CallBuilder {
        CallBuilder::new(self.clone(), procedure.into())
    }

    /// Publishes an event: `session.publish("com.example.news").args(("hello",)).await?`.
    pub fn publish(&self, topic: impl Into<CompactString>) -> PublishBuilder {
        PublishBuilder::new(self.clone(), topic.into())
    }

    /// Registers a procedure: `session.register("com.example.add2", add).await?`.
    pub fn register<M>(
        &self,
        procedure: impl Into<CompactString>,
        code: impl Procedure<M>,
    ) -> RegisterBuilder {
        RegisterBuilder::new(self.clone(), procedure.into(), SharedProcedure::new(code))
    }

    /// Subscribes to a topic: `session.subscribe("com.example.news").await?`.
    pub fn subscribe(&self, topic: impl Into<CompactString>) -> SubscribeBuilder {
        SubscribeBuilder::new(self.clone(), topic.into())
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
        let state = self.shared.state.lock();
        let id = state.welcome.as_ref().map(|welcome| welcome.session);
        f.debug_struct("Session").field("id", &id).field("closed", &state.closed).finish()
    }
}
