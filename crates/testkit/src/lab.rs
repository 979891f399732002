//! A whole realm for tests: peers with recorded outboxes, and a simulated clock.
//!
//! ```
//! use cloverleaf_testkit::Lab;
//! use cloverleaf_testkit::messages::client::{call, register, yielded};
//! use cloverleaf_testkit::messages::router::{invocation, registered, result};
//! use cloverleaf_testkit::messages::args;
//!
//! let mut lab = Lab::new();
//! let (alice, bob) = (lab.join("alice"), lab.join("bob"));
//! lab.send(bob, register(1, "com.example.add2"));
//! assert_eq!(lab.received(bob), [registered(1, 1)]);
//! lab.send(alice, call(1, "com.example.add2", args([2, 3])));
//! assert_eq!(lab.received(bob), [invocation(1, 1, args([2, 3]))]);
//! lab.send(bob, yielded(1, args([5])));
//! assert_eq!(lab.received(alice), [result(1, args([5]))]);
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cloverleaf_router::limits;
use cloverleaf_router::{
    Admitted, Compatibility, Decision, DecisionTicket, HistoryAnswer, Metered, Moment, Permission,
    Principal, Realm, RealmSettings, Refusal, RefusedPattern, Role, SessionFlow, SessionKey,
    SessionStats, SharedLimits, StoreTicket, TimeOfDay, Timestamp,
};
use cloverleaf_wamp::features::{ClientRoles, Feature, Features};
use cloverleaf_wamp::ids::{PublicationId, SessionId};
use cloverleaf_wamp::message::{Abort, ClientMessage, InvocationError, RouterMessage, Welcome};
use cloverleaf_wamp::uri::UriPattern;

use crate::draws::Draws;
use crate::recorder::{OutboxState, Recorder};

/// The name of the lab's realm.
pub const REALM: &str = "realm1";

/// The time of day at the first moment: 2026-01-01T00:00:00Z, in microseconds since 1970.
const START_OF_TIME: i64 = 1_767_225_600_000_000;

/// The default role of a peer, which may do everything.
pub const ANYONE: &str = "anyone";

/// A realm in which [`ANYONE`] has every right, with loose URIs.
pub fn settings() -> RealmSettings {
    let everything = UriPattern::from_starred("*").expect("a star is a starred URI");
    RealmSettings {
        roles: vec![Role::new(ANYONE, [(everything, Permission::ALL)])],
        shutdown_goodbye: true,
        ..RealmSettings::named(REALM)
    }
}

/// A client that joins.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Its authid.
    pub name: &'static str,
    /// Its authrole.
    pub role: &'static str,
    /// Its announced roles and features.
    pub roles: ClientRoles,
}

/// The features of an ordinary client: no progressive calls and results, no payload passthru. So
/// the ids of its requests may be used again.
const ORDINARY: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
        Feature::PublisherIdentification,
    ])),
    subscriber: Some(Features::of(&[
        Feature::PatternBasedSubscription,
        Feature::PublisherIdentification,
    ])),
    caller: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallerIdentification,
    ])),
    callee: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallerIdentification,
        Feature::PatternBasedRegistration,
        Feature::SharedRegistration,
    ])),
};

impl Client {
    /// An ordinary client of the advanced profile.
    pub const fn named(name: &'static str) -> Self {
        Self { name, role: ANYONE, roles: ORDINARY }
    }

    /// A client of the basic profile: all four roles and no feature.
    pub const fn basic(name: &'static str) -> Self {
        let none = Some(Features::NONE);
        let roles = ClientRoles { publisher: none, subscriber: none, caller: none, callee: none };
        Self { name, role: ANYONE, roles }
    }
}

impl From<Client> for Admitted {
    fn from(client: Client) -> Self {
        let principal = Principal {
            authid: client.name.into(),
            authrole: client.role.into(),
            authmethod: "anonymous".into(),
            authprovider: "static".into(),
        };
        Self::new(REALM, principal, client.roles)
    }
}

/// A peer of the lab. It stays valid after its session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(usize);

/// The state of a peer.
#[derive(Debug)]
struct PeerState {
    session: SessionKey,
    welcome: Welcome,
    recorder: Recorder,
}

/// A realm with its peers, its clock and its random source.
#[derive(Debug)]
pub struct Lab {
    realm: Realm<Recorder>,
    places: Vec<PeerState>,
    now: Moment,
    draws: Draws,
    clock: Clock,
}

/// A clock that its copies share: microseconds since 1970.
#[derive(Debug, Clone)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn source(&self) -> TimeOfDay {
        let Self(micros) = self.clone();
        TimeOfDay::new(move || Timestamp::from_micros(micros.load(Ordering::Relaxed)))
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// An empty realm with [`settings`].
    pub fn new() -> Self {
        Self::with(settings())
    }

    /// An empty realm with other settings.
    pub fn with(settings: RealmSettings) -> Self {
        let draws = Draws::from_seed(1);
        let clock = Clock(Arc::new(AtomicI64::new(START_OF_TIME)));
        let settings = RealmSettings { time_of_day: clock.source(), ..settings };
        let realm = Realm::new(settings, draws.source());
        Self { realm, places: Vec::new(), now: Moment::default(), draws, clock }
    }

    /// An empty realm with [`settings`] and a compatibility preset.
    pub fn with_compatibility(compatibility: Compatibility) -> Self {
        Self::with(RealmSettings { compatibility, ..settings() })
    }

    /// An empty realm with these roles only.
    pub fn with_roles(roles: Vec<Role>) -> Self {
        Self::with(RealmSettings { roles, ..settings() })
    }

    /// Gives the realm other limits.
    pub fn set_limits(&mut self, limits: SharedLimits) {
        self.realm.set_limits(limits);
    }

    /// Joins a peer that may do everything. It has read its WELCOME.
    ///
    /// # Panics
    /// The realm refuses it.
    pub fn join(&mut self, name: &'static str) -> Peer {
        self.join_as(Client::named(name))
    }

    /// Joins a peer. It has read its WELCOME.
    ///
    /// # Panics
    /// The realm refuses it.
    pub fn join_as(&mut self, client: Client) -> Peer {
        self.attach(client.into()).expect("the realm takes the client")
    }

    /// Joins an admitted peer. It has read its WELCOME.
    ///
    /// # Panics
    /// The first message is not WELCOME, or not the only one.
    pub fn attach(&mut self, admitted: Admitted) -> Result<Peer, Refusal> {
        let recorder = Recorder::default();
        let session = self.realm.attach(admitted, recorder.clone(), self.now)?;
        let messages = recorder.take();
        let [RouterMessage::Welcome(welcome)] = messages.as_slice() else {
            panic!("a session begins with WELCOME, not with {messages:?}");
        };
        self.places.push(PeerState { session, welcome: welcome.clone(), recorder });
        self.work();
        Ok(Peer(self.places.len() - 1))
    }

    /// The WELCOME that the peer was sent.
    pub fn welcome(&self, peer: Peer) -> &Welcome {
        &self.places[peer.0].welcome
    }

    /// The peer's session id.
    pub fn id(&self, peer: Peer) -> SessionId {
        self.welcome(peer).session
    }

    /// The key of the peer's session.
    pub fn key(&self, peer: Peer) -> SessionKey {
        self.places[peer.0].session
    }

    /// Makes the outbox of a session drop events that it had accepted.
    pub fn lose_events(&mut self, session: SessionKey) {
        self.realm.handle_loss(session);
        self.work();
    }

    /// Sends a message after which the session continues.
    ///
    /// # Panics
    /// The session does not continue.
    pub fn send(&mut self, from: Peer, message: ClientMessage) {
        let text = format!("{message:?}");
        assert_eq!(self.submit(from, message), SessionFlow::Continue, "after {text}");
    }

    /// Sends a message and finishes all work that it leaves. Returns the flow of the session.
    pub fn submit(&mut self, from: Peer, message: ClientMessage) -> SessionFlow {
        let next = self.begin(from, message);
        self.work();
        next
    }

    /// Sends a message and leaves unfinished work undone.
    pub fn begin(&mut self, from: Peer, message: ClientMessage) -> SessionFlow {
        self.realm.handle_message(self.places[from.0].session, message, self.now)
    }

    /// Runs one step of the pending jobs. Returns whether jobs are left.
    pub fn step(&mut self) -> bool {
        self.realm.work(self.now, limits::WORK_PER_STEP)
    }

    /// Runs one step of `units` of work, of about 100 ns each. Returns whether jobs are left.
    pub fn step_of(&mut self, units: u32) -> bool {
        self.realm.work(self.now, units)
    }

    /// Runs all pending jobs in steps that are shorter than usual, so that more of them are needed.
    pub fn work(&mut self) {
        while self.realm.has_work() {
            self.realm.work(self.now, limits::WORK_PER_STEP / 20);
        }
    }

    /// The work of the last step.
    pub const fn work_done(&self) -> u32 {
        self.realm.work_done()
    }

    /// The number of outboxes that a peer has to wait for after [`SessionFlow::Wait`], and whether
    /// it waits for its own outbox to be resumed.
    pub fn take_wait(&mut self, peer: Peer) -> (usize, bool) {
        let wait = self.realm.take_wait(self.places[peer.0].session);
        (wait.congested.len(), wait.until_resumed)
    }

    /// The number of outboxes that a peer has to wait for after [`SessionFlow::Wait`].
    pub fn take_congested(&mut self, publisher: Peer) -> usize {
        self.take_wait(publisher).0
    }

    /// Number of times that the peer was resumed since the last call.
    pub fn resumed(&mut self, peer: Peer) -> usize {
        self.places[peer.0].recorder.take_resumed()
    }

    /// Gives the outbox of the peer room for `room` more messages that can be delayed.
    pub fn set_room(&mut self, peer: Peer, room: usize) {
        let PeerState { session, recorder, .. } = &self.places[peer.0];
        if recorder.set_room(room) {
            self.realm.handle_room(*session);
            self.work();
        }
    }

    /// The messages that the peer was sent since the last call.
    pub fn received(&mut self, peer: Peer) -> Vec<RouterMessage> {
        self.places[peer.0].recorder.take()
    }

    /// Ends the connection of the peer.
    pub fn disconnect(&mut self, peer: Peer) {
        self.begin_disconnect(peer);
        self.work();
    }

    /// Ends the connection of the peer without running jobs that continue in later steps.
    pub fn begin_disconnect(&mut self, peer: Peer) {
        self.places[peer.0].recorder.set_state(OutboxState::Closed);
        self.realm.detach(self.places[peer.0].session, self.now);
    }

    /// Takes the number of meta events that the realm has dropped since the last call.
    pub const fn take_dropped_meta_events(&mut self) -> u64 {
        self.realm.take_dropped_meta_events()
    }

    /// The reason for which the realm has closed the peer's connection, if it has.
    pub fn closed(&self, peer: Peer) -> Option<String> {
        self.places[peer.0].recorder.closed()
    }

    /// Reports that the host can't send an invocation to its callee.
    pub fn fail_invocation(&mut self, callee: Peer, error: InvocationError) {
        let session = self.places[callee.0].session;
        self.realm.fail_invocation(session, error);
    }

    /// Aborts the session, as the host does after bytes that are no message.
    pub fn abort(&mut self, peer: Peer, abort: Abort) {
        self.realm.abort(self.places[peer.0].session, abort, self.now);
        self.work();
    }

    /// Reports the progress of the event store.
    pub fn stored(&mut self, up_to: StoreTicket, outcome: Result<(), &str>) {
        self.realm.stored(up_to, outcome);
        self.work();
    }

    /// The authorizer decides on a request.
    pub fn decided(&mut self, ticket: DecisionTicket, decision: Decision) {
        self.realm.decided(ticket, decision);
        self.work();
    }

    /// The authorizer decides on a request; parked messages are left to later steps.
    pub fn begin_decided(&mut self, ticket: DecisionTicket, decision: Decision) {
        self.realm.decided(ticket, decision);
    }

    /// The flow of a peer that was resumed.
    pub fn flow(&self, peer: Peer) -> SessionFlow {
        self.realm.flow(self.places[peer.0].session)
    }

    /// Ends the open calls because the router shuts down.
    pub fn end_calls(&mut self) {
        while self.realm.end_calls(self.now) || self.realm.has_work() {
            self.work();
        }
    }

    /// The event store answers a query.
    pub fn finish_history_query(&mut self, answer: HistoryAnswer) {
        self.realm.finish_history_query(answer);
        self.work();
    }

    /// The host publishes the traffic of a session.
    pub fn publish_stats(&mut self, of: &Metered, stats: &SessionStats) {
        self.realm.publish_stats(of, stats, self.now);
    }

    /// Sends GOODBYE to all sessions.
    pub fn close(&mut self, reason: &str) {
        self.realm.close(reason);
    }

    /// Closes the connections of sessions that have not answered the GOODBYE of [`Self::close`].
    pub fn close_connections(&mut self, reason: &str) {
        self.realm.close_connections(reason);
    }

    /// Gives the realm other roles, without schemas. Sessions of removed roles are left to the next
    /// steps.
    pub fn begin_set_roles(&mut self, roles: Vec<Role>) {
        let validation = self.realm.validation().clone();
        self.realm.set_rules(roles, validation);
    }

    /// Gives the realm other roles, without schemas, and ends the sessions of removed ones.
    pub fn set_roles(&mut self, roles: Vec<Role>) {
        self.begin_set_roles(roles);
        self.work();
    }

    /// Takes the refused patterns whose text equals that of a permission.
    pub fn take_refused_patterns(&mut self) -> Vec<RefusedPattern> {
        self.realm.take_refused_patterns()
    }

    /// Changes the behaviour of the peer's outbox.
    pub fn set_state(&mut self, peer: Peer, state: OutboxState) {
        self.places[peer.0].recorder.set_state(state);
    }

    /// Advances the clock; every deadline on the way is handled at its microsecond.
    pub fn pass(&mut self, time: Duration) {
        let end = Moment::after_start(self.now.since_start() + time);
        while let Some(deadline) = self.realm.next_deadline().filter(|at| *at <= end) {
            self.set_now(self.now.max(deadline));
            self.realm.handle_timeout(self.now);
            self.work();
        }
        self.set_now(end);
    }

    /// Advances the clock, then handles due deadlines for one step. Returns whether any is left.
    pub fn begin_timeouts(&mut self, time: Duration) -> bool {
        self.set_now(Moment::after_start(self.now.since_start() + time));
        self.realm.handle_timeout(self.now);
        self.realm.next_deadline().is_some_and(|deadline| deadline <= self.now)
    }

    fn set_now(&mut self, now: Moment) {
        let passed = now.since_start().saturating_sub(self.now.since_start());
        self.now = now;
        self.set_clock(passed.as_micros() as i64);
    }

    /// Adjusts the wall clock by so many microseconds; no time passes.
    pub fn set_clock(&mut self, by: i64) {
        self.clock.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The last drawn publication id.
    pub fn last_publication(&self) -> PublicationId {
        PublicationId::from_random(self.draws.last_bits())
    }

    /// The realm itself.
    pub const fn realm(&self) -> &Realm<Recorder> {
        &self.realm
    }
}
