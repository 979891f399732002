//! Calls and publications through a realm: messages in, messages out, no socket and no queue.
//!
//! With frames, each message is decoded from its sender's bytes, converted to the form that waits
//! in a queue, and encoded for its receiver.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::rc::Rc;

use cloverleaf_router::{
    Admitted, Delivery, Moment, Outbox, Permission, Principal, Random, Realm, RealmSettings, Role,
    SessionKey,
};
use cloverleaf_transport::WaitingMessage;
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::message::wire::WireMessage as _;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UriPattern;

use super::codec::{in_format, message_of};
use super::{Cases, measure};

/// The serializer of the peers.
const SPOKEN: Serializer = Serializer::MsgPack;

/// Number of subscribers of a publication.
const SUBSCRIBERS: usize = 1_000;

/// The first calls of a session grow its tables, so they are not counted.
pub(super) const UNCOUNTED_CALLS: usize = 100;

pub(super) fn add(cases: &mut Cases) {
    cases.insert("realm/call".into(), Box::new(call));
    cases.insert("realm/call-with-frames".into(), Box::new(call_with_frames));
    cases.insert("realm/publication".into(), Box::new(publication));
    cases.insert("realm/publication-with-frames".into(), Box::new(publication_with_frames));
}

/// The last message that left the realm.
trait LastMessage: Default {
    /// Replaces the message before.
    fn replace(&mut self, message: RouterMessage);
}

/// The message itself.
impl LastMessage for Option<RouterMessage> {
    fn replace(&mut self, message: RouterMessage) {
        *self = Some(message);
    }
}

/// The encoded frame.
impl LastMessage for Vec<u8> {
    fn replace(&mut self, message: RouterMessage) {
        let waiting = black_box(WaitingMessage::from(message));
        self.clear();
        RouterMessage::from(waiting).encode(SPOKEN, self).expect("a message of one format");
    }
}

/// Keeps the last message and counts all. Its clones are one outbox.
#[derive(Default)]
struct Last<F>(Rc<RefCell<F>>, Rc<Cell<usize>>);

impl<F> Clone for Last<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0), Rc::clone(&self.1))
    }
}

impl<F: LastMessage> Last<F> {
    /// Starts counting.
    fn forget_count(&self) {
        self.1.set(0);
    }

    /// The last message, and the number of messages.
    fn taken(&self) -> (F, usize) {
        (self.0.take(), self.1.get())
    }
}

impl<F: LastMessage> Outbox for Last<F> {
    fn send(&self, message: RouterMessage) -> Delivery {
        self.0.borrow_mut().replace(message);
        self.1.set(self.1.get() + 1);
        Delivery::Queued
    }

    fn close(&self, _: cloverleaf_router::CloseCause, _: &str) {}
}

/// A realm in which every session may do everything, as in a node without a configuration.
pub(super) fn realm<O: Outbox>() -> Realm<O> {
    let everything = UriPattern::from_starred("*").expect("a pattern");
    let settings = RealmSettings {
        roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
        ..RealmSettings::named("realm1")
    };
    let mut bits = 0;
    let random = Random::new(move || {
        bits += 1;
        bits
    });
    Realm::new(settings, random)
}

pub(super) fn join<O: Outbox>(realm: &mut Realm<O>, outbox: O) -> SessionKey {
    let principal = Principal {
        authid: "peer".into(),
        authrole: "anonymous".into(),
        authmethod: "anonymous".into(),
        authprovider: "static".into(),
    };
    let admitted = Admitted::new("realm1", principal, CLIENT);
    realm.attach(admitted, outbox, Moment::default()).expect("the role exists")
}

fn frame(json: &str) -> Vec<u8> {
    in_format(SPOKEN, json)
}

/// A message of a peer, given as JSON.
pub(super) fn sent(json: &str) -> ClientMessage {
    message_of(SPOKEN, &frame(json))
}

/// The expected message of a peer, given as JSON.
fn received(json: &str) -> RouterMessage {
    message_of(SPOKEN, &frame(json))
}

/// The numbers of the calls that are counted.
fn counted(rounds: usize) -> RangeInclusive<usize> {
    UNCOUNTED_CALLS + 1..=UNCOUNTED_CALLS + rounds
}

/// A CALL and the YIELD that answers it, as JSON.
fn exchange(number: usize) -> [String; 2] {
    [
        format!(r#"[48,{number},{{}},"com.example.add2",[13,3],{{"verbose":false}}]"#),
        format!("[70,{number},{{}},[16]]"),
    ]
}

/// The RESULT of an exchange, as JSON.
fn result(number: usize) -> String {
    format!("[50,{number},{{}},[16]]")
}

/// A realm with a caller and a callee of `com.example.add2`, and their outboxes.
struct Pair<F> {
    realm: Realm<Last<F>>,
    caller: SessionKey,
    callee: SessionKey,
    outboxes: [Last<F>; 2],
}

impl<F: LastMessage> Pair<F> {
    fn new() -> Self {
        let mut realm = realm();
        let outboxes: [Last<F>; 2] = Default::default();
        let [caller, callee] = outboxes.clone().map(|outbox| join(&mut realm, outbox));
        let register = sent(r#"[64,1,{},"com.example.add2"]"#);
        let _ = realm.handle_message(callee, register, Moment::default());
        let mut pair = Self { realm, caller, callee, outboxes };
        for [call, answer] in (1..=UNCOUNTED_CALLS).map(exchange) {
            pair.exchange(sent(&call), sent(&answer));
        }
        pair.outboxes.iter().for_each(Last::forget_count);
        pair
    }

    fn exchange(&mut self, call: ClientMessage, answer: ClientMessage) {
        let _ = self.realm.handle_message(self.caller, call, Moment::default());
        let _ = self.realm.handle_message(self.callee, answer, Moment::default());
    }

    /// The last message of the caller, after each peer received one message in each round.
    fn ended(&self, rounds: usize) -> F {
        let [(last, results), (_, invocations)] = self.outboxes.each_ref().map(Last::taken);
        assert_eq!((results, invocations), (rounds, rounds));
        last
    }
}

fn call(rounds: usize) {
    let mut pair = Pair::<Option<RouterMessage>>::new();
    let exchanges =
        counted(rounds).map(|number| exchange(number).map(|json| sent(&json))).collect();
    measure(exchanges, |[call, answer]| pair.exchange(call, answer));
    assert_eq!(pair.ended(rounds), Some(received(&result(UNCOUNTED_CALLS + rounds))));
}

fn call_with_frames(rounds: usize) {
    let mut pair = Pair::<Vec<u8>>::new();
    let exchanges: Vec<_> =
        counted(rounds).map(|number| exchange(number).map(|json| frame(&json))).collect();
    measure(exchanges.iter().collect(), |[call, answer]| {
        pair.exchange(message_of(SPOKEN, call), message_of(SPOKEN, answer));
    });
    assert_eq!(pair.ended(rounds), frame(&result(UNCOUNTED_CALLS + rounds)));
}

/// A publication, as JSON.
fn publish(number: usize) -> String {
    format!(r#"[16,{number},{{}},"com.example.sums",[16]]"#)
}

/// Session ids that are refused and drawn again, since their bytes in reverse order are an id as
/// well.
const DRAWN_AGAIN: usize = SUBSCRIBERS / 256;

/// The EVENT of a publication, as JSON. Its id is drawn after those of all sessions.
fn event(number: usize) -> String {
    format!("[36,1,{},{{}},[16]]", SUBSCRIBERS + DRAWN_AGAIN + 2 + number)
}

/// A realm with a publisher and subscribers of `com.example.sums`, who share their outbox.
struct Audience<F> {
    realm: Realm<Last<F>>,
    publisher: SessionKey,
    outbox: Last<F>,
}

impl<F: LastMessage> Audience<F> {
    fn new() -> Self {
        let mut realm = realm();
        let outbox = Last::default();
        let publisher = join(&mut realm, outbox.clone());
        for _ in 0..SUBSCRIBERS {
            let subscriber = join(&mut realm, outbox.clone());
            let subscribe = sent(r#"[32,1,{},"com.example.sums"]"#);
            let _ = realm.handle_message(subscriber, subscribe, Moment::default());
        }
        outbox.forget_count();
        Self { realm, publisher, outbox }
    }

    fn publish(&mut self, publish: ClientMessage) {
        let _ = self.realm.handle_message(self.publisher, publish, Moment::default());
    }

    /// The last message, after every subscriber received one message in each round.
    fn ended(&self, rounds: usize) -> F {
        let (last, events) = self.outbox.taken();
        assert_eq!(events, rounds * SUBSCRIBERS);
        last
    }
}

fn publication(rounds: usize) {
    let mut audience = Audience::<Option<RouterMessage>>::new();
    let publications = (1..=rounds).map(|number| sent(&publish(number))).collect();
    measure(publications, |publish| audience.publish(publish));
    assert_eq!(audience.ended(rounds), Some(received(&event(rounds))));
}

fn publication_with_frames(rounds: usize) {
    let mut audience = Audience::<Vec<u8>>::new();
    let publications: Vec<_> = (1..=rounds).map(|number| frame(&publish(number))).collect();
    measure(publications.iter().collect(), |publish| {
        audience.publish(message_of(SPOKEN, publish));
    });
    assert_eq!(audience.ended(rounds), frame(&event(rounds)));
}
