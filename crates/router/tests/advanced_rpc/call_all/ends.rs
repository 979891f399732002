//! Endings of a call to all callees before every callee has answered.

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{CallOptions, CancelMode, InvokePolicy};
use serde_json::json;

use super::{asked, collected, crew};
use crate::fixture::{
    assert_nothing_stays, assert_silence, cancel, given_up, join, millis, register, shared,
};

#[test]
fn skip_and_killnowait_end_the_call_for_all() {
    for (mode, told) in [(CancelMode::Skip, vec![]), (CancelMode::KillNoWait, vec![given_up(1)])] {
        let (mut lab, caller, [a, b, c]) = asked();
        lab.send(a, client::yielded(1, NOTHING));
        lab.send(caller, cancel(1, mode));
        assert_eq!(lab.received(caller), [router::canceled(1)]);
        // A callee that has answered is not interrupted.
        assert_silence(&mut lab, &[a]);
        for callee in [b, c] {
            assert_eq!(lab.received(callee), told);
            lab.send(callee, client::yielded(1, NOTHING));
        }
        assert_silence(&mut lab, &[caller, a, b, c]);
    }
}

#[test]
fn kill_interrupts_all_callees_and_collects_their_answers() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(a, client::yielded(1, args([1])));
    lab.send(caller, cancel(1, CancelMode::Kill));
    assert_silence(&mut lab, &[caller, a]);
    let interrupt = router::interrupt(1, CancelMode::Kill, error_uri::CANCELED);
    for callee in [b, c] {
        assert_eq!(lab.received(callee), std::slice::from_ref(&interrupt));
    }
    lab.send(b, client::failure(1, error_uri::CANCELED, NOTHING));
    lab.send(c, client::yielded(1, args([3])));
    let answers = json!([{"args": [1]}, {"error": error_uri::CANCELED}, {"args": [3]}]);
    assert_eq!(collected(&mut lab, caller), (1, answers));
}

#[test]
fn kill_without_interruptible_callees_is_skip() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let callees = ["a", "b"].map(|name| lab.join_as(Client::basic(name)));
    for callee in callees {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.ask", 1);
    }
    lab.send(caller, client::call(1, "com.ask", NOTHING));
    for callee in callees {
        lab.received(callee);
    }
    lab.send(caller, cancel(1, CancelMode::Kill));
    assert_eq!(lab.received(caller), [router::canceled(1)]);
    assert_silence(&mut lab, &callees);
}

#[test]
fn timeout_applies_to_the_last_answer() {
    let (mut lab, caller, [a, b, c]) = crew();
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.ask", NOTHING));
    for callee in [a, b, c] {
        lab.received(callee);
    }
    lab.send(a, client::yielded(1, NOTHING));
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    assert_silence(&mut lab, &[a]);
    let timeout = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
    for callee in [b, c] {
        assert_eq!(lab.received(callee), std::slice::from_ref(&timeout));
    }
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn the_callees_of_a_caller_that_leaves_are_interrupted() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(a, client::yielded(1, NOTHING));
    lab.disconnect(caller);
    assert_silence(&mut lab, &[a]);
    for callee in [b, c] {
        assert_eq!(lab.received(callee), [given_up(1)]);
        lab.send(callee, client::yielded(1, NOTHING));
    }
    assert_nothing_stays(lab, &[a, b, c]);
}

#[test]
fn the_work_of_a_call_and_of_its_cancellation_grows_with_the_callees() {
    let mut lab = Lab::new();
    let caller = lab.join("caller");
    let callees = 1_000;
    for _ in 0..callees {
        let callee = lab.join("callee");
        register(&mut lab, callee, shared(InvokePolicy::All), "com.ask", 1);
    }
    let _ = lab.begin(caller, client::call(1, "com.ask", NOTHING));
    assert!(lab.work_done() > callees, "{}", lab.work_done());
    let _ = lab.begin(caller, cancel(1, CancelMode::KillNoWait));
    assert!(lab.work_done() > callees, "{}", lab.work_done());
}
