//! The choice among several callees.
//!
//! Spec: advanced profile "Pattern-based Registrations", "Shared Registration", "Sharded
//! Registration", "Call Re-Routing", "Registration Revocation". The policies `hash` and `all` are
//! this router's own.

use std::future::{Ready, ready};

use cloverleaf_client::{Failure, Invocation, InvokePolicy, MatchPolicy};
use cloverleaf_wamp::error_uri;
use serde_json::{Value, json};

use crate::stage::{Stage, uri_of};

pub(super) async fn a_pattern_registration_receives_the_procedure(stage: Stage) {
    let which = |invocation: Invocation| {
        let procedure = invocation.procedure().map(str::to_owned);
        ready(Ok::<_, Failure>(procedure))
    };
    let prefix = format!("{}.", stage.uri);
    stage
        .there
        .register(prefix.as_str(), which)
        .matching(MatchPolicy::Prefix)
        .await
        .expect("REGISTERED");
    let wildcard = format!("{}..last", stage.uri);
    stage
        .there
        .register(wildcard, which)
        .matching(MatchPolicy::Wildcard)
        .await
        .expect("REGISTERED");
    for procedure in ["first", "second.last", "deep.down.below"] {
        let procedure = format!("{}.{procedure}", stage.uri);
        let reply = stage.here.call(procedure.as_str()).await.expect("RESULT");
        assert_eq!(reply.value::<Option<String>>().expect("a text"), Some(procedure));
    }
}

/// A procedure that always returns `word`.
fn saying(word: &'static str) -> impl Fn() -> Ready<Result<&'static str, Failure>> + Send + Sync {
    move || ready(Ok(word))
}

/// Registers a procedure that returns `here` in one session, and `there` in the other.
async fn register_both(stage: &Stage, uri: &str, policy: InvokePolicy) {
    for (session, word) in [(&stage.here, "here"), (&stage.there, "there")] {
        session.register(uri, saying(word)).invoke(policy).await.expect("REGISTERED");
    }
}

pub(super) async fn the_policy_of_a_shared_registration_chooses_the_callee(stage: Stage) {
    let rows = [
        (InvokePolicy::First, ["here", "here", "here", "here"]),
        (InvokePolicy::Last, ["there", "there", "there", "there"]),
        (InvokePolicy::RoundRobin, ["here", "there", "here", "there"]),
    ];
    for (policy, expected) in rows {
        let uri = format!("{}.{}", stage.uri, policy.name());
        register_both(&stage, &uri, policy).await;
        let mut answers = Vec::new();
        for _ in expected {
            let reply = stage.here.call(uri.as_str()).await.expect("RESULT");
            answers.push(reply.value::<String>().expect("a text"));
        }
        assert_eq!(answers, expected, "{}", policy.name());
    }
}

pub(super) async fn registering_an_unshared_procedure_again_is_refused(stage: Stage) {
    let nothing = async || Ok::<_, Failure>(());
    let register = |policy| stage.there.register(stage.uri.as_str(), nothing).invoke(policy);
    stage.here.register(stage.uri.as_str(), nothing).await.expect("REGISTERED");
    for policy in [InvokePolicy::Single, InvokePolicy::RoundRobin] {
        assert_eq!(uri_of(register(policy).await), error_uri::PROCEDURE_ALREADY_EXISTS);
    }
}

pub(super) async fn calls_with_equal_keys_go_to_the_same_callee(stage: Stage) {
    register_both(&stage, &stage.uri, InvokePolicy::Hash).await;
    let ask = async |thing: &str| {
        let reply = stage.here.call(stage.uri.as_str()).rkey(thing).await.expect("RESULT");
        reply.value::<String>().expect("a text")
    };
    for thing in ["lamp", "oven", "door"] {
        assert_eq!(ask(thing).await, ask(thing).await, "{thing}");
    }
}

pub(super) async fn a_call_to_all_callees_collects_their_answers(stage: Stage) {
    register_both(&stage, &stage.uri, InvokePolicy::All).await;
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    let answers = reply.value::<Value>().expect("a list");
    assert_eq!(answers, json!([{"args": ["here"]}, {"args": ["there"]}]));
}

pub(super) async fn a_call_is_rerouted_from_an_unavailable_callee(stage: Stage) {
    let busy = async || Err::<(), _>(Failure::unavailable("too much to do"));
    let registering = stage.here.register(stage.uri.as_str(), busy);
    registering.invoke(InvokePolicy::First).await.expect("REGISTERED");
    let registering = stage.there.register(stage.uri.as_str(), saying("there"));
    let other = registering.invoke(InvokePolicy::First).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    assert_eq!(reply.value::<String>().expect("a text"), "there");
    other.unregister().await.expect("UNREGISTERED");
    let answer = stage.here.call(stage.uri.as_str()).await;
    assert_eq!(uri_of(answer), error_uri::NO_AVAILABLE_CALLEE);
}

pub(super) async fn force_reregister_revokes_the_earlier_registration(stage: Stage) {
    let registering = stage.there.register(stage.uri.as_str(), saying("first"));
    let first = registering.await.expect("REGISTERED");
    let registering = stage.here.register(stage.uri.as_str(), saying("second"));
    registering.force_reregister().await.expect("REGISTERED");
    assert_eq!(first.ended().await, error_uri::UNREGISTERED);
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    assert_eq!(reply.value::<String>().expect("a text"), "second");
}
