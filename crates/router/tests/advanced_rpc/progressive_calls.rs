//! Progressive calls: announced features, and the callee of each part.
//!
//! `call_request_ids` tests which request ids are a next part, a late part or a violation. Spec:
//! advanced profile "Progressive Call Invocations".

use cloverleaf_router::limits::SessionLimits;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{
    CallOptions, CallerIdentity, CancelMode, InvocationDetails, InvocationError, InvokePolicy,
    OpenEnum, PassthruDetails, RequestKind, RouterMessage, RunMode, Sharding,
};

use crate::fixture::{
    able, assert_nothing_stays, assert_silence, assert_violation, call_part, cancel, given_up,
    invocation_part, invocation_receiving, join, millis, no_available_callee, open, refused,
    register, result_part, shared, unavailable, without, yield_part,
};

const NOT_TAKEN: &str = "the callee takes no calls in parts: it has not announced \
                         progressive_call_invocations and call_canceling";

/// A caller, and a callee that has registered `com.upload`.
fn pair(callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join_as(able("caller")), lab.join_as(callee));
    register(&mut lab, callee, Default::default(), "com.upload", 1);
    (lab, caller, callee)
}

/// As [`pair`], with the first part of call 1 at the callee.
fn upload() -> (Lab, Peer, Peer) {
    let (mut lab, caller, callee) = pair(able("callee"));
    lab.send(caller, call_part(1, "com.upload", args([1])));
    assert_eq!(lab.received(callee), [invocation_part(1, 1, args([1]))]);
    (lab, caller, callee)
}

#[test]
fn parts_share_one_call_and_one_invocation() {
    let (mut lab, caller, callee) = upload();
    for number in 2..=4 {
        lab.send(caller, call_part(1, "com.upload", args([number])));
        assert_eq!(lab.received(callee), [invocation_part(1, 1, args([number]))]);
    }
    lab.send(caller, client::call(1, "com.upload", args(["end"])));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, args(["end"]))]);
    assert_silence(&mut lab, &[caller]);
    assert_eq!(lab.realm().calls_in_flight(), 1);
    lab.send(callee, client::yielded(1, args([10])));
    assert_eq!(lab.received(caller), [router::result(1, args([10]))]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn bytes_of_the_options_of_progressive_calls_are_limited() {
    const PART: usize = 4 * 1024 * 1024;
    let (mut lab, caller, callee) = pair(able("callee"));
    let passthru =
        PassthruDetails { ppt_keyid: Some("x".repeat(PART).into()), ..PassthruDetails::default() };
    let options = CallOptions { passthru: Some(Box::new(passthru)), ..open() };
    let begun = (SessionLimits::DEFAULT.max_held_call_bytes / PART) as u64;
    for number in 1..begun {
        lab.send(caller, client::call_with(number, options.clone(), "com.upload", NOTHING));
        assert_eq!(lab.received(callee).len(), 1);
    }
    let text = "this session has reached its largest number of bytes of calls in flight";
    lab.send(caller, client::call_with(begun, options.clone(), "com.upload", NOTHING));
    assert_eq!(lab.received(caller), [refused(begun, error_uri::LIMIT_REACHED, text)]);
    // Nothing must be kept behind the last part of a call.
    lab.send(caller, client::call(1, "com.upload", NOTHING));
    lab.send(caller, client::call_with(begun + 1, options, "com.upload", NOTHING));
    assert_eq!(lab.received(callee).len(), 2);
    assert_silence(&mut lab, &[caller]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn call_with_progress_false_is_an_ordinary_call() {
    let (mut lab, caller, callee) = pair(Client::basic("callee"));
    let options = CallOptions { progress: Some(false), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.upload", NOTHING));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
}

#[test]
fn progressive_call_without_the_announced_feature_aborts_the_session() {
    let (mut lab, _, callee) = pair(able("callee"));
    let caller = lab.join_as(without("caller", &[Feature::ProgressiveCallInvocations]));
    let text = "CALL with progress: HELLO has not announced progressive_call_invocations for the \
                caller";
    assert_violation(&mut lab, caller, call_part(1, "com.upload", NOTHING), text);
    assert_silence(&mut lab, &[callee]);
}

#[test]
fn callee_without_progressive_calls_is_not_invoked() {
    use Feature::{CallCanceling, ProgressiveCallInvocations};
    for callee in [
        without("callee", &[ProgressiveCallInvocations]),
        without("callee", &[CallCanceling]),
        Client::basic("callee"),
    ] {
        let (mut lab, caller, callee) = pair(callee);
        lab.send(caller, call_part(1, "com.upload", args([1])));
        let refusal = refused(1, error_uri::FEATURE_NOT_SUPPORTED, NOT_TAKEN);
        assert_eq!(lab.received(caller), [refusal]);
        // Parts that the caller had sent before it received the error.
        lab.send(caller, call_part(1, "com.upload", args([2])));
        lab.send(caller, client::call(1, "com.upload", args([3])));
        assert_silence(&mut lab, &[caller, callee]);
        assert_eq!(lab.realm().calls_in_flight(), 0);
    }
}

#[test]
fn callee_with_progressive_calls_is_preferred() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let unable = lab.join_as(without("unable", &[Feature::ProgressiveCallInvocations]));
    let able = lab.join_as(able("able"));
    for callee in [unable, able] {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.upload", 1);
    }
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.send(caller, client::call(2, "com.upload", NOTHING));
    assert_eq!(lab.received(able), [invocation_part(1, 1, NOTHING)]);
    assert_eq!(lab.received(unable), [router::invocation(1, 1, NOTHING)]);
}

/// Spec: advanced profile "Progressive Call Invocations", the freezing of options.
#[test]
fn the_options_of_the_first_part_count_for_all() {
    let (mut lab, caller, callee) = pair(able("callee"));
    let first = CallOptions {
        disclose_me: Some(true),
        receive_progress: Some(true),
        timeout: Some(100),
        ..open()
    };
    lab.send(caller, client::call_with(1, first, "com.upload", args([1])));
    let sharding = Sharding { rkey: None, runmode: Some(OpenEnum::Unknown("some".into())) };
    let second = CallOptions {
        disclose_me: Some(false),
        receive_progress: Some(false),
        timeout: Some(1),
        sharding: Some(Box::new(sharding)),
        ..open()
    };
    lab.send(caller, client::call_with(1, second, "com.upload", args([2])));
    lab.send(caller, client::call(1, "com.upload", args([3])));
    let details = |progress| InvocationDetails {
        caller: Some(Box::new(CallerIdentity {
            caller: Some(lab.id(caller)),
            caller_authid: Some("caller".into()),
            caller_authrole: Some("anyone".into()),
        })),
        receive_progress: Some(true),
        progress,
        ..InvocationDetails::default()
    };
    let told = [(Some(true), 1), (Some(true), 2), (None, 3)];
    let told =
        told.map(|(progress, part)| router::invocation_with(1, 1, details(progress), args([part])));
    assert_eq!(lab.received(callee), told);
    lab.pass(millis(99));
    lab.send(callee, yield_part(1, NOTHING));
    assert_eq!(lab.received(caller), [result_part(1, NOTHING)]);
}

#[test]
fn later_parts_can_not_change_the_options() {
    let (mut lab, caller, callee) = upload();
    let later = CallOptions {
        disclose_me: Some(true),
        receive_progress: Some(true),
        timeout: Some(1),
        ..open()
    };
    lab.send(caller, client::call_with(1, later, "com.upload", args([2])));
    assert_eq!(lab.received(callee), [invocation_part(1, 1, args([2]))]);
    assert_eq!(lab.realm().next_deadline(), None);
    lab.send(callee, yield_part(1, NOTHING));
    assert_silence(&mut lab, &[caller, callee]);
}

#[test]
fn timeout_runs_from_the_first_part_to_the_first_result() {
    let (mut lab, caller, callee) = pair(able("callee"));
    let options = CallOptions { timeout: Some(100), ..open() };
    lab.send(caller, client::call_with(1, options, "com.upload", NOTHING));
    lab.pass(millis(60));
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.received(callee);
    lab.pass(millis(40));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    let timeout = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
    assert_eq!(lab.received(callee), [timeout]);
}

// === one callee ===

#[test]
fn parts_go_to_the_callee_of_the_first_part_with_any_policy() {
    for policy in [
        InvokePolicy::First,
        InvokePolicy::Last,
        InvokePolicy::Random,
        InvokePolicy::RoundRobin,
        InvokePolicy::Load,
        InvokePolicy::Hash,
        InvokePolicy::Sticky,
    ] {
        let mut lab = Lab::new();
        let [caller, other, a, b, c] = join(&mut lab, ["caller", "other", "a", "b", "c"]);
        let callees = [a, b, c];
        for callee in callees {
            register(&mut lab, callee, shared(policy), "com.upload", 1);
        }
        lab.send(caller, call_part(1, "com.upload", args([1])));
        let has = |lab: &mut Lab| callees.map(|callee| lab.received(callee));
        let first = has(&mut lab);
        let its = first.iter().position(|told| !told.is_empty()).expect("one callee is invoked");
        assert_eq!(first[its], [invocation_part(1, 1, args([1]))]);
        for number in 1..=4 {
            lab.send(other, client::call(number, "com.upload", NOTHING));
        }
        has(&mut lab);
        // Also when the turn has moved on and the callee takes no new calls.
        lab.send(callees[its], client::unregister(2, 1));
        has(&mut lab);
        lab.send(caller, call_part(1, "com.upload", args([2])));
        lab.send(caller, client::call(1, "com.upload", args([3])));
        let parts = [invocation_part(1, 1, args([2])), router::invocation(1, 1, args([3]))];
        let second = has(&mut lab);
        assert_eq!(second[its], parts, "{policy:?}");
        assert_eq!(second.iter().flatten().count(), 2, "{policy:?}");
    }
}

#[test]
fn parts_of_several_calls_stay_in_order() {
    let (mut lab, caller, callee) = upload();
    lab.send(caller, call_part(2, "com.upload", args([20])));
    lab.send(caller, client::call(3, "com.upload", args([30])));
    lab.send(caller, client::call(1, "com.upload", args([11])));
    lab.send(caller, client::call(2, "com.upload", args([21])));
    assert_eq!(
        lab.received(callee),
        [
            invocation_part(2, 1, args([20])),
            router::invocation(3, 1, args([30])),
            router::invocation(1, 1, args([11])),
            router::invocation(2, 1, args([21])),
        ]
    );
}

#[test]
fn a_callee_that_can_not_take_the_first_part_is_unavailable() {
    let (mut lab, caller, callee) = pair(able("callee"));
    lab.set_state(callee, OutboxState::Dropping);
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    let text = "the callee's queue is full";
    assert_eq!(lab.received(caller), [refused(1, error_uri::UNAVAILABLE, text)]);
}

/// A stream never has a gap.
#[test]
fn callee_that_missed_a_part_gets_no_later_one() {
    let congested = refused(1, error_uri::UNAVAILABLE, "the callee's queue is full");
    for (state, told) in
        [(OutboxState::Dropping, congested), (OutboxState::Closed, router::callee_gone(1))]
    {
        let (mut lab, caller, callee) = upload();
        lab.set_state(callee, state);
        lab.send(caller, call_part(1, "com.upload", args([2])));
        assert_eq!(lab.received(caller), [told]);
        let interrupted = if state == OutboxState::Closed { vec![] } else { vec![given_up(1)] };
        assert_eq!(lab.received(callee), interrupted);
        lab.set_state(callee, OutboxState::Reading);
        lab.send(caller, client::call(1, "com.upload", args([3])));
        lab.send(callee, client::yielded(1, NOTHING));
        assert_silence(&mut lab, &[caller, callee]);
    }
}

#[test]
fn part_that_the_host_can_not_send_ends_the_call_and_interrupts_the_callee() {
    let (mut lab, caller, callee) = upload();
    lab.send(caller, call_part(1, "com.upload", args(["too long"])));
    lab.received(callee);
    let request = InvocationId::new(1).expect("an id");
    let error = InvocationError::new(request, error_uri::PAYLOAD_SIZE_EXCEEDED, NOTHING);
    lab.fail_invocation(callee, error);
    let failed = router::failed(RequestKind::Call, 1, error_uri::PAYLOAD_SIZE_EXCEEDED, NOTHING);
    assert_eq!(lab.received(caller), [failed]);
    assert_eq!(lab.received(callee), [given_up(1)]);
    lab.send(caller, client::call(1, "com.upload", NOTHING));
    assert_silence(&mut lab, &[caller, callee]);
}

// === ends ===

#[test]
fn a_caller_that_leaves_between_parts_has_its_callee_interrupted() {
    let (mut lab, caller, callee) = upload();
    lab.disconnect(caller);
    assert_eq!(lab.received(callee), [given_up(1)]);
    lab.send(callee, client::yielded(1, NOTHING));
    assert_silence(&mut lab, &[callee]);
    assert_nothing_stays(lab, &[callee]);
}

#[test]
fn a_callee_that_leaves_between_parts_ends_the_call() {
    let (mut lab, caller, callee) = upload();
    lab.disconnect(callee);
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
    assert_nothing_stays(lab, &[caller]);
}

/// `docs/decisions/traps.md#f11`.
#[test]
fn progressive_call_is_canceled_like_any_other() {
    for (mode, told) in [(CancelMode::Skip, vec![]), (CancelMode::KillNoWait, vec![given_up(1)])] {
        let (mut lab, caller, callee) = upload();
        lab.send(caller, cancel(1, mode));
        assert_eq!(lab.received(caller), [router::canceled(1)]);
        assert_eq!(lab.received(callee), told);
    }
    let (mut lab, caller, callee) = upload();
    lab.send(caller, cancel(1, CancelMode::Kill));
    let interrupt = router::interrupt(1, CancelMode::Kill, error_uri::CANCELED);
    assert_eq!(lab.received(callee), [interrupt]);
    lab.send(caller, call_part(1, "com.upload", args([2])));
    assert_eq!(lab.received(callee), [invocation_part(1, 1, args([2]))]);
    lab.send(callee, client::failure(1, error_uri::CANCELED, NOTHING));
    let failed = router::failed(RequestKind::Call, 1, error_uri::CANCELED, NOTHING);
    assert_eq!(lab.received(caller), [failed]);
}

#[test]
fn progressive_call_is_not_rerouted() {
    let mut lab = Lab::new();
    let [caller, a, b] = join(&mut lab, ["caller", "a", "b"]);
    for callee in [a, b] {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.upload", 1);
    }
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.send(a, unavailable(1));
    assert_eq!(lab.received(caller), [no_available_callee(1)]);
    assert_silence(&mut lab, &[b]);
}

// === with other features ===

#[test]
fn progressive_calls_and_results_may_overlap() {
    let (mut lab, caller, callee) = pair(able("callee"));
    let options = CallOptions { receive_progress: Some(true), ..open() };
    lab.send(caller, client::call_with(1, options, "com.upload", args([1])));
    let details = InvocationDetails {
        progress: Some(true),
        receive_progress: Some(true),
        ..InvocationDetails::default()
    };
    let told = |part| router::invocation_with(1, 1, details.clone(), args([part]));
    assert_eq!(lab.received(callee), [told(1)]);
    lab.send(callee, yield_part(1, args(["one"])));
    lab.send(caller, call_part(1, "com.upload", args([2])));
    lab.send(callee, yield_part(1, args(["two"])));
    lab.send(caller, call_part(1, "com.upload", args([3])));
    assert_eq!(lab.received(callee), [told(2), told(3)]);
    lab.send(caller, client::call(1, "com.upload", args([4])));
    assert_eq!(lab.received(callee), [invocation_receiving(1, 1, args([4]))]);
    lab.send(callee, yield_part(1, args(["three"])));
    lab.send(callee, client::yielded(1, args(["end"])));
    let parts = ["one", "two", "three"].map(|part| result_part(1, args([part])));
    assert_eq!(lab.received(caller), [&parts[..], &[router::result(1, args(["end"]))]].concat());
}

#[test]
fn meta_procedure_refuses_progressive_calls() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    lab.send(caller, call_part(1, "wamp.session.count", NOTHING));
    let text = "a procedure of the router takes no calls in parts";
    assert_eq!(lab.received(caller), [refused(1, error_uri::FEATURE_NOT_SUPPORTED, text)]);
    lab.send(caller, client::call(1, "wamp.session.count", NOTHING));
    assert_silence(&mut lab, &[caller]);
    lab.send(caller, client::call(2, "wamp.session.count", NOTHING));
    assert_eq!(lab.received(caller), [router::result(2, args([1]))]);
}

/// `docs/decisions/traps.md#f20`: calls to all callees are an extension of this router; they can't
/// be progressive.
#[test]
fn progressive_call_to_all_callees_is_refused() {
    let sharding = Sharding { rkey: None, runmode: Some(RunMode::All.into()) };
    let all = CallOptions { sharding: Some(Box::new(sharding)), ..open() };
    for (policy, options) in [(InvokePolicy::All, open()), (InvokePolicy::Single, all)] {
        let mut lab = Lab::new();
        let [caller, callee] = join(&mut lab, ["caller", "callee"]);
        register(&mut lab, callee, shared(policy), "com.upload", 1);
        lab.send(caller, client::call_with(1, options, "com.upload", NOTHING));
        let text = "a call in parts can't go to all callees at once";
        let refusal: RouterMessage = refused(1, error_uri::FEATURE_NOT_SUPPORTED, text);
        assert_eq!(lab.received(caller), [refusal]);
        assert_silence(&mut lab, &[callee]);
    }
}
