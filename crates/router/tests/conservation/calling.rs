//! Applies the operations of callers and callees.

use cloverleaf_testkit::messages::{args, client};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, ClientMessage, RegisterOptions, Sharding, YieldOptions,
};

use crate::actor::FAILURE;
use crate::ledger::{Called, Request};
use crate::operation::{CallShape, Kind, PATTERNS, RegistrationTerms, URIS};
use crate::world::{World, one_of};

impl World {
    pub(crate) fn register(&mut self, who: usize, terms: RegistrationTerms) {
        self.has_limits |= terms.concurrency.is_some();
        let number = self.actors[who].ask(Request::Register(terms));
        let (policy, uri) = PATTERNS[terms.pattern];
        let options = RegisterOptions {
            match_policy: Some(policy),
            invoke: Some(terms.invoke.into()),
            concurrency: terms.concurrency,
            force_reregister: Some(terms.force),
            forward_timeout: Some(terms.forward_timeout),
            ..RegisterOptions::default()
        };
        self.send(who, client::register_with(number, options, uri));
    }

    pub(crate) fn unregister(&mut self, who: usize, which: usize) -> Option<()> {
        let id = one_of(self.actors[who].registrations.keys().copied(), which)?;
        let number = self.actors[who].ask(Request::Unregister(id));
        self.send(who, client::unregister(number, id));
        Some(())
    }

    pub(crate) fn remove_callee(&mut self, who: usize, whom: usize, which: usize) -> Option<()> {
        let id = one_of(self.actors[whom].registrations.keys().copied(), which)?;
        let arguments = args((id, self.id(whom)));
        self.call_meta(who, "wamp.registration.remove_callee", arguments);
        Some(())
    }

    /// Calls a meta procedure.
    pub(crate) fn call_meta(
        &mut self,
        who: usize,
        procedure: &str,
        arguments: cloverleaf_wamp::payload::Payload,
    ) {
        let number = self.actors[who].ask(Request::Meta);
        self.send(who, client::call(number, procedure, arguments));
    }

    pub(crate) fn call(&mut self, who: usize, shape: CallShape) {
        let step = self.step;
        let actor = &mut self.actors[who];
        let number = actor.ask(Request::Call);
        let is_open = shape.in_parts && actor.kind == Kind::Able;
        let called = Called { step, shape, parts: 1, is_open, has_ended: false, came_back: false };
        actor.calls.insert(number, called);
        let sharding = Sharding {
            rkey: shape.rkey.map(|key| ["a", "b", "c"][usize::from(key)].into()),
            runmode: shape.runmode.map(Into::into),
        };
        let options = CallOptions {
            timeout: shape.timeout,
            receive_progress: Some(shape.receiving),
            progress: Some(is_open),
            sharding: Some(Box::new(sharding)),
            ..CallOptions::default()
        };
        let mark = args((who, number, 0));
        self.send(who, client::call_with(number, options, URIS[shape.uri], mark));
    }

    /// Sends the next part of a call, also of one that has ended.
    pub(crate) fn call_part(&mut self, who: usize, which: usize, is_last: bool) -> Option<()> {
        let calls = &mut self.actors[who].calls;
        let open = calls.iter().filter(|(_, call)| call.is_open).map(|(number, _)| *number);
        let number = one_of(open, which)?;
        let call = calls.get_mut(&number)?;
        let mark = args((who, number, call.parts));
        call.parts += 1;
        call.is_open = !is_last;
        let options = CallOptions { progress: Some(!is_last), ..CallOptions::default() };
        let uri = URIS[call.shape.uri];
        self.send(who, client::call_with(number, options, uri, mark));
        Some(())
    }

    /// An invocation that the peer has received: mostly one that it has not answered, which counts
    /// as answered from now on.
    fn answer_of(&mut self, who: usize, which: usize) -> Option<u64> {
        let actor = &mut self.actors[who];
        let number = match which % 4 {
            0 => one_of(1..=actor.last_invocation(), which / 4),
            _ => one_of(actor.invocations.iter().copied(), which / 4),
        }?;
        actor.invocations.remove(&number);
        Some(number)
    }

    pub(crate) fn yield_one(&mut self, who: usize, which: usize) -> Option<()> {
        let number = self.answer_of(who, which)?;
        let echo = self.actors[who].invocation(number).payload.clone();
        self.send(who, client::yielded(number, echo));
        Some(())
    }

    /// Sends a progressive result: also of a call that has ended, or whose caller accepts none.
    pub(crate) fn yield_part(&mut self, who: usize, which: usize) -> Option<()> {
        let number = one_of(1..=self.actors[who].last_invocation(), which)?;
        let options = YieldOptions { progress: Some(true), ..YieldOptions::default() };
        let echo = self.actors[who].invocation(number).payload.clone();
        self.send(who, client::yield_with(number, options, echo));
        Some(())
    }

    pub(crate) fn fail(&mut self, who: usize, which: usize, unavailable: bool) -> Option<()> {
        let number = self.answer_of(who, which)?;
        let asked = self.actors[who].invocation(number);
        let (echo, (caller, call, _)) = (asked.payload.clone(), asked.mark);
        if unavailable && let Some(call) = self.actors[caller].calls.get_mut(&call) {
            call.came_back = true;
        }
        let error = if unavailable { error_uri::UNAVAILABLE } else { FAILURE };
        self.send(who, client::failure(number, error, echo));
        Some(())
    }

    /// The host can't send an invocation, or the next part of one.
    pub(crate) fn fail_by_host(&mut self, who: usize, which: usize) -> Option<()> {
        let number = one_of(self.actors[who].invocations.iter().copied(), which)?;
        let asked = &mut self.actors[who].asked[number as usize - 1];
        asked.is_lost = true;
        let echo = asked.payload.clone();
        let ClientMessage::Error(error) = client::failure(number, FAILURE, echo) else {
            return None;
        };
        self.lab.fail_invocation(self.actors[who].peer, error);
        Some(())
    }
}
