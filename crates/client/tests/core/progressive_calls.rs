//! Progressive calls: callers and procedures.

use std::sync::Arc;

use cloverleaf_client::{Args, Failure, ProgressiveArgs};
use futures_util::FutureExt as _;
use parking_lot::Mutex;

use crate::lab::{Lab, ready};

#[test]
fn parts_of_a_call_share_the_request_id_and_only_the_first_has_options() {
    let lab = Lab::new();
    let call = lab.session.call("com.store").args(("a.txt",)).disclose_me();
    let (mut parts, mut reply) = call.progressive();
    ready(parts.send(("one",))).expect("sent");
    let other = lab.session.call("com.other").send();
    ready(parts.finish_with(("two",))).expect("sent");
    assert_eq!(
        lab.sent(),
        [
            r#"[48,1,{"progress":true,"disclose_me":true},"com.store",["a.txt"]]"#,
            r#"[48,1,{"progress":true},"com.store",["one"]]"#,
            r#"[48,2,{},"com.other"]"#,
            r#"[48,1,{},"com.store",["two"]]"#,
        ]
    );
    assert!((&mut reply).now_or_never().is_none());
    lab.says("[50,1,{},[6]]");
    assert_eq!(ready(reply).expect("a reply").value::<u64>().expect("a number"), 6);
    drop(other);
}

#[test]
fn a_progressive_call_may_receive_progressive_results() {
    let lab = Lab::new();
    let (mut parts, mut results) = lab.session.call("com.translate").bidirectional();
    ready(parts.send(("drei",))).expect("sent");
    lab.says(r#"[50,1,{"progress":true},["three"]]"#);
    let part = ready(results.next()).expect("a part").expect("not the last");
    assert_eq!(part.value::<String>().expect("text"), "three");
    ready(parts.finish()).expect("sent");
    assert_eq!(
        lab.sent(),
        [
            r#"[48,1,{"receive_progress":true,"progress":true},"com.translate"]"#,
            r#"[48,1,{"progress":true},"com.translate",["drei"]]"#,
            r#"[48,1,{},"com.translate"]"#,
        ]
    );
    lab.says("[50,1,{}]");
    assert_eq!(ready(results.next()).expect("no failure"), None);
    ready(results.reply()).expect("a reply");
}

#[test]
fn dropping_an_unfinished_progressive_call_cancels_it() {
    let lab = Lab::new();
    let (parts, mut reply) = lab.session.call("com.store").progressive();
    lab.sent();
    drop(parts);
    assert_eq!(lab.sent(), [r#"[49,1,{"mode":"killnowait"}]"#]);
    assert!((&mut reply).now_or_never().is_none());
    lab.says(r#"[8,48,1,{},"wamp.error.canceled"]"#);
    assert_eq!(ready(reply).expect_err("canceled").uri(), Some("wamp.error.canceled"));
}

#[test]
fn a_part_that_cannot_be_encoded_is_not_sent_and_the_call_continues() {
    let lab = Lab::new();
    let (mut parts, _reply) = lab.session.call("com.store").progressive();
    lab.sent();
    ready(parts.send(7)).expect_err("no list");
    assert!(lab.sent().is_empty());
    ready(parts.send((7,))).expect("a list");
    assert_eq!(lab.sent().len(), 1);
}

#[test]
fn a_call_that_has_ended_accepts_no_further_parts() {
    let lab = Lab::new();
    let (mut parts, reply) = lab.session.call("com.store").progressive();
    lab.says(r#"[8,48,1,{},"com.full"]"#);
    lab.sent();
    let error = ready(parts.send(("one",))).expect_err("ended");
    assert_eq!(error.to_string(), "the session is closed: the request has ended already");
    assert_eq!(ready(reply).expect_err("failed").uri(), Some("com.full"));
    drop(parts);
    assert!(lab.sent().is_empty());
}

#[test]
fn parts_of_a_lost_call_are_not_sent_to_the_call_with_the_same_request_id() {
    let lab = Lab::new();
    let (mut parts, _reply) = lab.session.call("com.store").progressive();
    lab.reconnects();
    let (_other_parts, _other) = lab.session.call("com.other").progressive();
    lab.sent();
    ready(parts.send(("one",))).expect_err("lost");
    drop(parts);
    assert!(lab.sent().is_empty());
}

#[test]
fn a_part_waits_while_the_link_is_congested() {
    let lab = Lab::new();
    let (mut parts, _reply) = lab.session.call("com.store").progressive();
    lab.sent();
    lab.stop_reading();
    {
        let mut sending = Box::pin(parts.send(("one",)));
        assert!((&mut sending).now_or_never().is_none());
        lab.resume_reading();
        ready(sending).expect("sent");
    }
    assert_eq!(lab.sent(), [r#"[48,1,{"progress":true},"com.store",["one"]]"#]);
}

/// A procedure that concatenates its arguments.
async fn collect(
    Args((first,)): Args<(String,)>,
    mut parts: ProgressiveArgs,
) -> Result<String, Failure> {
    let mut text = first;
    while let Some(part) = parts.next().await? {
        let (more,): (String,) = part.args()?;
        text.push_str(&more);
    }
    Ok(text)
}

#[test]
fn a_procedure_receives_the_parts_of_its_call_in_order() {
    let (mut lab, _registration) = Lab::with_procedure(collect);
    lab.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    lab.says(r#"[68,1,9,{"progress":true},["b"]]"#);
    lab.run();
    lab.says(r#"[68,1,9,{"progress":true},["c"]]"#);
    lab.run();
    assert!(lab.sent().is_empty());
    lab.says(r#"[68,1,9,{},["d"]]"#);
    lab.run();
    assert_eq!(lab.sent(), [r#"[70,1,{},["abcd"]]"#]);
}

#[test]
fn an_empty_last_part_only_marks_the_end() {
    for last in ["[68,1,9,{}]", "[68,1,9,{},[]]", "[68,1,9,{},[],{}]"] {
        let (mut lab, _registration) = Lab::with_procedure(collect);
        lab.says(r#"[68,1,9,{"progress":true},["a"]]"#);
        lab.says(r#"[68,1,9,{"progress":true},["b"]]"#);
        lab.run();
        lab.says(last);
        lab.run();
        assert_eq!(lab.sent(), [r#"[70,1,{},["ab"]]"#]);
    }
}

#[test]
fn a_plain_call_has_no_further_parts() {
    let (mut lab, _registration) = Lab::with_procedure(collect);
    lab.says(r#"[68,1,9,{},["a"]]"#);
    lab.run();
    assert_eq!(lab.sent(), [r#"[70,1,{},["a"]]"#]);
}

#[test]
fn concurrent_progressive_calls_do_not_mix() {
    let (mut lab, _registration) = Lab::with_procedure(collect);
    lab.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    lab.says(r#"[68,2,9,{"progress":true},["x"]]"#);
    lab.says(r#"[68,3,9,{},["whole"]]"#);
    lab.says(r#"[68,2,9,{},["y"]]"#);
    lab.says(r#"[68,1,9,{},["b"]]"#);
    lab.run();
    let mut sent = lab.sent();
    sent.sort();
    let answers = [r#"[70,1,{},["ab"]]"#, r#"[70,2,{},["xy"]]"#, r#"[70,3,{},["whole"]]"#];
    assert_eq!(sent, answers);
}

#[test]
fn parts_that_arrive_after_the_answer_are_ignored() {
    let first = async |Args((text,)): Args<(String,)>, _: ProgressiveArgs| Ok::<_, Failure>(text);
    let (mut lab, _registration) = Lab::with_procedure(first);
    lab.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    lab.run();
    assert_eq!(lab.sent(), [r#"[70,1,{},["a"]]"#]);
    lab.says(r#"[68,1,9,{"progress":true},["b"]]"#);
    lab.says(r#"[68,1,9,{},["c"]]"#);
    lab.run();
    assert!(lab.sent().is_empty());
}

#[test]
fn a_procedure_without_progressive_args_refuses_a_progressive_call() {
    let whole = async |Args((text,)): Args<(String,)>| Ok::<_, Failure>(text);
    let (mut lab, _registration) = Lab::with_procedure(whole);
    lab.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    lab.says(r#"[68,1,9,{},["b"]]"#);
    lab.run();
    let refusal = r#"[8,68,1,{},"wamp.error.feature_not_supported",["the procedure takes no calls in parts"]]"#;
    assert_eq!(lab.sent(), [refusal]);
}

#[test]
fn a_part_of_the_wrong_type_fails_with_invalid_argument() {
    let (mut lab, _registration) = Lab::with_procedure(collect);
    lab.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    lab.says(r#"[68,1,9,{},[7]]"#);
    lab.run();
    let sent = lab.sent();
    assert!(sent[0].starts_with(r#"[8,68,1,{},"wamp.error.invalid_argument""#), "{sent:?}");
}

/// A procedure that never takes a part.
async fn sleep(_: ProgressiveArgs) -> Result<(), Failure> {
    std::future::pending().await
}

const OVERFLOWED: &str = r#"[8,68,1,{},"wamp.error.unavailable",["the parts of the call came faster than they were taken"]]"#;

#[test]
fn a_call_fails_when_its_procedure_does_not_take_the_parts() {
    let (mut lab, _registration) = Lab::with_procedure(sleep);
    lab.says(r#"[68,1,9,{"progress":true}]"#);
    lab.run();
    for _ in 0..5000 {
        lab.says(r#"[68,1,9,{"progress":true},["more"]]"#);
    }
    lab.run();
    assert_eq!(lab.sent(), [OVERFLOWED]);
}

#[test]
fn parts_of_all_calls_share_a_byte_limit() {
    let (mut lab, _registration) = Lab::with_procedure(sleep);
    let part = "x".repeat(15 << 20);
    for number in 1..=6 {
        lab.says(&format!(r#"[68,{number},9,{{"progress":true}}]"#));
    }
    lab.run();
    for number in 1..=6 {
        lab.says(&format!(r#"[68,{number},9,{{"progress":true}},["{part}"]]"#));
    }
    lab.run();
    // Five of them reach 64 MiB.
    assert_eq!(lab.sent(), [OVERFLOWED.replace("[8,68,1", "[8,68,6")]);
    // Ending the calls frees their bytes.
    for number in 1..=5 {
        lab.says(&format!("[69,{number},{{}}]"));
    }
    lab.run();
    lab.sent();
    lab.says(r#"[68,7,9,{"progress":true}]"#);
    lab.says(&format!(r#"[68,7,9,{{"progress":true}},["{part}"]]"#));
    lab.run();
    assert!(lab.sent().is_empty());
}

/// A procedure that hands its `ProgressiveArgs` to the test, and the place where the test finds it.
fn leak_args() -> (impl cloverleaf_client::Procedure<LeaksArgs>, Arc<Mutex<Option<ProgressiveArgs>>>)
{
    let place = Arc::new(Mutex::new(None));
    let given = Arc::clone(&place);
    let code = move |parts: ProgressiveArgs| {
        *given.lock() = Some(parts);
        std::future::pending::<Result<(), Failure>>()
    };
    (code, place)
}

type LeaksArgs = (std::future::Pending<Result<(), Failure>>, (), ProgressiveArgs);

#[test]
fn progressive_args_outside_their_procedure_report_a_canceled_call() {
    let ends: [fn(&Lab); 2] = [|lab| lab.says("[69,1,{}]"), Lab::reconnects];
    for end in ends {
        let (code, place) = leak_args();
        let (mut lab, _registration) = Lab::with_procedure(code);
        lab.says(r#"[68,1,9,{"progress":true}]"#);
        lab.run();
        let mut parts = place.lock().take().expect("the arguments");
        assert!(parts.next().now_or_never().is_none());
        end(&lab);
        lab.run();
        let failure = ready(parts.next()).expect_err("given up");
        assert_eq!(failure.uri, "wamp.error.canceled");
        assert_eq!(ready(parts.next()).expect("nothing more"), None);
    }
}

#[test]
fn progressive_args_of_a_lost_connection_do_not_receive_parts_of_the_next_one() {
    let (code, place) = leak_args();
    let (mut lab, registration) = Lab::with_procedure(code);
    lab.says(r#"[68,1,9,{"progress":true}]"#);
    lab.run();
    let mut lost = place.lock().take().expect("the arguments");
    lab.reconnects();
    lab.restores("[65,1,9]");
    lab.says(r#"[68,1,9,{"progress":true}]"#);
    lab.says(r#"[68,1,9,{},["for another"]]"#);
    lab.run();
    ready(lost.next()).expect_err("given up");
    let mut parts = place.lock().take().expect("the arguments");
    assert!(ready(parts.next()).expect("a part").is_some());
    assert_eq!(registration.id().number(), 9);
}
