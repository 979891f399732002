//! Clients with all features but some, and constructors of messages for these tests.

use std::time::Duration;

use cloverleaf_router::SessionFlow;
use cloverleaf_testkit::messages::{client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{ClientRoles, Feature, Features};
use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{
    CallOptions, CallResult, CancelMode, ClientMessage, InvocationDetails, InvokePolicy,
    RegisterOptions, RequestKind, ResultDetails, RouterMessage, Unregistered, UnregisteredDetails,
    YieldOptions,
};
use cloverleaf_wamp::payload::Payload;

/// A client that announces everything but these features, in every role.
pub(crate) fn without(name: &'static str, missing: &[Feature]) -> Client {
    let features = Some(Features::of(Feature::ALL).without(Features::of(missing)));
    let roles = ClientRoles {
        publisher: features,
        subscriber: features,
        caller: features,
        callee: features,
    };
    Client { roles, ..Client::named(name) }
}

/// A client that announces everything.
pub(crate) fn able(name: &'static str) -> Client {
    without(name, &[])
}

/// Joins clients that announce everything.
pub(crate) fn join<const N: usize>(lab: &mut Lab, names: [&'static str; N]) -> [Peer; N] {
    names.map(|name| lab.join_as(able(name)))
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

// === messages of clients ===

/// Options of a CALL of which more parts follow.
pub(crate) fn open() -> CallOptions {
    CallOptions { progress: Some(true), ..CallOptions::default() }
}

/// Options of a CALL that accepts progressive results.
pub(crate) fn receiving() -> CallOptions {
    CallOptions { receive_progress: Some(true), ..CallOptions::default() }
}

/// A part of a CALL that is not its last.
pub(crate) fn call_part(number: u64, procedure: &str, payload: Payload) -> ClientMessage {
    client::call_with(number, open(), procedure, payload)
}

/// A progressive result.
pub(crate) fn yield_part(number: u64, payload: Payload) -> ClientMessage {
    let options = YieldOptions { progress: Some(true), ..YieldOptions::default() };
    client::yield_with(number, options, payload)
}

/// The callee answers that it is unavailable.
pub(crate) fn unavailable(number: u64) -> ClientMessage {
    client::failure(number, error_uri::UNAVAILABLE, Payload::EMPTY)
}

pub(crate) fn cancel(number: u64, mode: CancelMode) -> ClientMessage {
    client::cancel(number, Some(mode))
}

/// Options of a REGISTER that shares a procedure.
pub(crate) fn shared(invoke: InvokePolicy) -> RegisterOptions {
    RegisterOptions { invoke: Some(invoke.into()), ..RegisterOptions::default() }
}

/// Registers a procedure as the peer's request 1, and asserts that it has this id.
pub(crate) fn register(
    lab: &mut Lab,
    callee: Peer,
    options: RegisterOptions,
    procedure: &str,
    id: u64,
) {
    lab.send(callee, client::register_with(1, options, procedure));
    assert_eq!(lab.received(callee), [router::registered(1, id)]);
}

// === messages of the router ===

/// A progressive result.
pub(crate) fn result_part(number: u64, payload: Payload) -> RouterMessage {
    let details = ResultDetails { progress: Some(true), ..ResultDetails::default() };
    result_with(number, details, payload)
}

pub(crate) fn result_with(number: u64, details: ResultDetails, payload: Payload) -> RouterMessage {
    let request = RequestId::new(number).expect("a request id");
    RouterMessage::Result(CallResult { request, details, payload })
}

/// A part of an INVOCATION that is not its last.
pub(crate) fn invocation_part(number: u64, id: u64, payload: Payload) -> RouterMessage {
    let details = InvocationDetails { progress: Some(true), ..InvocationDetails::default() };
    router::invocation_with(number, id, details, payload)
}

/// INVOCATION that accepts progressive results.
pub(crate) fn invocation_receiving(number: u64, id: u64, payload: Payload) -> RouterMessage {
    let details =
        InvocationDetails { receive_progress: Some(true), ..InvocationDetails::default() };
    router::invocation_with(number, id, details, payload)
}

/// INTERRUPT of a call that has ended.
pub(crate) fn given_up(number: u64) -> RouterMessage {
    router::interrupt(number, CancelMode::KillNoWait, error_uri::CANCELED)
}

/// UNREGISTERED that revokes a registration.
pub(crate) fn revoked(id: u64, reason: &str) -> RouterMessage {
    let details =
        UnregisteredDetails { registration: RegistrationId::new(id), reason: Some(reason.into()) };
    RouterMessage::Unregistered(Unregistered::Revocation(details))
}

/// ERROR that answers a CALL.
pub(crate) fn refused(number: u64, error: &str, text: &str) -> RouterMessage {
    router::refused(RequestKind::Call, number, error, text)
}

pub(crate) fn no_available_callee(number: u64) -> RouterMessage {
    refused(number, error_uri::NO_AVAILABLE_CALLEE, "no callee is available at this moment")
}

pub(crate) fn too_many(number: u64) -> RouterMessage {
    let text = "every callee of the procedure has as many calls as it takes, and none may wait";
    refused(number, error_uri::MAX_CONCURRENCY_REACHED, text)
}

pub(crate) fn no_such_procedure(number: u64, procedure: &str) -> RouterMessage {
    let text = format!("no callee registered for procedure <{procedure}>");
    refused(number, error_uri::NO_SUCH_PROCEDURE, &text)
}

/// Asserts that the message ends the session for a violation, and that it receives nothing else.
pub(crate) fn assert_violation(lab: &mut Lab, from: Peer, message: ClientMessage, text: &str) {
    assert_eq!(lab.submit(from, message), SessionFlow::Close, "{text}");
    assert_eq!(lab.received(from), [router::violation(text)]);
}

/// Asserts that the peers have received nothing.
pub(crate) fn assert_silence(lab: &mut Lab, peers: &[Peer]) {
    for peer in peers {
        assert_eq!(lab.received(*peer), []);
    }
}

/// All peers leave, and no table keeps an entry of them.
pub(crate) fn assert_nothing_stays(mut lab: Lab, peers: &[Peer]) {
    for peer in peers {
        lab.disconnect(*peer);
    }
    assert!(lab.realm().is_empty());
}
