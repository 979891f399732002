//! The realm under test with everybody in it.

use std::time::Duration;

use cloverleaf_router::Next;
use cloverleaf_testkit::messages::{NOTHING, args, client};
use cloverleaf_testkit::recorder::State;
use cloverleaf_testkit::{Client, Lab};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    Abort, CallOptions, ClientMessage, InvokePolicy, PublishOptions, RegisterOptions,
};
use cloverleaf_wamp::uri::MatchPolicy;

use crate::actor::{Actor, FAILURE, Request};
use crate::operation::{Farewell, Operation, PATTERNS, URIS, Violation};

/// A realm and its peers; those that have left are kept, to see that they hear nothing.
pub(crate) struct World {
    lab: Lab,
    actors: Vec<Actor>,
}

/// One of several, or none of nothing.
fn one_of<T: Copy>(all: impl IntoIterator<Item = T>, which: usize) -> Option<T> {
    let all: Vec<T> = all.into_iter().collect();
    all.get(which % all.len().max(1)).copied()
}

impl World {
    pub(crate) fn new() -> Self {
        Self { lab: Lab::new(), actors: Vec::new() }
    }

    /// Lets one thing happen; passes over it when there is nobody or nothing that it can be about.
    pub(crate) fn apply(&mut self, operation: Operation) {
        let _ = self.try_apply(operation);
    }

    fn try_apply(&mut self, operation: Operation) -> Option<()> {
        match operation {
            Operation::Join { canceling } => self.join(canceling),
            Operation::Pass { millis } => self.lab.pass(Duration::from_millis(millis)),
            Operation::Leave { who, farewell } => self.leave_one(self.open(who)?, farewell),
            Operation::Violate { who, violation } => self.violate(self.open(who)?, violation)?,
            Operation::Read { who, state } => self.set_state(self.open(who)?, state),
            Operation::Register { who, pattern, invoke } => {
                self.register(self.open(who)?, PATTERNS[pattern], invoke);
            }
            Operation::Unregister { who, which } => self.unregister(self.open(who)?, which)?,
            Operation::Call { who, uri, timeout } => {
                self.call(self.open(who)?, URIS[uri], timeout);
            }
            Operation::Cancel { who, which, mode } => {
                let who = self.open(who)?;
                let number = one_of(self.actors[who].calls(), which)?;
                self.send(who, client::cancel(number, mode));
            }
            Operation::Yield { who, which } => {
                let who = self.open(who)?;
                let number = self.invocation_of(who, which)?;
                let echo = self.actors[who].arguments_of(number);
                self.send(who, client::yielded(number, echo));
            }
            Operation::Fail { who, which } => {
                let who = self.open(who)?;
                let number = self.invocation_of(who, which)?;
                let echo = self.actors[who].arguments_of(number);
                self.send(who, client::failure(number, FAILURE, echo));
            }
            Operation::Subscribe { who, pattern } => {
                self.subscribe(self.open(who)?, PATTERNS[pattern]);
            }
            Operation::Unsubscribe { who, which } => self.unsubscribe(self.open(who)?, which)?,
            Operation::Publish { who, uri, acknowledge, exclude_me } => {
                self.publish(self.open(who)?, URIS[uri], acknowledge, exclude_me);
            }
        }
        Some(())
    }

    fn register(&mut self, who: usize, pattern: (MatchPolicy, &str), invoke: InvokePolicy) {
        let number = self.actors[who].ask(Request::Register);
        let options = RegisterOptions {
            match_policy: Some(pattern.0),
            invoke: Some(invoke.into()),
            ..RegisterOptions::default()
        };
        self.send(who, client::register_with(number, options, pattern.1));
    }

    fn unregister(&mut self, who: usize, which: usize) -> Option<()> {
        let id = one_of(self.actors[who].registrations.iter().copied(), which)?;
        let number = self.actors[who].ask(Request::Unregister(id));
        self.send(who, client::unregister(number, id));
        Some(())
    }

    fn call(&mut self, who: usize, uri: &str, timeout: Option<u64>) {
        let number = self.actors[who].ask(Request::Call);
        let options = CallOptions { timeout, ..CallOptions::default() };
        self.send(who, client::call_with(number, options, uri, args((who, number))));
    }

    fn subscribe(&mut self, who: usize, pattern: (MatchPolicy, &str)) {
        let number = self.actors[who].ask(Request::Subscribe);
        self.send(who, client::subscribe_pattern(number, pattern.0, pattern.1));
    }

    fn unsubscribe(&mut self, who: usize, which: usize) -> Option<()> {
        let id = one_of(self.actors[who].subscriptions.iter().copied(), which)?;
        let number = self.actors[who].ask(Request::Unsubscribe(id));
        self.send(who, client::unsubscribe(number, id));
        Some(())
    }

    fn publish(&mut self, who: usize, uri: &str, acknowledge: bool, exclude_me: bool) {
        let actor = &mut self.actors[who];
        let number = if acknowledge { actor.ask(Request::Publish) } else { actor.number() };
        let options = PublishOptions {
            acknowledge: Some(acknowledge),
            exclude_me: Some(exclude_me),
            ..PublishOptions::default()
        };
        self.send(who, client::publish_with(number, options, uri, args((who, number))));
    }

    fn join(&mut self, canceling: bool) {
        let client = if canceling { Client::named("peer") } else { Client::basic("peer") };
        let peer = self.lab.join_as(client);
        self.actors.push(Actor::new(peer, self.actors.len(), canceling));
    }

    /// One of those whose session is open.
    fn open(&self, who: usize) -> Option<usize> {
        one_of((0..self.actors.len()).filter(|place| self.actors[*place].is_open), who)
    }

    /// An invocation that the peer was sent once: mostly one that it has not answered.
    fn invocation_of(&mut self, who: usize, which: usize) -> Option<u64> {
        let actor = &mut self.actors[who];
        let number = match which % 4 {
            0 => one_of(1..=actor.last_invocation(), which / 4),
            _ => one_of(actor.invocations.iter().copied(), which / 4),
        }?;
        actor.invocations.remove(&number);
        Some(number)
    }

    fn send(&mut self, who: usize, message: ClientMessage) {
        self.lab.send(self.actors[who].peer, message);
    }

    /// Who hears nothing any more may hear neither GOODBYE nor ABORT.
    fn set_state(&mut self, who: usize, state: State) {
        let actor = &mut self.actors[who];
        if !actor.is_deaf {
            actor.is_deaf = state == State::Gone;
            self.lab.set_state(actor.peer, state);
        }
    }

    fn leave_one(&mut self, who: usize, farewell: Farewell) {
        let peer = self.actors[who].peer;
        match farewell {
            Farewell::Goodbye => {
                let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
                assert_eq!(self.lab.submit(peer, goodbye), Next::Left);
            }
            Farewell::Disconnect => self.lab.disconnect(peer),
            Farewell::Abort => {
                let abort = ClientMessage::Abort(Abort::new("com.error.enough", "enough"));
                assert_eq!(self.lab.submit(peer, abort), Next::Close);
            }
            Farewell::AbortByHost => self.lab.abort(peer, Abort::new("com.error.x", "bytes")),
        }
        self.ended(who);
    }

    fn violate(&mut self, who: usize, violation: Violation) -> Option<()> {
        let actor = &self.actors[who];
        let message = match violation {
            Violation::SecondHello => client::hello(),
            Violation::NeverSentInvocation => client::yielded(actor.last_invocation() + 1, NOTHING),
            // Who hears nothing does not know what has ended.
            Violation::RequestIdInUse if actor.is_deaf => return None,
            Violation::RequestIdInUse => {
                client::call(actor.calls_in_flight().next()?, "com.a", NOTHING)
            }
        };
        assert_eq!(self.lab.submit(actor.peer, message), Next::Close);
        self.ended(who);
        Some(())
    }

    /// The session has ended; what it was told last is still to be read.
    fn ended(&mut self, who: usize) {
        self.read(who);
        self.actors[who].is_open = false;
    }

    fn read(&mut self, who: usize) {
        let actor = &mut self.actors[who];
        for message in self.lab.received(actor.peer) {
            actor.read(message);
        }
    }

    /// Lets everybody read, and compares what there is with what there should be.
    pub(crate) fn watch(&mut self) {
        for who in 0..self.actors.len() {
            self.read(who);
        }
        let open = self.actors.iter().filter(|actor| actor.is_open).count();
        assert_eq!(self.lab.realm().session_count(), open);
    }

    /// Every callee answers what it has not answered.
    pub(crate) fn answer_everything(&mut self) {
        for who in 0..self.actors.len() {
            if self.actors[who].is_open {
                for number in std::mem::take(&mut self.actors[who].invocations) {
                    let echo = self.actors[who].arguments_of(number);
                    self.send(who, client::yielded(number, echo));
                }
            }
        }
    }

    pub(crate) fn assert_every_call_has_ended(&self) {
        let hearing = self.actors.iter().filter(|actor| actor.is_open && !actor.is_deaf);
        for actor in hearing {
            assert_eq!(actor.calls_in_flight().next(), None, "{actor:?}");
        }
        assert_eq!(self.lab.realm().next_deadline(), None);
    }

    /// Everybody leaves.
    pub(crate) fn leave(&mut self) {
        for actor in &self.actors {
            self.lab.disconnect(actor.peer);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lab.realm().is_empty()
    }
}
