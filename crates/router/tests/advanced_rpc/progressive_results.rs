//! Progressive results.
//!
//! Spec: advanced profile "Progressive Call Results", "Call Timeouts", "Call Canceling".

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, PassthruDetails, RequestKind, YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;

use crate::fixture::{
    able, assert_nothing_stays, assert_silence, assert_violation, cancel, given_up,
    invocation_receiving, join, millis, receiving, register, result_part, without, yield_part,
};

/// A caller, and a callee that has registered `com.count`.
fn pair(callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join_as(able("caller")), lab.join_as(callee));
    register(&mut lab, callee, Default::default(), "com.count", 1);
    (lab, caller, callee)
}

/// As [`pair`], with call 1, which accepts progressive results, in flight.
fn stream() -> (Lab, Peer, Peer) {
    let (mut lab, caller, callee) = pair(able("callee"));
    lab.send(caller, client::call_with(1, receiving(), "com.count", NOTHING));
    assert_eq!(lab.received(callee), [invocation_receiving(1, 1, NOTHING)]);
    (lab, caller, callee)
}

#[test]
fn progressive_results_are_forwarded_at_once() {
    let (mut lab, caller, callee) = stream();
    for number in 1..=3 {
        lab.send(callee, yield_part(1, args([number])));
        assert_eq!(lab.received(caller), [result_part(1, args([number]))]);
    }
    assert_eq!(lab.realm().calls_in_flight(), 1);
    lab.send(callee, client::yielded(1, args(["total", "6"])));
    assert_eq!(lab.received(caller), [router::result(1, args(["total", "6"]))]);
    assert_eq!(lab.realm().calls_in_flight(), 0);
    assert_silence(&mut lab, &[callee]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn progressive_results_may_be_empty() {
    let (mut lab, caller, callee) = stream();
    let kwargs = [("foo", 10)].into_iter().collect::<std::collections::BTreeMap<_, _>>();
    let forms = [
        NOTHING,
        args(["partial 1", "10"]),
        Payload::from_args_and_kwargs(Serializer::Cbor, &[0_u8; 0], &kwargs).unwrap(),
        Payload::from_args(Serializer::MsgPack, &(1, 2.5)).unwrap(),
    ];
    for form in forms {
        lab.send(callee, yield_part(1, form.clone()));
        assert_eq!(lab.received(caller), [result_part(1, form)]);
    }
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
}

#[test]
fn result_with_progress_false_is_the_last() {
    let (mut lab, caller, callee) = stream();
    let options = YieldOptions { progress: Some(false), ..YieldOptions::default() };
    lab.send(callee, client::yield_with(1, options, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
    assert_eq!(lab.realm().calls_in_flight(), 0);
}

#[test]
fn callee_may_omit_progressive_results_and_may_fail_after_some() {
    let (mut lab, caller, callee) = stream();
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);

    let (mut lab, caller, callee) = stream();
    lab.send(callee, yield_part(1, args([1])));
    lab.send(callee, client::failure(1, "com.error.year", args([1830])));
    let failed = router::failed(RequestKind::Call, 1, "com.error.year", args([1830]));
    assert_eq!(lab.received(caller), [result_part(1, args([1])), failed]);
    assert_eq!(lab.realm().calls_in_flight(), 0);
}

/// As with Crossbar.io: Autobahn's procedures may send progressive results without any announced
/// feature.
#[test]
fn callee_without_the_feature_may_send_progressive_results() {
    for callee in [without("callee", &[Feature::ProgressiveCallResults]), Client::basic("callee")] {
        let (mut lab, caller, callee) = pair(callee);
        lab.send(caller, client::call_with(1, receiving(), "com.count", NOTHING));
        assert_eq!(lab.received(callee), [invocation_receiving(1, 1, NOTHING)]);
        lab.send(callee, yield_part(1, args([1])));
        lab.send(callee, client::yielded(1, args([2])));
        let results = [result_part(1, args([1])), router::result(1, args([2]))];
        assert_eq!(lab.received(caller), results);
        assert_silence(&mut lab, &[callee]);
    }
}

/// Such as Autobahn|JS. According to the specification the dealer disregards progressive results of
/// such a callee.
#[test]
fn progressive_results_of_an_ended_call_are_dropped() {
    let (mut lab, caller, callee) = pair(without("callee", &[Feature::CallCanceling]));
    lab.send(caller, client::call_with(1, receiving(), "com.count", NOTHING));
    assert_eq!(lab.received(callee), [invocation_receiving(1, 1, NOTHING)]);
    lab.send(callee, yield_part(1, args([1])));
    assert_eq!(lab.received(caller), [result_part(1, args([1]))]);
    lab.disconnect(caller);
    lab.send(callee, yield_part(1, args([2])));
    lab.send(callee, client::yielded(1, args([3])));
    assert_silence(&mut lab, &[callee]);
    assert_nothing_stays(lab, &[callee]);
}

#[test]
fn unrequested_progressive_result_is_dropped() {
    let not_asking = [
        CallOptions { timeout: Some(100), ..CallOptions::default() },
        CallOptions { receive_progress: Some(false), ..CallOptions::default() },
    ];
    for (callee, options) in [able("callee"), Client::basic("callee")].into_iter().zip(not_asking) {
        let (mut lab, caller, callee) = pair(callee);
        lab.send(caller, client::call_with(1, options, "com.count", NOTHING));
        assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
        let deadline = lab.realm().next_deadline();
        lab.pass(millis(50));
        lab.send(callee, yield_part(1, args([1])));
        assert_silence(&mut lab, &[caller, callee]);
        assert_eq!(lab.realm().next_deadline(), deadline, "it gives the call no more time");
        lab.send(callee, client::yielded(1, args([2])));
        assert_eq!(lab.received(caller), [router::result(1, args([2]))]);
        assert_nothing_stays(lab, &[caller, callee]);
    }
}

/// A caller that has not requested progressive results could not decode them.
#[test]
fn unrequested_passthru_progressive_result_is_dropped() {
    let passthru = [Feature::PayloadPassthruMode, Feature::ProgressiveCallResults];
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join_as(without("caller", &passthru)), lab.join_as(able("callee")));
    register(&mut lab, callee, Default::default(), "com.count", 1);
    lab.send(caller, client::call(1, "com.count", NOTHING));
    lab.received(callee);
    let passthru =
        PassthruDetails { ppt_scheme: Some("x_mine".into()), ..PassthruDetails::default() };
    let options = YieldOptions { progress: Some(true), passthru: Some(Box::new(passthru)) };
    lab.send(callee, client::yield_with(1, options, NOTHING));
    assert_silence(&mut lab, &[caller, callee]);
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
}

/// `docs/decisions/traps.md#f12`: with progressive results, the timeout bounds the gap between two
/// of them.
#[test]
fn timeout_restarts_with_each_progressive_result() {
    let (mut lab, caller, callee) = pair(able("callee"));
    let options = CallOptions { timeout: Some(100), ..receiving() };
    lab.send(caller, client::call_with(1, options, "com.count", NOTHING));
    lab.received(callee);
    for number in 1..=5 {
        lab.pass(millis(99));
        lab.send(callee, yield_part(1, args([number])));
        assert_eq!(lab.received(caller), [result_part(1, args([number]))]);
    }
    lab.pass(millis(99));
    assert_silence(&mut lab, &[caller, callee]);
    lab.pass(millis(1));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    let timeout = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
    assert_eq!(lab.received(callee), [timeout]);
    lab.send(callee, yield_part(1, args([6])));
    lab.send(callee, client::yielded(1, NOTHING));
    assert_silence(&mut lab, &[caller, callee]);
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn last_result_removes_the_deadline() {
    let (mut lab, caller, callee) = pair(able("callee"));
    let options = CallOptions { timeout: Some(100), ..receiving() };
    lab.send(caller, client::call_with(1, options, "com.count", NOTHING));
    lab.send(callee, yield_part(1, NOTHING));
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.realm().next_deadline(), None);

    lab.send(caller, client::call_with(2, receiving(), "com.count", NOTHING));
    lab.send(callee, yield_part(2, NOTHING));
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn callee_of_a_caller_that_leaves_is_interrupted_and_its_results_are_dropped() {
    let (mut lab, caller, callee) = stream();
    lab.send(callee, yield_part(1, args([1])));
    lab.disconnect(caller);
    assert_eq!(lab.received(callee), [given_up(1)]);
    lab.send(callee, yield_part(1, args([2])));
    lab.send(callee, client::yielded(1, NOTHING));
    assert_silence(&mut lab, &[callee]);
    assert_nothing_stays(lab, &[callee]);
}

#[test]
fn a_callee_that_leaves_between_parts_ends_the_call() {
    let (mut lab, caller, callee) = stream();
    lab.send(callee, yield_part(1, args([1])));
    lab.disconnect(callee);
    assert_eq!(lab.received(caller), [result_part(1, args([1])), router::callee_gone(1)]);
    assert_nothing_stays(lab, &[caller]);
}

/// `docs/decisions/traps.md#f11`: answers after `skip` and `killnowait` are dropped.
#[test]
fn progressive_results_of_a_canceled_call_are_dropped() {
    for (mode, told) in [(CancelMode::Skip, vec![]), (CancelMode::KillNoWait, vec![given_up(1)])] {
        let (mut lab, caller, callee) = stream();
        lab.send(callee, yield_part(1, args([1])));
        lab.send(caller, cancel(1, mode));
        assert_eq!(lab.received(caller), [result_part(1, args([1])), router::canceled(1)]);
        assert_eq!(lab.received(callee), told);
        lab.send(callee, yield_part(1, args([2])));
        lab.send(callee, client::yielded(1, args([3])));
        lab.send(callee, yield_part(1, args([4])));
        assert_silence(&mut lab, &[caller, callee]);
    }
}

/// `docs/decisions/traps.md#f11`: with `kill` the callee ends the call.
#[test]
fn progressive_results_continue_after_kill_until_the_answer() {
    let answers = [
        (client::yielded(1, args([3])), router::result(1, args([3]))),
        (
            client::failure(1, error_uri::CANCELED, args(["half way"])),
            router::failed(RequestKind::Call, 1, error_uri::CANCELED, args(["half way"])),
        ),
    ];
    for (answer, told) in answers {
        let (mut lab, caller, callee) = stream();
        lab.send(caller, cancel(1, CancelMode::Kill));
        let interrupt = router::interrupt(1, CancelMode::Kill, error_uri::CANCELED);
        assert_eq!(lab.received(callee), [interrupt]);
        assert_silence(&mut lab, &[caller]);
        lab.send(callee, yield_part(1, args([2])));
        lab.send(callee, answer);
        assert_eq!(lab.received(caller), [result_part(1, args([2])), told]);
        lab.send(callee, yield_part(1, args([4])));
        assert_silence(&mut lab, &[caller, callee]);
    }
}

#[test]
fn progressive_result_after_the_last_result_is_dropped() {
    let (mut lab, caller, callee) = stream();
    lab.send(callee, client::yielded(1, NOTHING));
    lab.received(caller);
    lab.send(callee, yield_part(1, args([1])));
    lab.send(callee, client::yielded(1, args([2])));
    assert_silence(&mut lab, &[caller, callee]);
}

#[test]
fn progressive_result_of_an_unknown_invocation_aborts_the_session() {
    let (mut lab, caller, callee) = stream();
    let text = "YIELD answers invocation 2, which was never sent to this session";
    assert_violation(&mut lab, callee, yield_part(2, NOTHING), text);
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
}

#[test]
fn progressive_results_of_several_calls_do_not_mix() {
    let mut lab = Lab::new();
    let [alice, bob, callee] = join(&mut lab, ["alice", "bob", "callee"]);
    register(&mut lab, callee, Default::default(), "com.count", 1);
    lab.send(alice, client::call_with(7, receiving(), "com.count", NOTHING));
    lab.send(bob, client::call_with(7, receiving(), "com.count", NOTHING));
    lab.send(alice, client::call_with(8, receiving(), "com.count", NOTHING));
    for number in [2, 1, 3, 1, 2] {
        lab.send(callee, yield_part(number, args([number])));
    }
    for number in [3, 2, 1] {
        lab.send(callee, client::yielded(number, NOTHING));
    }
    let (of_7, of_8) = (result_part(7, args([1])), result_part(8, args([3])));
    let ends = [router::result(8, NOTHING), router::result(7, NOTHING)];
    assert_eq!(lab.received(alice), [&[of_7.clone(), of_8, of_7], &ends[..]].concat());
    let of_7 = result_part(7, args([2]));
    assert_eq!(lab.received(bob), [of_7.clone(), of_7, router::result(7, NOTHING)]);
}

#[test]
fn a_caller_that_reads_slowly_still_gets_its_parts() {
    let (mut lab, caller, callee) = stream();
    lab.set_state(caller, OutboxState::Dropping);
    lab.send(callee, yield_part(1, args([1])));
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [result_part(1, args([1])), router::result(1, NOTHING)]);
}

#[test]
fn a_session_may_stream_to_itself() {
    let mut lab = Lab::new();
    let [alice] = join(&mut lab, ["alice"]);
    register(&mut lab, alice, Default::default(), "com.count", 1);
    lab.send(alice, client::call_with(2, receiving(), "com.count", NOTHING));
    lab.send(alice, yield_part(1, args([1])));
    assert_eq!(
        lab.received(alice),
        [invocation_receiving(1, 1, NOTHING), result_part(2, args([1]))]
    );
    assert_nothing_stays(lab, &[alice]);
}
