//! Values of all kinds and sizes, and attributes beside them. Bytes are in `bytes`.
//!
//! Spec: basic profile "Serializers", "Extensibility".

use std::collections::BTreeMap;

use cloverleaf_client::{Answer, Args, Error, Failure, Invocation, Kwargs};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Values of all kinds.
pub(super) fn values() -> Value {
    json!([
        null, true, false, 0, -1, 23, 24, -32, -33, 127, 128, 255, 256, 65_535, 65_536,
        4_294_967_295_u64, 9_007_199_254_740_991_i64, i64::MIN, 0.5, -1.25e10, "", "a", "ü€🍀",
        "\u{0001}\"\\/\n", [], {}, [[], [{}]], {"a": {"b": [1, 2, {"c": null}]}, "": 1}
    ])
}

pub(super) async fn values_of_all_kinds_arrive_unchanged(stage: Stage) {
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

/// Returns its argument.
async fn echo(Args((text,)): Args<(String,)>) -> Result<String, Failure> {
    Ok(text)
}

pub(super) async fn long_values_arrive(stage: Stage) {
    stage.there.register(stage.uri.as_str(), echo).await.expect("REGISTERED");
    // Lengths that change the encoding of frame lengths, and one that needs several writes of a
    // socket.
    for length in [125, 126, 65_535, 65_536, 300_000] {
        let text = format!("ü{}", "u".repeat(length - "ü".len()));
        let reply = stage.here.call(stage.uri.as_str()).args((&text,)).await.expect("RESULT");
        assert!(reply.value::<String>().expect("a text") == text, "{length} bytes");
    }
}

pub(super) async fn long_calls_and_results_pass_each_other(stage: Stage) {
    stage.there.register(stage.uri.as_str(), echo).await.expect("REGISTERED");
    let text = "u".repeat(600_000);
    let calls = (0..2).map(|_| stage.here.call(stage.uri.as_str()).args((&text,)).send());
    for reply in join_all(calls).await {
        let reply = reply.expect("RESULT");
        assert!(reply.value::<String>().expect("a text") == text);
    }
}

pub(super) async fn failures_arrive_with_their_arguments(stage: Stage) {
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

pub(super) async fn attributes_travel_beside_the_arguments(stage: Stage) {
    let trace = |number: u8| json!({"id": number, "path": ["ü", {}]});
    let procedure = async |invocation: Invocation| {
        let came: Option<Value> = invocation.attribute("_trace")?;
        Answer::args(&(came,))?.attribute("_trace", &json!({"id": 2, "path": ["ü", {}]}))
    };
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).attribute("_trace", trace(1)).await;
    let reply = reply.expect("RESULT");
    assert_eq!(reply.value::<Value>().expect("a value"), trace(1));
    assert_eq!(reply.attribute("_trace").expect("a value"), Some(trace(2)));

    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publishing = stage.here.publish(stage.uri.as_str()).attribute("_trace", trace(3));
    publishing.await.expect("PUBLISHED");
    let event = events.next().await.expect("an event");
    assert_eq!(event.attribute("_trace").expect("a value"), Some(trace(3)));
    assert_eq!(event.attribute::<Value>("_other").expect("no value"), None);
}
