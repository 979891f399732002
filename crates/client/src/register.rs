//! Registrations: a builder that becomes a future, and the handle that it resolves to.
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
//! // Several callees share the procedure. The router prefers the least busy one, gives each at
//! // most four calls at once, and tries the next one after `wamp.error.unavailable`.
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
use crate::procedure::{Procedure, SharedProcedure};
use crate::registration_entry::RegistrationEntry;
use crate::session::{BoxFuture, OnAcknowledged, Session, SessionState};
use crate::state_watch::StateWatch;

impl Session {
    /// Registers a procedure: `session.register("com.example.add2", add).await?`.
    pub fn register<M>(
        &self,
        procedure: impl Into<CompactString>,
        code: impl Procedure<M>,
    ) -> RegisterBuilder {
        RegisterBuilder::new(self.clone(), procedure.into(), SharedProcedure::new(code))
    }
}

/// A registration that has not been sent. `.await` sends it and waits for REGISTERED.
#[derive(Debug)]
#[must_use = "nothing is registered before the builder is awaited"]
pub struct RegisterBuilder {
    session: Session,
    procedure: CompactString,
    options: RegisterOptions,
    code: SharedProcedure,
}

impl RegisterBuilder {
    fn new(session: Session, procedure: CompactString, code: SharedProcedure) -> Self {
        Self { session, procedure, options: RegisterOptions::default(), code }
    }

    /// Registers a prefix or a wildcard pattern. Spec: advanced profile "Pattern-based
    /// Registrations".
    pub fn matching(mut self, policy: MatchPolicy) -> Self {
        self.options.match_policy = Some(policy);
        self
    }

    /// Shares the procedure with other callees; the router selects one by this policy. Spec:
    /// advanced profile "Shared Registration".
    pub fn invoke(mut self, policy: InvokePolicy) -> Self {
        self.options.invoke = Some(policy.into());
        self
    }

    /// The maximum number of concurrent calls for this callee, at least 1. The router queues
    /// further calls, sends them to other callees, or refuses them.
    pub fn concurrency(mut self, calls: u64) -> Self {
        self.options.concurrency = Some(calls);
        self
    }

    /// Takes the procedure over: the registrations of its current callees are revoked.
    pub fn force_reregister(mut self) -> Self {
        self.options.force_reregister = Some(true);
        self
    }

    /// Asks the router to disclose every caller to the procedure, unless its rules forbid that.
    pub fn disclose_caller(mut self) -> Self {
        self.options.disclose_caller = Some(true);
        self
    }

    /// Makes the procedure enforce call timeouts instead of the router: it reads
    /// [`Invocation::timeout`] and fails in time with [`Failure::timeout`].
    ///
    /// [`Invocation::timeout`]: crate::Invocation::timeout
    /// [`Failure::timeout`]: crate::Failure::timeout
    pub fn forward_timeout(mut self) -> Self {
        self.options.forward_timeout = Some(true);
        self
    }

    /// Replaces all options.
    pub fn options(mut self, options: RegisterOptions) -> Self {
        self.options = options;
        self
    }

    async fn register(self) -> Result<Registration, Error> {
        let Self { session, procedure, options, code } = self;
        let entry = Arc::new(RegistrationEntry::new(procedure, options, code));
        let grant = OnAcknowledged::Registered(Arc::clone(&entry));
        let pending = PendingRequest::granting(RequestKind::Register, grant);
        session.acknowledged(pending, entry.request()).await?;
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

/// A registered procedure. It stays registered when this handle is dropped, and is registered again
/// after a reconnect.
#[derive(Debug)]
pub struct Registration {
    session: Session,
    entry: Arc<RegistrationEntry>,
}

impl Registration {
    /// The registration id; it changes with a reconnect.
    pub fn id(&self) -> RegistrationId {
        self.entry.id()
    }

    /// The reason if the router has revoked the registration: another callee has
    /// [taken the procedure over](RegisterBuilder::force_reregister), or an administrator has
    /// removed it. Running calls continue; a reconnect does not register the procedure again.
    /// Spec: advanced profile "Registration Revocation".
    pub fn revoked(&self) -> Option<CompactString> {
        self.entry.revoked().cloned()
    }

    /// Waits until the registration was [revoked](Self::revoked) or the session has ended. Returns
    /// the reason.
    pub async fn ended(&self) -> CompactString {
        let look = |state: &SessionState| self.entry.revoked().or(state.closed.as_ref()).cloned();
        StateWatch::new(&self.session, look).await
    }

    /// Ends the registration. Running calls continue.
    ///
    /// # Errors
    /// When the router refuses to end it, or the session is closed.
    pub async fn unregister(self) -> Result<(), Error> {
        let Self { session, entry } = self;
        let id = entry.id();
        {
            let mut state = session.shared().state.lock();
            // Not restored yet, or revoked: the router has no registration to end.
            if state.to_restore.remove_registration(&entry) || entry.revoked().is_some() {
                return Ok(());
            }
        }
        let answer = session
            .acknowledged(PendingRequest::new(RequestKind::Unregister), |request| {
                ClientMessage::Unregister(Unregister { request, registration: id })
            })
            .await;
        // The procedure belongs to the application, so it is dropped outside of any lock.
        drop(session.forget_registration(&entry, answer.is_ok()));
        answer.map(drop)
    }
}

impl Session {
    /// Removes a registration after UNREGISTER, whether the router has confirmed it or not: a
    /// reconnect must not restore it. Returns the entry to drop outside of any lock.
    fn forget_registration(
        &self,
        entry: &Arc<RegistrationEntry>,
        has_ended: bool,
    ) -> Option<Arc<RegistrationEntry>> {
        let mut state = self.shared().state.lock();
        state.to_restore.remove_registration(entry);
        let id = entry.id();
        // On a new connection the id may belong to another registration.
        if !state.procedures.get(&id).is_some_and(|known| Arc::ptr_eq(known, entry)) {
            return None;
        }
        let removed = state.procedures.remove(&id)?;
        if has_ended {
            return Some(removed);
        }
        // A reconnect may have restored it meanwhile, so UNREGISTER is sent again.
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

    /// A router that accepts every message and answers none.
    struct SilentLink;

    impl Link for SilentLink {
        fn send(&self, _: ClientMessage) -> Result<(), SendError> {
            Ok(())
        }
    }

    /// Records, when it is dropped, whether the session's state is unlocked.
    struct LockProbe(Session, Arc<AtomicBool>);

    impl Drop for LockProbe {
        fn drop(&mut self) {
            self.1.store(self.0.shared().state.try_lock().is_some(), SeqCst);
        }
    }

    #[test]
    fn an_answer_of_the_wrong_kind_does_not_drop_the_procedure_under_a_lock() {
        let (session, _driver) = Session::new(SilentLink, Serializer::Json);
        let is_free = Arc::new(AtomicBool::new(true));
        let probe = LockProbe(session.clone(), Arc::clone(&is_free));
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
        // A registration that is granted later is ended again.
        session.handle_message(RouterMessage::Registered(Registered {
            request,
            registration: RegistrationId::new(7).expect("a number"),
        }));
        let work = session.shared().state.lock().inbox.pop(&context);
        assert!(matches!(work, Some(DriverWork::Unregister(..))), "{work:?}");
    }

    #[test]
    fn a_registration_whose_unregistering_was_interrupted_is_not_restored() {
        let (session, _driver) = Session::new(SilentLink, Serializer::Json);
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
        // No REGISTER is sent, so none is refused.
        let refusals = session.restore().now_or_never();
        assert_eq!(refusals.map(|refusals| refusals.len()), Some(0));
    }
}
