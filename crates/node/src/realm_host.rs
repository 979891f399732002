//! How a realm runs: under one short lock, entered by whichever thread has read a message.
//!
//! The only place that decides this; see `docs/decisions/realm-host.md`. Nothing awaits under the
//! lock, and the only lock taken under it is that of one port at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cloverleaf_router::{
    Admitted, Metered, Moment, Next, Random, Realm, RealmSettings, Refusal, SessionKey,
    SessionStats, Ticket,
};
use cloverleaf_wakes::Later;
use cloverleaf_wamp::message::{ClientMessage, InvocationError};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::meter::StatsRule;
use crate::ports::{Port, Queue, SlowConsumer};

/// A realm that runs.
#[derive(Debug)]
pub(crate) struct RealmHost {
    state: Mutex<State>,
    /// Told when the earliest deadline has moved forward.
    earlier_deadline: Notify,
    start: Instant,
    /// What becomes of events for slow consumers with a role, where that is not as their transport
    /// says.
    slow_consumers: BTreeMap<String, SlowConsumer>,
    /// When it tells of its sessions' traffic, if ever.
    stats_rule: Option<StatsRule>,
}

#[derive(Debug)]
struct State {
    realm: Realm<Port>,
    /// When the deadline task will wake up by itself.
    armed: Option<Moment>,
}

/// The realm while it is entered. The lock is given back before anybody is woken for what happened
/// under it.
struct Entered<'a> {
    state: MutexGuard<'a, State>,
    _wakes: Later,
}

impl RealmHost {
    pub(crate) fn new(settings: RealmSettings) -> Self {
        let realm = Realm::new(settings, Random::new(rand::random));
        Self {
            state: Mutex::new(State { realm, armed: None }),
            earlier_deadline: Notify::new(),
            start: Instant::now(),
            slow_consumers: BTreeMap::new(),
            stats_rule: None,
        }
    }

    /// The same realm with policies for slow consumers of some roles.
    pub(crate) fn with_slow_consumers(self, policies: BTreeMap<String, SlowConsumer>) -> Self {
        Self { slow_consumers: policies, ..self }
    }

    /// The same realm, which tells of its sessions' traffic.
    pub(crate) fn with_stats(self, stats_rule: Option<StatsRule>) -> Self {
        Self { stats_rule, ..self }
    }

    /// When it tells of its sessions' traffic, if ever.
    pub(crate) const fn stats_rule(&self) -> Option<StatsRule> {
        self.stats_rule
    }

    /// Publishes what a session has received and sent.
    pub(crate) fn tell_stats(&self, of: &Metered, stats: &SessionStats) {
        let now = self.now();
        self.enter().state.realm.tell_stats(of, stats, now);
    }

    /// What becomes of events for slow consumers with this role, if the realm says.
    pub(crate) fn slow_consumer(&self, role: &str) -> Option<SlowConsumer> {
        self.slow_consumers.get(role).copied()
    }

    fn enter(&self) -> Entered<'_> {
        Entered { state: self.state.lock(), _wakes: Later::begin() }
    }

    fn now(&self) -> Moment {
        Moment::after_start(self.start.elapsed())
    }

    /// Opens a session.
    pub(crate) fn attach(&self, admitted: Admitted, port: Port) -> Result<SessionKey, Refusal> {
        let now = self.now();
        self.enter().state.realm.attach(admitted, port, now)
    }

    /// Handles one message of an open session.
    pub(crate) fn handle_message(&self, from: SessionKey, message: ClientMessage) -> Next {
        let now = self.now();
        let mut entered = self.enter();
        let next = entered.state.realm.handle_message(from, message, now);
        let deadline = entered.state.realm.next_deadline();
        if let Some(deadline) = deadline
            && entered.state.armed.is_none_or(|armed| deadline < armed)
        {
            entered.state.armed = Some(deadline);
            drop(entered);
            self.earlier_deadline.notify_one();
        }
        next
    }

    /// The queues that a session has to wait for after [`Next::Wait`].
    pub(crate) fn take_crowded(&self, publisher: SessionKey) -> Vec<Queue> {
        let mut entered = self.enter();
        let crowded = entered.state.realm.take_crowded(publisher);
        crowded.into_iter().filter_map(Port::outbound).cloned().collect()
    }

    /// Ends the call behind an invocation that its callee can't be sent.
    pub(crate) fn fail_invocation(&self, callee: SessionKey, error: InvocationError) {
        self.enter().state.realm.fail_invocation(callee, error);
    }

    /// The events of the realm are safe up to a ticket, or are lost for a reason.
    pub(crate) fn stored(&self, up_to: Ticket, outcome: Result<(), &str>) {
        self.enter().state.realm.stored(up_to, outcome);
    }

    /// Waits until every event that was to be kept is on the disk. Nothing is kept after that.
    pub(crate) fn stop_keeping(&self) {
        let store = self.enter().state.realm.stop_keeping();
        drop(store);
    }

    /// Ends a session whose connection is gone.
    pub(crate) fn detach(&self, key: SessionKey) {
        let now = self.now();
        self.enter().state.realm.detach(key, now);
    }

    /// Says GOODBYE to every session.
    pub(crate) fn close(&self, reason: &str) {
        self.enter().state.realm.close(reason);
    }

    pub(crate) fn session_count(&self) -> usize {
        self.state.lock().realm.session_count()
    }

    /// Whether nobody is in the realm.
    #[cfg(test)]
    pub(crate) fn is_free(&self) -> bool {
        self.state.try_lock().is_some()
    }

    pub(crate) fn calls_in_flight(&self) -> usize {
        self.state.lock().realm.calls_in_flight()
    }

    /// Ends calls whose time is up, for ever. One task a realm, no timer for each call.
    pub(crate) async fn watch_deadlines(self: Arc<Self>) {
        loop {
            let armed = {
                let mut state = self.state.lock();
                state.armed = state.realm.next_deadline();
                state.armed
            };
            let Some(deadline) = armed else {
                self.earlier_deadline.notified().await;
                continue;
            };
            let at = tokio::time::Instant::from_std(self.start + deadline.since_start());
            tokio::select! {
                () = tokio::time::sleep_until(at) => {
                    let now = self.now();
                    self.enter().state.realm.handle_timeout(now);
                }
                () = self.earlier_deadline.notified() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, IntoFuture as _};
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    use cloverleaf_router::{Permission, RealmSettings, Role};
    use cloverleaf_wamp::error_uri;
    use cloverleaf_wamp::features::CLIENT;
    use cloverleaf_wamp::uri::UriPattern;
    use parking_lot::Mutex;

    use super::RealmHost;
    use crate::local;

    /// A task that looks, when it is woken, whether the realm's lock is free.
    struct Looking {
        realm: Arc<RealmHost>,
        found_free: Mutex<Vec<bool>>,
    }

    impl Wake for Looking {
        fn wake(self: Arc<Self>) {
            let is_free = self.realm.state.try_lock().is_some();
            self.found_free.lock().push(is_free);
        }
    }

    fn open_realm() -> Arc<RealmHost> {
        let everything = UriPattern::from_starred("*").expect("a pattern");
        Arc::new(RealmHost::new(RealmSettings {
            roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
            ..RealmSettings::named("realm1")
        }))
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        // A realm answers within the call, so the second look finds the answer.
        let looks = (0..2).find_map(|_| match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        });
        looks.expect("an answer")
    }

    #[test]
    fn whoever_is_woken_for_an_event_an_invocation_a_result_or_the_end_finds_the_lock_free() {
        let realm = open_realm();
        let join =
            |id| local::join(&realm, "realm1", id, "anonymous", CLIENT).expect("the role exists");
        let ((callee, mut driver), (caller, _driver)) = (join("callee"), join("caller"));
        let looking = Arc::new(Looking { realm: Arc::clone(&realm), found_free: Mutex::default() });
        let waker = Waker::from(Arc::clone(&looking));
        let mut context = Context::from_waker(&waker);
        let found = || std::mem::take(&mut *looking.found_free.lock());

        let mut subscription = ready(callee.subscribe("com.a").into_future()).expect("granted");
        let registered =
            callee.register("com.b", || async { Ok::<_, cloverleaf_client::Failure>(7) });
        let _registration = ready(registered.into_future()).expect("granted");
        assert!(pin!(subscription.next()).poll(&mut context).is_pending());
        caller.publish("com.a").send_unacknowledged().expect("an open session");
        assert_eq!(found(), [true], "an event");
        ready(subscription.next()).expect("an event");

        assert!(pin!(&mut driver).poll(&mut context).is_pending());
        let mut call = pin!(caller.call("com.b").into_future());
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert_eq!(found(), [true], "an invocation");
        assert!(pin!(&mut driver).poll(&mut context).is_pending());
        assert_eq!(found(), [true], "a result");

        assert!(pin!(subscription.next()).poll(&mut context).is_pending());
        realm.close(error_uri::SYSTEM_SHUTDOWN);
        let at_the_end = found();
        assert!(
            !at_the_end.is_empty() && at_the_end.iter().all(|is_free| *is_free),
            "{at_the_end:?}"
        );
    }
}
