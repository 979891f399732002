//! Budgets for the bytes that calls hold in the dealer: of one caller, and of all callers of the
//! realm.
//!
//! A call holds bytes while it waits for a callee, while it may be sent to another callee, and
//! while the answers of several callees are collected. Spec: advanced profile "Call Re-Routing".

use cloverleaf_router::limits::{SessionLimits, SharedLimits};
use cloverleaf_router::{CallQueue, RealmSettings, SessionFlow};
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, InvokePolicy, RegisterOptions, RouterMessage,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::UriPattern;
use serde_json::{Value, json};

use crate::fixture::{
    assert_nothing_stays, assert_silence, cancel, join, millis, no_available_callee, register,
    shared, too_many, unavailable,
};

/// Calls that fill the budget of one caller, but for [`SPARE`] bytes.
const FILLING: u64 = 4;

/// Bytes that each of them leaves free; more than a call costs beside its payload.
const SPARE: usize = 4_096;

/// Callers that fill the budget of the realm.
const CALLERS: u64 =
    (SharedLimits::DEFAULT.max_held_call_bytes / SessionLimits::DEFAULT.max_held_call_bytes) as u64;

/// More than is left of a full budget.
const MEDIUM: usize = 1024 * 1024;

/// The budget that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Caller,
    Realm,
}

/// A caller for whose calls no bytes are left, and a callee that has been called before.
struct Stage {
    lab: Lab,
    full: Full,
    caller: Peer,
    /// The peers whose calls fill the budget.
    fillers: Vec<Peer>,
    /// Callees of `com.kept`, both of which announce rerouting. The first one has been called.
    callees: [Peer; 2],
    /// The number of calls that the first callee has.
    called: u64,
    /// A caller whose calls hold nothing.
    other: Peer,
    medium: Payload,
}

impl Stage {
    fn new(full: Full) -> Self {
        let pattern = UriPattern::from_starred("com.*").expect("a pattern");
        let call_queues = vec![CallQueue { pattern, limit: 10 }];
        let mut lab = Lab::with(RealmSettings { call_queues, ..settings() });
        let [caller, other, a, b] = join(&mut lab, ["caller", "other", "a", "b"]);
        for callee in [a, b] {
            register(&mut lab, callee, shared(InvokePolicy::First), "com.kept", 1);
        }
        let fillers = match full {
            Full::Caller => vec![caller],
            Full::Realm => (0..CALLERS).map(|_| join(&mut lab, ["filler"])[0]).collect(),
        };
        let medium = text(&"x".repeat(MEDIUM));
        let called = FILLING * fillers.len() as u64;
        let mut stage = Self { lab, full, caller, fillers, callees: [a, b], called, other, medium };
        stage.fill();
        stage
    }

    /// Calls that are kept to be sent to another callee, until the budget is full.
    fn fill(&mut self) {
        let bytes = SessionLimits::DEFAULT.max_held_call_bytes / FILLING as usize - SPARE;
        let large = text(&"x".repeat(bytes));
        for filler in self.fillers.clone() {
            for number in 1..=FILLING {
                self.call(filler, number, "com.kept", large.clone());
            }
            assert_silence(&mut self.lab, &[filler]);
        }
        let [a, b] = self.callees;
        assert_eq!(self.lab.received(a).len() as u64, self.called);
        assert_silence(&mut self.lab, &[b]);
    }

    /// Sends a call without logging it: logging such large messages would take long.
    fn call(&mut self, from: Peer, number: u64, procedure: &str, payload: Payload) {
        let call = client::call(number, procedure, payload);
        assert_eq!(self.lab.submit(from, call), SessionFlow::Continue);
    }

    /// Frees some of the budget: a call is answered, or a caller leaves.
    fn free(&mut self) {
        match self.full {
            Full::Caller => {
                self.lab.send(self.callees[0], client::yielded(1, NOTHING));
                assert_eq!(self.lab.received(self.caller), [router::result(1, NOTHING)]);
            }
            Full::Realm => self.lab.disconnect(self.fillers[0]),
        }
        self.lab.received(self.callees[0]);
    }

    /// The first callee of `com.kept` gets a call and can't take it.
    fn reject_next(&mut self) {
        let [a, _] = self.callees;
        assert_eq!(self.lab.received(a).len(), 1);
        self.called += 1;
        self.lab.send(a, unavailable(self.called));
    }

    fn end(self, others: &[Peer]) {
        let Self { lab, caller, fillers, callees, other, .. } = self;
        let mut peers = vec![caller, other];
        peers.extend(callees);
        peers.extend(others);
        peers.extend(fillers);
        assert_nothing_stays(lab, &peers);
    }
}

#[test]
fn call_over_the_budget_is_sent_to_one_callee_only() {
    for full in [Full::Caller, Full::Realm] {
        let mut stage = Stage::new(full);
        let (caller, other, medium) = (stage.caller, stage.other, stage.medium.clone());
        stage.call(caller, 11, "com.kept", medium.clone());
        stage.reject_next();
        assert_eq!(stage.lab.received(caller), [no_available_callee(11)], "{full:?}");
        if full == Full::Caller {
            stage.call(other, 1, "com.kept", medium.clone());
            stage.reject_next();
            assert_eq!(stage.lab.received(stage.callees[1]).len(), 1, "others have their own");
            assert_silence(&mut stage.lab, &[other]);
        }
        stage.free();
        stage.call(caller, 12, "com.kept", medium);
        stage.reject_next();
        assert_eq!(stage.lab.received(stage.callees[1]).len(), 1, "{full:?}");
        assert_silence(&mut stage.lab, &[caller]);
        stage.end(&[]);
    }
}

/// A callee of `com.busy` that takes one call at a time, and has it.
fn busy_callee(stage: &mut Stage) -> Peer {
    let [callee] = join(&mut stage.lab, ["busy"]);
    let options = RegisterOptions { concurrency: Some(1), ..shared(InvokePolicy::First) };
    register(&mut stage.lab, callee, options, "com.busy", 2);
    let other = stage.other;
    stage.call(other, 100, "com.busy", NOTHING);
    assert_eq!(stage.lab.received(callee).len(), 1);
    callee
}

#[test]
fn call_over_the_budget_does_not_wait_for_a_callee() {
    for full in [Full::Caller, Full::Realm] {
        let mut stage = Stage::new(full);
        let busy = busy_callee(&mut stage);
        let (caller, other, medium) = (stage.caller, stage.other, stage.medium.clone());
        stage.call(caller, 11, "com.busy", medium.clone());
        assert_eq!(stage.lab.received(caller), [too_many(11)], "{full:?}");
        if full == Full::Caller {
            stage.call(other, 101, "com.busy", medium.clone());
            assert_silence(&mut stage.lab, &[other]);
        }
        stage.free();
        stage.call(caller, 12, "com.busy", medium);
        assert_silence(&mut stage.lab, &[caller]);
        stage.end(&[busy]);
    }
}

#[test]
fn collected_answer_over_the_budget_counts_as_a_failure() {
    for full in [Full::Caller, Full::Realm] {
        let mut stage = Stage::new(full);
        let [c, d] = join(&mut stage.lab, ["c", "d"]);
        for callee in [c, d] {
            register(&mut stage.lab, callee, shared(InvokePolicy::All), "com.all", 2);
        }
        let (caller, medium) = (stage.caller, stage.medium.clone());
        let collect = |stage: &mut Stage, number: u64, invocation: u64| -> Value {
            stage.call(caller, number, "com.all", NOTHING);
            let answer = client::yielded(invocation, medium.clone());
            assert_eq!(stage.lab.submit(c, answer), SessionFlow::Continue);
            stage.lab.send(d, client::yielded(invocation, args(["small"])));
            let received = stage.lab.received(caller);
            let [RouterMessage::Result(result)] = received.as_slice() else { panic!("a result") };
            let (answers,): (Value,) = result.payload.decode_args().expect("a list");
            answers
        };
        let answers = collect(&mut stage, 11, 1);
        let too_large = json!({"error": error_uri::PAYLOAD_SIZE_EXCEEDED});
        assert_eq!(answers, json!([too_large, {"args": ["small"]}]), "{full:?}");
        stage.free();
        let answers = collect(&mut stage, 12, 2);
        assert_eq!(answers[0]["args"][0].as_str().map(str::len), Some(MEDIUM), "{full:?}");
        stage.end(&[c, d]);
    }
}

#[test]
fn every_ending_of_a_call_frees_its_bytes() {
    let endings: [fn(&mut Lab, Peer, Peer); 5] = [
        |lab, _, callee| lab.send(callee, client::yielded(1, NOTHING)),
        |lab, _, callee| lab.send(callee, client::failure(1, "com.error", NOTHING)),
        |lab, caller, _| lab.send(caller, cancel(1, CancelMode::Skip)),
        |lab, caller, _| lab.send(caller, cancel(1, CancelMode::KillNoWait)),
        |lab, _, callee| lab.disconnect(callee),
    ];
    for (number, end) in endings.into_iter().enumerate() {
        let mut stage = Stage::new(Full::Caller);
        let busy = busy_callee(&mut stage);
        let (caller, medium) = (stage.caller, stage.medium.clone());
        stage.call(caller, 11, "com.busy", medium.clone());
        assert_eq!(stage.lab.received(caller), [too_many(11)]);
        end(&mut stage.lab, caller, stage.callees[0]);
        assert!(!stage.lab.received(caller).is_empty());
        stage.call(caller, 12, "com.busy", medium);
        assert_eq!(stage.lab.received(caller), [], "ending {number}");
        stage.end(&[busy]);
    }
}

#[test]
fn timeout_of_a_waiting_call_frees_its_bytes() {
    let mut stage = Stage::new(Full::Caller);
    let busy = busy_callee(&mut stage);
    stage.free();
    let caller = stage.caller;
    // As large as the call that was answered.
    let bytes = SessionLimits::DEFAULT.max_held_call_bytes / FILLING as usize - SPARE;
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    let large = text(&"x".repeat(bytes));
    let call = client::call_with(11, options, "com.busy", large);
    assert_eq!(stage.lab.submit(caller, call), SessionFlow::Continue);
    assert_silence(&mut stage.lab, &[caller]);
    let medium = stage.medium.clone();
    stage.call(caller, 12, "com.busy", medium.clone());
    assert_eq!(stage.lab.received(caller), [too_many(12)]);
    stage.lab.pass(millis(100));
    assert_eq!(stage.lab.received(caller), [router::timed_out(11)]);
    stage.call(caller, 13, "com.busy", medium);
    assert_silence(&mut stage.lab, &[caller]);
    stage.end(&[busy]);
}
