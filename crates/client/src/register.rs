//! Registering: a builder that becomes a future, and the registration that comes out.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{
    ClientMessage, InvokePolicy, Register, RegisterOptions, RequestKind, Unregister,
};
use cloverleaf_wamp::uri::MatchPolicy;
use compact_str::CompactString;

use crate::error::Error;
use crate::inbox::Work;
use crate::procedure::SharedProcedure;
use crate::session::{BoxFuture, OnAnswer, Session};

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

    async fn register(self) -> Result<Registration, Error> {
        let Self { session, procedure, options, code } = self;
        let entry = Arc::new(RegistrationEntry { procedure, options, code, id: AtomicU64::new(0) });
        let on_answer = OnAnswer::Registered(Arc::clone(&entry));
        session.acknowledged(RequestKind::Register, Some(on_answer), entry.request()).await?;
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

    /// Ends the registration. What is running runs to its end.
    pub async fn unregister(self) -> Result<(), Error> {
        let Self { session, entry } = self;
        let id = entry.id();
        {
            let mut state = session.shared().state.lock();
            // Not registered again yet: then there is nothing to end at the router.
            if state.unrestored.remove_registration(&entry) {
                return Ok(());
            }
        }
        let answer = session
            .acknowledged(RequestKind::Unregister, None, |request| {
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
        state.unrestored.remove_registration(entry);
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
        let waker = state.inbox.push(Work::Unregister(id, removed)).ok().flatten();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }
}

/// What it takes to register a procedure again.
#[derive(Debug)]
pub(crate) struct RegistrationEntry {
    procedure: CompactString,
    options: RegisterOptions,
    pub(crate) code: SharedProcedure,
    /// The number that the router gave last; 0 before the first.
    id: AtomicU64,
}

impl RegistrationEntry {
    pub(crate) fn id(&self) -> RegistrationId {
        RegistrationId::new(self.id.load(Relaxed)).unwrap_or(RegistrationId::from_random(0))
    }

    pub(crate) fn set_id(&self, id: RegistrationId) {
        self.id.store(id.number(), Relaxed);
    }

    pub(crate) fn procedure(&self) -> &str {
        &self.procedure
    }

    /// Makes REGISTER.
    pub(crate) fn request(&self) -> impl FnOnce(RequestId) -> ClientMessage + use<> {
        let procedure = self.procedure.clone().into();
        let options = self.options.clone();
        move |request| ClientMessage::Register(Register { request, options, procedure })
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
    use crate::inbox::Work;
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
        assert!(matches!(work, Some(Work::Unregister(..))), "{work:?}");
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
