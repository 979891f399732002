//! The realm under test with its peers.

use std::collections::BTreeMap;
use std::time::Duration;

use cloverleaf_router::{Admitted, CallQueue, DecisionTicket, RealmSettings, Role};
use cloverleaf_testkit::messages::client;
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, RecordingAuthorizer, settings};
use cloverleaf_wamp::features::{ClientRoles, Feature, Features};
use cloverleaf_wamp::message::ClientMessage;
use cloverleaf_wamp::uri::UriPattern;

use crate::actor::Actor;
use crate::operation::{Kind, Operation, QUEUE};

/// The role of peers whose requests the authorizer decides on.
const ASKED: &str = "asked";

/// A realm and its peers. Peers that have left are kept, to check that they receive nothing.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) actors: Vec<Actor>,
    /// The number of operations so far.
    pub(crate) step: usize,
    /// A callee has registered with a limit, so calls may be queued.
    pub(crate) has_limits: bool,
    /// A peer was slow for a time, so calls may have been rerouted.
    pub(crate) was_slow: bool,
    /// By registration: the operation of the call that has left its queue last.
    pub(crate) last_late: BTreeMap<u64, usize>,
    /// Decides on the requests of the peers that [`Group`] names, if there is one.
    pub(crate) authorizer: Option<RecordingAuthorizer>,
    /// The questions that are open, or were withdrawn.
    pub(crate) questions: Vec<DecisionTicket>,
}

/// How a peer is authorized, in a world with an authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// By static rules.
    Static,
    /// By the authorizer.
    InvocationModel,
    /// By the authorizer, each request on its own.
    Independent,
}

impl Group {
    /// The group of a peer. A third of the peers is in each.
    pub(crate) const fn of(place: usize) -> Self {
        match place % 3 {
            0 => Self::Static,
            1 => Self::InvocationModel,
            _ => Self::Independent,
        }
    }
}

/// One of several, or `None` if there are none.
pub(crate) fn one_of<T: Copy>(all: impl IntoIterator<Item = T>, which: usize) -> Option<T> {
    let all: Vec<T> = all.into_iter().collect();
    all.get(which % all.len().max(1)).copied()
}

impl World {
    pub(crate) fn new(authorizer: Option<RecordingAuthorizer>) -> Self {
        let pattern = UriPattern::from_starred(QUEUE.0).expect("a pattern");
        let call_queues = vec![CallQueue { pattern, limit: QUEUE.1 }];
        let mut settings = RealmSettings { call_queues, ..settings() };
        if let Some(authorizer) = &authorizer {
            settings.roles.push(Role::with_authorizer(ASKED));
            settings.authorizer = Some(Box::new(authorizer.clone()));
        }
        Self {
            lab: Lab::with(settings),
            actors: Vec::new(),
            step: 0,
            has_limits: false,
            was_slow: false,
            last_late: BTreeMap::new(),
            authorizer,
            questions: Vec::new(),
        }
    }

    /// Applies an operation; skips it if its peer or entry does not exist.
    pub(crate) fn apply(&mut self, operation: Operation) {
        self.step += 1;
        let _ = self.try_apply(operation);
    }

    fn try_apply(&mut self, operation: Operation) -> Option<()> {
        match operation {
            Operation::Join(kind) => self.join(kind),
            Operation::Pass { millis } => self.lab.pass(Duration::from_millis(millis)),
            Operation::Leave { who, ending } => self.leave_one(self.open(who)?, ending),
            Operation::Kill { who, whom } => self.kill(self.open(who)?, self.open(whom)?),
            Operation::KillAll { who, in_silence } => self.kill_all(self.open(who)?, in_silence),
            Operation::AnswerGoodbye { who } => self.answer_goodbye(who)?,
            Operation::Violate { who, violation } => self.violate(self.open(who)?, violation)?,
            Operation::Read { who, state } => self.set_state(self.open(who)?, state),
            Operation::Register { who, terms } => self.register(self.open(who)?, terms),
            Operation::Unregister { who, which } => self.unregister(self.open(who)?, which)?,
            Operation::RemoveCallee { who, whom, which } => {
                self.remove_callee(self.open(who)?, self.open(whom)?, which)?;
            }
            Operation::Call { who, shape } => self.call(self.open(who)?, shape),
            Operation::CallPart { who, which, is_last } => {
                self.call_part(self.open(who)?, which, is_last)?;
            }
            Operation::Cancel { who, which, mode } => {
                let who = self.open(who)?;
                let number = one_of(self.actors[who].calls.keys().copied(), which)?;
                self.send(who, client::cancel(number, mode));
            }
            Operation::Yield { who, which } => self.yield_one(self.open(who)?, which)?,
            Operation::YieldPart { who, which } => self.yield_part(self.open(who)?, which)?,
            Operation::Fail { who, which, unavailable } => {
                self.fail(self.open(who)?, which, unavailable)?;
            }
            Operation::FailByHost { who, which } => self.fail_by_host(self.open(who)?, which)?,
            Operation::Subscribe { who, pattern } => self.subscribe(self.open(who)?, pattern),
            Operation::Unsubscribe { who, which } => self.unsubscribe(self.open(who)?, which)?,
            Operation::Publish { who, uri, acknowledge, exclude_me, asking } => {
                self.publish(self.open(who)?, uri, [acknowledge, exclude_me, asking]);
            }
            Operation::Acknowledge { who, which } => self.acknowledge(self.open(who)?, which)?,
            Operation::Testament { who, uri, detached } => {
                self.testament(self.open(who)?, uri, detached);
            }
            Operation::FlushTestaments { who, detached } => {
                self.flush_testaments(self.open(who)?, detached);
            }
            Operation::Decide { which, decision } => self.decide(which, decision)?,
            Operation::SetVerdict(verdict) => {
                self.authorizer.iter().for_each(|authorizer| authorizer.set_verdict(verdict));
            }
        }
        Some(())
    }

    fn join(&mut self, kind: Kind) {
        let everything = Some(Features::of(Feature::ALL));
        let client = match kind {
            Kind::Basic => Client::basic("peer"),
            Kind::Usual => Client::named("peer"),
            Kind::Able => {
                let roles = ClientRoles {
                    publisher: everything,
                    subscriber: everything,
                    caller: everything,
                    callee: everything,
                };
                Client { roles, ..Client::named("peer") }
            }
        };
        let place = self.actors.len();
        let mut admitted = Admitted::from(client);
        let group = self.authorizer.as_ref().map(|_| Group::of(place));
        if let Some(Group::InvocationModel | Group::Independent) = group {
            admitted.principal.authrole = ASKED.into();
        }
        admitted.has_independent_requests = group == Some(Group::Independent);
        let peer = self.lab.attach(admitted).expect("the realm takes the client");
        let mut actor = Actor::new(peer, place, kind);
        actor.hears_unordered = group.is_some();
        self.actors.push(actor);
    }

    /// One of the peers whose session is open.
    fn open(&self, who: usize) -> Option<usize> {
        let is_open = |place: &usize| {
            let actor = &self.actors[*place];
            actor.is_open && !actor.is_leaving
        };
        one_of((0..self.actors.len()).filter(is_open), who)
    }

    pub(crate) fn send(&mut self, who: usize, message: ClientMessage) {
        self.lab.send(self.actors[who].peer, message);
    }

    pub(crate) fn id(&self, who: usize) -> u64 {
        self.lab.id(self.actors[who].peer).number()
    }

    /// A peer with a closed connection receives neither GOODBYE nor ABORT.
    fn set_state(&mut self, who: usize, state: OutboxState) {
        let actor = &mut self.actors[who];
        if !actor.ignores_messages {
            self.was_slow |= state != OutboxState::Reading;
            actor.ignores_messages = state == OutboxState::Closed;
            self.lab.set_state(actor.peer, state);
        }
    }

    pub(crate) fn read(&mut self, who: usize) {
        let actor = &mut self.actors[who];
        for message in self.lab.received(actor.peer) {
            actor.read(message);
        }
    }

    /// Lets all peers read, and checks the laws.
    pub(crate) fn watch(&mut self) {
        for who in 0..self.actors.len() {
            self.read(who);
            // A session that ends behind parked messages, or is killed by a parked call, may not
            // receive a message about it.
            let actor = &mut self.actors[who];
            let is_parked = actor.is_leaving || self.authorizer.is_some();
            actor.is_open &= !is_parked || self.lab.realm().has_session(self.lab.key(actor.peer));
        }
        self.assert_invariants();
        let open = self.actors.iter().filter(|actor| actor.is_open).count();
        assert_eq!(self.lab.realm().session_count(), open);
    }

    /// Every callee answers its invocations, until no call is left.
    pub(crate) fn answer_everything(&mut self) {
        loop {
            let mut answers = Vec::new();
            for (who, actor) in self.actors.iter_mut().enumerate().filter(|(_, a)| a.is_open) {
                answers
                    .extend(std::mem::take(&mut actor.invocations).into_iter().map(|n| (who, n)));
            }
            if answers.is_empty() {
                return;
            }
            for (who, number) in answers {
                let echo = self.actors[who].invocation(number).payload.clone();
                self.send(who, client::yielded(number, echo));
            }
            self.watch();
        }
    }

    pub(crate) fn assert_every_call_has_ended(&self) {
        for actor in self.actors.iter().filter(|actor| actor.hears()) {
            assert_eq!(actor.calls_in_flight().next(), None, "{actor:?}");
        }
        assert_eq!(self.lab.realm().calls_in_flight(), 0);
    }

    /// Everything that waits ends with its timeout.
    pub(crate) fn let_time_pass(&mut self) {
        self.lab.pass(Duration::from_secs(60));
        self.watch();
        assert_eq!(self.lab.realm().next_deadline(), None);
    }

    /// All peers leave.
    pub(crate) fn leave(&mut self) {
        for actor in &self.actors {
            self.lab.disconnect(actor.peer);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lab.realm().is_empty()
    }
}
