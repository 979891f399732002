//! Runs a realm under one lock. The thread that has read a message handles it.
//!
//! No other module knows how a realm runs; see `docs/decisions/realm-host.md`. Nothing awaits under
//! the lock. The only lock taken under it is that of one port at a time. It is held for one step of
//! work, at most about a millisecond. The task of the realm continues unfinished work and ends what
//! has timed out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cloverleaf_router::{
    Admitted, Compatibility, Decision, DecisionTicket, HistoryAnswer, Metered, Moment, Random,
    Realm, RealmSettings, Refusal, RefusedPattern, Role, SessionCounts, SessionFlow, SessionKey,
    SessionStats, SharedLimits, StoreTicket, Validation,
};
use cloverleaf_wakes::{DeferredWakes, work_left};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{ClientMessage, InvocationError};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::meter::StatsRule;
use crate::ports::{Port, SlowConsumer};

/// Work of a realm or a connection per turn on a thread whose round is spent, in units of about
/// 100 ns.
pub const FAIR_WORK: u32 = 500;

/// The time between two log lines about dropped meta events, in milliseconds. Each line counts the
/// meta events that were dropped since the last one.
const REPORT_MILLIS: u64 = 1_000;

/// A realm that runs.
#[derive(Debug)]
pub struct RealmHost {
    state: Mutex<HostState>,
    /// Wakes the task of the realm: there is work, or the earliest deadline has moved forward.
    attention: Notify,
    start: Instant,
    /// The policies for slow consumers of the roles that have one. The other roles follow their
    /// transports.
    slow_consumers: Mutex<BTreeMap<String, SlowConsumer>>,
    /// When it publishes the traffic of its sessions. None: never.
    stats_rule: Option<StatsRule>,
    name: String,
    compatibility: Compatibility,
    /// Whether sessions get GOODBYE before the router closes their connections.
    says_goodbye: bool,
    /// Reports a pattern that was refused although a permission has the same text.
    on_refused: Option<fn(&str, &RefusedPattern)>,
}

#[derive(Debug)]
struct HostState {
    realm: Realm<Port>,
    /// The moment at which the task of the realm wakes up by itself.
    armed: Option<Moment>,
    /// The task of the realm is working or was woken.
    is_working: bool,
}

/// The locked realm. Tasks are woken after the lock is released.
struct Entered<'a> {
    state: MutexGuard<'a, HostState>,
    wakes: DeferredWakes,
}

impl Entered<'_> {
    /// Counts the work of a step. Returns whether the task of the realm has to be woken.
    fn finish_step(&mut self) -> bool {
        let HostState { realm, armed, is_working } = &mut *self.state;
        self.wakes.spend(realm.work_done());
        let mut is_needed = realm.has_work() && !std::mem::replace(is_working, true);
        if let Some(deadline) = realm.next_deadline()
            && armed.is_none_or(|armed| deadline < armed)
        {
            *armed = Some(deadline);
            is_needed = true;
        }
        is_needed
    }
}

/// The outcome of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Handled {
    /// The next step of the connection.
    pub next: SessionFlow,
    /// The work that it took, in units of about 100 ns.
    pub work: u32,
}

impl RealmHost {
    /// An empty realm. Its task is [`Self::run`].
    pub fn new(settings: RealmSettings) -> Self {
        let (name, compatibility) = (settings.name.to_string(), settings.compatibility);
        let says_goodbye = settings.shutdown_goodbye;
        let realm = Realm::new(settings, Random::new(rand::random));
        Self {
            state: Mutex::new(HostState { realm, armed: None, is_working: false }),
            attention: Notify::new(),
            start: Instant::now(),
            slow_consumers: Mutex::default(),
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

    /// Whether sessions get GOODBYE before the router closes their connections.
    pub const fn says_goodbye(&self) -> bool {
        self.says_goodbye
    }

    /// Sets the policies for slow consumers of some roles.
    pub fn with_slow_consumers(self, policies: BTreeMap<String, SlowConsumer>) -> Self {
        Self { slow_consumers: Mutex::new(policies), ..self }
    }

    /// Sets the function that gets the name of the realm and each pattern that it refuses.
    pub fn with_report_of_refused(self, report: fn(&str, &RefusedPattern)) -> Self {
        Self { on_refused: Some(report), ..self }
    }

    #[cold]
    fn report_refused(&self, pattern: &RefusedPattern) {
        if let Some(report) = self.on_refused {
            report(&self.name, pattern);
        }
    }

    /// Sets when the realm publishes the traffic of its sessions.
    pub fn with_stats(self, stats_rule: Option<StatsRule>) -> Self {
        Self { stats_rule, ..self }
    }

    /// When it publishes the traffic of its sessions. None: never.
    pub const fn stats_rule(&self) -> Option<StatsRule> {
        self.stats_rule
    }

    /// Publishes the traffic of a session.
    pub fn publish_stats(&self, of: &Metered, stats: &SessionStats) {
        self.step(|realm, now| realm.publish_stats(of, stats, now));
    }

    /// The policy for slow consumers with this role, if the realm has one.
    pub fn slow_consumer(&self, role: &str) -> Option<SlowConsumer> {
        self.slow_consumers.lock().get(role).copied()
    }

    /// Replaces the roles. Sessions keep their roles; sessions of a removed role end. `rules` makes
    /// the roles, and the schemas that their permissions refer to.
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

    /// Applies other limits from the next message on.
    pub fn set_limits(&self, limits: SharedLimits) {
        self.step(|realm, _| realm.set_limits(limits));
    }

    fn enter(&self) -> Entered<'_> {
        Entered { state: self.state.lock(), wakes: DeferredWakes::begin() }
    }

    /// Runs `act` in the realm. Wakes the task of the realm if work is left.
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
        let needs_attention = entered.finish_step();
        let refused = match may_be_refused {
            true => entered.state.realm.take_refused_patterns(),
            false => Vec::new(),
        };
        drop(entered);
        if needs_attention {
            self.attention.notify_one();
        }
        refused.iter().for_each(|pattern| self.report_refused(pattern));
        handled
    }

    /// Returns what a session is to do next: after a pause it may have ended.
    pub fn flow(&self, session: SessionKey) -> SessionFlow {
        self.state.lock().realm.flow(session)
    }

    /// Delivers the authorizer's answer to the question with `ticket`.
    pub fn decided(&self, ticket: DecisionTicket, decision: Decision) {
        self.step(|realm, _| realm.decided(ticket, decision));
    }

    /// Returns what a session has to wait for after [`SessionFlow::Wait`].
    pub fn take_wait(&self, session: SessionKey) -> Wait {
        let mut entered = self.enter();
        let wait = entered.state.realm.take_wait(session);
        let congested = wait.congested.into_iter().cloned().collect();
        Wait { congested, until_resumed: wait.until_resumed }
    }

    /// Reports that a session has room again for messages that can be sent later.
    pub fn handle_room(&self, session: SessionKey) {
        self.step(|realm, _| realm.handle_room(session));
    }

    /// Reports that a session has lost events that were in its queue.
    pub fn handle_loss(&self, session: SessionKey) {
        self.step(|realm, _| realm.handle_loss(session));
    }

    /// Whether a session is open.
    pub fn has_session(&self, session: SessionKey) -> bool {
        self.state.lock().realm.has_session(session)
    }

    /// Ends the call of an invocation that cannot be sent to its callee.
    pub fn fail_invocation(&self, callee: SessionKey, error: InvocationError) {
        self.step(|realm, _| realm.fail_invocation(callee, error));
    }

    /// Reports that the events of the realm up to a ticket are stored, or why they are lost.
    pub fn stored(&self, up_to: StoreTicket, outcome: Result<(), &str>) {
        self.step(|realm, _| realm.stored(up_to, outcome));
    }

    /// Answers a request for stored events.
    pub fn finish_history_query(&self, answer: HistoryAnswer) {
        self.step(|realm, _| realm.finish_history_query(answer));
    }

    /// Closes the event store. Blocks until all events are on the disk; stores none after that.
    pub fn stop_storing(&self) {
        let store = self.enter().state.realm.stop_storing();
        drop(store);
    }

    /// Removes a session whose connection has ended.
    pub fn detach(&self, key: SessionKey) {
        self.step(|realm, now| realm.detach(key, now));
    }

    /// Answers open calls with ERROR, for one step of work. Returns whether there are more.
    pub fn end_calls(&self) -> bool {
        self.step(Realm::end_calls)
    }

    /// Ends all sessions and refuses new ones.
    pub fn close(&self, reason: &str) {
        self.enter().state.realm.close(reason);
    }

    /// Closes the connections of sessions that have not answered GOODBYE after [`Self::close`].
    pub fn close_connections(&self, reason: &str) {
        self.enter().state.realm.close_connections(reason);
    }

    /// The number of open sessions.
    pub fn session_count(&self) -> usize {
        self.session_counts().total
    }

    /// The number of open sessions, all and internal ones.
    pub fn session_counts(&self) -> SessionCounts {
        self.state.lock().realm.session_counts()
    }

    /// Ends a session with GOODBYE, internal ones too. Returns whether it was open.
    pub fn end_session(&self, session: SessionId, reason: &str) -> bool {
        self.step(|realm, now| realm.end_session_by_id(session, reason, now))
    }

    /// Whether the realm has neither a session nor any entry of an earlier one.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.state.lock().realm.is_empty()
    }

    /// Whether the lock of the realm is free.
    #[cfg(test)]
    pub fn is_free(&self) -> bool {
        self.state.try_lock().is_some()
    }

    /// The number of unanswered calls.
    pub fn calls_in_flight(&self) -> usize {
        self.state.lock().realm.calls_in_flight()
    }

    /// The task of the realm: continues unfinished work and ends what has timed out. Never ends.
    /// There is one task for each realm, and no timer for each call.
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
                    // On a busy thread, each of many realms does a small share.
                    let units = work_left().max(FAIR_WORK);
                    entered.state.realm.work(now, units);
                    let units = entered.state.realm.work_done();
                    entered.wakes.spend(units);
                }
                let HostState { realm, armed, is_working } = &mut *entered.state;
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

/// The conditions on which a session goes on.
#[derive(Debug, Default)]
pub struct Wait {
    /// The ports of subscribers that have no room for its events.
    pub congested: Vec<Port>,
    /// Its own port will be resumed.
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
    use crate::local::{self, LocalIdentity};

    /// A waker that records whether the lock of the realm is free.
    struct LockProbe {
        realm: Arc<RealmHost>,
        found_free: Mutex<Vec<bool>>,
    }

    impl Wake for LockProbe {
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
        // A realm answers within the call, so the second poll finds the answer.
        let polls = (0..2).find_map(|_| match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        });
        polls.expect("an answer")
    }

    #[test]
    fn tasks_are_woken_for_events_invocations_results_and_the_end_after_the_lock_is_released() {
        let realm = open_realm();
        let join = |id| {
            local::join(
                &realm,
                LocalIdentity {
                    authid: id,
                    authrole: "anonymous",
                    roles: CLIENT,
                    is_internal: true,
                    has_independent_requests: false,
                },
            )
            .expect("the role exists")
        };
        let ((callee, mut driver), (caller, _driver)) = (join("callee"), join("caller"));
        let probe = Arc::new(LockProbe { realm: Arc::clone(&realm), found_free: Mutex::default() });
        let waker = Waker::from(Arc::clone(&probe));
        let mut context = Context::from_waker(&waker);
        let found = || std::mem::take(&mut *probe.found_free.lock());

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
