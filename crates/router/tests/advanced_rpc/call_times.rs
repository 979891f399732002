//! Timeouts of calls: those of the realm, and callees that watch the timeout themselves.
//!
//! `docs/decisions/traps.md#f12`: milliseconds, watched by the dealer unless a callee has announced
//! `call_timeout` and registered with `forward_timeout`. `timeout` tests that the dealer ends a
//! call in time. Spec: advanced profile "Call Timeouts".

use cloverleaf_router::{CallTimes, Moment, RealmSettings};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{CallOptions, InvocationDetails, RegisterOptions, RequestKind};

use crate::fixture::{
    able, assert_silence, join, millis, receiving, register, without, yield_part,
};

fn lab_with(call_times: CallTimes) -> Lab {
    Lab::with(RealmSettings { call_times, ..settings() })
}

fn timed(timeout: Option<u64>) -> CallOptions {
    CallOptions { timeout, ..CallOptions::default() }
}

fn watching() -> RegisterOptions {
    RegisterOptions { forward_timeout: Some(true), ..RegisterOptions::default() }
}

type Millis = Option<u64>;

/// Requested and effective timeouts: the realm's default, the realm's largest, the requested one,
/// the effective one.
const TIMES: [(Millis, Millis, Millis, Millis); 13] = [
    (None, None, None, None),
    (None, None, Some(0), None),
    (None, None, Some(70), Some(70)),
    (Some(50), None, None, Some(50)),
    (Some(50), None, Some(70), Some(70)),
    (Some(50), None, Some(0), None),
    (Some(0), None, None, None),
    (None, Some(60), None, Some(60)),
    (None, Some(60), Some(0), Some(60)),
    (None, Some(60), Some(70), Some(60)),
    (None, Some(60), Some(30), Some(30)),
    (Some(50), Some(60), None, Some(50)),
    (Some(90), Some(60), None, Some(60)),
];

#[test]
fn realm_has_a_default_and_a_largest_timeout() {
    for (default, max, asked, given) in TIMES {
        let mut lab = lab_with(CallTimes { default, max });
        let [caller, callee] = join(&mut lab, ["caller", "callee"]);
        register(&mut lab, callee, RegisterOptions::default(), "com.slow", 1);
        lab.send(caller, client::call_with(1, timed(asked), "com.slow", NOTHING));
        assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
        let deadline = given.map(|given| Moment::after_start(millis(given)));
        let case = format!("{default:?} {max:?} {asked:?}");
        assert_eq!(lab.realm().next_deadline(), deadline, "{case}");
        lab.pass(millis(1_000));
        let told = given.map(|_| router::timed_out(1));
        assert_eq!(lab.received(caller), Vec::from_iter(told), "{case}");
    }
}

#[test]
fn callee_with_forward_timeout_gets_the_effective_timeout() {
    for (default, max, asked, given) in TIMES {
        let mut lab = lab_with(CallTimes { default, max });
        let [caller, callee] = join(&mut lab, ["caller", "callee"]);
        register(&mut lab, callee, watching(), "com.slow", 1);
        lab.send(caller, client::call_with(1, timed(asked), "com.slow", NOTHING));
        let details = InvocationDetails { timeout: given, ..InvocationDetails::default() };
        let told = router::invocation_with(1, 1, details, NOTHING);
        assert_eq!(lab.received(callee), [told], "{default:?} {max:?} {asked:?}");
        assert_eq!(lab.realm().next_deadline(), None);
    }
}

#[test]
fn callee_with_forward_timeout_ends_the_call_itself() {
    let mut lab = Lab::new();
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, watching(), "com.slow", 1);
    lab.send(caller, client::call_with(1, timed(Some(100)), "com.slow", NOTHING));
    lab.received(callee);
    lab.pass(millis(1_000));
    assert_silence(&mut lab, &[caller, callee]);
    lab.send(callee, client::failure(1, error_uri::TIMEOUT, args(["too slow"])));
    let failed = router::failed(RequestKind::Call, 1, error_uri::TIMEOUT, args(["too slow"]));
    assert_eq!(lab.received(caller), [failed]);
}

#[test]
fn progressive_results_start_no_timeout_with_forward_timeout() {
    let mut lab = Lab::new();
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, watching(), "com.slow", 1);
    let options = CallOptions { timeout: Some(100), ..receiving() };
    lab.send(caller, client::call_with(1, options, "com.slow", NOTHING));
    lab.send(callee, yield_part(1, NOTHING));
    assert_eq!(lab.realm().next_deadline(), None);
}

fn dealer_watches(callee: Client, options: RegisterOptions) {
    let mut lab = Lab::new();
    let caller = lab.join_as(able("caller"));
    let callee: Peer = lab.join_as(callee);
    register(&mut lab, callee, options, "com.slow", 1);
    lab.send(caller, client::call_with(1, timed(Some(100)), "com.slow", NOTHING));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
}

#[test]
fn dealer_watches_the_timeout_unless_the_callee_requests_and_announces_it() {
    dealer_watches(able("callee"), RegisterOptions::default());
    let no = RegisterOptions { forward_timeout: Some(false), ..RegisterOptions::default() };
    dealer_watches(able("callee"), no);
    dealer_watches(without("callee", &[Feature::CallTimeout]), watching());
    dealer_watches(Client::basic("callee"), watching());
}
