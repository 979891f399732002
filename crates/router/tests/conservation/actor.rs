//! One peer as an honest client sees itself: what it asked for, what it was told, and whether
//! what it is told may be said to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cloverleaf_testkit::Peer;
use cloverleaf_testkit::messages::args;
use cloverleaf_wamp::message::{
    Invocation, RequestKind, RouterMessage, SharedEvent, Unregistered, Unsubscribed,
};
use cloverleaf_wamp::payload::Payload;

/// The URI of every failure of a callee.
pub(crate) const FAILURE: &str = "com.error.failure";

/// What a request that waits for its answer was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Register,
    Unregister(u64),
    Call,
    Subscribe,
    Unsubscribe(u64),
    Publish,
}

/// A peer and what it knows.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) peer: Peer,
    /// Its place in the world; what it sends is marked with it.
    place: usize,
    /// Whether its session is open.
    pub(crate) is_open: bool,
    /// Its connection is going: what it is sent is lost.
    pub(crate) is_deaf: bool,
    canceling: bool,
    requests: u64,
    waiting: BTreeMap<u64, Request>,
    answered_calls: BTreeSet<u64>,
    pub(crate) registrations: BTreeSet<u64>,
    pub(crate) subscriptions: BTreeSet<u64>,
    /// The arguments of its invocations, the first of which is number 1.
    asked: Vec<Payload>,
    /// The invocations that it has not answered.
    pub(crate) invocations: BTreeSet<u64>,
    /// By sender: the number of the last call or publication that came from it.
    last_from: HashMap<(RequestKind, usize), u64>,
}

impl Actor {
    pub(crate) fn new(peer: Peer, place: usize, canceling: bool) -> Self {
        Self {
            peer,
            place,
            is_open: true,
            is_deaf: false,
            canceling,
            requests: 0,
            waiting: BTreeMap::new(),
            answered_calls: BTreeSet::new(),
            registrations: BTreeSet::new(),
            subscriptions: BTreeSet::new(),
            asked: Vec::new(),
            invocations: BTreeSet::new(),
            last_from: HashMap::new(),
        }
    }

    /// A number for a new request that will be answered.
    pub(crate) fn ask(&mut self, request: Request) -> u64 {
        let number = self.number();
        self.waiting.insert(number, request);
        number
    }

    /// A number for a request that nobody answers.
    pub(crate) const fn number(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Its calls, the ones in flight and the ones that have ended.
    pub(crate) fn calls(&self) -> Vec<u64> {
        self.calls_in_flight().chain(self.answered_calls.iter().copied()).collect()
    }

    pub(crate) fn calls_in_flight(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().filter(|(_, what)| **what == Request::Call).map(|(number, _)| *number)
    }

    /// The number of the invocation that it was sent last.
    pub(crate) const fn last_invocation(&self) -> u64 {
        self.asked.len() as u64
    }

    /// The arguments of an invocation that it was sent.
    pub(crate) fn arguments_of(&self, invocation: u64) -> Payload {
        self.asked[invocation as usize - 1].clone()
    }

    /// Takes in what the peer was sent; panics when it may not have been.
    pub(crate) fn read(&mut self, message: RouterMessage) {
        assert!(self.is_open, "{message:?} after the end of the session");
        match message {
            RouterMessage::Result(result) => {
                self.called(result.request.number(), Some(&result.payload));
            }
            RouterMessage::Error(error) => {
                let number = error.request.id().number();
                match error.request.kind() {
                    RequestKind::Call => {
                        let echo = (error.error == FAILURE).then_some(&error.payload);
                        self.called(number, echo);
                    }
                    _ => drop(self.answered(number)),
                }
            }
            RouterMessage::Registered(answer) => {
                assert_eq!(self.answered(answer.request.number()), Request::Register);
                self.registrations.insert(answer.registration.number());
            }
            RouterMessage::Unregistered(Unregistered::Answer(request)) => {
                let Request::Unregister(id) = self.answered(request.number()) else {
                    panic!("UNREGISTERED answers no UNREGISTER");
                };
                assert!(self.registrations.remove(&id));
            }
            RouterMessage::Subscribed(answer) => {
                assert_eq!(self.answered(answer.request.number()), Request::Subscribe);
                self.subscriptions.insert(answer.subscription.number());
            }
            RouterMessage::Unsubscribed(Unsubscribed::Answer(request)) => {
                let Request::Unsubscribe(id) = self.answered(request.number()) else {
                    panic!("UNSUBSCRIBED answers no UNSUBSCRIBE");
                };
                assert!(self.subscriptions.remove(&id));
            }
            RouterMessage::Published(answer) => {
                assert_eq!(self.answered(answer.request.number()), Request::Publish);
            }
            RouterMessage::Invocation(invocation) => self.invoked(&invocation),
            RouterMessage::Interrupt(interrupt) => {
                assert!(self.canceling, "INTERRUPT for a callee that does not know it");
                assert!(self.invocations.contains(&interrupt.request.number()));
            }
            RouterMessage::Event(event) => self.heard(&event),
            RouterMessage::Abort(_) | RouterMessage::Goodbye(_) => self.is_open = false,
            other => panic!("nobody asked for {other:?}"),
        }
    }

    fn answered(&mut self, number: u64) -> Request {
        self.waiting.remove(&number).expect("an answer to a request that waits for one")
    }

    /// A call ends, once; a callee has answered with the arguments of that very call.
    fn called(&mut self, number: u64, echo: Option<&Payload>) {
        assert_eq!(self.answered(number), Request::Call);
        assert!(self.answered_calls.insert(number));
        if let Some(echo) = echo {
            assert_eq!(echo, &args((self.place, number)));
        }
    }

    fn invoked(&mut self, invocation: &Invocation) {
        assert!(self.registrations.contains(&invocation.registration.number()));
        self.asked.push(invocation.payload.clone());
        assert_eq!(invocation.request.number(), self.last_invocation());
        self.invocations.insert(self.last_invocation());
        let last = self.last_of(RequestKind::Call, &invocation.payload);
        assert!(last.0 < last.1, "calls {last:?} arrive out of order");
    }

    fn heard(&mut self, event: &SharedEvent) {
        assert!(self.subscriptions.contains(&event.subscription.number()));
        let last = self.last_of(RequestKind::Publish, &event.payload);
        assert!(last.0 <= last.1, "events {last:?} arrive out of order");
    }

    /// The numbers of the message before and of this one, from the same sender.
    fn last_of(&mut self, kind: RequestKind, payload: &Payload) -> (u64, u64) {
        let (sender, number) = payload.decode_args::<(usize, u64)>().expect("sender and number");
        let last = self.last_from.entry((kind, sender)).or_default();
        (std::mem::replace(last, number), number)
    }
}
