//! Calls and their answers, and caller identification. The choice of a callee is in `callees`;
//! calls that end before they are answered are in `canceling`.
//!
//! Spec: basic profile "Remote Procedure Calls"; advanced profile "Caller Identification".

use cloverleaf_client::{Args, Failure, Invocation};
use cloverleaf_wamp::error_uri;
use futures_util::future::join_all;

use crate::stage::{Stage, id_of, uri_of};

pub(super) async fn calling_an_unknown_procedure_is_an_error(stage: Stage) {
    let answer = stage.here.call(stage.uri.as_str()).args((1,)).await;
    assert_eq!(uri_of(answer), error_uri::NO_SUCH_PROCEDURE);
}

pub(super) async fn many_calls_are_in_flight_at_once(stage: Stage) {
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

pub(super) async fn the_caller_is_disclosed_on_request(stage: Stage) {
    let who = |invocation: Invocation| {
        std::future::ready(Ok::<_, Failure>(invocation.caller().map(|id| id.number())))
    };
    stage.there.register(stage.uri.as_str(), who).await.expect("REGISTERED");
    let id = id_of(&stage.here);
    let call = || stage.here.call(stage.uri.as_str());
    let unasked = call().await.expect("RESULT");
    let disclosed = call().disclose_me().await.expect("RESULT");
    let callers = [unasked, disclosed].map(|reply| reply.value::<Option<u64>>().expect("an id"));
    assert_eq!(callers, [None, Some(id)]);
}

pub(super) async fn an_unregistered_procedure_is_not_called(stage: Stage) {
    let one = || std::future::ready(Ok::<_, Failure>(1));
    let registration = stage.there.register(stage.uri.as_str(), one).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    assert_eq!(reply.value::<u8>().expect("a number"), 1);
    registration.unregister().await.expect("UNREGISTERED");
    let answer = stage.here.call(stage.uri.as_str()).await;
    assert_eq!(uri_of(answer), error_uri::NO_SUCH_PROCEDURE);
}

pub(super) async fn a_callee_can_request_disclosure_of_every_caller(stage: Stage) {
    let who = async |invocation: Invocation| {
        let [name, role] = [invocation.caller_authid(), invocation.caller_authrole()]
            .map(|it| it.map(str::to_owned));
        Ok::<_, Failure>((invocation.caller().map(u64::from), name, role))
    };
    let registering = stage.there.register(stage.uri.as_str(), who).disclose_caller();
    registering.await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    let callers: (Option<u64>, Option<String>, Option<String>) = reply.value().expect("the caller");
    let name = stage.here.welcome().expect("it has joined").details.authid.map(String::from);
    assert_eq!(callers, (Some(id_of(&stage.here)), name, Some("anonymous".to_owned())));
}
