//! How a realm runs: under one short lock, entered by whichever thread has read a message.
//!
//! The only place that decides this; see `docs/decisions/realm-host.md`. Nothing awaits under the
//! lock, and the only lock taken under it is that of one port at a time. It is held for a step of
//! work, about a millisecond; what is not done then is continued by a task of the
//! realm's, which also ends what has waited for too long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cloverleaf_router::{
    Admitted, Compatibility, HistoryAnswer, Metered, Moment, Random, Realm, RealmSettings, Refusal,
    RefusedPattern, Role, SessionFlow, SessionKey, SessionStats, Ticket, Validation,
};
use cloverleaf_wakes::{DeferredWakes, work_left};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{ClientMessage, InvocationError};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::meter::StatsRule;
use crate::ports::{Port, Queue, SlowConsumer};

/// The work that a realm or a connection does in its turn on a thread that has done enough already,
/// in units of about 100 ns.
pub const FAIR_WORK: u32 = 500;

/// The time between two log lines about dropped meta events, in milliseconds. What is dropped in
/// between is counted in the second one.
const REPORT_MILLIS: u64 = 1_000;

/// A realm that runs.
#[derive(Debug)]
pub struct RealmHost {
    state: Mutex<State>,
    /// Wakes the task of the realm: there is work, or the earliest deadline has moved forward.
    attention: Notify,
    start: Instant,
    /// The policies for slow consumers of the roles that have one. The other roles follow their
    /// transports.
    slow_consumers: Mutex<BTreeMap<String, SlowConsumer>>,
    /// Sessions of this process in the realm.
    local_sessions: AtomicUsize,
    /// When it tells of its sessions' traffic, if ever.
    stats_rule: Option<StatsRule>,
    name: String,
    compatibility: Compatibility,
    /// Whether sessions get GOODBYE before the router ends their connections.
    says_goodbye: bool,
    /// What is done with a pattern that was refused although a permission has the same text.
    on_refused: Option<fn(&str, &RefusedPattern)>,
}

#[derive(Debug)]
struct State {
    realm: Realm<Port>,
    /// When the task of the realm will wake up by itself.
    armed: Option<Moment>,
    /// The task of the realm is at work, or was woken.
    is_working: bool,
}

/// The realm while it is entered. The lock is given back before anybody is woken for what happened
/// under it.
struct Entered<'a> {
    state: MutexGuard<'a, State>,
    wakes: DeferredWakes,
}

impl Entered<'_> {
    /// Counts the work of the step that was done. Whether the task of the realm has to be woken.
    fn finish_step(&mut self) -> bool {
        let State { realm, is_working, .. } = &mut *self.state;
        self.wakes.spend(realm.work_done());
        realm.has_work() && !std::mem::replace(is_working, true)
    }
}

/// A message that was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Handled {
    /// What the connection does next.
    pub next: SessionFlow,
    /// How much work it was, in units of about 100 ns.
    pub work: u32,
}

impl RealmHost {
    /// An empty realm.
    pub fn new(settings: RealmSettings) -> Self {
        let (name, compatibility) = (settings.name.to_string(), settings.compatibility);
        let says_goodbye = settings.shutdown_goodbye;
        let realm = Realm::new(settings, Random::new(rand::random));
        Self {
            state: Mutex::new(State { realm, armed: None, is_working: false }),
            attention: Notify::new(),
            start: Instant::now(),
            slow_consumers: Mutex::default(),
            local_sessions: AtomicUsize::new(0),
            stats_rule: None,
            name,
            compatibility,
            says_goodbye,
            on_refused: None,
        }
    }

    /// The name of the realm.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The preset of the realm.
    pub const fn compatibility(&self) -> Compatibility {
        self.compatibility
    }

    /// Whether sessions get GOODBYE before the router ends their connections.
    pub const fn says_goodbye(&self) -> bool {
        self.says_goodbye
    }

    /// The same realm with policies for slow consumers of some roles.
    pub fn with_slow_consumers(self, policies: BTreeMap<String, SlowConsumer>) -> Self {
        Self { slow_consumers: Mutex::new(policies), ..self }
    }

    /// The same realm, which reports the patterns that it refuses by its name.
    pub fn with_report_of_refused(self, report: fn(&str, &RefusedPattern)) -> Self {
        Self { on_refused: Some(report), ..self }
    }

    #[cold]
    fn report_refused(&self, pattern: &RefusedPattern) {
        if let Some(report) = self.on_refused {
            report(&self.name, pattern);
        }
    }

    /// The same realm, which tells of its sessions' traffic.
    pub fn with_stats(self, stats_rule: Option<StatsRule>) -> Self {
        Self { stats_rule, ..self }
    }

    /// When it tells of its sessions' traffic, if ever.
    pub const fn stats_rule(&self) -> Option<StatsRule> {
        self.stats_rule
    }

    /// Publishes what a session has received and sent.
    pub fn tell_stats(&self, of: &Metered, stats: &SessionStats) {
        self.step(|realm, now| realm.publish_stats(of, stats, now));
    }

    /// What becomes of events for slow consumers with this role, if the realm says.
    pub fn slow_consumer(&self, role: &str) -> Option<SlowConsumer> {
        self.slow_consumers.lock().get(role).copied()
    }

    /// Applies other roles. Sessions keep their roles; those of a role that is no longer there end.
    /// `rules` makes the roles, with the schemas that their permissions refer to.
    pub fn set_rules(
        &self,
        rules: impl FnOnce(&mut Validation) -> Vec<Role>,
        slow_consumers: BTreeMap<String, SlowConsumer>,
    ) {
        *self.slow_consumers.lock() = slow_consumers;
        let mut validation = self.enter().state.realm.validation().clone();
        let roles = rules(&mut validation);
        self.step(|realm, _| realm.set_rules(roles, validation));
    }

    /// A session of this process has joined or left.
    pub(crate) fn count_local(&self, joined: bool) {
        match joined {
            true => self.local_sessions.fetch_add(1, Ordering::Relaxed),
            false => self.local_sessions.fetch_sub(1, Ordering::Relaxed),
        };
    }

    /// Sessions of connections.
    pub fn connected_sessions(&self) -> usize {
        self.session_count().saturating_sub(self.local_sessions.load(Ordering::Relaxed))
    }

    fn enter(&self) -> Entered<'_> {
        Entered { state: self.state.lock(), wakes: DeferredWakes::begin() }
    }

    /// Does something in the realm that may leave work behind.
    fn step<T>(&self, act: impl FnOnce(&mut Realm<Port>, Moment) -> T) -> T {
        let now = self.now();
        let mut entered = self.enter();
        let outcome = act(&mut entered.state.realm, now);
        let is_needed = entered.finish_step();
        drop(entered);
        if is_needed {
            self.attention.notify_one();
        }
        outcome
    }

    fn now(&self) -> Moment {
        Moment::after_start(self.start.elapsed())
    }

    /// Reserves the id of a session that is joining, until [`Self::attach`] or
    /// [`Self::release_session_id`].
    ///
    /// # Errors
    /// The realm is closed, full, or busy.
    pub fn reserve_session_id(&self) -> Result<SessionId, Refusal> {
        self.enter().state.realm.reserve_session_id()
    }

    /// Releases a reserved id whose session does not join.
    pub fn release_session_id(&self, id: SessionId) {
        self.enter().state.realm.release_session_id(id);
    }

    /// The number of sessions that are joining.
    pub fn joining_count(&self) -> usize {
        self.state.lock().realm.joining_count()
    }

    /// Opens a session. Releases the id that was reserved for it.
    ///
    /// # Errors
    /// The realm is closed or full, or does not have the role.
    pub fn attach(&self, admitted: Admitted, port: Port) -> Result<SessionKey, Refusal> {
        self.step(|realm, now| realm.attach(admitted, port, now))
    }

    /// Handles one message of an open session.
    pub fn handle_message(&self, from: SessionKey, message: ClientMessage) -> Handled {
        let now = self.now();
        let may_be_refused =
            matches!(message, ClientMessage::Subscribe(_) | ClientMessage::Register(_));
        let mut entered = self.enter();
        let next = entered.state.realm.handle_message(from, message, now);
        let handled = Handled { next, work: entered.state.realm.work_done() };
        let mut needs_attention = entered.finish_step();
        let refused = match may_be_refused {
            true => entered.state.realm.take_refused_patterns(),
            false => Vec::new(),
        };
        let deadline = entered.state.realm.next_deadline();
        if let Some(deadline) = deadline
            && entered.state.armed.is_none_or(|armed| deadline < armed)
        {
            entered.state.armed = Some(deadline);
            needs_attention = true;
        }
        drop(entered);
        if needs_attention {
            self.attention.notify_one();
        }
        refused.iter().for_each(|pattern| self.report_refused(pattern));
        handled
    }

    /// What a session has to wait for after [`SessionFlow::Wait`].
    pub fn take_wait(&self, session: SessionKey) -> Wait {
        let mut entered = self.enter();
        let wait = entered.state.realm.take_wait(session);
        let crowded = wait.congested.into_iter().filter_map(Port::outbound).cloned().collect();
        Wait { crowded, until_resumed: wait.until_resumed }
    }

    /// The peer of a session takes more of what can be sent later.
    pub fn handle_room(&self, session: SessionKey) {
        self.step(|realm, _| realm.handle_room(session));
    }

    /// A session has lost events that were in its queue.
    pub fn handle_loss(&self, session: SessionKey) {
        self.step(|realm, _| realm.handle_loss(session));
    }

    /// Whether a session is open.
    pub fn has_session(&self, session: SessionKey) -> bool {
        self.state.lock().realm.has_session(session)
    }

    /// Ends the call behind an invocation that its callee can't be sent.
    pub fn fail_invocation(&self, callee: SessionKey, error: InvocationError) {
        self.step(|realm, _| realm.fail_invocation(callee, error));
    }

    /// The events of the realm are safe up to a ticket, or are lost for a reason.
    pub fn stored(&self, up_to: Ticket, outcome: Result<(), &str>) {
        self.step(|realm, _| realm.stored(up_to, outcome));
    }

    /// Answers a request for stored events.
    pub fn finish_history_query(&self, answer: HistoryAnswer) {
        self.step(|realm, _| realm.finish_history_query(answer));
    }

    /// Waits until every event that was to be stored is on the disk. Nothing is stored after that.
    pub fn stop_storing(&self) {
        let store = self.enter().state.realm.stop_storing();
        drop(store);
    }

    /// Ends a session whose connection is gone.
    pub fn detach(&self, key: SessionKey) {
        self.step(|realm, now| realm.detach(key, now));
    }

    /// Answers open calls with ERROR, for one step. Whether there are more.
    pub fn end_calls(&self) -> bool {
        self.step(Realm::end_calls)
    }

    /// Ends the connections of all sessions, and lets no other in.
    pub fn close(&self, reason: &str) {
        self.enter().state.realm.close(reason);
    }

    /// The number of open sessions.
    pub fn session_count(&self) -> usize {
        self.state.lock().realm.session_count()
    }

    /// Whether nobody is in the realm.
    #[cfg(test)]
    pub fn is_free(&self) -> bool {
        self.state.try_lock().is_some()
    }

    /// The number of calls that are not answered.
    pub fn calls_in_flight(&self) -> usize {
        self.state.lock().realm.calls_in_flight()
    }

    /// Goes on with what was not done in one step, and ends what has waited for too long; for
    /// ever. One task a realm, no timer for each call.
    pub async fn run(self: Arc<Self>) {
        let mut reported: Option<Moment> = None;
        loop {
            let now = self.now();
            if self.enter().state.realm.next_deadline().is_some_and(|deadline| deadline <= now) {
                self.step(|realm, now| realm.handle_timeout(now));
            }
            let (armed, dropped) = {
                let mut entered = self.enter();
                if entered.state.realm.has_work() {
                    // On a thread with much to do, each of many realms does a little.
                    let units = work_left().max(FAIR_WORK);
                    entered.state.realm.work(now, units);
                    let units = entered.state.realm.work_done();
                    entered.wakes.spend(units);
                }
                let State { realm, armed, is_working } = &mut *entered.state;
                *is_working = realm.has_work();
                *armed = realm.next_deadline();
                let is_due = reported.is_none_or(|at| now >= at.plus_millis(REPORT_MILLIS));
                let dropped = if is_due { realm.take_dropped_meta_events() } else { 0 };
                (armed.filter(|_| !*is_working).ok_or(*is_working), dropped)
            };
            if dropped > 0 {
                reported = Some(now);
                tracing::warn!(realm = %self.name, dropped, "meta events dropped");
            }
            match armed {
                Err(true) => yield_now().await,
                Err(false) => self.attention.notified().await,
                Ok(deadline) => {
                    let at = tokio::time::Instant::from_std(self.start + deadline.since_start());
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = self.attention.notified() => {}
                    }
                }
            }
        }
    }
}

/// What a session has to wait for.
#[derive(Debug, Default)]
pub struct Wait {
    /// Queues that have no room for what it publishes.
    pub crowded: Vec<Queue>,
    /// Its own queue will be resumed.
    pub until_resumed: bool,
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
