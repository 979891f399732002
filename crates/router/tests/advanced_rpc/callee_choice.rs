//! The choice of a callee: the policies of this router, and resource keys.
//!
//! `docs/decisions/traps.md#f20`: `load`, `hash`, `sticky` and resource keys are extensions of this
//! router. Spec: advanced profile "Shared Registration", "Sharded Registration".

use std::collections::BTreeMap;

use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, ClientMessage, InvokePolicy, OpenEnum, RegisterOptions, RequestKind, RunMode,
    Sharding,
};

use crate::fixture::{able, assert_silence, cancel, join, refused, register, shared};

/// A caller, and callees that share `com.get`.
struct Crew {
    lab: Lab,
    caller: Peer,
    callees: Vec<Peer>,
    policy: InvokePolicy,
    calls: u64,
}

impl Crew {
    fn sharing(policy: InvokePolicy, callees: usize) -> Self {
        let mut lab = Lab::new();
        let [caller] = join(&mut lab, ["caller"]);
        let mut crew = Self { lab, caller, callees: Vec::new(), policy, calls: 0 };
        for _ in 0..callees {
            crew.add();
        }
        crew
    }

    fn add(&mut self) {
        let callee = self.lab.join_as(able("callee"));
        register(&mut self.lab, callee, shared(self.policy), "com.get", 1);
        self.callees.push(callee);
    }

    /// Sends a call and returns the callee that gets it; the call stays in flight.
    fn asked_by(&mut self, caller: Peer, options: CallOptions) -> Peer {
        self.calls += 1;
        self.lab.send(caller, client::call_with(self.calls, options, "com.get", NOTHING));
        let asked: Vec<Peer> = self
            .callees
            .iter()
            .copied()
            .filter(|callee| !self.lab.received(*callee).is_empty())
            .collect();
        assert_eq!(asked.len(), 1, "one call asks one callee");
        asked[0]
    }

    fn asked(&mut self, options: CallOptions) -> usize {
        let asked = self.asked_by(self.caller, options);
        self.callees.iter().position(|callee| *callee == asked).expect("one of them")
    }

    /// The callee of each of a thousand keys.
    fn keys(&mut self) -> BTreeMap<u64, Peer> {
        (0..1_000)
            .map(|key| (key, self.asked_by(self.caller, keyed(&format!("key {key}")))))
            .collect()
    }
}

fn sharded(rkey: Option<&str>, runmode: Option<OpenEnum<RunMode>>) -> CallOptions {
    let sharding = Sharding { rkey: rkey.map(Into::into), runmode };
    CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() }
}

fn keyed(key: &str) -> CallOptions {
    sharded(Some(key), None)
}

fn partition(key: &str) -> CallOptions {
    sharded(Some(key), Some(RunMode::Partition.into()))
}

// === load ===

#[test]
fn load_chooses_the_callee_with_the_fewest_calls_in_turn_among_equals() {
    let mut crew = Crew::sharing(InvokePolicy::Load, 3);
    let asked = [(); 6].map(|()| crew.asked(CallOptions::default()));
    assert_eq!(asked, [0, 1, 2, 0, 1, 2]);
    for invocation in [1, 2] {
        crew.lab.send(crew.callees[2], client::yielded(invocation, NOTHING));
    }
    crew.lab.send(crew.callees[1], client::failure(2, "com.error.x", NOTHING));
    // 2, 1 and 0 calls.
    assert_eq!([(); 3].map(|()| crew.asked(CallOptions::default())), [2, 1, 2]);
}

#[test]
fn load_counts_a_call_until_any_ending() {
    use cloverleaf_wamp::message::CancelMode::{Kill, KillNoWait, Skip};
    let mut crew = Crew::sharing(InvokePolicy::Load, 2);
    assert_eq!([(); 4].map(|()| crew.asked(CallOptions::default())), [0, 1, 0, 1]);
    // The first has calls 1 and 3, the second 2 and 4. With `kill` a call ends with its answer.
    crew.lab.send(crew.caller, cancel(1, Skip));
    crew.lab.send(crew.caller, cancel(3, Kill));
    crew.lab.received(crew.callees[0]);
    assert_eq!([(); 2].map(|()| crew.asked(CallOptions::default())), [0, 1]);
    crew.lab.send(crew.callees[0], client::failure(2, error_uri::CANCELED, NOTHING));
    assert_eq!(crew.asked(CallOptions::default()), 0);
    crew.lab.send(crew.caller, cancel(2, KillNoWait));
    crew.lab.send(crew.caller, cancel(4, KillNoWait));
    crew.lab.received(crew.callees[1]);
    assert_eq!([(); 2].map(|()| crew.asked(CallOptions::default())), [1, 0]);
}

#[test]
fn load_forgets_the_calls_of_a_caller_that_leaves() {
    let mut crew = Crew::sharing(InvokePolicy::Load, 2);
    let [other] = join(&mut crew.lab, ["other"]);
    assert_eq!(crew.asked(CallOptions::default()), 0);
    for _ in 0..3 {
        crew.asked_by(other, CallOptions::default());
    }
    crew.lab.disconnect(other);
    for callee in crew.callees.clone() {
        crew.lab.received(callee);
    }
    assert_eq!(crew.asked(CallOptions::default()), 1);
}

// === hash ===

#[test]
fn hash_chooses_the_same_callee_for_the_same_key() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 4);
    let [other] = join(&mut crew.lab, ["other"]);
    for key in ["a", "b", "com.example", "", "\u{1f340}"] {
        let asked = crew.asked_by(crew.caller, keyed(key));
        for caller in [other, crew.caller, other] {
            assert_eq!(crew.asked_by(caller, keyed(key)), asked, "{key}");
        }
    }
}

#[test]
fn hash_spreads_keys_evenly() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 4);
    let keys = crew.keys();
    for callee in &crew.callees {
        let has = keys.values().filter(|asked| *asked == callee).count();
        assert!((180..=320).contains(&has), "{has} of 1000 keys");
    }
}

#[test]
fn a_callee_that_leaves_moves_only_the_keys_that_it_had() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 5);
    let before = crew.keys();
    let gone = crew.callees.remove(2);
    crew.lab.disconnect(gone);
    let after = crew.keys();
    for (key, asked) in &before {
        assert!(*asked == gone || after[key] == *asked, "key {key} has moved");
    }
    // Its keys are spread over all others.
    for callee in &crew.callees {
        let came = before.iter().filter(|(key, asked)| **asked == gone && after[key] == *callee);
        assert!(came.count() > 20);
    }
}

#[test]
fn a_callee_that_joins_takes_its_share_and_moves_no_other_key() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 4);
    let before = crew.keys();
    crew.add();
    let after = crew.keys();
    let new = crew.callees[4];
    for (key, asked) in &after {
        assert!(*asked == new || before[key] == *asked, "key {key} has moved");
    }
    let taken = after.values().filter(|asked| **asked == new).count();
    assert!((130..=270).contains(&taken), "{taken} of 1000 keys");
}

#[test]
fn a_callee_that_registers_again_has_its_keys_again() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 3);
    let before = crew.keys();
    let back = crew.callees[1];
    crew.lab.send(back, client::unregister(2, 1));
    crew.lab.send(back, client::register_with(3, shared(InvokePolicy::Hash), "com.get"));
    crew.lab.received(back);
    assert_eq!(crew.keys(), before);
}

#[test]
fn hash_without_a_key_is_round_robin() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 3);
    let asked = [(); 6].map(|()| crew.asked(CallOptions::default()));
    assert_eq!(asked, [0, 1, 2, 0, 1, 2]);
}

// === sticky ===

#[test]
fn sticky_chooses_the_same_callee_for_the_same_caller() {
    let mut crew = Crew::sharing(InvokePolicy::Sticky, 4);
    let callers = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| crew.lab.join_as(able(name)));
    let asked = callers.map(|caller| crew.asked_by(caller, CallOptions::default()));
    for _ in 0..3 {
        // A key changes nothing here.
        assert_eq!(callers.map(|caller| crew.asked_by(caller, keyed("key"))), asked);
    }
    let different: std::collections::BTreeSet<_> = asked.iter().collect();
    assert!(different.len() > 1, "not all callers have the same callee");
    let gone = asked[0];
    crew.lab.disconnect(gone);
    crew.callees.retain(|callee| *callee != gone);
    for (caller, before) in callers.into_iter().zip(asked) {
        let after = crew.asked_by(caller, CallOptions::default());
        assert!(before == gone || after == before);
    }
}

// === keys and modes ===

#[test]
fn resource_key_has_no_effect_on_the_policies_of_the_specification() {
    for (policy, expected) in [
        (InvokePolicy::First, [0, 0, 0, 0]),
        (InvokePolicy::Last, [2, 2, 2, 2]),
        (InvokePolicy::RoundRobin, [0, 1, 2, 0]),
        (InvokePolicy::Load, [0, 1, 2, 0]),
    ] {
        let mut crew = Crew::sharing(policy, 3);
        assert_eq!([(); 4].map(|()| crew.asked(keyed("key"))), expected, "{policy:?}");
    }
}

#[test]
fn partition_chooses_the_callee_of_the_key_with_any_policy() {
    for policy in [
        InvokePolicy::First,
        InvokePolicy::Last,
        InvokePolicy::Random,
        InvokePolicy::RoundRobin,
        InvokePolicy::Load,
        InvokePolicy::Hash,
        InvokePolicy::Sticky,
        InvokePolicy::All,
    ] {
        let mut crew = Crew::sharing(policy, 4);
        let asked: Vec<usize> =
            (0..40).map(|key| crew.asked(partition(&format!("key {key}")))).collect();
        let again: Vec<usize> =
            (0..40).map(|key| crew.asked(partition(&format!("key {key}")))).collect();
        assert_eq!(asked, again, "{policy:?}");
        for place in 0..4 {
            assert!(asked.contains(&place), "{policy:?}");
        }
    }
    let mut crew = Crew::sharing(InvokePolicy::Single, 1);
    assert_eq!(crew.asked(partition("key")), 0);
}

#[test]
fn partition_and_hash_agree() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 4);
    for key in 0..40 {
        let key = format!("key {key}");
        assert_eq!(crew.asked(partition(&key)), crew.asked(keyed(&key)));
    }
}

/// Spec: advanced profile "Sharded Registration": the key must be there.
#[test]
fn partition_without_a_key_is_refused() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 2);
    let options = sharded(None, Some(RunMode::Partition.into()));
    crew.lab.send(crew.caller, client::call_with(1, options, "com.get", NOTHING));
    let text = "CALL.Options.runmode 'partition' needs CALL.Options.rkey";
    let refusal = refused(1, error_uri::INVALID_ARGUMENT, text);
    assert_eq!(crew.lab.received(crew.caller), [refusal]);
    assert_silence(&mut crew.lab, &crew.callees);
}

#[test]
fn unknown_option_values_are_refused() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 1);
    let caller = crew.caller;
    let options = sharded(Some("key"), Some(OpenEnum::Unknown("some".into())));
    crew.lab.send(caller, client::call_with(1, options, "com.get", NOTHING));
    let text = "'runmode' must be 'all' or 'partition', not 'some'";
    assert_eq!(crew.lab.received(caller), [refused(1, error_uri::INVALID_ARGUMENT, text)]);

    for (number, word) in (2..).zip(["", "Single", "round-robin", "queue_least_loaded"]) {
        let invoke = Some(OpenEnum::Unknown(word.into()));
        let options = RegisterOptions { invoke, ..RegisterOptions::default() };
        crew.lab.send(caller, client::register_with(number, options, "com.mine"));
        let text = format!(
            "'invoke' must be 'single', 'first', 'last', 'random', 'roundrobin', 'load', 'hash', \
             'sticky' or 'all', not '{word}'"
        );
        let kind = RequestKind::Register;
        let refusal = router::refused(kind, number, error_uri::INVALID_ARGUMENT, &text);
        assert_eq!(crew.lab.received(caller), [refusal]);
    }
    let call: ClientMessage = client::call_with(9, keyed("key"), "com.get", NOTHING);
    crew.lab.send(caller, call);
    assert_eq!(crew.lab.received(crew.callees[0]), [router::invocation(1, 1, NOTHING)]);
}

#[test]
fn refusal_of_a_long_option_value_is_short() {
    let mut crew = Crew::sharing(InvokePolicy::Hash, 1);
    let options = sharded(None, Some(OpenEnum::Unknown("x".repeat(100_000).into())));
    crew.lab.send(crew.caller, client::call_with(1, options, "com.get", NOTHING));
    let text = format!("'runmode' must be 'all' or 'partition', not '{}'", "x".repeat(100));
    let refusal = refused(1, error_uri::INVALID_ARGUMENT, &text);
    assert_eq!(crew.lab.received(crew.caller), [refusal]);
}

/// `docs/decisions/traps.md#f3`: another policy than that of the first callee.
#[test]
fn the_policies_of_this_router_are_shared_like_the_others() {
    let own = [InvokePolicy::Load, InvokePolicy::Hash, InvokePolicy::Sticky, InvokePolicy::All];
    for policy in own {
        let mut crew = Crew::sharing(policy, 2);
        for (number, other) in (1..).zip(own.into_iter().filter(|other| *other != policy)) {
            let register = client::register_with(number, shared(other), "com.get");
            crew.lab.send(crew.caller, register);
            let text = format!(
                "procedure <com.get> is already registered, with the invocation policy '{}'",
                policy.name()
            );
            let error = error_uri::PROCEDURE_ALREADY_EXISTS;
            let refusal = router::refused(RequestKind::Register, number, error, &text);
            assert_eq!(crew.lab.received(crew.caller), [refusal]);
        }
    }
}
