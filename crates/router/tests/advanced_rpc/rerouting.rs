//! Re-routing: calls that their callee can't take go to another one.
//!
//! Spec: advanced profile "Call Re-Routing". The policies of this router follow the same rule: as
//! if the unavailable callee did not exist.

use cloverleaf_router::limits::MAX_CALLEES_TRIED;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, InvokePolicy, PassthruDetails, RegisterOptions, RequestKind, Sharding,
};

use crate::fixture::{
    able, assert_nothing_stays, assert_silence, cancel, join, millis, no_available_callee,
    receiving, refused, register, result_part, shared, unavailable, without, yield_part,
};

/// A caller, and callees `a`, `b`, `c` that share `com.add` in this order.
struct Crew {
    lab: Lab,
    caller: Peer,
    callees: [Peer; 3],
}

impl Crew {
    fn sharing(policy: InvokePolicy) -> Self {
        let mut lab = Lab::new();
        let [caller, a, b, c] = join(&mut lab, ["caller", "a", "b", "c"]);
        let callees = [a, b, c];
        for callee in callees {
            register(&mut lab, callee, shared(policy), "com.add", 1);
        }
        Self { lab, caller, callees }
    }

    /// The callee that has received a call since the last call of this function, and the invocation
    /// id.
    fn asked(&mut self) -> (usize, u64) {
        let mut asked = Vec::new();
        for (place, callee) in self.callees.into_iter().enumerate() {
            for message in self.lab.received(callee) {
                let cloverleaf_wamp::message::RouterMessage::Invocation(invocation) = message
                else {
                    panic!("an INVOCATION, not {message:?}");
                };
                assert_eq!(invocation.payload, args(["the", "same"]));
                asked.push((place, invocation.request.number()));
            }
        }
        assert_eq!(asked.len(), 1, "one callee is asked");
        asked[0]
    }

    fn call(&mut self, number: u64, options: CallOptions) {
        let call = client::call_with(number, options, "com.add", args(["the", "same"]));
        self.lab.send(self.caller, call);
    }

    /// Sends a call for which every callee is unavailable. Returns the callees in the order in
    /// which they were tried.
    fn asked_in_vain(&mut self, number: u64) -> String {
        self.call(number, CallOptions::default());
        let mut names = String::new();
        for _ in 0..3 {
            assert_silence(&mut self.lab, &[self.caller]);
            let (place, invocation) = self.asked();
            names.push(['a', 'b', 'c'][place]);
            self.lab.send(self.callees[place], unavailable(invocation));
        }
        assert_eq!(self.lab.received(self.caller), [no_available_callee(number)]);
        assert_silence(&mut self.lab, &self.callees);
        names
    }
}

#[test]
fn first_continues_with_the_next_registered_callee() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    assert_eq!([1, 2].map(|number| crew.asked_in_vain(number)), ["abc", "abc"]);
}

#[test]
fn last_continues_with_the_previously_registered_callee() {
    let mut crew = Crew::sharing(InvokePolicy::Last);
    assert_eq!([1, 2].map(|number| crew.asked_in_vain(number)), ["cba", "cba"]);
}

#[test]
fn roundrobin_continues_with_the_next_callee() {
    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked_in_vain(1), "abc");
    crew.call(2, CallOptions::default());
    assert_eq!(crew.asked(), (0, 2));
    assert_eq!(crew.asked_in_vain(3), "bca");
}

#[test]
fn random_continues_with_any_other_callee() {
    let mut crew = Crew::sharing(InvokePolicy::Random);
    let orders: Vec<String> = (1..=120).map(|number| crew.asked_in_vain(number)).collect();
    for order in ["abc", "acb", "bac", "bca", "cab", "cba"] {
        let times = orders.iter().filter(|asked| *asked == order).count();
        assert!((8..=40).contains(&times), "{order} came {times} times in 120");
    }
}

#[test]
fn load_continues_with_the_least_loaded_callee() {
    let mut crew = Crew::sharing(InvokePolicy::Load);
    for number in 1..=3 {
        crew.call(number, CallOptions::default());
        assert_eq!(crew.asked().0, number as usize - 1);
    }
    crew.lab.send(crew.callees[1], client::yielded(1, NOTHING));
    crew.lab.received(crew.caller);
    crew.call(4, CallOptions::default());
    assert_eq!(crew.asked(), (1, 2));
    // Rerouted calls no longer count: b has none, a and c have one each.
    crew.lab.send(crew.callees[1], unavailable(2));
    let (place, invocation) = crew.asked();
    assert_ne!(place, 1);
    crew.lab.send(crew.callees[place], unavailable(invocation));
    assert_eq!(crew.asked().0, 2 - place);
}

#[test]
fn hash_and_sticky_continue_with_the_same_next_callee() {
    for policy in [InvokePolicy::Hash, InvokePolicy::Sticky] {
        let mut crew = Crew::sharing(policy);
        let mut orders = Vec::new();
        for number in 1..=3 {
            let sharding = Sharding { rkey: Some("key".into()), runmode: None };
            let options =
                CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() };
            crew.call(number, options);
            let order = [0; 3].map(|_| {
                let (place, invocation) = crew.asked();
                crew.lab.send(crew.callees[place], unavailable(invocation));
                place
            });
            assert_eq!(crew.lab.received(crew.caller), [no_available_callee(number)]);
            orders.push(order);
        }
        assert_eq!(orders, [orders[0]; 3]);
    }
}

#[test]
fn rerouting_is_invisible_to_the_caller() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    crew.lab.send(crew.callees[0], unavailable(1));
    let (place, invocation) = (1, 1);
    assert_silence(&mut crew.lab, &[crew.caller]);
    crew.lab.send(crew.callees[place], client::yielded(invocation, args([5])));
    assert_eq!(crew.lab.received(crew.caller), [router::result(1, args([5]))]);
    let Crew { mut lab, caller, callees } = crew;
    // A callee that has rerouted the call can't answer it any more.
    lab.send(callees[0], client::yielded(1, args([6])));
    assert_silence(&mut lab, &[caller]);
    assert_nothing_stays(lab, &[caller, callees[0], callees[1], callees[2]]);
}

#[test]
fn single_unavailable_callee_fails_the_call() {
    for options in [RegisterOptions::default(), shared(InvokePolicy::RoundRobin)] {
        let mut lab = Lab::new();
        let [caller, callee] = join(&mut lab, ["caller", "callee"]);
        register(&mut lab, callee, options, "com.add", 1);
        lab.send(caller, client::call(1, "com.add", NOTHING));
        lab.send(callee, unavailable(1));
        assert_eq!(lab.received(caller), [no_available_callee(1)]);
    }
}

#[test]
fn error_of_a_callee_without_rerouting_is_forwarded() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let a = lab.join_as(without("a", &[Feature::CallReroute]));
    let [b] = join(&mut lab, ["b"]);
    for callee in [a, b] {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.add", 1);
    }
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(a, client::failure(1, error_uri::UNAVAILABLE, args(["come back"])));
    let failed = router::failed(RequestKind::Call, 1, error_uri::UNAVAILABLE, args(["come back"]));
    assert_eq!(lab.received(caller), [failed]);
    assert_silence(&mut lab, &[b]);
}

#[test]
fn no_other_error_reroutes() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    for (number, error) in (1..).zip(["com.error.x", error_uri::CANCELED, error_uri::TIMEOUT]) {
        crew.call(number, CallOptions::default());
        assert_eq!(crew.asked(), (0, number));
        crew.lab.send(crew.callees[0], client::failure(number, error, NOTHING));
        let failed = router::failed(RequestKind::Call, number, error, NOTHING);
        assert_eq!(crew.lab.received(crew.caller), [failed]);
    }
}

#[test]
fn call_with_progressive_results_is_not_rerouted() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, receiving());
    crew.lab.received(crew.callees[0]);
    crew.lab.send(crew.callees[0], yield_part(1, args([1])));
    crew.lab.send(crew.callees[0], unavailable(1));
    let told = [result_part(1, args([1])), no_available_callee(1)];
    assert_eq!(crew.lab.received(crew.caller), told);
    assert_silence(&mut crew.lab, &crew.callees);
}

#[test]
fn canceled_call_is_not_rerouted() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    crew.lab.send(crew.caller, cancel(1, CancelMode::Kill));
    crew.lab.received(crew.callees[0]);
    crew.lab.send(crew.callees[0], unavailable(1));
    assert_eq!(crew.lab.received(crew.caller), [no_available_callee(1)]);
    assert_silence(&mut crew.lab, &crew.callees);
}

#[test]
fn rerouted_call_is_canceled_at_its_current_callee() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    crew.lab.send(crew.callees[0], unavailable(1));
    crew.lab.received(crew.callees[0]);
    crew.lab.received(crew.callees[1]);
    crew.lab.send(crew.caller, cancel(1, CancelMode::KillNoWait));
    assert_eq!(crew.lab.received(crew.callees[1]), [crate::fixture::given_up(1)]);
    assert_silence(&mut crew.lab, &[crew.callees[0], crew.callees[2]]);
    assert_eq!(crew.lab.received(crew.caller), [router::canceled(1)]);
}

#[test]
fn callee_that_left_meanwhile_is_skipped() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    crew.lab.disconnect(crew.callees[1]);
    crew.lab.received(crew.callees[0]);
    crew.lab.send(crew.callees[0], unavailable(1));
    assert_eq!(crew.asked(), (2, 1));
}

#[test]
fn callee_that_joined_meanwhile_is_tried() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    let [late] = join(&mut crew.lab, ["late"]);
    register(&mut crew.lab, late, shared(InvokePolicy::First), "com.add", 1);
    for callee in crew.callees {
        crew.lab.send(callee, unavailable(1));
        crew.lab.received(callee);
    }
    assert_eq!(crew.lab.received(late), [router::invocation(1, 1, args(["the", "same"]))]);
}

#[test]
fn unregistered_callee_may_still_reroute() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    crew.lab.send(crew.callees[0], client::unregister(2, 1));
    crew.lab.received(crew.callees[0]);
    crew.lab.send(crew.callees[0], unavailable(1));
    assert_eq!(crew.asked(), (1, 1));
}

#[test]
fn rerouted_call_fails_when_the_registration_is_gone() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    for callee in crew.callees {
        crew.lab.send(callee, client::unregister(2, 1));
    }
    crew.lab.send(crew.callees[0], unavailable(1));
    assert_eq!(crew.lab.received(crew.caller), [no_available_callee(1)]);
}

#[test]
fn rerouting_tries_a_limited_number_of_callees() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let callees = [(); MAX_CALLEES_TRIED + 1].map(|()| lab.join_as(able("callee")));
    for callee in callees {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.add", 1);
    }
    lab.send(caller, client::call(1, "com.add", NOTHING));
    for callee in &callees[..MAX_CALLEES_TRIED] {
        assert_eq!(lab.received(*callee), [router::invocation(1, 1, NOTHING)]);
        assert_silence(&mut lab, &[caller]);
        lab.send(*callee, unavailable(1));
    }
    assert_eq!(lab.received(caller), [no_available_callee(1)]);
    assert_silence(&mut lab, &callees);
    lab.disconnect(caller);
    assert_nothing_stays(lab, &callees);
}

/// Callees that lack a feature or are closing are not tried.
#[test]
fn the_only_callee_that_can_take_a_call_is_found_among_many() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let lacking = [(); MAX_CALLEES_TRIED + 1]
        .map(|()| lab.join_as(without("lacking", &[Feature::PayloadPassthruMode])));
    for callee in lacking {
        register(&mut lab, callee, shared(InvokePolicy::RoundRobin), "com.add", 1);
    }
    let [able] = join(&mut lab, ["able"]);
    register(&mut lab, able, shared(InvokePolicy::RoundRobin), "com.add", 1);
    let passthru =
        PassthruDetails { ppt_scheme: Some("x_mine".into()), ..PassthruDetails::default() };
    let options = CallOptions { passthru: Some(Box::new(passthru)), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.add", NOTHING));
    assert_eq!(lab.received(able).len(), 1);
    assert_silence(&mut lab, &lacking);
}

// === unreachable callees ===

#[test]
fn callee_that_can_not_take_a_call_is_skipped() {
    for policy in [InvokePolicy::First, InvokePolicy::RoundRobin, InvokePolicy::Load] {
        for state in [OutboxState::Dropping, OutboxState::Closed] {
            let mut crew = Crew::sharing(policy);
            crew.lab.set_state(crew.callees[0], state);
            crew.call(1, CallOptions::default());
            assert_eq!(crew.asked(), (1, 1), "{policy:?} {state:?}");
        }
    }
    let mut crew = Crew::sharing(InvokePolicy::Last);
    crew.lab.set_state(crew.callees[2], OutboxState::Dropping);
    crew.call(1, CallOptions::default());
    assert_eq!(crew.asked(), (1, 1));
}

#[test]
fn call_fails_with_the_reason_when_no_callee_can_take_it() {
    let congested = refused(1, error_uri::UNAVAILABLE, "the callee's queue is full");
    for (state, told) in
        [(OutboxState::Dropping, congested), (OutboxState::Closed, router::callee_gone(1))]
    {
        let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
        for callee in crew.callees {
            crew.lab.set_state(callee, state);
        }
        crew.call(1, CallOptions::default());
        assert_eq!(crew.lab.received(crew.caller), [told]);
    }
}

#[test]
fn rerouting_skips_callees_that_can_not_take_the_call() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions::default());
    crew.lab.received(crew.callees[0]);
    crew.lab.set_state(crew.callees[1], OutboxState::Dropping);
    crew.lab.send(crew.callees[0], unavailable(1));
    assert_eq!(crew.asked(), (2, 1));
    crew.lab.set_state(crew.callees[1], OutboxState::Reading);
    // It was tried without success.
    crew.lab.send(crew.callees[2], unavailable(1));
    assert_eq!(crew.lab.received(crew.caller), [no_available_callee(1)]);
}

// === timeouts ===

/// `docs/decisions/traps.md#f12`: the dealer watches the timeout of a rerouted call.
#[test]
fn timeout_continues_after_rerouting() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    crew.call(1, CallOptions { timeout: Some(100), ..CallOptions::default() });
    crew.lab.pass(millis(60));
    crew.lab.send(crew.callees[0], unavailable(1));
    crew.lab.pass(millis(39));
    assert_silence(&mut crew.lab, &[crew.caller]);
    crew.lab.pass(millis(1));
    assert_eq!(crew.lab.received(crew.caller), [router::timed_out(1)]);
}

/// `docs/decisions/traps.md#f12`: `forward_timeout` applies to this one callee only.
#[test]
fn dealer_watches_the_timeout_after_a_callee_with_forward_timeout_is_unavailable() {
    let mut lab = Lab::new();
    let [caller, a, b] = join(&mut lab, ["caller", "a", "b"]);
    let watching = RegisterOptions { forward_timeout: Some(true), ..shared(InvokePolicy::First) };
    register(&mut lab, a, watching, "com.add", 1);
    register(&mut lab, b, shared(InvokePolicy::First), "com.add", 1);
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.add", NOTHING));
    assert_eq!(lab.realm().next_deadline(), None);
    lab.pass(millis(60));
    lab.send(a, unavailable(1));
    assert_eq!(lab.received(b), [router::invocation(1, 1, NOTHING)]);
    lab.pass(millis(39));
    assert_silence(&mut lab, &[caller]);
    lab.pass(millis(1));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    let timeout = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
    assert_eq!(lab.received(b), [timeout]);
    assert_eq!(lab.realm().next_deadline(), None);
}
