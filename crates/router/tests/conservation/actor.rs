//! One peer as an honest client sees itself: its requests, the messages that it has received, and
//! which messages it may receive.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cloverleaf_testkit::Peer;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{
    CallResult, CancelMode, Interrupt, Invocation, RequestError, RequestKind, RouterMessage,
    SharedEvent, Unregistered, Unsubscribed,
};
use cloverleaf_wamp::payload::Payload;

use crate::ledger::{Called, InvocationModel, PayloadTag, RegistrationModel, Request};
use crate::operation::Kind;
use crate::world::Group;

/// The URI of every failure of a callee that has no other one.
pub(crate) const FAILURE: &str = "com.error.failure";

/// A peer and its knowledge.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) peer: Peer,
    pub(crate) kind: Kind,
    /// Its place in the world; its messages are marked with it.
    place: usize,
    /// Whether its session is open.
    pub(crate) is_open: bool,
    /// Its connection is closed: messages to it are lost.
    pub(crate) ignores_messages: bool,
    /// It has sent GOODBYE and has no answer yet; it sends nothing more.
    pub(crate) is_leaving: bool,
    /// Events of senders with independent requests may arrive in any order.
    pub(crate) hears_unordered: bool,
    requests: u64,
    waiting: BTreeMap<u64, Request>,
    pub(crate) calls: BTreeMap<u64, Called>,
    pub(crate) registrations: BTreeMap<u64, RegistrationModel>,
    pub(crate) subscriptions: BTreeSet<u64>,
    /// The first one has number 1.
    pub(crate) asked: Vec<InvocationModel>,
    /// The invocations that it has not answered.
    pub(crate) invocations: BTreeSet<u64>,
    /// The registration and number of the invocations since the last look.
    pub(crate) news: Vec<(u64, u64)>,
    /// Events that it has not acknowledged.
    pub(crate) to_acknowledge: Vec<PublicationId>,
    /// By sender: the number of its last publication that was received.
    last_from: HashMap<usize, u64>,
}

impl Actor {
    pub(crate) fn new(peer: Peer, place: usize, kind: Kind) -> Self {
        Self {
            peer,
            kind,
            place,
            is_open: true,
            ignores_messages: false,
            is_leaving: false,
            hears_unordered: false,
            requests: 0,
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            registrations: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            asked: Vec::new(),
            invocations: BTreeSet::new(),
            news: Vec::new(),
            to_acknowledge: Vec::new(),
            last_from: HashMap::new(),
        }
    }

    /// Whether its knowledge of its own calls is true.
    pub(crate) const fn hears(&self) -> bool {
        self.is_open && !self.ignores_messages
    }

    /// A request id for a new request that will be answered.
    pub(crate) fn ask(&mut self, request: Request) -> u64 {
        let number = self.number();
        self.waiting.insert(number, request);
        number
    }

    /// A request id for a request that is not answered.
    pub(crate) const fn number(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Its calls that are not answered.
    pub(crate) fn calls_in_flight(&self) -> impl Iterator<Item = u64> {
        self.calls.iter().filter(|(_, call)| !call.has_ended).map(|(number, _)| *number)
    }

    /// The number of the invocation that it was sent last.
    pub(crate) const fn last_invocation(&self) -> u64 {
        self.asked.len() as u64
    }

    /// An invocation that it was sent.
    pub(crate) fn invocation(&self, number: u64) -> &InvocationModel {
        &self.asked[number as usize - 1]
    }

    /// Reads a message that the peer was sent; panics if it may not be sent.
    pub(crate) fn read(&mut self, message: RouterMessage) {
        assert!(self.is_open, "{message:?} after the end of the session");
        match message {
            RouterMessage::Result(result) => self.answered_with(&result),
            RouterMessage::Error(error) => self.failed(&error),
            RouterMessage::Registered(answer) => {
                let Request::Register(terms) = self.answered(answer.request.number()) else {
                    panic!("REGISTERED answers no REGISTER");
                };
                // Registering again changes nothing.
                let id = answer.registration.number();
                self.registrations.entry(id).or_insert_with(|| RegistrationModel::new(terms));
            }
            RouterMessage::Unregistered(Unregistered::Answer(request)) => {
                let Request::Unregister(id) = self.answered(request.number()) else {
                    panic!("UNREGISTERED answers no UNREGISTER");
                };
                assert!(self.registrations.remove(&id).is_some());
            }
            RouterMessage::Unregistered(Unregistered::Revocation(details)) => {
                assert_eq!(self.kind, Kind::Able, "a revocation for one that does not know it");
                let id = details.registration.expect("the registration that is gone").number();
                assert!(self.registrations.remove(&id).is_some());
            }
            RouterMessage::Subscribed(answer) => {
                let request = self.answered(answer.request.number());
                assert!(matches!(request, Request::Subscribe));
                self.subscriptions.insert(answer.subscription.number());
            }
            RouterMessage::Unsubscribed(Unsubscribed::Answer(request)) => {
                let Request::Unsubscribe(id) = self.answered(request.number()) else {
                    panic!("UNSUBSCRIBED answers no UNSUBSCRIBE");
                };
                assert!(self.subscriptions.remove(&id));
            }
            RouterMessage::Published(answer) => {
                let request = self.answered(answer.request.number());
                assert!(matches!(request, Request::Publish));
            }
            RouterMessage::Invocation(invocation) => self.invoked(invocation),
            RouterMessage::Interrupt(interrupt) => self.interrupted(&interrupt),
            RouterMessage::Event(event) => self.heard(&event),
            RouterMessage::Abort(_) | RouterMessage::Goodbye(_) => self.is_open = false,
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn answered(&mut self, number: u64) -> Request {
        self.waiting.remove(&number).expect("an answer to a request that waits for one")
    }

    fn answered_with(&mut self, result: &CallResult) {
        let number = result.request.number();
        if result.details.progress == Some(true) {
            let call = &self.calls[&number];
            assert!(call.shape.receiving && !call.has_ended, "a part that may not come");
            self.assert_echo(number, &result.payload);
        } else if let Request::Call = self.answered(number) {
            self.end(number);
            self.assert_echo(number, &result.payload);
        }
    }

    fn failed(&mut self, error: &RequestError) {
        let number = error.request.id().number();
        match self.answered(number) {
            Request::Call => {
                assert_eq!(error.request.kind(), RequestKind::Call);
                self.end(number);
                if error.error == FAILURE {
                    self.assert_echo(number, &error.payload);
                }
            }
            // The registration was revoked without a notice.
            Request::Unregister(id) => drop(self.registrations.remove(&id)),
            _ => {}
        }
    }

    /// Ends a call; panics if it has ended before.
    fn end(&mut self, number: u64) {
        let call = self.calls.get_mut(&number).expect("a call of this peer");
        assert!(!std::mem::replace(&mut call.has_ended, true));
    }

    /// Asserts that a callee has answered with the arguments of that call, or that each of several
    /// has, or has failed.
    fn assert_echo(&self, number: u64, payload: &Payload) {
        if let Ok((place, of, _)) = payload.decode_args::<PayloadTag>() {
            return assert_eq!((place, of), (self.place, number));
        }
        let (entries,) = payload.decode_args::<(Vec<Entry>,)>().expect("a mark or a list");
        assert!(!entries.is_empty());
        for entry in entries {
            match (entry.error.as_deref(), entry.args) {
                (None | Some(FAILURE), Some(args)) => {
                    let (place, of, _): PayloadTag = serde_json::from_value(args).expect("a mark");
                    assert_eq!((place, of), (self.place, number));
                }
                (error, _) => assert!(error.is_some(), "an entry without anything in it"),
            }
        }
    }

    fn invoked(&mut self, invocation: Invocation) {
        let Invocation { request, registration, details, payload } = invocation;
        let (number, registration) = (request.number(), registration.number());
        let mark: PayloadTag = payload.decode_args().expect("a mark");
        let is_open = details.progress == Some(true);
        if number <= self.last_invocation() {
            assert!(self.invocations.contains(&number), "a part of what was answered");
            let asked = &mut self.asked[number as usize - 1];
            assert!(asked.is_open && !asked.given_up, "a part that may not come");
            assert_eq!((asked.mark.0, asked.mark.1, asked.mark.2 + 1), mark);
            (asked.mark, asked.payload, asked.is_open) = (mark, payload, is_open);
            return;
        }
        assert_eq!(number, self.last_invocation() + 1);
        assert!(self.kind == Kind::Able || !is_open, "a feature that was not announced");
        let held = self.registrations.get_mut(&registration).expect("its own registration");
        held.invocations.insert(number);
        let (given_up, is_lost) = (false, false);
        self.asked.push(InvocationModel { payload, mark, is_open, given_up, is_lost });
        self.invocations.insert(number);
        self.news.push((registration, number));
    }

    fn interrupted(&mut self, interrupt: &Interrupt) {
        let number = interrupt.request.number();
        assert!(self.kind != Kind::Basic, "INTERRUPT for a callee that does not know it");
        assert!(self.invocations.contains(&number), "INTERRUPT of what was answered");
        let asked = &mut self.asked[number as usize - 1];
        assert!(!asked.given_up, "a second INTERRUPT");
        asked.given_up = interrupt.options.mode == Some(CancelMode::KillNoWait);
    }

    fn heard(&mut self, event: &SharedEvent) {
        assert!(self.subscriptions.contains(&event.subscription.number()));
        if event.details.x_acknowledged_delivery == Some(true) {
            assert_eq!(self.kind, Kind::Able, "a feature that was not announced");
            self.to_acknowledge.push(event.publication);
        }
        let (sender, number, _): PayloadTag = event.payload.decode_args().expect("a mark");
        let last = std::mem::replace(self.last_from.entry(sender).or_default(), number);
        if self.hears_unordered && Group::of(sender) == Group::Independent {
            return;
        }
        assert!(last <= number, "events {last} and {number} arrive out of order");
    }
}

/// One of several answers to a call.
#[derive(serde::Deserialize)]
struct Entry {
    error: Option<String>,
    args: Option<serde_json::Value>,
}
