//! The request id of a CALL: a new call, its next part, a late part, or a violation.
//!
//! `docs/decisions/traps.md#f1`, `#f13`: ids may have gaps unless the realm is strict. An id that
//! is not above the largest so far belongs to an earlier call, if the caller has announced
//! progressive calls. Spec: advanced profile "Progressive Call Invocations".

use cloverleaf_router::RealmSettings;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::MAX_ID;
use cloverleaf_wamp::message::{CancelMode, ClientMessage, RequestKind};

use crate::fixture::{
    able, assert_silence, assert_violation, call_part, cancel, invocation_part, join, millis,
    no_such_procedure, open, register, without,
};

const OUT_OF_ORDER: &str = "requests must be numbered 1, 2, 3 … within a session";

fn in_use(number: u64) -> String {
    format!("request id {number} is used twice at the same time")
}

/// A caller, and a callee that has registered `com.upload` and `com.other`.
fn pair_in(settings: RealmSettings) -> (Lab, Peer, Peer) {
    let mut lab = Lab::with(settings);
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, Default::default(), "com.upload", 1);
    lab.send(callee, client::register(2, "com.other"));
    lab.received(callee);
    (lab, caller, callee)
}

fn pair() -> (Lab, Peer, Peer) {
    pair_in(settings())
}

fn strict_pair() -> (Lab, Peer, Peer) {
    pair_in(RealmSettings { strict_request_ids: true, ..settings() })
}

fn last_part(number: u64) -> ClientMessage {
    client::call(number, "com.upload", NOTHING)
}

/// Basic profile "IDs": behind 2^53 comes 1.
#[test]
fn request_ids_wrap_around_to_one() {
    let (mut lab, caller, callee) = pair();
    let calls = [MAX_ID - 1, MAX_ID, 1, 2];
    for number in calls {
        lab.send(caller, client::call(number, "com.upload", NOTHING));
    }
    let asked = (1..=4).map(|number| router::invocation(number, 1, NOTHING));
    assert_eq!(lab.received(callee), Vec::from_iter(asked));
    for number in 1..=4 {
        lab.send(callee, client::yielded(number, NOTHING));
    }
    let answered = calls.map(|number| router::result(number, NOTHING));
    assert_eq!(lab.received(caller), answered);
}

#[test]
fn call_with_the_largest_request_id_may_be_progressive() {
    let (mut lab, caller, callee) = pair();
    lab.send(caller, call_part(MAX_ID, "com.upload", NOTHING));
    lab.send(caller, last_part(MAX_ID));
    assert_eq!(
        lab.received(callee),
        [invocation_part(1, 1, NOTHING), router::invocation(1, 1, NOTHING)]
    );
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(MAX_ID, NOTHING)]);
    // A message behind the last part is no new call.
    lab.send(caller, last_part(MAX_ID));
    lab.send(caller, last_part(MAX_ID - 1));
    assert_silence(&mut lab, &[caller, callee]);
    lab.send(caller, client::call(1, "com.upload", NOTHING));
    assert_eq!(lab.received(callee), [router::invocation(2, 1, NOTHING)]);
}

/// `docs/decisions/traps.md#f13`: a continuation is of the same procedure.
#[test]
fn part_with_another_procedure_aborts_the_session() {
    let (mut lab, caller, callee) = pair();
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    assert_violation(&mut lab, caller, call_part(1, "com.other", NOTHING), &in_use(1));
    let told = [
        invocation_part(1, 1, NOTHING),
        router::interrupt(1, CancelMode::KillNoWait, error_uri::CANCELED),
    ];
    assert_eq!(lab.received(callee), told);
}

/// `docs/decisions/traps.md#f13`: a continuation is of a call that comes in parts.
#[test]
fn reusing_the_request_id_of_a_call_in_flight_aborts_the_session() {
    for again in [last_part(1), call_part(1, "com.upload", NOTHING)] {
        let (mut lab, caller, callee) = pair();
        lab.send(caller, last_part(1));
        lab.received(callee);
        assert_violation(&mut lab, caller, again, &in_use(1));
    }
}

/// The caller has sent that no part follows.
#[test]
fn part_after_the_last_one_aborts_the_session_while_the_call_is_in_flight() {
    for again in [last_part(1), call_part(1, "com.upload", NOTHING)] {
        let (mut lab, caller, callee) = pair();
        lab.send(caller, call_part(1, "com.upload", NOTHING));
        lab.send(caller, last_part(1));
        lab.received(callee);
        assert_violation(&mut lab, caller, again, &in_use(1));
    }
}

/// Progressive results do not make the call progressive.
#[test]
fn call_with_progressive_results_takes_no_next_part() {
    let (mut lab, caller, callee) = pair();
    lab.send(caller, client::call_with(1, crate::fixture::receiving(), "com.upload", NOTHING));
    lab.send(callee, crate::fixture::yield_part(1, NOTHING));
    lab.received(caller);
    assert_violation(&mut lab, caller, last_part(1), &in_use(1));
}

/// `docs/decisions/traps.md#f13`: the part was racing the end of its call.
#[test]
fn a_part_of_a_call_that_has_ended_is_discarded() {
    let (mut lab, caller, callee) = pair();
    let ends: [fn(&mut Lab, Peer, Peer); 5] = [
        |lab, _, callee| lab.send(callee, client::yielded(1, NOTHING)),
        |lab, _, callee| lab.send(callee, client::failure(2, "com.error.full", NOTHING)),
        |lab, caller, _| lab.send(caller, cancel(3, CancelMode::Skip)),
        |lab, caller, _| lab.send(caller, cancel(4, CancelMode::KillNoWait)),
        |lab, _, _| lab.pass(millis(100)),
    ];
    for (number, end) in (1..).zip(ends) {
        let options = cloverleaf_wamp::message::CallOptions { timeout: Some(100), ..open() };
        lab.send(caller, client::call_with(number, options, "com.upload", NOTHING));
        end(&mut lab, caller, callee);
        assert_eq!(lab.received(caller).len(), 1);
        lab.received(callee);
        lab.send(caller, call_part(number, "com.upload", NOTHING));
        lab.send(caller, last_part(number));
        assert_silence(&mut lab, &[caller, callee]);
    }
    assert_eq!(lab.realm().calls_in_flight(), 0);
    lab.send(caller, call_part(6, "com.upload", args([6])));
    assert_eq!(lab.received(callee), [invocation_part(6, 1, args([6]))]);
}

#[test]
fn a_part_of_a_call_whose_callee_has_left_or_that_never_had_one_is_discarded() {
    let (mut lab, caller, callee) = pair();
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.disconnect(callee);
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.send(caller, last_part(1));
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
    lab.send(caller, call_part(2, "com.upload", NOTHING));
    lab.send(caller, call_part(2, "com.upload", NOTHING));
    lab.send(caller, last_part(2));
    assert_eq!(lab.received(caller), [no_such_procedure(2, "com.upload")]);
}

/// `docs/decisions/traps.md#f13`: an id that is not above the watermark is a late part, of whatever
/// procedure.
#[test]
fn calls_below_the_watermark_are_ignored() {
    let (mut lab, caller, callee) = pair();
    lab.send(caller, client::call(10, "com.other", NOTHING));
    lab.received(callee);
    for number in 1..10 {
        lab.send(caller, client::call(number, "com.other", NOTHING));
        lab.send(caller, call_part(number, "com.upload", NOTHING));
    }
    assert_silence(&mut lab, &[caller, callee]);
}

/// Decisions "Request ids": gaps are accepted unless the realm is strict.
#[test]
fn gaps_are_accepted_up_to_the_largest_number() {
    let (mut lab, caller, callee) = pair();
    for (invocation, number) in (1..).zip([3, 1_000, 9_007_199_254_740_992]) {
        lab.send(caller, call_part(number, "com.upload", NOTHING));
        lab.send(caller, last_part(number));
        let told =
            [invocation_part(invocation, 1, NOTHING), router::invocation(invocation, 1, NOTHING)];
        assert_eq!(lab.received(callee), told);
    }
}

/// Decisions "Request ids": a caller without progressive calls may number as it likes.
#[test]
fn without_the_feature_there_is_no_watermark() {
    let (mut lab, _, callee) = pair();
    let caller = lab.join_as(without("caller", &[Feature::ProgressiveCallInvocations]));
    for (invocation, number) in (1..).zip([9, 3, 1, 3]) {
        lab.send(caller, client::call(number, "com.other", NOTHING));
        assert_eq!(lab.received(callee), [router::invocation(invocation, 2, NOTHING)]);
        lab.send(callee, client::yielded(invocation, NOTHING));
        assert_eq!(lab.received(caller), [router::result(number, NOTHING)]);
    }
}

/// The watermark is of calls: other requests may have had larger numbers.
#[test]
fn request_ids_of_other_messages_do_not_move_the_watermark() {
    let (mut lab, caller, callee) = pair();
    lab.send(caller, client::subscribe(50, "com.topic"));
    lab.received(caller);
    lab.send(caller, client::call(7, "com.other", NOTHING));
    assert_eq!(lab.received(callee), [router::invocation(1, 2, NOTHING)]);
}

/// `docs/decisions/traps.md#f1`: the ids of a session count one direction each.
#[test]
fn invocation_ids_count_per_callee() {
    let (mut lab, caller, callee) = pair();
    let [other] = join(&mut lab, ["other"]);
    lab.send(other, client::register(1, "com.third"));
    lab.received(other);
    lab.send(caller, client::call(100, "com.other", NOTHING));
    lab.send(caller, client::call(200, "com.third", NOTHING));
    lab.send(caller, client::call(300, "com.upload", NOTHING));
    let told = [router::invocation(1, 2, NOTHING), router::invocation(2, 1, NOTHING)];
    assert_eq!(lab.received(callee), told);
    assert_eq!(lab.received(other), [router::invocation(1, 3, NOTHING)]);
}

// === a strict realm ===

/// The example of the specification: 1, 2, then the end of 1, then a gap.
#[test]
fn strict_realm_accepts_parts_and_aborts_on_gaps() {
    let (mut lab, caller, callee) = strict_pair();
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.send(caller, client::call(2, "com.other", NOTHING));
    lab.send(caller, last_part(1));
    let told = [
        invocation_part(1, 1, NOTHING),
        router::invocation(2, 2, NOTHING),
        router::invocation(1, 1, NOTHING),
    ];
    assert_eq!(lab.received(callee), told);
    assert_violation(&mut lab, caller, client::call(4, "com.other", NOTHING), OUT_OF_ORDER);
}

#[test]
fn strict_realm_discards_late_parts() {
    let (mut lab, caller, callee) = strict_pair();
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.send(callee, client::yielded(1, NOTHING));
    lab.send(caller, client::subscribe(2, "com.topic"));
    lab.send(caller, call_part(1, "com.upload", NOTHING));
    lab.send(caller, last_part(1));
    lab.send(caller, client::call(3, "com.other", NOTHING));
    let told = [invocation_part(1, 1, NOTHING), router::invocation(2, 2, NOTHING)];
    assert_eq!(lab.received(callee), told);
    assert_eq!(lab.received(caller), [router::result(1, NOTHING), router::subscribed(2, 1)]);
}

#[test]
fn strict_realm_counts_every_request_and_no_other_message() {
    let (mut lab, caller, _) = strict_pair();
    lab.send(caller, client::register(1, "com.mine"));
    lab.send(caller, client::call(2, "com.mine", NOTHING));
    lab.send(caller, client::yielded(1, NOTHING));
    lab.send(caller, cancel(2, CancelMode::Kill));
    lab.send(caller, client::subscribe(3, "com.topic"));
    lab.send(caller, client::publish(4, "com.topic", NOTHING));
    lab.send(caller, client::unsubscribe(5, 1));
    lab.send(caller, client::unregister(6, 3));
    lab.received(caller);
    for (number, request) in [
        client::call(6, "com.other", NOTHING),
        client::register(6, "com.a"),
        client::subscribe(6, "com.a"),
        client::publish(6, "com.a", NOTHING),
        client::unsubscribe(6, 1),
        client::unregister(6, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let other = lab.join_as(able("other"));
        for number in 1..=4 {
            lab.send(other, client::publish(number, "com.topic", NOTHING));
        }
        assert_violation(&mut lab, other, request, OUT_OF_ORDER);
        let after = 7 + number as u64;
        lab.send(caller, client::publish(after, "com.topic", NOTHING));
    }
}

#[test]
fn strict_realm_counts_refused_requests() {
    let (mut lab, caller, _) = strict_pair();
    lab.send(caller, client::call(1, "com.nothing", NOTHING));
    lab.send(caller, client::register(2, "com.upload"));
    lab.send(caller, client::subscribe(3, "com.topic"));
    let error = error_uri::PROCEDURE_ALREADY_EXISTS;
    let text = "procedure <com.upload> is already registered, with the invocation policy 'single'";
    assert_eq!(
        lab.received(caller),
        [
            no_such_procedure(1, "com.nothing"),
            router::refused(RequestKind::Register, 2, error, text),
            router::subscribed(3, 1)
        ]
    );
}

#[test]
fn strict_realm_aborts_on_a_repeated_call_id_without_progressive_calls() {
    let (mut lab, _, _) = strict_pair();
    for number in [1, 3] {
        let caller = lab.join_as(without("caller", &[Feature::ProgressiveCallInvocations]));
        lab.send(caller, client::call(1, "com.other", NOTHING));
        let again = client::call(number, "com.other", NOTHING);
        assert_violation(&mut lab, caller, again, OUT_OF_ORDER);
    }
}
