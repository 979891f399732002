//! Call canceling: three modes, callees with and without the feature.
//!
//! Spec: advanced profile "Call Canceling"; `docs/decisions/traps.md#f11`.

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{
    Cancel, CancelMode, CancelOptions, ClientMessage, OpenEnum, RequestKind, RouterMessage,
};

const MODES: [Option<CancelMode>; 4] =
    [None, Some(CancelMode::Skip), Some(CancelMode::Kill), Some(CancelMode::KillNoWait)];

/// `caller` has sent call 1, `callee` has taken it as invocation 1.
fn call_in_flight(callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join_as(callee));
    lab.send(callee, client::register(1, "com.slow"));
    lab.send(caller, client::call(1, "com.slow", NOTHING));
    let expected = [router::registered(1, 1), router::invocation(1, 1, NOTHING)];
    assert_eq!(lab.received(callee), expected);
    (lab, caller, callee)
}

fn interrupt(mode: CancelMode) -> RouterMessage {
    router::interrupt(1, mode, error_uri::CANCELED)
}

/// The callee answers in both ways; no session receives anything and none is aborted.
fn assert_late_answers_are_swallowed(lab: &mut Lab, caller: Peer, callee: Peer) {
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::failure(1, error_uri::CANCELED, NOTHING));
    assert_eq!(lab.received(caller), []);
    assert_eq!(lab.received(callee), []);
}

#[test]
fn skip_answers_the_caller_at_once_and_leaves_the_callee_alone() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, Some(CancelMode::Skip)));
    assert_eq!(lab.received(caller), [router::canceled(1)]);
    assert_eq!(lab.received(callee), []);
    assert_late_answers_are_swallowed(&mut lab, caller, callee);
}

#[test]
fn killnowait_answers_the_caller_at_once_and_interrupts_the_callee() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, Some(CancelMode::KillNoWait)));
    assert_eq!(lab.received(caller), [router::canceled(1)]);
    assert_eq!(lab.received(callee), [interrupt(CancelMode::KillNoWait)]);
    assert_late_answers_are_swallowed(&mut lab, caller, callee);
}

#[test]
fn default_mode_is_killnowait() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, None));
    assert_eq!(lab.received(caller), [router::canceled(1)]);
    assert_eq!(lab.received(callee), [interrupt(CancelMode::KillNoWait)]);
}

#[test]
fn kill_interrupts_the_callee_and_forwards_its_error() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
    assert_eq!(lab.received(caller), []);
    assert_eq!(lab.received(callee), [interrupt(CancelMode::Kill)]);
    lab.send(callee, client::failure(1, error_uri::CANCELED, args(["half way"])));
    let failed = router::failed(RequestKind::Call, 1, error_uri::CANCELED, args(["half way"]));
    assert_eq!(lab.received(caller), [failed]);
    assert_late_answers_are_swallowed(&mut lab, caller, callee);
}

#[test]
fn kill_forwards_a_result_that_crosses_the_interrupt() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}

/// `[49, Request|id, {"mode": …}]` with an unknown mode.
#[test]
fn unknown_mode_is_refused_and_the_call_goes_on() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    let options = CancelOptions { mode: Some(OpenEnum::Unknown("softly".into())) };
    let request = RequestId::new(1).expect("a number");
    lab.send(caller, ClientMessage::Cancel(Cancel { request, options }));
    let sentence = "'mode' must be 'skip', 'kill' or 'killnowait', not 'softly'";
    let refused = router::refused(RequestKind::Cancel, 1, error_uri::INVALID_ARGUMENT, sentence);
    assert_eq!(lab.received(caller), [refused]);
    assert_eq!(lab.received(callee), []);
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}

#[test]
fn a_callee_without_the_feature_is_skipped_in_every_mode() {
    for mode in MODES {
        let (mut lab, caller, callee) = call_in_flight(Client::basic("callee"));
        lab.send(caller, client::cancel(1, mode));
        assert_eq!(lab.received(caller), [router::canceled(1)]);
        assert_eq!(lab.received(callee), []);
        assert_late_answers_are_swallowed(&mut lab, caller, callee);
    }
}

#[test]
fn cancel_that_crosses_the_result_is_ignored() {
    for mode in MODES {
        let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
        lab.send(callee, client::yielded(1, args([1])));
        lab.send(caller, client::cancel(1, mode));
        assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
        assert_eq!(lab.received(callee), []);
    }
}

#[test]
fn cancel_of_an_unknown_or_foreign_call_is_ignored() {
    for mode in MODES {
        let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
        let other = lab.join("other");
        lab.send(caller, client::cancel(2, mode));
        lab.send(other, client::cancel(1, mode));
        lab.send(callee, client::cancel(1, mode));
        for peer in [caller, callee, other] {
            assert_eq!(lab.received(peer), []);
        }
        lab.send(callee, client::yielded(1, args([1])));
        assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
    }
}

#[test]
fn a_second_kill_does_not_interrupt_again() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
    lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
    assert_eq!(lab.received(callee), [interrupt(CancelMode::Kill)]);
    assert_eq!(lab.received(caller), []);
}

#[test]
fn killnowait_after_kill_ends_the_call_at_once() {
    for mode in [CancelMode::Skip, CancelMode::KillNoWait] {
        let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
        lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
        lab.send(caller, client::cancel(1, Some(mode)));
        assert_eq!(lab.received(caller), [router::canceled(1)]);
        lab.received(callee);
        assert_late_answers_are_swallowed(&mut lab, caller, callee);
    }
}

#[test]
fn a_callee_that_leaves_after_a_kill_ends_the_call() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::cancel(1, Some(CancelMode::Kill)));
    lab.disconnect(callee);
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
    lab.disconnect(caller);
    assert!(lab.realm().is_empty());
}

#[test]
fn canceling_one_call_leaves_the_others_in_flight() {
    let (mut lab, caller, callee) = call_in_flight(Client::named("callee"));
    lab.send(caller, client::call(2, "com.slow", NOTHING));
    lab.send(caller, client::cancel(1, Some(CancelMode::KillNoWait)));
    lab.send(callee, client::yielded(2, args([2])));
    assert_eq!(lab.received(caller), [router::canceled(1), router::result(2, args([2]))]);
}
