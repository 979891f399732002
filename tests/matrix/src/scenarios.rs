//! The list. A scenario has two sessions and a URI that no other one uses, and fails by a panic.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use cloverleaf_client::{
    Answer, Args, Error, Failure, Invocation, InvokePolicy, Kwargs, MatchPolicy, PublishOptions,
    Session,
};
use cloverleaf_wamp::error_uri;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What a scenario is about.
#[derive(Debug)]
pub(crate) struct Stage {
    here: Session,
    there: Session,
    uri: String,
}

impl Stage {
    pub(crate) fn new(here: &Session, there: &Session, number: usize) -> Self {
        let uri = format!("com.example.s{number}");
        Self { here: here.clone(), there: there.clone(), uri }
    }
}

/// One of the list.
pub(crate) type Scenario = fn(Stage) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        /// All, with their names.
        pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
            vec![$((stringify!($name), |stage| Box::pin($name(stage)))),*]
        }
    };
}

scenarios![
    values_arrive_as_they_were,
    long_values_arrive,
    failures_arrive_with_their_arguments,
    nobody_answers_an_unknown_procedure,
    many_calls_are_answered_at_once,
    a_pattern_registration_is_told_the_procedure,
    callees_of_a_shared_registration_take_turns,
    a_call_that_is_given_up_is_interrupted,
    a_call_times_out,
    the_caller_is_disclosed_on_wish,
    an_unregistered_procedure_is_gone,
    events_arrive_in_order,
    a_publisher_hears_itself_on_wish_only,
    lists_say_who_hears_an_event,
    a_pattern_subscription_is_told_the_topic,
    who_has_unsubscribed_hears_no_more,
    the_realm_tells_of_the_session,
];

/// Values of all kinds.
fn values() -> Value {
    json!([
        null, true, false, 0, -1, 23, 24, -32, -33, 127, 128, 255, 256, 65_535, 65_536,
        4_294_967_295_u64, 9_007_199_254_740_991_i64, i64::MIN, 0.5, -1.25e10, "", "a", "ü€🍀",
        "\u{0001}\"\\/\n", [], {}, [[], [{}]], {"a": {"b": [1, 2, {"c": null}]}, "": 1}
    ])
}

async fn values_arrive_as_they_were(stage: Stage) {
    let echo = |Args(args): Args<Vec<Value>>, Kwargs(kwargs): Kwargs<BTreeMap<String, Value>>| async move {
        Answer::args_and_kwargs(&args, &kwargs)
    };
    stage.there.register(stage.uri.as_str(), echo).await.expect("REGISTERED");
    let args = values();
    let kwargs = json!({"values": values(), "ü": 1});
    let call = stage.here.call(stage.uri.as_str()).args_and_kwargs(&args, &kwargs);
    let reply = call.await.expect("RESULT");
    assert_eq!(reply.args::<Value>().expect("values"), args);
    assert_eq!(reply.kwargs::<Value>().expect("values"), kwargs);
    let nothing = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    assert_eq!(nothing.args::<Vec<Value>>().expect("values"), [Value::Null; 0]);
}

async fn long_values_arrive(stage: Stage) {
    let echo = |Args((text,)): Args<(String,)>| std::future::ready(Ok::<_, Failure>(text));
    stage.there.register(stage.uri.as_str(), echo).await.expect("REGISTERED");
    for length in [125, 126, 65_535, 65_536, 1_000_000] {
        let text = "ü".repeat(length / 2);
        let reply = stage.here.call(stage.uri.as_str()).args((&text,)).await.expect("RESULT");
        assert!(reply.value::<String>().expect("a text") == text, "{length} bytes");
    }
}

async fn failures_arrive_with_their_arguments(stage: Stage) {
    let fails = || async {
        let failure = Failure::new("com.example.error.full");
        Err::<(), _>(failure.with_args_and_kwargs(&(1, "two"), &json!({"three": [3]}))?)
    };
    stage.there.register(stage.uri.as_str(), fails).await.expect("REGISTERED");
    let failure = Failure::new("com.example.error.full");
    let failure = failure.with_args_and_kwargs(&(1, "two"), &json!({"three": [3]}));
    let failure = failure.expect("values");
    let Err(Error::Wamp(found)) = stage.here.call(stage.uri.as_str()).await else {
        panic!("the call has not failed")
    };
    assert_eq!(found.uri, failure.uri);
    let values = |failure: &Failure| {
        let args = failure.payload.decode_args::<Value>().expect("values");
        (args, failure.payload.decode_kwargs::<Value>().expect("values"))
    };
    assert_eq!(values(&found), values(&failure));
}

async fn nobody_answers_an_unknown_procedure(stage: Stage) {
    let answer = stage.here.call(stage.uri.as_str()).args((1,)).await;
    assert_eq!(uri_of(answer), error_uri::NO_SUCH_PROCEDURE);
}

async fn many_calls_are_answered_at_once(stage: Stage) {
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

async fn a_pattern_registration_is_told_the_procedure(stage: Stage) {
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

async fn callees_of_a_shared_registration_take_turns(stage: Stage) {
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

/// A procedure that tells when it has begun and when it was given up, and does not end by itself.
fn endless(told: mpsc::UnboundedSender<&'static str>) -> impl Fn() -> Endless + Send + Sync {
    move || {
        let told = GivenUp(told.clone());
        Box::pin(async move {
            told.0.send("begun").expect("somebody listens");
            std::future::pending().await
        })
    }
}

type Endless = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Tells it when it is dropped.
struct GivenUp(mpsc::UnboundedSender<&'static str>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        // Nobody listens any more where the whole session ends.
        let _ = self.0.send("given up");
    }
}

async fn a_call_that_is_given_up_is_interrupted(stage: Stage) {
    let (told, mut heard) = mpsc::unbounded_channel();
    stage.there.register(stage.uri.as_str(), endless(told)).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    drop(call);
    assert_eq!(heard.recv().await, Some("given up"));
}

async fn a_call_times_out(stage: Stage) {
    let (told, mut heard) = mpsc::unbounded_channel();
    stage.there.register(stage.uri.as_str(), endless(told)).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).timeout(Duration::from_millis(20));
    assert_eq!(uri_of(call.await), error_uri::TIMEOUT);
    assert_eq!((heard.recv().await, heard.recv().await), (Some("begun"), Some("given up")));
}

async fn the_caller_is_disclosed_on_wish(stage: Stage) {
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

async fn an_unregistered_procedure_is_gone(stage: Stage) {
    let one = || std::future::ready(Ok::<_, Failure>(1));
    let registration = stage.there.register(stage.uri.as_str(), one).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).await.expect("RESULT");
    assert_eq!(reply.value::<u8>().expect("a number"), 1);
    registration.unregister().await.expect("UNREGISTERED");
    let answer = stage.here.call(stage.uri.as_str()).await;
    assert_eq!(uri_of(answer), error_uri::NO_SUCH_PROCEDURE);
}

async fn events_arrive_in_order(stage: Stage) {
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    for number in 0..50 {
        let kwargs = json!({"values": values()});
        let publishing = stage.here.publish(stage.uri.as_str());
        let publishing = publishing.args_and_kwargs((number,), kwargs);
        if number % 10 == 0 {
            publishing.await.expect("PUBLISHED");
        } else {
            publishing.send_unacknowledged().expect("room");
        }
    }
    for number in 0..50 {
        let event = events.next().await.expect("an event");
        assert_eq!(event.args::<(i32,)>().expect("a number"), (number,));
        let kwargs = event.kwargs::<Value>().expect("values");
        assert_eq!(kwargs, json!({"values": values()}));
    }
}

async fn a_publisher_hears_itself_on_wish_only(stage: Stage) {
    let mut events = stage.here.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("unheard").await.expect("PUBLISHED");
    publish("heard").exclude_me(false).await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "heard");
}

async fn lists_say_who_hears_an_event(stage: Stage) {
    let mut here = stage.here.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let mut there = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let ids = [&stage.here, &stage.there]
        .map(|session| session.welcome().expect("it has joined").session);
    let rows = [
        ("excluded here", PublishOptions { exclude: Some(vec![ids[0]]), ..both() }),
        ("eligible here", PublishOptions { eligible: Some(vec![ids[0]]), ..both() }),
        ("by role", PublishOptions { eligible_authrole: Some(vec!["nobody".into()]), ..both() }),
        ("for all", both()),
    ];
    for (text, options) in rows {
        let publishing = stage.here.publish(stage.uri.as_str()).args((text,));
        publishing.options(options).await.expect("PUBLISHED");
    }
    for heard in ["eligible here", "for all"] {
        assert_eq!(text_of(here.next().await), heard);
    }
    for heard in ["excluded here", "for all"] {
        assert_eq!(text_of(there.next().await), heard);
    }
}

fn both() -> PublishOptions {
    PublishOptions { exclude_me: Some(false), ..PublishOptions::default() }
}

async fn a_pattern_subscription_is_told_the_topic(stage: Stage) {
    let prefix = stage.there.subscribe(format!("{}.", stage.uri)).matching(MatchPolicy::Prefix);
    let mut prefix = prefix.await.expect("SUBSCRIBED");
    let wildcard = stage.there.subscribe(format!("{}..end", stage.uri));
    let mut wildcard = wildcard.matching(MatchPolicy::Wildcard).await.expect("SUBSCRIBED");
    let topic = format!("{}.middle.end", stage.uri);
    stage.here.publish(topic.as_str()).args(("both",)).await.expect("PUBLISHED");
    for events in [&mut prefix, &mut wildcard] {
        let event = events.next().await.expect("an event");
        assert_eq!(event.topic(), Some(topic.as_str()));
        assert_eq!(text_of(Some(event)), "both");
    }
}

async fn who_has_unsubscribed_hears_no_more(stage: Stage) {
    let leaving = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    leaving.unsubscribe().await.expect("UNSUBSCRIBED");
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("to nobody").await.expect("PUBLISHED");
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    publish("to somebody").await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "to somebody");
}

async fn the_realm_tells_of_the_session(stage: Stage) {
    let id = id_of(&stage.there);
    let call = stage.here.call("wamp.session.get").args((id,));
    let details: Value = call.await.expect("RESULT").value().expect("details");
    assert_eq!(details["session"], id);
    let list = stage.here.call("wamp.session.list").await.expect("RESULT");
    assert!(list.value::<Vec<u64>>().expect("ids").contains(&id));
    let unknown = stage.here.call("wamp.session.get").args((1,)).await;
    assert_eq!(uri_of(unknown), error_uri::NO_SUCH_SESSION);
}

fn id_of(session: &Session) -> u64 {
    session.welcome().expect("it has joined").session.number()
}

fn text_of(event: Option<cloverleaf_client::Event>) -> String {
    event.expect("an event").args::<(String,)>().expect("a text").0
}

/// The URI of what has failed.
fn uri_of<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    let failure = answer.expect_err("it has to fail");
    failure.uri().unwrap_or_else(|| panic!("{failure}")).to_owned()
}
