//! Calls in parts: as their caller makes them, and as a procedure takes them.

use std::sync::Arc;

use cloverleaf_client::{Args, Failure, Parts};
use futures_util::FutureExt as _;
use parking_lot::Mutex;

use crate::desk::{Desk, ready};

#[test]
fn a_call_in_parts_keeps_its_number_and_says_its_options_once() {
    let desk = Desk::new();
    let call = desk.session.call("com.store").args(("a.txt",)).disclose_me();
    let (mut parts, mut reply) = call.in_parts();
    ready(parts.send(("one",))).expect("sent");
    let other = desk.session.call("com.other").send();
    ready(parts.finish_with(("two",))).expect("sent");
    assert_eq!(
        desk.sent(),
        [
            r#"[48,1,{"progress":true,"disclose_me":true},"com.store",["a.txt"]]"#,
            r#"[48,1,{"progress":true},"com.store",["one"]]"#,
            r#"[48,2,{},"com.other"]"#,
            r#"[48,1,{},"com.store",["two"]]"#,
        ]
    );
    assert!((&mut reply).now_or_never().is_none());
    desk.says("[50,1,{},[6]]");
    assert_eq!(ready(reply).expect("a reply").value::<u64>().expect("a number"), 6);
    drop(other);
}

#[test]
fn both_sides_may_speak_in_parts() {
    let desk = Desk::new();
    let (mut parts, mut results) = desk.session.call("com.translate").exchange();
    ready(parts.send(("drei",))).expect("sent");
    desk.says(r#"[50,1,{"progress":true},["three"]]"#);
    let part = ready(results.next()).expect("a part").expect("not the last");
    assert_eq!(part.value::<String>().expect("text"), "three");
    ready(parts.finish()).expect("sent");
    assert_eq!(
        desk.sent(),
        [
            r#"[48,1,{"receive_progress":true,"progress":true},"com.translate"]"#,
            r#"[48,1,{"progress":true},"com.translate",["drei"]]"#,
            r#"[48,1,{},"com.translate"]"#,
        ]
    );
    desk.says("[50,1,{}]");
    assert_eq!(ready(results.next()).expect("no failure"), None);
    ready(results.reply()).expect("a reply");
}

#[test]
fn half_a_call_does_not_look_like_a_whole_one() {
    let desk = Desk::new();
    let (parts, mut reply) = desk.session.call("com.store").in_parts();
    desk.sent();
    drop(parts);
    assert_eq!(desk.sent(), [r#"[49,1,{"mode":"killnowait"}]"#]);
    assert!((&mut reply).now_or_never().is_none());
    desk.says(r#"[8,48,1,{},"wamp.error.canceled"]"#);
    assert_eq!(ready(reply).expect_err("canceled").uri(), Some("wamp.error.canceled"));
}

#[test]
fn a_part_that_can_not_be_written_is_not_sent_and_another_one_may_be() {
    let desk = Desk::new();
    let (mut parts, _reply) = desk.session.call("com.store").in_parts();
    desk.sent();
    ready(parts.send(7)).expect_err("no list");
    assert!(desk.sent().is_empty());
    ready(parts.send((7,))).expect("a list");
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn a_call_that_has_ended_takes_no_further_parts() {
    let desk = Desk::new();
    let (mut parts, reply) = desk.session.call("com.store").in_parts();
    desk.says(r#"[8,48,1,{},"com.full"]"#);
    desk.sent();
    let error = ready(parts.send(("one",))).expect_err("ended");
    assert_eq!(error.to_string(), "the session is closed: the request has ended already");
    assert_eq!(ready(reply).expect_err("failed").uri(), Some("com.full"));
    drop(parts);
    assert!(desk.sent().is_empty());
}

#[test]
fn a_call_that_was_lost_does_not_go_on_in_the_one_with_its_number_on_the_next_connection() {
    let desk = Desk::new();
    let (mut parts, _reply) = desk.session.call("com.store").in_parts();
    desk.reconnects();
    let (_other_parts, _other) = desk.session.call("com.other").in_parts();
    desk.sent();
    ready(parts.send(("one",))).expect_err("lost");
    drop(parts);
    assert!(desk.sent().is_empty());
}

#[test]
fn a_part_waits_while_the_router_does_not_read() {
    let desk = Desk::new();
    let (mut parts, _reply) = desk.session.call("com.store").in_parts();
    desk.sent();
    desk.fill_the_way();
    {
        let mut sending = Box::pin(parts.send(("one",)));
        assert!((&mut sending).now_or_never().is_none());
        desk.clear_the_way();
        ready(sending).expect("sent");
    }
    assert_eq!(desk.sent(), [r#"[48,1,{"progress":true},"com.store",["one"]]"#]);
}

/// A procedure that collects what it is sent.
async fn collect(Args((first,)): Args<(String,)>, mut parts: Parts) -> Result<String, Failure> {
    let mut text = first;
    while let Some(part) = parts.next().await? {
        let (more,): (String,) = part.args()?;
        text.push_str(&more);
    }
    Ok(text)
}

#[test]
fn a_procedure_takes_the_parts_of_its_call_as_they_come() {
    let (mut desk, _registration) = Desk::with_procedure(collect);
    desk.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    desk.says(r#"[68,1,9,{"progress":true},["b"]]"#);
    desk.run();
    desk.says(r#"[68,1,9,{"progress":true},["c"]]"#);
    desk.run();
    assert!(desk.sent().is_empty());
    desk.says(r#"[68,1,9,{},["d"]]"#);
    desk.run();
    assert_eq!(desk.sent(), [r#"[70,1,{},["abcd"]]"#]);
}

#[test]
fn a_last_part_without_arguments_is_only_the_end() {
    for last in ["[68,1,9,{}]", "[68,1,9,{},[]]", "[68,1,9,{},[],{}]"] {
        let (mut desk, _registration) = Desk::with_procedure(collect);
        desk.says(r#"[68,1,9,{"progress":true},["a"]]"#);
        desk.says(r#"[68,1,9,{"progress":true},["b"]]"#);
        desk.run();
        desk.says(last);
        desk.run();
        assert_eq!(desk.sent(), [r#"[70,1,{},["ab"]]"#]);
    }
}

#[test]
fn a_call_in_one_piece_has_no_further_parts() {
    let (mut desk, _registration) = Desk::with_procedure(collect);
    desk.says(r#"[68,1,9,{},["a"]]"#);
    desk.run();
    assert_eq!(desk.sent(), [r#"[70,1,{},["a"]]"#]);
}

#[test]
fn calls_in_parts_are_kept_apart_and_others_run_between_them() {
    let (mut desk, _registration) = Desk::with_procedure(collect);
    desk.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    desk.says(r#"[68,2,9,{"progress":true},["x"]]"#);
    desk.says(r#"[68,3,9,{},["whole"]]"#);
    desk.says(r#"[68,2,9,{},["y"]]"#);
    desk.says(r#"[68,1,9,{},["b"]]"#);
    desk.run();
    let mut sent = desk.sent();
    sent.sort();
    let answers = [r#"[70,1,{},["ab"]]"#, r#"[70,2,{},["xy"]]"#, r#"[70,3,{},["whole"]]"#];
    assert_eq!(sent, answers);
}

#[test]
fn parts_that_come_after_the_answer_are_passed_over_as_the_specification_wants() {
    let first = async |Args((text,)): Args<(String,)>, _: Parts| Ok::<_, Failure>(text);
    let (mut desk, _registration) = Desk::with_procedure(first);
    desk.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    desk.run();
    assert_eq!(desk.sent(), [r#"[70,1,{},["a"]]"#]);
    desk.says(r#"[68,1,9,{"progress":true},["b"]]"#);
    desk.says(r#"[68,1,9,{},["c"]]"#);
    desk.run();
    assert!(desk.sent().is_empty());
}

#[test]
fn a_procedure_that_takes_no_parts_is_not_run_on_half_its_arguments() {
    let whole = async |Args((text,)): Args<(String,)>| Ok::<_, Failure>(text);
    let (mut desk, _registration) = Desk::with_procedure(whole);
    desk.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    desk.says(r#"[68,1,9,{},["b"]]"#);
    desk.run();
    let refusal = r#"[8,68,1,{},"wamp.error.feature_not_supported",["the procedure takes no calls in parts"]]"#;
    assert_eq!(desk.sent(), [refusal]);
}

#[test]
fn parts_of_a_wrong_shape_are_the_callers_fault() {
    let (mut desk, _registration) = Desk::with_procedure(collect);
    desk.says(r#"[68,1,9,{"progress":true},["a"]]"#);
    desk.says(r#"[68,1,9,{},[7]]"#);
    desk.run();
    let sent = desk.sent();
    assert!(sent[0].starts_with(r#"[8,68,1,{},"wamp.error.invalid_argument""#), "{sent:?}");
}

/// Takes nothing until it is dropped.
async fn sleep(_: Parts) -> Result<(), Failure> {
    std::future::pending().await
}

const OVERFLOWED: &str = r#"[8,68,1,{},"wamp.error.unavailable",["the parts of the call came faster than they were taken"]]"#;

#[test]
fn a_call_whose_parts_its_procedure_does_not_take_fails() {
    let (mut desk, _registration) = Desk::with_procedure(sleep);
    desk.says(r#"[68,1,9,{"progress":true}]"#);
    desk.run();
    for _ in 0..5000 {
        desk.says(r#"[68,1,9,{"progress":true},["more"]]"#);
    }
    desk.run();
    assert_eq!(desk.sent(), [OVERFLOWED]);
}

#[test]
fn calls_whose_parts_nobody_takes_share_a_limit_of_bytes() {
    let (mut desk, _registration) = Desk::with_procedure(sleep);
    let part = "x".repeat(15 << 20);
    for number in 1..=6 {
        desk.says(&format!(r#"[68,{number},9,{{"progress":true}}]"#));
    }
    desk.run();
    for number in 1..=6 {
        desk.says(&format!(r#"[68,{number},9,{{"progress":true}},["{part}"]]"#));
    }
    desk.run();
    // Five of them reach 64 MiB.
    assert_eq!(desk.sent(), [OVERFLOWED.replace("[8,68,1", "[8,68,6")]);
    // What was taken back is free again.
    for number in 1..=5 {
        desk.says(&format!("[69,{number},{{}}]"));
    }
    desk.run();
    desk.sent();
    desk.says(r#"[68,7,9,{"progress":true}]"#);
    desk.says(&format!(r#"[68,7,9,{{"progress":true}},["{part}"]]"#));
    desk.run();
    assert!(desk.sent().is_empty());
}

/// A procedure that gives its parts away, and what it gave.
fn giving_away() -> (impl cloverleaf_client::Procedure<GivesAway>, Arc<Mutex<Option<Parts>>>) {
    let place = Arc::new(Mutex::new(None));
    let given = Arc::clone(&place);
    let code = move |parts: Parts| {
        *given.lock() = Some(parts);
        std::future::pending::<Result<(), Failure>>()
    };
    (code, place)
}

type GivesAway = (std::future::Pending<Result<(), Failure>>, (), Parts);

#[test]
fn who_has_the_parts_elsewhere_learns_that_the_last_ones_will_not_come() {
    let ends: [fn(&Desk); 2] = [|desk| desk.says("[69,1,{}]"), Desk::reconnects];
    for end in ends {
        let (code, place) = giving_away();
        let (mut desk, _registration) = Desk::with_procedure(code);
        desk.says(r#"[68,1,9,{"progress":true}]"#);
        desk.run();
        let mut parts = place.lock().take().expect("given away");
        assert!(parts.next().now_or_never().is_none());
        end(&desk);
        desk.run();
        let failure = ready(parts.next()).expect_err("given up");
        assert_eq!(failure.uri, "wamp.error.canceled");
        assert_eq!(ready(parts.next()).expect("nothing more"), None);
    }
}

#[test]
fn the_parts_of_a_lost_call_are_not_those_of_the_one_with_its_number_on_the_next_connection() {
    let (code, place) = giving_away();
    let (mut desk, registration) = Desk::with_procedure(code);
    desk.says(r#"[68,1,9,{"progress":true}]"#);
    desk.run();
    let mut lost = place.lock().take().expect("given away");
    desk.reconnects();
    desk.restores("[65,1,9]");
    desk.says(r#"[68,1,9,{"progress":true}]"#);
    desk.says(r#"[68,1,9,{},["for another"]]"#);
    desk.run();
    ready(lost.next()).expect_err("given up");
    let mut parts = place.lock().take().expect("given away");
    assert!(ready(parts.next()).expect("a part").is_some());
    assert_eq!(registration.id().number(), 9);
}
