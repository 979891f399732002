//! Results in parts, as their caller takes them.

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
fn a_result_comes_in_parts_and_ends_with_the_last_word() {
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
fn a_part_that_nobody_asked_for_does_not_end_a_call() {
    let lab = Lab::new();
    let mut call = lab.session.call("com.count").send();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    assert!((&mut call).now_or_never().is_none());
    lab.says("[50,1,{},[3]]");
    assert_eq!(ready(call).expect("a reply").value::<u64>().expect("a number"), 3);
}

#[test]
fn the_parts_before_a_failure_are_taken_first() {
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
fn as_a_stream_they_end_once_and_for_all() {
    let lab = Lab::new();
    let results = lab.session.call("com.count").receive_progress();
    lab.says(r#"[50,1,{"progress":true},[1]]"#);
    lab.says(r#"[8,48,1,{},"com.tired"]"#);
    let told: Vec<_> = ready(results.map(|part| part.map_err(|e| e.to_string())).collect());
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], Err("com.tired".to_owned()));
}

#[test]
fn a_call_whose_parts_nobody_takes_is_canceled_and_none_is_lost_unnoticed() {
    let lab = Lab::new();
    let mut results = lab.session.call("com.count").receive_progress();
    for number in 0..5000 {
        lab.says(&format!(r#"[50,1,{{"progress":true}},[{number}]]"#));
    }
    lab.sent();
    assert_eq!(numbers(&mut results), (0..4096).collect::<Vec<_>>());
    // The one that found the end has taken the failure with it.
    assert_eq!(lab.sent(), [r#"[49,1,{"mode":"killnowait"}]"#]);
    assert_eq!(ready(results.next()).expect("nothing more"), None);
}

#[test]
fn what_is_missing_is_told_even_when_the_call_has_succeeded_since() {
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
    // It has ended, so there is nothing to be canceled.
    assert_eq!(lab.sent().len(), 1);
}

#[test]
fn who_wants_the_last_word_only_may_leave_the_parts() {
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
fn results_that_are_dropped_cancel_their_call() {
    let lab = Lab::new();
    drop(lab.session.call("com.count").receive_progress());
    assert_eq!(lab.sent()[1], r#"[49,1,{"mode":"killnowait"}]"#);
}

#[test]
fn a_call_that_can_not_be_made_fails_at_its_first_part() {
    let lab = Lab::new();
    lab.session.close("the end");
    let mut results = lab.session.call("com.count").receive_progress();
    assert!(matches!(ready(results.next()), Err(Error::Closed(_))));
    assert_eq!(ready(results.next()).expect("nothing more"), None);
}

#[test]
fn the_parts_before_a_lost_connection_are_taken_first() {
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
