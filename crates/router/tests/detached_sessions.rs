//! Sessions with many entries that end, and deadlines that are over together: the work is done in
//! bounded steps, and other sessions see a consistent state between two steps.
//!
//! Spec: basic profile "Session Closing", "Caller Leaving During an RPC Invocation", "Callee
//! Leaving During an RPC Invocation"; advanced profile "Call Timeouts", "Session Meta API".

use std::collections::BTreeMap;
use std::time::Duration;

use cloverleaf_router::SessionFlow;
use cloverleaf_router::limits::{GOODBYE_TIMEOUT_MILLIS, WORK_PER_STEP};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, ClientMessage, InvokePolicy, RequestKind, RouterMessage,
};
use cloverleaf_wamp::uri::MatchPolicy;
use serde_json::{Value, json};

/// Units of a small step.
const UNITS: u32 = 200;

/// A step may exceed its size by its last piece.
const LAST_PIECE: u32 = 50;

/// Registrations, and as many subscriptions, of the session that leaves. More than one step
/// removes.
const COUNT: u64 = 1_500;

/// Calls of the session that leaves, and unanswered calls of each caller at it.
const CALLS: u64 = 300;

/// A session with many entries, and its callers, callees and watchers.
struct World {
    lab: Lab,
    leaving: Peer,
    /// They have called procedures of the session that leaves.
    callers: [Peer; 3],
    /// It has calls of the session that leaves.
    callee: Peer,
    /// It receives all meta events.
    watcher: Peer,
}

impl World {
    fn new() -> Self {
        let mut lab = Lab::new();
        let [leaving, callee, watcher] = ["leaving", "callee", "watcher"].map(|n| lab.join(n));
        let callers = ["a", "b", "c"].map(|name| lab.join(name));
        for number in 1..=COUNT {
            lab.send(leaving, client::register(number, &procedure(number)));
            lab.send(leaving, client::subscribe(number, &topic(number)));
        }
        lab.send(callee, client::register(1, "com.callee"));
        for number in 1..=CALLS {
            lab.send(leaving, client::call(number, "com.callee", NOTHING));
            for caller in callers {
                lab.send(caller, client::call(number, &procedure(number), NOTHING));
            }
        }
        lab.send(watcher, client::subscribe_pattern(1, MatchPolicy::Prefix, "wamp."));
        for peer in callers.into_iter().chain([leaving, callee, watcher]) {
            lab.received(peer);
        }
        Self { lab, leaving, callers, callee, watcher }
    }

    fn leave(&mut self) {
        let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
        assert_eq!(self.lab.begin(self.leaving, goodbye), SessionFlow::Left);
        let said = self.lab.received(self.leaving);
        assert!(matches!(said.as_slice(), [.., RouterMessage::Goodbye(_)]), "{said:?}");
        assert!(self.lab.realm().has_work(), "the first step does not do everything");
        assert!(self.lab.work_done() <= WORK_PER_STEP + LAST_PIECE);
    }

    /// Works in small steps, and calls `between` after each. Returns the number of steps.
    fn small_steps(&mut self, mut between: impl FnMut(&mut Self, u64)) -> u64 {
        let mut steps = 0;
        while self.lab.realm().has_work() {
            self.lab.step_of(UNITS);
            assert!(self.lab.work_done() <= UNITS + LAST_PIECE, "{}", self.lab.work_done());
            steps += 1;
            between(self, steps);
        }
        steps
    }

    fn end(mut self) {
        for peer in self.callers.into_iter().chain([self.callee, self.watcher]) {
            self.lab.disconnect(peer);
        }
        assert!(self.lab.realm().is_empty());
    }
}

fn procedure(number: u64) -> String {
    format!("com.procedure.{number}")
}

fn topic(number: u64) -> String {
    format!("com.topic.{number}")
}

fn no_such_procedure(number: u64, procedure: &str) -> RouterMessage {
    let text = format!("no callee registered for procedure <{procedure}>");
    router::refused(RequestKind::Call, number, error_uri::NO_SUCH_PROCEDURE, &text)
}

#[test]
fn calls_of_and_to_a_leaving_session_end_exactly_once() {
    let mut world = World::new();
    world.leave();
    let mut answers = Vec::new();
    let steps = world.small_steps(|world, _| {
        for caller in world.callers {
            let received = world.lab.received(caller);
            answers.extend(received.into_iter().map(|answer| (caller, answer)));
        }
    });
    assert!(steps > 20, "{steps}");
    for caller in world.callers {
        let its = answers.iter().filter(|(peer, _)| *peer == caller);
        let its: Vec<_> = its.map(|(_, answer)| answer.clone()).collect();
        assert_eq!(its, Vec::from_iter((1..=CALLS).map(router::callee_gone)));
    }
    let interrupts = world.lab.received(world.callee);
    assert_eq!(interrupts.len() as u64, CALLS);
    assert!(interrupts.iter().all(|message| matches!(message, RouterMessage::Interrupt(_))));
    assert_eq!(world.lab.realm().calls_in_flight(), 0);
    world.lab.send(world.callee, client::yielded(1, NOTHING));
    assert_eq!(world.lab.received(world.leaving), [], "nothing follows GOODBYE");
    world.end();
}

#[test]
fn requests_between_the_steps_of_a_removal_do_not_see_the_session() {
    let mut world = World::new();
    world.leave();
    let mut requests = 1_000;
    let steps = world.small_steps(|world, _| {
        let caller = world.callers[0];
        world.lab.received(caller);
        for number in [1, COUNT / 2, COUNT] {
            requests += 1;
            let call = client::call(requests, &procedure(number), NOTHING);
            assert_eq!(world.lab.begin(caller, call), SessionFlow::Continue);
            let refused = no_such_procedure(requests, &procedure(number));
            assert_eq!(world.lab.received(caller), [refused]);
            let publish = client::publish_with(
                requests,
                client::acknowledged(),
                &topic(number),
                args([number]),
            );
            assert_eq!(world.lab.begin(caller, publish), SessionFlow::Continue);
            let published = router::published(requests, world.lab.last_publication());
            assert_eq!(world.lab.received(caller), [published]);
        }
        requests += 1;
        let count = client::call(requests, "wamp.session.count", NOTHING);
        assert_eq!(world.lab.begin(caller, count), SessionFlow::Continue);
        assert_eq!(world.lab.received(caller), [router::result(requests, args([5]))]);
    });
    assert!(steps > 20, "{steps}");
    assert_eq!(world.lab.received(world.leaving), [], "nothing follows GOODBYE");
    world.end();
}

/// The topics and arguments of meta events.
fn meta_events(lab: &mut Lab, watcher: Peer) -> Vec<(String, Vec<Value>)> {
    let event = |message: RouterMessage| {
        let RouterMessage::Event(event) = message else { panic!("an event, not {message:?}") };
        let topic = event.details.topic.as_deref().expect("a topic").to_owned();
        (topic, event.payload.decode_args().expect("arguments"))
    };
    lab.received(watcher).into_iter().map(event).collect()
}

#[test]
fn meta_events_of_a_removed_session_come_in_order() {
    let mut world = World::new();
    let gone = world.lab.id(world.leaving).number();
    world.leave();
    world.small_steps(|_, _| {});
    let events = meta_events(&mut world.lab, world.watcher);
    assert_eq!(events.last().map(|(topic, _)| topic.as_str()), Some("wamp.session.on_leave"));
    for (left, deleted) in [
        ("wamp.subscription.on_unsubscribe", "wamp.subscription.on_delete"),
        ("wamp.registration.on_unregister", "wamp.registration.on_delete"),
    ] {
        let its = events.iter().filter(|(topic, _)| topic == left || topic == deleted);
        let its: Vec<_> = its.collect();
        assert_eq!(its.len() as u64, 2 * COUNT);
        for pair in its.chunks(2) {
            assert_eq!([&*pair[0].0, &*pair[1].0], [left, deleted]);
            assert_eq!(pair[0].1, pair[1].1);
            assert_eq!(pair[0].1[0], json!(gone));
        }
    }
    assert_eq!(events.len() as u64, 4 * COUNT + 1);
    world.end();
}

#[test]
fn procedure_of_a_detached_session_may_be_registered_at_once() {
    let mut world = World::new();
    let (caller, heir) = (world.callers[0], world.callers[1]);
    // One more call in flight, whose registration is among the last to be removed.
    world.lab.send(caller, client::call(COUNT, &procedure(COUNT), NOTHING));
    world.leave();
    world.lab.received(heir);
    let _ = world.lab.begin(heir, client::register(1, &procedure(COUNT)));
    let received = world.lab.received(heir);
    let [RouterMessage::Registered(registered)] = &received[..] else { panic!("{received:?}") };
    let id = registered.registration.number();
    world.small_steps(|_, _| {});
    let ended = world.lab.received(caller);
    let its = ended.iter().filter(|answer| **answer == router::callee_gone(COUNT));
    assert_eq!((its.count(), ended.len() as u64), (1, CALLS + 1));
    world.lab.send(caller, client::call(COUNT + 1, &procedure(COUNT), NOTHING));
    let invoked = world.lab.received(heir);
    assert_eq!(invoked.last(), Some(&router::invocation(1, id, NOTHING)));
    // Each registration is created, and deleted after that, once.
    let mut of_heir = Vec::new();
    let mut deleted: BTreeMap<u64, usize> = BTreeMap::new();
    for (topic, arguments) in meta_events(&mut world.lab, world.watcher) {
        if arguments[0] == json!(world.lab.id(heir).number()) {
            of_heir.push(topic);
        } else if topic == "wamp.registration.on_delete" {
            *deleted.entry(arguments[1].as_u64().expect("an id")).or_default() += 1;
        }
    }
    assert_eq!(of_heir, ["wamp.registration.on_create", "wamp.registration.on_register"]);
    assert_eq!(deleted.len() as u64, COUNT);
    assert!(deleted.values().all(|count| *count == 1) && !deleted.contains_key(&id));
    world.end();
}

#[test]
fn shared_procedure_of_a_detached_session_keeps_its_other_callees() {
    let mut lab = Lab::new();
    let [leaving, staying, caller] = ["leaving", "staying", "caller"].map(|name| lab.join(name));
    for number in 1..=COUNT {
        lab.send(leaving, client::register(number, &procedure(number)));
    }
    for callee in [leaving, staying] {
        lab.send(callee, client::register_shared(9, InvokePolicy::First, "com.shared"));
    }
    lab.received(staying);
    let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
    assert_eq!(lab.begin(leaving, goodbye), SessionFlow::Left);
    assert!(lab.realm().has_work());
    let _ = lab.begin(caller, client::call(1, "com.shared", NOTHING));
    assert_eq!(lab.received(caller), []);
    let invoked = lab.received(staying);
    assert!(matches!(invoked.as_slice(), [RouterMessage::Invocation(_)]), "{invoked:?}");
    // It is still shared: a callee that wants it alone is refused.
    let _ = lab.begin(caller, client::register(2, "com.shared"));
    let refused = lab.received(caller);
    assert!(matches!(refused.as_slice(), [RouterMessage::Error(_)]), "{refused:?}");
    lab.work();
    for peer in [staying, caller] {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

/// A call with a timeout of 100 ms.
fn brief_call(number: u64) -> ClientMessage {
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    client::call_with(number, options, "com.slow", NOTHING)
}

#[test]
fn calls_that_time_out_together_end_in_steps_and_exactly_once() {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    lab.send(callee, client::register(1, "com.slow"));
    let count = u64::from(WORK_PER_STEP) / 4;
    for number in 1..=count {
        lab.send(caller, brief_call(number));
    }
    assert!(lab.begin_timeouts(Duration::from_millis(100)));
    assert!(lab.work_done() <= WORK_PER_STEP + LAST_PIECE);
    let mut answers = lab.received(caller);
    assert!(!answers.is_empty() && (answers.len() as u64) < count, "{}", answers.len());
    // A late answer is ignored; an answer before the router has ended the call counts.
    lab.send(callee, client::yielded(1, NOTHING));
    lab.send(callee, client::yielded(count, NOTHING));
    assert_eq!(lab.received(caller), [router::result(count, NOTHING)]);
    let mut steps = 1;
    while lab.begin_timeouts(Duration::ZERO) {
        assert!(lab.work_done() <= WORK_PER_STEP + LAST_PIECE);
        steps += 1;
    }
    assert!(steps >= 2);
    answers.extend(lab.received(caller));
    assert_eq!(answers, Vec::from_iter((1..count).map(router::timed_out)));
    assert_eq!(lab.realm().calls_in_flight(), 0);
    for peer in [caller, callee] {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn killed_sessions_that_do_not_answer_are_closed_in_steps() {
    let mut lab = Lab::new();
    let admin = lab.join("admin");
    let victims: Vec<_> = (0..WORK_PER_STEP / 2).map(|_| lab.join("victim")).collect();
    lab.ask(admin, "wamp.session.kill_by_authid", json!(["victim"])).expect("a list");
    let closed = |lab: &Lab| victims.iter().filter(|peer| lab.closed(**peer).is_some()).count();
    assert!(lab.begin_timeouts(Duration::from_millis(GOODBYE_TIMEOUT_MILLIS)));
    assert!(lab.work_done() <= WORK_PER_STEP + LAST_PIECE);
    let first = closed(&lab);
    assert!(first > 0 && first < victims.len(), "{first}");
    while lab.begin_timeouts(Duration::ZERO) {}
    assert_eq!(closed(&lab), victims.len());
    lab.disconnect(admin);
    assert!(lab.realm().is_empty());
}

/// The meta events of one subscription or registration: its sessions and their topics.
fn events_of(lab: &mut Lab, watcher: Peer, kind: &str, id: u64) -> Vec<(String, u64)> {
    let events = meta_events(lab, watcher).into_iter().filter_map(|(topic, arguments)| {
        let name = topic.strip_prefix(kind)?.to_owned();
        (arguments[1] == json!(id)).then(|| (name, arguments[0].as_u64().expect("a session")))
    });
    events.collect()
}

#[test]
fn subscription_is_deleted_after_all_its_sessions_have_left() {
    for steps in [0, 2, 10, 40, 60, 80, 100] {
        let mut world = World::new();
        let other = world.callers[0];
        let first = world.lab.id(world.leaving).number();
        let second = world.lab.id(other).number();
        world.lab.send(other, client::subscribe(1, &topic(1)));
        meta_events(&mut world.lab, world.watcher);
        world.leave();
        for _ in 0..steps {
            world.lab.step_of(UNITS);
        }
        let _ = world.lab.begin(other, client::unsubscribe(2, 1));
        world.small_steps(|_, _| {});
        let events = events_of(&mut world.lab, world.watcher, "wamp.subscription.", 1);
        let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["on_unsubscribe", "on_unsubscribe", "on_delete"], "{steps}");
        let mut sessions = [events[0].1, events[1].1];
        sessions.sort_unstable();
        let mut expected = [first, second];
        expected.sort_unstable();
        assert_eq!(sessions, expected);
        world.end();
    }
}
