//! The differences between Crossbar.io and the specification: the behaviour of a realm with each
//! preset.
//!
//! Spec: advanced profile "Call Timeouts", "Call Canceling", "Shared Registration", "Caller
//! Identification", "Publisher Identification", "Session Meta API"; basic profile "Session
//! Closing".

use std::time::Duration;

use cloverleaf_router::Compatibility::{self, Crossbar, Wamp};
use cloverleaf_router::{
    Admitted, CallTimes, Disclosure, Moment, Permission, RealmSettings, Role, SessionFlow,
};
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::CallTimeoutUnit::{self, Milliseconds, Seconds};
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, ClientMessage, InvocationDetails, InvokePolicy, PublishOptions,
    RegisterOptions, RequestKind, RouterMessage,
};
use cloverleaf_wamp::uri::UriPattern;
use serde_json::json;

const PRESETS: [Compatibility; 2] = [Crossbar, Wamp];

/// A caller, and a callee that has registered `com.slow`.
fn pair(settings: RealmSettings, callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::with(settings);
    let (caller, callee) = (lab.join("caller"), lab.join_as(callee));
    lab.send(callee, client::register(1, "com.slow"));
    lab.received(callee);
    (lab, caller, callee)
}

fn following(compatibility: Compatibility) -> RealmSettings {
    RealmSettings { compatibility, ..settings() }
}

fn call_within(timeout: u64) -> ClientMessage {
    let options = CallOptions { timeout: Some(timeout), ..CallOptions::default() };
    client::call_with(1, options, "com.slow", NOTHING)
}

/// The timeout of the only call of the realm.
fn ends_after(lab: &Lab) -> Option<Duration> {
    lab.realm().next_deadline().map(Moment::since_start)
}

// === timeouts of calls ===

#[test]
fn a_call_timeout_is_in_seconds_with_crossbar_and_in_milliseconds_with_wamp() {
    for (preset, time, error) in [
        (Crossbar, Duration::from_secs(3), (error_uri::CANCELED, "timeout reached")),
        (Wamp, Duration::from_millis(3), (error_uri::TIMEOUT, "the call timed out")),
    ] {
        let (mut lab, caller, callee) = pair(following(preset), Client::named("callee"));
        lab.send(caller, call_within(3));
        assert_eq!(ends_after(&lab), Some(time));
        lab.received(callee);
        lab.pass(time);
        let refused = router::refused(RequestKind::Call, 1, error.0, error.1);
        assert_eq!(lab.received(caller), [refused]);
        let interrupt = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
        assert_eq!(lab.received(callee), [interrupt]);
    }
}

#[test]
fn the_unit_can_be_set_alone_and_welcome_tells_it() {
    let told = |unit: Option<CallTimeoutUnit>, compatibility| {
        let settings = RealmSettings { call_timeout_unit: unit, ..following(compatibility) };
        let (mut lab, caller, _) = pair(settings, Client::named("callee"));
        lab.send(caller, call_within(1));
        let details = &lab.welcome(caller).details;
        let told = details.x_call_timeout_unit.as_deref();
        assert_eq!(told, Some(details.call_timeout_unit().name()));
        (details.call_timeout_unit(), ends_after(&lab).unwrap().as_millis())
    };
    for preset in PRESETS {
        assert_eq!(told(Some(Seconds), preset), (Seconds, 1_000));
        assert_eq!(told(Some(Milliseconds), preset), (Milliseconds, 1));
    }
    assert_eq!(told(None, Crossbar), (Seconds, 1_000));
    assert_eq!(told(None, Wamp), (Milliseconds, 1));
}

#[test]
fn the_times_of_the_realm_are_in_milliseconds_in_both() {
    for preset in PRESETS {
        let limited = |default, max| RealmSettings {
            call_times: CallTimes { default, max },
            ..following(preset)
        };
        let (mut lab, caller, _) = pair(limited(Some(50), None), Client::named("callee"));
        lab.send(caller, client::call(1, "com.slow", NOTHING));
        assert_eq!(ends_after(&lab), Some(Duration::from_millis(50)));
        let (mut lab, caller, _) = pair(limited(None, Some(60)), Client::named("callee"));
        lab.send(caller, call_within(u64::MAX));
        assert_eq!(ends_after(&lab), Some(Duration::from_millis(60)));
        let (mut lab, caller, _) = pair(limited(Some(50), None), Client::named("callee"));
        lab.send(caller, call_within(0));
        assert_eq!(ends_after(&lab), None, "0 is no timeout");
    }
}

#[test]
fn internal_session_has_milliseconds_in_both_presets() {
    for preset in PRESETS {
        let (mut lab, _, callee) = pair(following(preset), Client::named("callee"));
        let own = Admitted { is_internal: true, ..Admitted::from(Client::named("bridge")) };
        let own = lab.attach(own).unwrap();
        assert_eq!(lab.welcome(own).details.call_timeout_unit(), Milliseconds);
        lab.send(own, call_within(3));
        assert_eq!(ends_after(&lab), Some(Duration::from_millis(3)));
        lab.received(callee);
        lab.pass(Duration::from_millis(3));
        assert_eq!(lab.received(own), [router::timed_out(1)]);
    }
}

/// The invocation of a call with `timeout`, for a callee that watches the timeout itself.
fn forwarded(settings: RealmSettings, is_internal: bool, timeout: u64) -> InvocationDetails {
    let mut lab = Lab::with(settings);
    let mut watching = Client::named("callee");
    watching.roles.callee = Some(Features::of(&[Feature::CallTimeout]));
    let callee = lab.attach(Admitted { is_internal, ..Admitted::from(watching) }).unwrap();
    let caller = lab.join("caller");
    let options = RegisterOptions { forward_timeout: Some(true), ..RegisterOptions::default() };
    lab.send(callee, client::register_with(1, options, "com.slow"));
    lab.received(callee);
    lab.send(caller, call_within(timeout));
    assert_eq!(ends_after(&lab), None);
    let received = lab.received(callee);
    let [RouterMessage::Invocation(invocation)] = &received[..] else { panic!("{received:?}") };
    invocation.details.clone()
}

#[test]
fn forwarded_timeout_has_the_unit_of_the_callee() {
    for preset in PRESETS {
        assert_eq!(forwarded(following(preset), false, 3).timeout, Some(3));
    }
    assert_eq!(forwarded(following(Crossbar), true, 3).timeout, Some(3_000));
    assert_eq!(forwarded(following(Wamp), true, 3).timeout, Some(3));
    let call_times = CallTimes { default: None, max: Some(1_500) };
    let settings = RealmSettings { call_times, ..following(Crossbar) };
    assert_eq!(forwarded(settings, false, 10).timeout, Some(2), "rounded up");
}

// === CANCEL ===

#[test]
fn cancel_without_a_mode_of_a_callee_that_can_not_be_interrupted_is_silent_with_crossbar() {
    for (preset, answers) in [(Crossbar, vec![]), (Wamp, vec![router::canceled(1)])] {
        let (mut lab, caller, callee) = pair(following(preset), Client::basic("callee"));
        lab.send(caller, client::call(1, "com.slow", NOTHING));
        lab.received(callee);
        lab.send(caller, client::cancel(1, None));
        assert_eq!(lab.received(caller), answers);
        assert_eq!(lab.realm().calls_in_flight(), 0);
        lab.send(callee, client::yielded(1, args([1])));
        lab.send(callee, client::failure(1, error_uri::CANCELED, NOTHING));
        assert_eq!((lab.received(caller), lab.received(callee)), (vec![], vec![]));
        lab.disconnect(caller);
        lab.disconnect(callee);
        assert!(lab.realm().is_empty());
    }
}

#[test]
fn cancel_with_a_mode_or_of_a_callee_that_can_be_interrupted_is_answered_in_both() {
    for preset in PRESETS {
        for mode in [CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait] {
            let (mut lab, caller, _) = pair(following(preset), Client::basic("callee"));
            lab.send(caller, client::call(1, "com.slow", NOTHING));
            lab.send(caller, client::cancel(1, Some(mode)));
            assert_eq!(lab.received(caller), [router::canceled(1)]);
        }
        let (mut lab, caller, callee) = pair(following(preset), Client::named("callee"));
        lab.send(caller, client::call(1, "com.slow", NOTHING));
        lab.received(callee);
        lab.send(caller, client::cancel(1, None));
        assert_eq!(lab.received(caller), [router::canceled(1)]);
        let interrupt = router::interrupt(1, CancelMode::KillNoWait, error_uri::CANCELED);
        assert_eq!(lab.received(callee), [interrupt]);
    }
}

// === shared registration ===

#[test]
fn a_registration_with_another_policy_has_an_error_of_its_own_with_crossbar() {
    for (preset, other_policy) in [
        (Crossbar, "wamp.error.procedure_exists_with_different_invocation_policy"),
        (Wamp, error_uri::PROCEDURE_ALREADY_EXISTS),
    ] {
        for (first, second, error) in [
            (InvokePolicy::Random, InvokePolicy::First, other_policy),
            (InvokePolicy::RoundRobin, InvokePolicy::Single, other_policy),
            (InvokePolicy::Single, InvokePolicy::Last, error_uri::PROCEDURE_ALREADY_EXISTS),
            (InvokePolicy::Single, InvokePolicy::Single, error_uri::PROCEDURE_ALREADY_EXISTS),
        ] {
            let mut lab = Lab::with_compatibility(preset);
            let (a, b) = (lab.join("a"), lab.join("b"));
            lab.send(a, client::register_shared(1, first, "com.add"));
            lab.send(b, client::register_shared(1, second, "com.add"));
            let explained = format!(
                "procedure <com.add> is already registered, with the invocation policy '{}'",
                first.name()
            );
            let refused = router::refused(RequestKind::Register, 1, error, &explained);
            assert_eq!(lab.received(b), [refused]);
        }
    }
}

// === disclosure ===

/// A guest under a rule, and a host that has registered and subscribed `com.a`.
fn disclosing(preset: Compatibility, rule: Disclosure) -> (Lab, Peer, Peer) {
    let everything = || UriPattern::from_starred("*").unwrap();
    let guest = Permission { disclose_caller: rule, disclose_publisher: rule, ..Permission::ALL };
    let roles = vec![
        Role::new("guest", [(everything(), guest)]),
        Role::new("host", [(everything(), Permission::ALL)]),
    ];
    let mut lab = Lab::with(RealmSettings { roles, ..following(preset) });
    let guest = lab.join_as(Client { role: "guest", ..Client::named("guest") });
    let host = lab.join_as(Client { role: "host", ..Client::named("host") });
    lab.send(host, client::register(1, "com.a"));
    lab.send(host, client::subscribe(2, "com.a"));
    lab.received(host);
    (lab, guest, host)
}

/// A call and a publication with `disclose_me`.
fn asking_to_be_disclosed() -> [ClientMessage; 2] {
    let disclose_me = Some(true);
    let options = CallOptions { disclose_me, ..CallOptions::default() };
    let call = client::call_with(1, options, "com.a", NOTHING);
    let options = PublishOptions { disclose_me, ..client::acknowledged() };
    [call, client::publish_with(2, options, "com.a", NOTHING)]
}

#[test]
fn disclose_me_under_disclose_false_is_ignored_with_crossbar() {
    let (mut lab, guest, host) = disclosing(Crossbar, Disclosure::Never);
    for message in asking_to_be_disclosed() {
        lab.send(guest, message);
    }
    let publication = lab.last_publication();
    let told = [router::invocation(1, 1, NOTHING), router::event(1, publication, NOTHING)];
    assert_eq!(lab.received(host), told);
    assert_eq!(lab.received(guest), [router::published(2, publication)]);
}

#[test]
fn disclose_me_is_refused_under_disclose_false_with_wamp_and_where_forbidden_in_both() {
    let rules = [
        (Wamp, Disclosure::Never),
        (Wamp, Disclosure::Forbidden),
        (Crossbar, Disclosure::Forbidden),
    ];
    for (preset, rule) in rules {
        let (mut lab, guest, host) = disclosing(preset, rule);
        for message in asking_to_be_disclosed() {
            lab.send(guest, message);
        }
        let explained = "this session asks to be disclosed (disclose_me); its role forbids it";
        let error = error_uri::DISCLOSE_ME_DISALLOWED;
        let refused = [(RequestKind::Call, 1), (RequestKind::Publish, 2)]
            .map(|(kind, number)| router::refused(kind, number, error, explained));
        assert_eq!(lab.received(guest), refused);
        assert_eq!(lab.received(host), []);
        lab.send(guest, client::call(3, "com.a", text("not asking")));
        assert_eq!(lab.received(host), [router::invocation(1, 1, text("not asking"))]);
    }
}

// === GOODBYE ===

#[test]
fn goodbye_is_answered_with_the_reason_of_the_preset() {
    for (preset, reason) in [(Crossbar, "wamp.close.normal"), (Wamp, "wamp.close.goodbye_and_out")]
    {
        let mut lab = Lab::with_compatibility(preset);
        let alice = lab.join("alice");
        let next = lab.submit(alice, client::goodbye("wamp.close.close_realm"));
        assert_eq!(next, SessionFlow::Left);
        assert_eq!(lab.received(alice), [router::goodbye(reason)]);
    }
}

#[test]
fn default_reason_of_a_kill_is_that_of_the_preset() {
    for (preset, reason) in [(Crossbar, "wamp.close.normal"), (Wamp, "wamp.close.killed")] {
        for procedure in ["kill", "kill_by_authid", "kill_by_authrole", "kill_all"] {
            let mut lab = Lab::with_compatibility(preset);
            let (admin, ann) = (lab.join("admin"), lab.join("ann"));
            let whom = match procedure {
                "kill" => json!([lab.id(ann).number()]),
                "kill_by_authid" => json!(["ann"]),
                "kill_by_authrole" => json!(["anyone"]),
                _ => json!([]),
            };
            let keyword = json!({"reason": "com.bye"});
            lab.ask(admin, &format!("wamp.session.{procedure}"), whom.clone()).unwrap();
            assert_eq!(lab.received(ann), [router::goodbye(reason)], "{procedure}");
            let ben = lab.join("ben");
            let whom = if procedure == "kill" { json!([lab.id(ben).number()]) } else { whom };
            let whom = if procedure == "kill_by_authid" { json!(["ben"]) } else { whom };
            lab.ask_with(admin, &format!("wamp.session.{procedure}"), whom, keyword).unwrap();
            assert_eq!(lab.received(ben), [router::goodbye("com.bye")], "{procedure}");
        }
    }
}
