//! Who answers a call, and what is known of its caller. How calls end that nobody answers is told
//! in `canceling`.
//!
//! Spec: basic profile "Remote Procedure Calls"; advanced profile "Pattern-based Registrations",
//! "Shared Registration", "Caller Identification".

use cloverleaf_client::{Args, Failure, Invocation, InvokePolicy, MatchPolicy};
use cloverleaf_wamp::error_uri;
use futures_util::future::join_all;

use crate::stage::{Stage, id_of, uri_of};

pub(super) async fn nobody_answers_an_unknown_procedure(stage: Stage) {
    let answer = stage.here.call(stage.uri.as_str()).args((1,)).await;
    assert_eq!(uri_of(answer), error_uri::NO_SUCH_PROCEDURE);
}

pub(super) async fn many_calls_are_answered_at_once(stage: Stage) {
    let square =
        |Args((number,)): Args<(u64,)>| std::future::ready(Ok::<_, Failure>(number * number));
    stage.there.register(stage.uri.as_str(), square).await.expect("REGISTERED");
    let calls = (0..50).map(|number| {
        let call = stage.here.call(stage.uri.as_str()).args((number,));
        async move { call.await.expect("RESULT").value::<u64>().expect("a number") }
    });
    let squares: Vec<u64> = (0..50).map(|number| number * number).collect();
    assert_eq!(join_all(calls).await, squares);
}

pub(super) async fn the_caller_is_disclosed_on_wish(stage: Stage) {
    let who = |invocation: Invocation| {
        std::future::ready(Ok::<_, Failure>(invocation.caller().map(|id| id.number())))
    };
    stage.there.register(stage.uri.as_str(), who).await.expect("REGISTERED");
    let id = id_of(&stage.here);
    let call = || stage.here.call(stage.uri.as_str());
    let unasked = call().await.expect("RESULT");
    let disclosed = call().disclose_me().await.expect("RESULT");
    let told = [unasked, disclosed].map(|reply| reply.value::<Option<u64>>().expect("an id"));
    assert_eq!(told, [None, Some(id)]);
}

pub(super) async fn an_unregistered_procedure_is_gone(stage: Stage) {
    let one = || std::future::ready(Ok::<_, Failure>(1));
    let registration = stage.there.register(stage.uri.as_str(), one).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    assert_eq!(reply.value::<u8>().expect("a number"), 1);
    registration.unregister().await.expect("UNREGISTERED");
    let answer = stage.here.call(stage.uri.as_str()).await;
    assert_eq!(uri_of(answer), error_uri::NO_SUCH_PROCEDURE);
}

pub(super) async fn a_pattern_registration_is_told_the_procedure(stage: Stage) {
    let which = |invocation: Invocation| {
        let procedure = invocation.procedure().map(str::to_owned);
        std::future::ready(Ok::<_, Failure>(procedure))
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

pub(super) async fn callees_of_a_shared_registration_take_turns(stage: Stage) {
    for (session, name) in [(&stage.here, "here"), (&stage.there, "there")] {
        let who = move || std::future::ready(Ok::<_, Failure>(name));
        let registering = session.register(stage.uri.as_str(), who);
        registering.invoke(InvokePolicy::RoundRobin).await.expect("REGISTERED");
    }
    let mut answers = Vec::new();
    for _ in 0..4 {
        let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
        answers.push(reply.value::<String>().expect("a text"));
    }
    assert_eq!(answers, ["here", "there", "here", "there"]);
}
