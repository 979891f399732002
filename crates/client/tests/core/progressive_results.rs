//! Progressive results, as their caller receives them.

use cloverleaf_client::{Error, ProgressiveResults};
use futures_util::{FutureExt as _, StreamExt as _};

use crate::lab::{Lab, ready};

fn numbers(results: &mut ProgressiveResults) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(Ok(Some(part))) = results.next().now_or_never() {
        numbers.push(part.value().expect("a number"));
    }
    numbers
}

#[test]
fn progressive_results_are_followed_by_the_final_result() {
    let lab = Lab::new();
    let mut results = lab.session.call("com.count").args((3,)).receive_progress();
    assert_eq!(lab.sent(), [r#"[48,1,{"receive_progress":true},"com.count",[3]]"#]);
    assert!(results.next().now_or_never().is_none());
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    lab.says(r#"[50,1,{"progress":true},[2]]"#);
    assert_eq!(numbers(&mut results), [1, 2]);
    lab.says("[50,1,{},[3]]");
    assert_eq!(ready(results.next()).expect("no failure"), None);
    assert_eq!(ready(results.reply()).expect("a reply").value::<u64>().expect("a number"), 3);
    assert!(lab.sent().is_empty());
}

#[test]
fn an_unrequested_progressive_result_does_not_end_the_call() {
    let lab = Lab::new();
    let mut call = lab.session.call("com.count").send();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    assert!((&mut call).now_or_never().is_none());
    lab.says("[50,1,{},[3]]");
    assert_eq!(ready(call).expect("a reply").value::<u64>().expect("a number"), 3);
}

#[test]
fn progressive_results_before_a_failure_are_returned_first() {
    let lab = Lab::new();
    let mut results = lab.session.call("com.count").receive_progress();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    lab.says(r#"[8,48,1,{},"com.tired",["enough"]]"#);
    lab.says(r#"[50,1,{"progress":true},[2]]"#);
    assert_eq!(ready(results.next()).expect("a part").map(|part| part.value().ok()), Some(Some(1)));
    assert_eq!(ready(results.next()).expect_err("failed").to_string(), "com.tired: enough");
    assert_eq!(ready(results.next()).expect("nothing more"), None);
    drop(results);
    assert_eq!(lab.sent(), [r#"[48,1,{"receive_progress":true},"com.count"]"#]);
}

#[test]
fn a_stream_of_results_ends_after_the_failure() {
    let lab = Lab::new();
    let results = lab.session.call("com.count").receive_progress();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    lab.says(r#"[8,48,1,{},"com.tired"]"#);
    let outcomes: Vec<_> = ready(results.map(|part| part.map_err(|e| e.to_string())).collect());
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[1], Err("com.tired".to_owned()));
}

#[test]
fn a_full_queue_of_results_cancels_the_call() {
    let lab = Lab::new();
    let mut results = lab.session.call("com.count").receive_progress();
    for number in 0..5000 {
        lab.says(&format!(r#"[50,1,{{"progress":true}},[{number}]]"#));
    }
    lab.sent();
    assert_eq!(numbers(&mut results), (0..4096).collect::<Vec<_>>());
    // `numbers` has consumed the failure.
    assert_eq!(lab.sent(), [r#"[49,1,{"mode":"killnowait"}]"#]);
    assert_eq!(ready(results.next()).expect("nothing more"), None);
}

#[test]
fn missing_results_are_reported_even_if_the_call_has_succeeded() {
    let lab = Lab::new();
    let results = lab.session.call("com.count").receive_progress();
    for _ in 0..4097 {
        lab.says(r#"[50,1,{"progress":true},[1]]"#);
    }
    lab.says("[50,1,{},[1]]");
    let last = ready(results.collect::<Vec<_>>()).pop().expect("a failure");
    let expected =
        "wamp.error.unavailable: the parts of the result came faster than they were taken";
    assert_eq!(last.expect_err("a failure").to_string(), expected);
    // The call has ended, so CANCEL is not sent.
    assert_eq!(lab.sent().len(), 1);
}

#[test]
fn reply_discards_progressive_results() {
    let lab = Lab::new();
    let results = lab.session.call("com.count").receive_progress();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    let mut reply = results.reply();
    for _ in 0..5000 {
        lab.says(r#"[50,1,{"progress":true},[1]]"#);
    }
    assert!((&mut reply).now_or_never().is_none());
    lab.says("[50,1,{},[3]]");
    assert_eq!(ready(reply).expect("a reply").value::<u64>().expect("a number"), 3);
}

#[test]
fn dropping_the_results_cancels_the_call() {
    let lab = Lab::new();
    drop(lab.session.call("com.count").receive_progress());
    assert_eq!(lab.sent()[1], r#"[49,1,{"mode":"killnowait"}]"#);
}

#[test]
fn a_call_that_cannot_be_sent_fails_at_the_first_result() {
    let lab = Lab::new();
    lab.session.close("the end");
    let mut results = lab.session.call("com.count").receive_progress();
    assert!(matches!(ready(results.next()), Err(Error::Closed(_))));
    assert_eq!(ready(results.next()).expect("nothing more"), None);
}

#[test]
fn progressive_results_before_a_lost_connection_are_returned_first() {
    let lab = Lab::new();
    let mut results = lab.session.call("com.count").receive_progress();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    lab.reconnects();
    // Another call with the same number.
    let other = lab.session.call("com.other").send();
    lab.says(r#"[50,1,{"progress":true},[7]]"#);
    lab.says("[50,1,{},[8]]");
    assert_eq!(ready(results.next()).expect("a part").map(|part| part.value().ok()), Some(Some(1)));
    let error = ready(results.next()).expect_err("lost");
    assert_eq!(error.to_string(), "the session is closed: the cable was pulled");
    assert_eq!(ready(other).expect("a reply").value::<u64>().expect("a number"), 8);
}
