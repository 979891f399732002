//! Progressive calls and results, and their end by one side. Canceled calls are in `canceling`.
//!
//! Spec: advanced profile "Progressive Call Results", "Progressive Call Invocations".

use cloverleaf_client::{Answer, Args, Failure, Kwargs, Progress, ProgressiveArgs};
use cloverleaf_wamp::error_uri;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::canceling::ProcedureReports;
use super::payloads::values;
use crate::stage::{Stage, uri_of};

/// Number of progressive messages in scenarios with many.
const MANY: u64 = 50;

/// Answers progressively if the caller accepts it, and returns whether it does.
async fn count(Args((to,)): Args<(u64,)>, progress: Progress) -> Result<bool, Failure> {
    for number in 1..=to {
        let part = Answer::args_and_kwargs(&(number,), &json!({"values": values()}))?;
        assert_eq!(progress.send(part).await?, progress.is_wanted());
    }
    Ok(progress.is_wanted())
}

pub(super) async fn a_result_can_be_progressive(stage: Stage) {
    stage.there.register(stage.uri.as_str(), count).await.expect("REGISTERED");
    let mut results = stage.here.call(stage.uri.as_str()).args((MANY,)).receive_progress();
    let mut numbers = Vec::new();
    while let Some(part) = results.next().await.expect("no failure") {
        numbers.push(part.value::<u64>().expect("a number"));
        assert_eq!(part.kwargs::<Value>().expect("values"), json!({"values": values()}));
    }
    assert_eq!(numbers, (1..=MANY).collect::<Vec<_>>());
    assert!(results.reply().await.expect("RESULT").value::<bool>().expect("a word"));
}

pub(super) async fn a_caller_without_progressive_results_receives_the_final_result(stage: Stage) {
    stage.there.register(stage.uri.as_str(), count).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).args((3,)).await.expect("RESULT");
    assert!(!reply.value::<bool>().expect("a word"));
}

/// Positional and keyword arguments.
type Arguments = (Vec<Value>, Value);

/// Collects the arguments of each message of a progressive call.
async fn collect(
    Args(args): Args<Vec<Value>>,
    Kwargs(kwargs): Kwargs<Value>,
    mut parts: ProgressiveArgs,
) -> Result<Vec<Arguments>, Failure> {
    let mut all = vec![(args, kwargs)];
    while let Some(part) = parts.next().await? {
        all.push((part.args()?, part.kwargs()?));
    }
    Ok(all)
}

pub(super) async fn a_call_can_be_progressive(stage: Stage) {
    stage.there.register(stage.uri.as_str(), collect).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str());
    let (mut parts, reply) = call.args_and_kwargs((0,), json!({"name": "ü"})).progressive();
    for number in 1..MANY {
        parts.send((number, values())).await.expect("it goes on");
    }
    parts.finish_with(("last",)).await.expect("it goes on");
    let mut sent = vec![(vec![json!(0)], json!({"name": "ü"}))];
    sent.extend((1..MANY).map(|number| (vec![json!(number), values()], json!({}))));
    sent.push((vec![json!("last")], json!({})));
    let collected = reply.await.expect("RESULT").value::<Vec<Arguments>>().expect("all parts");
    assert_eq!(collected, sent);
}

pub(super) async fn call_and_result_can_both_be_progressive(stage: Stage) {
    let reckon =
        async |Args((first,)): Args<(u64,)>, mut parts: ProgressiveArgs, progress: Progress| {
            let mut sum = first;
            progress.send(sum).await?;
            while let Some(part) = parts.next().await? {
                let (number,): (u64,) = part.args()?;
                sum += number;
                progress.send(sum).await?;
            }
            Answer::args(&("the sum is", sum))
        };
    stage.there.register(stage.uri.as_str(), reckon).await.expect("REGISTERED");
    let (mut parts, mut results) = stage.here.call(stage.uri.as_str()).args((1,)).bidirectional();
    let mut sums = Vec::new();
    for number in 2..=4 {
        // Each answer is awaited before the next question.
        let part = results.next().await.expect("no failure").expect("a part");
        sums.push(part.value::<u64>().expect("a number"));
        parts.send((number,)).await.expect("it goes on");
    }
    parts.finish().await.expect("it goes on");
    while let Some(part) = results.next().await.expect("no failure") {
        sums.push(part.value::<u64>().expect("a number"));
    }
    assert_eq!(sums, [1, 3, 6, 10]);
    let last = results.reply().await.expect("RESULT").args::<(String, u64)>();
    assert_eq!(last.expect("a text and a number"), ("the sum is".to_owned(), 10));
}

pub(super) async fn a_callee_can_answer_before_a_progressive_call_is_complete(stage: Stage) {
    let hasty = async |Args((first,)): Args<(u64,)>, mut parts: ProgressiveArgs| match parts
        .next()
        .await?
    {
        Some(second) => Ok::<_, Failure>((first, second.args::<(u64,)>()?.0)),
        None => Err(Failure::runtime("there is no second part")),
    };
    stage.there.register(stage.uri.as_str(), hasty).await.expect("REGISTERED");
    let (mut parts, reply) = stage.here.call(stage.uri.as_str()).args((1,)).progressive();
    parts.send((2,)).await.expect("it goes on");
    // It may cross the answer and is ignored then.
    let _ = parts.send((3,)).await;
    let taken = reply.await.expect("RESULT").value::<(u64, u64)>();
    assert_eq!(taken.expect("two numbers"), (1, 2));
    parts.finish().await.expect_err("the call has ended");
    let (parts, reply) = stage.here.call(stage.uri.as_str()).args((1,)).progressive();
    parts.finish_with((2,)).await.expect("it goes on");
    reply.await.expect("RESULT");
}

pub(super) async fn a_procedure_without_progressive_calls_is_not_called_progressively(
    stage: Stage,
) {
    let whole = async |Args((text,)): Args<(String,)>| Ok::<_, Failure>(text);
    stage.there.register(stage.uri.as_str(), whole).await.expect("REGISTERED");
    let (parts, reply) = stage.here.call(stage.uri.as_str()).args(("half",)).progressive();
    assert_eq!(uri_of(reply.await), error_uri::FEATURE_NOT_SUPPORTED);
    drop(parts);
    let reply = stage.here.call(stage.uri.as_str()).args(("whole",)).await.expect("RESULT");
    assert_eq!(reply.value::<String>().expect("a text"), "whole");
}

pub(super) async fn an_incomplete_progressive_call_is_not_taken_for_a_complete_one(stage: Stage) {
    let (sender, mut received) = mpsc::unbounded_channel();
    let swallow = move |mut parts: ProgressiveArgs| {
        let mut reports = ProcedureReports::begun(&sender);
        async move {
            while parts.next().await?.is_some() {}
            reports.has_ended();
            Ok::<_, Failure>(())
        }
    };
    stage.there.register(stage.uri.as_str(), swallow).await.expect("REGISTERED");
    let (mut parts, reply) = stage.here.call(stage.uri.as_str()).progressive();
    parts.send((1,)).await.expect("it goes on");
    assert_eq!(received.recv().await, Some("begun"));
    drop(parts);
    assert_eq!(received.recv().await, Some("canceled"));
    assert_eq!(uri_of(reply.await), error_uri::CANCELED);
}
