//! Shared registrations, and the choice of a callee.
//!
//! Spec: advanced profile "Shared Registration".

use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{InvokePolicy, RequestKind, RouterMessage};

const SHARING: [InvokePolicy; 4] =
    [InvokePolicy::First, InvokePolicy::Last, InvokePolicy::Random, InvokePolicy::RoundRobin];

/// A caller, and three callees that share `com.add` in the order `a`, `b`, `c`.
struct Crew {
    lab: Lab,
    caller: Peer,
    callees: [Peer; 3],
    calls: u64,
}

impl Crew {
    fn sharing(policy: InvokePolicy) -> Self {
        let mut lab = Lab::new();
        let caller = lab.join("caller");
        let callees = ["a", "b", "c"].map(|name| lab.join(name));
        for callee in callees {
            lab.send(callee, client::register_shared(1, policy, "com.add"));
            assert_eq!(lab.received(callee), [router::registered(1, 1)]);
        }
        Self { lab, caller, callees, calls: 0 }
    }

    /// Sends calls and returns the callee of each.
    fn asked(&mut self, calls: usize) -> String {
        (0..calls).map(|_| self.asked_once()).collect()
    }

    fn asked_once(&mut self) -> char {
        self.calls += 1;
        self.lab.send(self.caller, client::call(self.calls, "com.add", NOTHING));
        let asked: Vec<char> = ('a'..='c')
            .zip(self.callees)
            .filter(|(_, callee)| !self.lab.received(*callee).is_empty())
            .map(|(name, _)| name)
            .collect();
        assert_eq!(asked.len(), 1, "one call asks one callee");
        asked[0]
    }
}

fn already_exists(number: u64, policy: &str) -> RouterMessage {
    let text =
        format!("procedure <com.add> is already registered, with the invocation policy '{policy}'");
    router::refused(RequestKind::Register, number, error_uri::PROCEDURE_ALREADY_EXISTS, &text)
}

#[test]
fn first_chooses_the_earliest_remaining_callee() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    assert_eq!(crew.asked(3), "aaa");
    crew.lab.disconnect(crew.callees[0]);
    assert_eq!(crew.asked(2), "bb");
}

#[test]
fn last_chooses_the_latest_remaining_callee() {
    let mut crew = Crew::sharing(InvokePolicy::Last);
    assert_eq!(crew.asked(3), "ccc");
    crew.lab.disconnect(crew.callees[2]);
    assert_eq!(crew.asked(2), "bb");
}

#[test]
fn roundrobin_chooses_callees_in_turn() {
    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked(7), "abcabca");
}

#[test]
fn roundrobin_continues_when_a_callee_leaves() {
    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked(2), "ab");
    crew.lab.disconnect(crew.callees[0]);
    assert_eq!(crew.asked(4), "cbcb");

    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked(1), "a");
    crew.lab.disconnect(crew.callees[1]);
    assert_eq!(crew.asked(4), "caca");

    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked(3), "abc");
    crew.lab.disconnect(crew.callees[2]);
    assert_eq!(crew.asked(4), "abab");
}

#[test]
fn roundrobin_adds_a_new_callee_at_the_end() {
    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked(1), "a");
    crew.lab.send(crew.callees[0], client::unregister(2, 1));
    let again = client::register_shared(3, InvokePolicy::RoundRobin, "com.add");
    crew.lab.send(crew.callees[0], again);
    crew.lab.received(crew.callees[0]);
    assert_eq!(crew.asked(4), "bcab");
}

#[test]
fn random_chooses_every_callee_eventually() {
    let mut crew = Crew::sharing(InvokePolicy::Random);
    let asked = crew.asked(300);
    for name in ['a', 'b', 'c'] {
        let times = asked.matches(name).count();
        assert!((60..=140).contains(&times), "{name} was asked {times} times in 300");
    }
    assert!(!asked.contains("abcabcabc"));
}

#[test]
fn single_refuses_a_second_callee() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    lab.send(alice, client::register_shared(1, InvokePolicy::Single, "com.add"));
    lab.received(alice);
    for (number, policy) in (1..).zip([InvokePolicy::Single].into_iter().chain(SHARING)) {
        lab.send(bob, client::register_shared(number, policy, "com.add"));
        assert_eq!(lab.received(bob), [already_exists(number, "single")]);
    }
}

#[test]
fn the_policy_of_the_first_callee_counts_for_all() {
    for policy in SHARING {
        let mut crew = Crew::sharing(policy);
        let late = crew.lab.join("late");
        let others = [InvokePolicy::Single].into_iter().chain(SHARING).filter(|p| *p != policy);
        for (number, other) in (1..).zip(others) {
            crew.lab.send(late, client::register_shared(number, other, "com.add"));
            assert_eq!(crew.lab.received(late), [already_exists(number, policy.name())]);
        }
        crew.lab.send(late, client::register(9, "com.add"));
        assert_eq!(crew.lab.received(late), [already_exists(9, policy.name())]);
    }
}

#[test]
fn registering_twice_does_not_count_twice() {
    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    let [a, ..] = crew.callees;
    crew.lab.send(a, client::register_shared(2, InvokePolicy::RoundRobin, "com.add"));
    assert_eq!(crew.lab.received(a), [router::registered(2, 1)]);
    assert_eq!(crew.asked(4), "abca");
    crew.lab.send(a, client::unregister(3, 1));
    assert_eq!(crew.lab.received(a), [router::unregistered(3)]);
    assert_eq!(crew.asked(3), "bcb");
}

#[test]
fn the_registration_lives_as_long_as_its_last_callee() {
    let mut crew = Crew::sharing(InvokePolicy::First);
    let [a, b, c] = crew.callees;
    crew.lab.disconnect(a);
    crew.lab.send(b, client::unregister(2, 1));
    assert_eq!(crew.lab.received(b), [router::unregistered(2)]);
    assert_eq!(crew.asked(1), "c");
    crew.lab.disconnect(c);
    crew.lab.received(crew.caller);
    crew.lab.send(crew.caller, client::call(99, "com.add", NOTHING));
    let text = "no callee registered for procedure <com.add>";
    let error = error_uri::NO_SUCH_PROCEDURE;
    let refusal = router::refused(RequestKind::Call, 99, error, text);
    assert_eq!(crew.lab.received(crew.caller), [refusal]);

    crew.lab.send(b, client::register_shared(3, InvokePolicy::Last, "com.add"));
    assert_eq!(crew.lab.received(b), [router::registered(3, 2)]);
}

#[test]
fn a_lost_callee_ends_its_own_calls_and_no_other() {
    let mut crew = Crew::sharing(InvokePolicy::RoundRobin);
    assert_eq!(crew.asked(3), "abc");
    crew.lab.disconnect(crew.callees[1]);
    assert_eq!(crew.lab.received(crew.caller), [router::callee_gone(2)]);
}
