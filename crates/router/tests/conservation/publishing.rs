//! Applies the operations of publishers and subscribers.

use cloverleaf_testkit::messages::{args, client};
use cloverleaf_wamp::message::{ClientMessage, PublishOptions};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde_json::json;

use crate::ledger::Request;
use crate::operation::{PATTERNS, URIS};
use crate::world::{World, one_of};

/// Testaments have an order of their own, for each scope.
const TESTAMENTS: usize = 1_000;

impl World {
    pub(crate) fn subscribe(&mut self, who: usize, pattern: usize) {
        let number = self.actors[who].ask(Request::Subscribe);
        let (policy, uri) = PATTERNS[pattern];
        self.send(who, client::subscribe_pattern(number, policy, uri));
    }

    pub(crate) fn unsubscribe(&mut self, who: usize, which: usize) -> Option<()> {
        let id = one_of(self.actors[who].subscriptions.iter().copied(), which)?;
        let number = self.actors[who].ask(Request::Unsubscribe(id));
        self.send(who, client::unsubscribe(number, id));
        Some(())
    }

    pub(crate) fn publish(
        &mut self,
        who: usize,
        uri: usize,
        [acknowledge, exclude_me, asking]: [bool; 3],
    ) {
        let actor = &mut self.actors[who];
        let number = if acknowledge { actor.ask(Request::Publish) } else { actor.number() };
        let options = PublishOptions {
            acknowledge: Some(acknowledge),
            exclude_me: Some(exclude_me),
            x_acknowledged_delivery: Some(asking),
            ..PublishOptions::default()
        };
        self.send(who, client::publish_with(number, options, URIS[uri], args((who, number, 0))));
    }

    pub(crate) fn acknowledge(&mut self, who: usize, which: usize) -> Option<()> {
        let asked = &mut self.actors[who].to_acknowledge;
        let place = which.checked_rem(asked.len())?;
        let publication = asked.remove(place);
        self.send(who, ClientMessage::EventReceived(publication));
        Some(())
    }

    pub(crate) fn testament(&mut self, who: usize, uri: usize, detached: bool) {
        let number = self.actors[who].ask(Request::Meta);
        let mark = (TESTAMENTS + 2 * who + usize::from(detached), number, 0);
        let (testament, scope) = ((URIS[uri], mark, json!({})), scope(detached));
        let arguments = Payload::from_args_and_kwargs(Serializer::Json, &testament, &scope);
        let arguments = arguments.expect("arguments");
        self.send(who, client::call(number, "wamp.session.add_testament", arguments));
    }

    pub(crate) fn flush_testaments(&mut self, who: usize, detached: bool) {
        let none: [u8; 0] = [];
        let arguments = Payload::from_args_and_kwargs(Serializer::Json, &none, &scope(detached));
        self.call_meta(who, "wamp.session.flush_testaments", arguments.expect("arguments"));
    }
}

fn scope(detached: bool) -> serde_json::Value {
    json!({"scope": if detached { "detached" } else { "destroyed" }})
}
