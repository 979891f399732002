//! Calls: choice of the callee, disclosed identities, cancellation and timeouts.

use std::time::Duration;

use cloverleaf_client::{
    Answer, CancelMode, Error, Failure, Invocation, InvokePolicy, Passthru, RunMode, Session,
};
use cloverleaf_wamp::features::HTTP_BRIDGE;
use cloverleaf_wamp::message::InvokePolicy::{First, Hash, RoundRobin};
use cloverleaf_wamp::uri::MatchPolicy;

use super::{TestRealm, internal, soon};
use crate::local::LocalIdentity;

/// Registers a procedure that answers with `name`.
async fn register_named(callee: &Session, policy: InvokePolicy, name: &'static str) {
    let code = move || async move { Ok::<_, Failure>(name) };
    callee.register("com.who", code).invoke(policy).await.expect("registered");
}

/// The error URI of a call that fails.
async fn uri_of(call: impl IntoFuture<Output = Result<cloverleaf_client::Reply, Error>>) -> String {
    let error = soon(call.into_future()).await.expect_err("it fails");
    error.uri().expect("an ERROR").to_owned()
}

#[tokio::test]
async fn unavailable_callee_is_skipped_until_none_is_left() {
    let lab = TestRealm::new();
    let (busy, idle, caller) = (lab.join("busy"), lab.join("idle"), lab.join("caller"));
    let refuse = || async { Err::<(), _>(Failure::unavailable("busy")) };
    busy.register("com.who", refuse).invoke(First).await.expect("registered");
    assert_eq!(uri_of(caller.call("com.who")).await, "wamp.error.no_available_callee");
    register_named(&idle, First, "idle").await;
    let reply = soon(caller.call("com.who").send()).await.expect("a reply");
    assert_eq!(reply.value::<String>().expect("a name"), "idle");
    assert_eq!(reply.callee_authid(), Some("idle"));
}

#[tokio::test]
async fn calls_with_one_resource_key_go_to_one_callee_and_a_call_to_all_collects() {
    let lab = TestRealm::new();
    let caller = lab.join("caller");
    for name in ["one", "two", "three"] {
        register_named(&lab.join(name), Hash, name).await;
    }
    let who = async |rkey: &'static str| {
        let reply = soon(caller.call("com.who").rkey(rkey).send()).await.expect("a reply");
        reply.value::<String>().expect("a name")
    };
    for rkey in ["user-1", "user-2", "user-3"] {
        assert_eq!(who(rkey).await, who(rkey).await);
    }
    let reply = soon(caller.call("com.who").runmode(RunMode::All).send()).await.expect("a reply");
    let all: Vec<serde_json::Value> = reply.value().expect("a list");
    let names: Vec<_> = all.iter().map(|answer| &answer["args"][0]).collect();
    assert_eq!(names, ["one", "two", "three"]);
}

#[tokio::test]
async fn callee_gets_no_more_concurrent_calls_than_it_has_announced() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    let forever = std::future::pending::<Result<(), Failure>>;
    callee.register("com.slow", forever).concurrency(1).await.expect("registered");
    let first = caller.call("com.slow").send();
    assert_eq!(uri_of(caller.call("com.slow")).await, "crossbar.error.max_concurrency_reached");
    drop(first);
    let refused = callee.register("com.none", forever).concurrency(0).await;
    assert_eq!(refused.expect_err("refused").uri(), Some("wamp.error.invalid_argument"));
}

#[tokio::test]
async fn forced_registration_revokes_the_old_one() {
    let lab = TestRealm::new();
    let (old, new, caller) = (lab.join("old"), lab.join("new"), lab.join("caller"));
    let code = |name: &'static str| move || async move { Ok::<_, Failure>(name) };
    let registration = old.register("com.who", code("old")).await.expect("registered");
    let refused = new.register("com.who", code("new")).await.expect_err("taken");
    assert_eq!(refused.uri(), Some("wamp.error.procedure_already_exists"));
    new.register("com.who", code("new")).force_reregister().await.expect("registered");
    assert_eq!(soon(registration.ended()).await, "wamp.error.unregistered");
    let reply = soon(caller.call("com.who").send()).await.expect("a reply");
    assert_eq!(reply.value::<String>().expect("a name"), "new");
}

#[tokio::test]
async fn administrator_revokes_a_registration_with_a_reason() {
    let lab = TestRealm::new();
    let (callee, admin) = (lab.join("callee"), lab.join("admin"));
    let code = || async { Ok::<_, Failure>(1) };
    let registration = callee.register("com.who", code).await.expect("registered");
    let session = callee.welcome().expect("joined").session.number();
    let remove = admin.call("wamp.registration.remove_callee").args((
        registration.id().number(),
        session,
        "com.moved",
    ));
    soon(remove.send()).await.expect("removed");
    assert_eq!(soon(registration.ended()).await, "com.moved");
}

#[tokio::test]
async fn canceled_call_ends_with_an_error_in_each_mode() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    let forever = std::future::pending::<Result<(), Failure>>;
    callee.register("com.slow", forever).await.expect("registered");
    for mode in [CancelMode::Kill, CancelMode::Skip, CancelMode::KillNoWait] {
        let call = caller.call("com.slow").send();
        call.cancel(mode);
        assert_eq!(uri_of(call).await, "wamp.error.canceled", "{mode:?}");
    }
}

#[tokio::test]
async fn router_enforces_a_timeout_unless_the_procedure_does() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    let forever = std::future::pending::<Result<(), Failure>>;
    callee.register("com.slow", forever).await.expect("registered");
    let timeout = Duration::from_millis(20);
    assert_eq!(uri_of(caller.call("com.slow").timeout(timeout)).await, "wamp.error.timeout");
    let watch = async |invocation: Invocation| {
        let timeout = invocation.timeout().ok_or_else(|| Failure::runtime("no timeout"))?;
        tokio::time::sleep(timeout).await;
        Err::<(), _>(Failure::timeout("watched"))
    };
    callee.register("com.watched", watch).forward_timeout().await.expect("registered");
    let error = soon(caller.call("com.watched").timeout(timeout).send()).await.expect_err("late");
    assert_eq!(error.to_string(), "wamp.error.timeout: watched");
    assert_eq!(uri_of(caller.call("com.watched")).await, "wamp.error.runtime_error");
}

/// Answers with the details of its caller.
async fn caller_details(invocation: Invocation) -> Result<Answer, Failure> {
    let caller = invocation.caller().map(|caller| caller.number());
    let trace: Option<String> = invocation.attribute("_trace")?;
    let known = (
        invocation.procedure(),
        caller.is_some(),
        invocation.caller_authid(),
        invocation.caller_authrole(),
        invocation.trustlevel(),
    );
    Answer::args(&known)?.attribute("_trace", &trace)
}

#[tokio::test]
async fn procedure_knows_its_caller_the_uri_and_the_trust_level() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    callee
        .register("com.details", caller_details)
        .matching(MatchPolicy::Prefix)
        .invoke(RoundRobin)
        .await
        .expect("registered");
    let call = caller.call("com.details.me").disclose_me().attribute("_trace", "t1");
    let reply = soon(call.send()).await.expect("a reply");
    let known: (String, bool, String, String, u64) = reply.args().expect("all of it");
    let expected = ("com.details.me".into(), true, "caller".into(), "anyone".into(), 3);
    assert_eq!(known, expected);
    assert_eq!(reply.attribute::<String>("_trace").expect("text"), Some("t1".to_owned()));
    let reply = soon(caller.call("com.details.me").send()).await.expect("a reply");
    assert!(
        reply
            .args::<(String, bool, Option<String>, Option<String>, u64)>()
            .is_ok_and(|(_, is_disclosed, authid, ..)| !is_disclosed && authid.is_none())
    );
    callee.register("com.asks", caller_details).disclose_caller().await.expect("registered");
    let reply = soon(caller.call("com.asks").send()).await.expect("a reply");
    let known: (Option<String>, bool, String, String, u64) = reply.args().expect("all of it");
    assert_eq!((known.1, known.2.as_str()), (true, "caller"));
}

#[tokio::test]
async fn opaque_payload_passes_between_sessions_and_not_to_the_http_bridge() {
    let lab = TestRealm::new();
    let (callee, caller) = (lab.join("callee"), lab.join("caller"));
    let seal = async |invocation: Invocation| {
        let sealed = invocation.passthru()?.unwrap_or_else(|| Passthru::new("x_made", *b"made"));
        Answer::passthru(sealed)
    };
    callee.register("com.seal", seal).await.expect("registered");
    let sealed = Passthru::new("wamp", *b"\x00\xffab").serializer("cbor").cipher("aes256gcm");
    let call = caller.call("com.seal").passthru(sealed.clone());
    let reply = soon(call.send()).await.expect("a reply");
    assert_eq!(reply.passthru().expect("bytes"), Some(sealed));
    let bridge = lab.join_as(LocalIdentity { roles: HTTP_BRIDGE, ..internal("bridge") });
    assert_eq!(uri_of(bridge.call("com.seal")).await, "wamp.error.feature_not_supported");
}
