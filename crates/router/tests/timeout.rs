//! Timeouts of calls, watched by the dealer.
//!
//! Spec: advanced profile "Call Timeouts"; `docs/decisions/traps.md#f12` (milliseconds, watched by
//! the dealer).

use std::time::Duration;

use cloverleaf_router::Moment;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{CallOptions, CancelMode, ClientMessage};

fn lab_with_callee(callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join_as(callee));
    lab.send(callee, client::register(1, "com.slow"));
    lab.received(callee);
    (lab, caller, callee)
}

fn call_within(number: u64, millis: u64) -> ClientMessage {
    let options = CallOptions { timeout: Some(millis), ..CallOptions::default() };
    client::call_with(number, options, "com.slow", NOTHING)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn call_ends_exactly_at_its_timeout() {
    let (mut lab, caller, callee) = lab_with_callee(Client::named("callee"));
    lab.pass(millis(500));
    lab.send(caller, call_within(1, 100));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
    assert_eq!(lab.realm().next_deadline(), Some(Moment::after_start(millis(600))));
    lab.pass(Duration::from_micros(99_999));
    assert_eq!(lab.received(caller), []);
    lab.pass(Duration::from_micros(1));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    assert_eq!(
        lab.received(callee),
        [router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT)]
    );
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn a_callee_without_canceling_is_not_interrupted() {
    let (mut lab, caller, callee) = lab_with_callee(Client::basic("callee"));
    lab.send(caller, call_within(1, 100));
    lab.received(callee);
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    assert_eq!(lab.received(callee), []);
}

#[test]
fn answer_after_the_timeout_is_dropped() {
    let (mut lab, caller, callee) = lab_with_callee(Client::basic("callee"));
    lab.send(caller, call_within(1, 100));
    lab.pass(millis(100));
    lab.received(caller);
    lab.received(callee);
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::failure(1, "com.error.late", NOTHING));
    assert_eq!(lab.received(caller), []);
    assert_eq!(lab.received(callee), []);
}

#[test]
fn answer_in_time_removes_the_deadline() {
    let (mut lab, caller, callee) = lab_with_callee(Client::named("callee"));
    lab.send(caller, call_within(1, 100));
    lab.pass(millis(99));
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.realm().next_deadline(), None);
    lab.pass(millis(1_000));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
}

#[test]
fn absent_and_zero_timeouts_never_expire() {
    let (mut lab, caller, callee) = lab_with_callee(Client::named("callee"));
    lab.send(caller, call_within(1, 0));
    lab.send(caller, client::call(2, "com.slow", NOTHING));
    assert_eq!(lab.realm().next_deadline(), None);
    lab.pass(Duration::from_secs(1_000_000));
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::yielded(2, args([2])));
    assert_eq!(lab.received(caller), [router::result(1, args([1])), router::result(2, args([2]))]);
}

#[test]
fn an_enormous_timeout_never_wraps_around() {
    let (mut lab, caller, callee) = lab_with_callee(Client::named("callee"));
    lab.pass(millis(1));
    lab.send(caller, call_within(1, u64::MAX));
    lab.pass(Duration::from_secs(1_000_000));
    assert_eq!(lab.received(caller), []);
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}

#[test]
fn deadlines_are_handled_in_order() {
    let (mut lab, caller, _) = lab_with_callee(Client::named("callee"));
    for (number, timeout) in [(1, 300), (2, 100), (3, 200), (4, 100)] {
        lab.send(caller, call_within(number, timeout));
    }
    lab.pass(millis(250));
    let ended = [router::timed_out(2), router::timed_out(4), router::timed_out(3)];
    assert_eq!(lab.received(caller), ended);
    lab.pass(millis(50));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
}

#[test]
fn a_call_that_ended_otherwise_leaves_no_deadline() {
    let (mut lab, caller, callee) = lab_with_callee(Client::named("callee"));
    lab.send(caller, call_within(1, 100));
    lab.send(caller, client::cancel(1, Some(CancelMode::Skip)));
    assert_eq!(lab.realm().next_deadline(), None);
    lab.send(caller, call_within(2, 100));
    lab.disconnect(callee);
    assert_eq!(lab.realm().next_deadline(), None);
    lab.pass(millis(1_000));
    assert_eq!(lab.received(caller), [router::canceled(1), router::callee_gone(2)]);
}

#[test]
fn a_lost_caller_leaves_no_deadline() {
    let (mut lab, caller, _) = lab_with_callee(Client::named("callee"));
    lab.send(caller, call_within(1, 100));
    lab.disconnect(caller);
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn a_kill_that_the_callee_does_not_answer_ends_with_the_timeout() {
    let (mut lab, caller, callee) = lab_with_callee(Client::named("callee"));
    lab.send(caller, call_within(1, 100));
    lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
    assert_eq!(lab.received(caller), []);
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    assert_eq!(
        lab.received(callee),
        [
            router::invocation(1, 1, NOTHING),
            router::interrupt(1, CancelMode::Kill, error_uri::CANCELED),
            router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT)
        ]
    );
}

#[test]
fn a_refused_call_has_no_deadline() {
    let mut lab = Lab::new();
    let caller = lab.join("caller");
    lab.send(caller, call_within(1, 100));
    assert_eq!(lab.received(caller).len(), 1);
    assert_eq!(lab.realm().next_deadline(), None);
}
