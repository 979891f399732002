//! Registering: a builder that becomes a future, and the registration that comes out.
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! use cloverleaf_client::{Args, Failure, InvokePolicy};
//!
//! async fn resize(Args((width, height)): Args<(u32, u32)>) -> Result<u32, Failure> {
//!     width.checked_mul(height).ok_or_else(|| Failure::unavailable("no memory for that"))
//! }
//!
//! // Several callees share the work. The least busy one is asked, none has more than four calls
//! // at once, and one that fails with `wamp.error.unavailable` is passed over.
//! let registering = session.register("com.example.resize", resize);
//! let registration = registering.invoke(InvokePolicy::Load).concurrency(4).await?;
//! println!("registered until {}", registration.ended().await);
//! # Ok(())
//! # }
//! ```

use std::future::IntoFuture;
use std::sync::Arc;

use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::{
    ClientMessage, InvokePolicy, RegisterOptions, RequestKind, Unregister,
};
use cloverleaf_wamp::uri::MatchPolicy;
use compact_str::CompactString;

use crate::error::Error;
use crate::inbox::DriverWork;
use crate::pending::PendingRequest;
use crate::procedure::SharedProcedure;
use crate::session::{BoxFuture, OnAcknowledged, Session, SessionState};
use crate::watch::Watch;

mod entry;

pub(crate) use entry::RegistrationEntry;

/// A registration that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is registered before the builder is awaited"]
pub struct RegisterBuilder {
    session: Session,
    procedure: CompactString,
    options: RegisterOptions,
    code: SharedProcedure,
}

impl RegisterBuilder {
    pub(crate) fn new(session: Session, procedure: CompactString, code: SharedProcedure) -> Self {
        Self { session, procedure, options: RegisterOptions::default(), code }
    }

    /// The procedure is a prefix or a wildcard pattern.
    pub fn matching(mut self, policy: MatchPolicy) -> Self {
        self.options.match_policy = Some(policy);
        self
    }

    /// Several callees may share the procedure; the router chooses among them so.
    pub fn invoke(mut self, policy: InvokePolicy) -> Self {
        self.options.invoke = Some(policy.into());
        self
    }

    /// How many calls this callee takes at the same time, 1 or more. The router keeps others
    /// waiting, gives them to other callees, or refuses them.
    pub fn concurrency(mut self, calls: u64) -> Self {
        self.options.concurrency = Some(calls);
        self
    }

    /// Takes the procedure away from whoever has it: their registrations are revoked.
    pub fn force_reregister(mut self) -> Self {
        self.options.force_reregister = Some(true);
        self
    }

    /// Every caller is to be disclosed to the procedure, unless the router's rules forbid it.
    pub fn disclose_caller(mut self) -> Self {
        self.options.disclose_caller = Some(true);
        self
    }

    /// The procedure watches the time of its calls itself, and the router does not any more: the
    /// procedure has to look at [`Invocation::timeout`] and to fail in time with
    /// [`Failure::timeout`].
    ///
    /// [`Invocation::timeout`]: crate::Invocation::timeout
    /// [`Failure::timeout`]: crate::Failure::timeout
    pub fn forward_timeout(mut self) -> Self {
        self.options.forward_timeout = Some(true);
        self
    }

    /// All options at once.
    pub fn options(mut self, options: RegisterOptions) -> Self {
        self.options = options;
        self
    }

    async fn register(self) -> Result<Registration, Error> {
        let Self { session, procedure, options, code } = self;
        let entry = Arc::new(RegistrationEntry::new(procedure, options, code));
        let grant = OnAcknowledged::Registered(Arc::clone(&entry));
        let slot = PendingRequest::granting(RequestKind::Register, grant);
        session.acknowledged(slot, entry.request()).await?;
        Ok(Registration { session, entry })
    }
}

impl IntoFuture for RegisterBuilder {
    type Output = Result<Registration, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.register())
    }
}

/// A registered procedure. It stays registered when this is dropped, and is registered again when a
/// lost connection has been replaced.
#[derive(Debug)]
pub struct Registration {
    session: Session,
    entry: Arc<RegistrationEntry>,
}

impl Registration {
    /// The registration's number; another one after the connection has been replaced.
    pub fn id(&self) -> RegistrationId {
        self.entry.id()
    }

    /// Why the router has taken the registration away, if it has. It does so when another callee
    /// registers the procedure [by force](RegisterBuilder::force_reregister), or an administrator
    /// wants it. What is running runs to its end, and nothing is registered again.
    pub fn revoked(&self) -> Option<CompactString> {
        self.entry.revoked().cloned()
    }

    /// Waits until the procedure is registered no longer, and says why: the registration was
    /// [revoked](Self::revoked), or the session has ended.
    pub async fn ended(&self) -> CompactString {
        let look = |state: &SessionState| self.entry.revoked().or(state.closed.as_ref()).cloned();
        Watch::new(&self.session, look).await
    }

    /// Ends the registration. What is running runs to its end.
    pub async fn unregister(self) -> Result<(), Error> {
        let Self { session, entry } = self;
        let id = entry.id();
        {
            let mut state = session.shared().state.lock();
            // Not registered again yet, or no longer: there is nothing to end at the router.
            if state.to_restore.remove_registration(&entry) || entry.revoked().is_some() {
                return Ok(());
            }
        }
        let answer = session
            .acknowledged(PendingRequest::new(RequestKind::Unregister), |request| {
                ClientMessage::Unregister(Unregister { request, registration: id })
            })
            .await;
        // Its code is the application's, and is dropped without any lock.
        drop(session.forget_registration(&entry, answer.is_ok()));
        answer.map(drop)
    }
}

impl Session {
    /// Takes a registration out, whatever the router said to its end: who does not want it any more
    /// must not get it back when a lost connection is replaced. Returns what is to be dropped
    /// without any lock.
    fn forget_registration(
        &self,
        entry: &Arc<RegistrationEntry>,
        has_ended: bool,
    ) -> Option<Arc<RegistrationEntry>> {
        let mut state = self.shared().state.lock();
        state.to_restore.remove_registration(entry);
        let id = entry.id();
        // The number may have become another one's on a new connection.
        if !state.procedures.get(&id).is_some_and(|known| Arc::ptr_eq(known, entry)) {
            return None;
        }
        let removed = state.procedures.remove(&id)?;
        if has_ended {
            return Some(removed);
        }
        // It may have been restored meanwhile, so the router is asked once more.
        let waker = state.inbox.push(DriverWork::Unregister(id, removed)).ok().flatten();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::future::IntoFuture as _;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::{Context, Waker};

    use cloverleaf_wamp::ids::{RegistrationId, RequestId};
    use cloverleaf_wamp::message::{ClientMessage, Registered, RouterMessage, Unregistered};
    use cloverleaf_wamp::serializer::Serializer;
    use futures_util::FutureExt as _;

    use crate::error::Failure;
    use crate::inbox::DriverWork;
    use crate::link::{Link, SendError};
    use crate::session::Session;

    /// A router that takes everything and answers nothing by itself.
    struct Silent;

    impl Link for Silent {
        fn send(&self, _: ClientMessage) -> Result<(), SendError> {
            Ok(())
        }
    }

    /// Notes, when it is dropped, whether the session could be asked something.
    struct Probe(Session, Arc<AtomicBool>);

    impl Drop for Probe {
        fn drop(&mut self) {
            self.1.store(self.0.shared().state.try_lock().is_some(), SeqCst);
        }
    }

    #[test]
    fn an_answer_of_another_kind_drops_nothing_of_the_applications_under_a_lock() {
        let (session, _driver) = Session::new(Silent, Serializer::Json);
        let is_free = Arc::new(AtomicBool::new(true));
        let probe = Probe(session.clone(), Arc::clone(&is_free));
        let procedure = move || {
            let _ = &probe;
            async { Ok::<_, Failure>(1) }
        };
        let mut registering = session.register("com.example.one", procedure).into_future();
        let mut context = Context::from_waker(Waker::noop());
        assert!(registering.poll_unpin(&mut context).is_pending());
        drop(registering);
        let request = RequestId::new(1).expect("a number");
        session.handle_message(RouterMessage::Unregistered(Unregistered::Answer(request)));
        assert!(is_free.load(SeqCst), "the code was dropped while the session was locked");
        // The registration that is granted after all is given back.
        session.handle_message(RouterMessage::Registered(Registered {
            request,
            registration: RegistrationId::new(7).expect("a number"),
        }));
        let work = session.shared().state.lock().inbox.pop(Waker::noop());
        assert!(matches!(work, Some(DriverWork::Unregister(..))), "{work:?}");
    }

    #[test]
    fn what_was_being_unregistered_when_the_connection_was_lost_is_not_restored() {
        let (session, _driver) = Session::new(Silent, Serializer::Json);
        let mut context = Context::from_waker(Waker::noop());
        let procedure = || async { Ok::<_, Failure>(1) };
        let mut registering = session.register("com.example.one", procedure).into_future();
        assert!(registering.poll_unpin(&mut context).is_pending());
        session.handle_message(RouterMessage::Registered(Registered {
            request: RequestId::new(1).expect("a number"),
            registration: RegistrationId::new(7).expect("a number"),
        }));
        let registration = registering.now_or_never().expect("answered").expect("registered");
        let mut ending = Box::pin(registration.unregister());
        assert!(ending.poll_unpin(&mut context).is_pending());
        session.lost("the cable was pulled");
        assert!(ending.now_or_never().expect("ended").is_err());
        // Nothing is asked for, so nothing is refused.
        let refusals = session.restore().now_or_never();
        assert_eq!(refusals.map(|refusals| refusals.len()), Some(0));
    }
}
