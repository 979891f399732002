//! Meta API of sessions, sessions that are ended by another one, and testaments.
//!
//! Spec: advanced profile "Session Meta API", "Session Testament".

use cloverleaf_client::{Session, Subscription};
use cloverleaf_wamp::error_uri;
use serde_json::{Value, json};

use super::payloads::values;
use crate::stage::{Stage, id_of, text_of, uri_of};

pub(super) async fn the_meta_api_lists_sessions(stage: Stage) {
    let id = id_of(&stage.there);
    let call = stage.here.call("wamp.session.get").args((id,));
    let details: Value = call.await.expect("RESULT").value().expect("details");
    let welcome = stage.there.welcome().expect("it has joined").details;
    let detail = |key: &str| details[key].as_str().map(str::to_owned);
    assert_eq!(details["session"], id);
    assert_eq!(detail("authid"), welcome.authid.map(String::from));
    assert_eq!(detail("authrole"), welcome.authrole.map(String::from));

    let list = stage.here.call("wamp.session.list").await.expect("RESULT");
    let list = list.value::<Vec<u64>>().expect("ids");
    let count = stage.here.call("wamp.session.count").await.expect("RESULT");
    assert!([id, id_of(&stage.here)].iter().all(|id| list.contains(id)), "{list:?}");
    assert_eq!(count.value::<usize>().expect("a number"), list.len());
    let none = stage.here.call("wamp.session.count").args((["nobody"],)).await.expect("RESULT");
    assert_eq!(none.value::<usize>().expect("a number"), 0);
    let unknown = stage.here.call("wamp.session.get").args((1,)).await;
    assert_eq!(uri_of(unknown), error_uri::NO_SUCH_SESSION);
}

pub(super) async fn joining_and_leaving_sessions_cause_meta_events(stage: Stage) {
    let mut joined = stage.there.subscribe("wamp.session.on_join").await.expect("SUBSCRIBED");
    let mut left = stage.there.subscribe("wamp.session.on_leave").await.expect("SUBSCRIBED");
    let visitor = stage.visitor().await;
    let id = id_of(&visitor);
    let (details,): (Value,) =
        joined.next().await.expect("an event").args().expect("details of a session");
    assert_eq!(details["session"], id);
    visitor.leave().expect("it is there");
    assert_eq!(visitor.ended().await, error_uri::GOODBYE_AND_OUT);
    let who: (u64, String, String) = left.next().await.expect("an event").args().expect("who");
    let name = details["authid"].as_str().expect("a name").to_owned();
    assert_eq!(who, (id, name, "anonymous".to_owned()));
}

pub(super) async fn a_session_can_be_killed_by_another_one(stage: Stage) {
    let visitor = stage.visitor().await;
    let id = id_of(&visitor);
    let kill = || stage.there.call("wamp.session.kill");
    let kwargs = json!({"reason": "com.example.tidying", "message": "Good night."});
    kill().args_and_kwargs((id,), &kwargs).await.expect("RESULT");
    assert_eq!(visitor.ended().await, "com.example.tidying");
    let again = kill().args_and_kwargs((id,), &kwargs).await;
    assert_eq!(uri_of(again), error_uri::NO_SUCH_SESSION);
}

/// A visitor with a testament in each scope, and the subscription that receives it.
async fn testator(stage: &Stage) -> (Session, Subscription) {
    let events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let visitor = stage.visitor().await;
    for scope in ["destroyed", "detached"] {
        let event = (stage.uri.as_str(), [scope], json!({"values": values()}));
        let wish = json!({"scope": scope, "publish_options": {"disclose_me": true}});
        let call = visitor.call("wamp.session.add_testament").args_and_kwargs(event, wish);
        assert_eq!(call.await.expect("RESULT").value::<Value>().expect("null"), Value::Null);
    }
    (visitor, events)
}

/// Checks that the testament is published: first that of the connection, then that of the session.
async fn assert_testament(mut events: Subscription, visitor: &Session) {
    for scope in ["detached", "destroyed"] {
        let event = events.next().await.expect("an event");
        assert_eq!(event.publisher().map(u64::from), Some(id_of(visitor)));
        assert_eq!(event.kwargs::<Value>().expect("values"), json!({"values": values()}));
        assert_eq!(text_of(Some(event)), scope);
    }
}

pub(super) async fn the_testament_of_a_disconnected_session_is_published(stage: Stage) {
    let (visitor, events) = testator(&stage).await;
    visitor.close("the application has ended");
    assert_testament(events, &visitor).await;
}

pub(super) async fn the_testament_of_a_session_that_leaves_is_published(stage: Stage) {
    let (visitor, events) = testator(&stage).await;
    visitor.leave().expect("it is there");
    assert_testament(events, &visitor).await;
}

pub(super) async fn a_flushed_testament_is_not_published(stage: Stage) {
    let (visitor, mut events) = testator(&stage).await;
    let flush = visitor.call("wamp.session.flush_testaments");
    let flushed = flush.args_and_kwargs([0; 0], json!({"scope": "detached"})).await;
    assert_eq!(flushed.expect("RESULT").value::<Value>().expect("null"), Value::Null);
    visitor.leave().expect("it is there");
    assert_eq!(text_of(events.next().await), "destroyed");
    stage.here.publish(stage.uri.as_str()).args(("next",)).await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "next");
}
