//! The error of a request that can't be served.
//!
//! `docs/decisions/traps.md#f3`: the table of this project, row by row; other tests cover each row
//! in detail.

use cloverleaf_router::{Disclosure, Permission, Role};
use cloverleaf_testkit::messages::{NOTHING, client};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, ClientMessage, InvokePolicy, RegisterOptions, RouterMessage,
};
use cloverleaf_wamp::uri::UriPattern;

use crate::fixture::{
    able, call_part, cancel, join, millis, register, shared, unavailable, without,
};

/// A caller under rules that deny or never disclose some procedures, and a callee that has
/// registered `com.add` and takes one call at a time.
fn pair() -> (Lab, Peer, Peer) {
    let rule = |uri, rule| (UriPattern::from_starred(uri).expect("a URI"), rule);
    let nothing = Permission { call: false, register: false, ..Permission::ALL };
    let never = Permission { disclose_caller: Disclosure::Never, ..Permission::ALL };
    let rules =
        [rule("*", Permission::ALL), rule("com.denied", nothing), rule("com.hidden", never)];
    let everything = [rule("*", Permission::ALL)];
    let mut lab = Lab::with_roles(vec![Role::new("anyone", everything), Role::new("guest", rules)]);
    let caller = lab.join_as(Client { role: "guest", ..able("caller") });
    let [callee] = join(&mut lab, ["callee"]);
    let options = RegisterOptions { concurrency: Some(1), ..RegisterOptions::default() };
    register(&mut lab, callee, options, "com.add", 1);
    (lab, caller, callee)
}

/// The URI of the one ERROR that the peer has been sent.
fn error(lab: &mut Lab, peer: Peer) -> String {
    let told = lab.received(peer);
    let errors: Vec<_> = told
        .iter()
        .filter_map(|message| match message {
            RouterMessage::Error(error) => Some(error.error.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(errors.len(), 1, "{told:?}");
    errors.into_iter().next().expect("one")
}

/// The error of a request that is refused at once.
fn refused(request: ClientMessage) -> String {
    let (mut lab, caller, _) = pair();
    lab.send(caller, request);
    error(&mut lab, caller)
}

/// The error of call 1 of `com.add`, which the callee has received, after `happens`.
fn failed(happens: impl FnOnce(&mut Lab, Peer, Peer)) -> String {
    let (mut lab, caller, callee) = pair();
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.add", NOTHING));
    happens(&mut lab, caller, callee);
    error(&mut lab, caller)
}

#[test]
fn errors_of_procedures_and_registrations() {
    assert_eq!(refused(client::call(1, "com.nothing", NOTHING)), "wamp.error.no_such_procedure");
    let again = client::register(1, "com.add");
    assert_eq!(refused(again), "wamp.error.procedure_already_exists");
    let other = client::register_with(1, shared(InvokePolicy::Hash), "com.add");
    assert_eq!(refused(other), "wamp.error.procedure_already_exists");
    for id in [1, 99] {
        let not_own = client::unregister(1, id);
        assert_eq!(refused(not_own), "wamp.error.no_such_registration");
    }
    let call = client::call(1, "com..add", NOTHING);
    assert_eq!(refused(call), "wamp.error.invalid_uri");
}

#[test]
fn errors_of_permissions() {
    let call = client::call(1, "com.denied", NOTHING);
    assert_eq!(refused(call), "wamp.error.not_authorized");
    assert_eq!(refused(client::register(1, "com.denied")), "wamp.error.not_authorized");
    let options = CallOptions { disclose_me: Some(true), ..CallOptions::default() };
    let call = client::call_with(1, options, "com.hidden", NOTHING);
    assert_eq!(refused(call), "wamp.error.option_disallowed.disclose_me");
}

#[test]
fn errors_of_calls_without_an_answer() {
    let skip = |lab: &mut Lab, caller, _| lab.send(caller, cancel(1, CancelMode::Skip));
    assert_eq!(failed(skip), "wamp.error.canceled");
    assert_eq!(failed(|lab, _, _| lab.pass(millis(100))), "wamp.error.timeout");
    assert_eq!(failed(|lab, _, callee| lab.disconnect(callee)), "wamp.error.canceled");
    let rerouted = failed(|lab, _, callee| lab.send(callee, unavailable(1)));
    assert_eq!(rerouted, "wamp.error.no_available_callee");
    let busy = failed(|lab, caller, _| lab.send(caller, client::call(2, "com.add", NOTHING)));
    assert_eq!(busy, "crossbar.error.max_concurrency_reached");
}

#[test]
fn errors_of_callees_that_can_not_be_invoked() {
    let (mut lab, caller, callee) = pair();
    lab.set_state(callee, OutboxState::Dropping);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    assert_eq!(error(&mut lab, caller), "wamp.error.unavailable");
    lab.set_state(callee, OutboxState::Closed);
    lab.send(caller, client::call(2, "com.add", NOTHING));
    assert_eq!(error(&mut lab, caller), "wamp.error.canceled");

    let unable = lab.join_as(without(
        "unable",
        &[cloverleaf_wamp::features::Feature::ProgressiveCallInvocations],
    ));
    register(&mut lab, unable, RegisterOptions::default(), "com.other", 2);
    lab.send(caller, call_part(3, "com.other", NOTHING));
    assert_eq!(error(&mut lab, caller), "wamp.error.feature_not_supported");
}
