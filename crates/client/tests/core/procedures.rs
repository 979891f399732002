//! Procedures: progressive results, details of invocations, failures.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_client::{Answer, Args, Failure, Invocation, Passthru, Progress, ProgressiveArgs};
use parking_lot::Mutex;

use crate::lab::{Lab, ready};

/// Sends progressive results, and returns whether the last one was sent.
async fn count(Args((to,)): Args<(u64,)>, progress: Progress) -> Result<(u64, bool), Failure> {
    let mut was_sent = false;
    for number in 1..to {
        was_sent = progress.send(number).await?;
    }
    Ok((to, was_sent))
}

#[test]
fn progressive_results_are_sent_if_the_caller_asked_for_them() {
    let (mut lab, _registration) = Lab::with_procedure(count);
    lab.says(r#"[68,1,9,{"receive_progress":true},[3]]"#);
    lab.says("[68,2,9,{},[3]]");
    lab.run();
    assert_eq!(
        lab.sent(),
        [
            r#"[70,1,{"progress":true},[1]]"#,
            r#"[70,1,{"progress":true},[2]]"#,
            "[70,1,{},[[3,true]]]",
            "[70,2,{},[[3,false]]]",
        ]
    );
}

#[test]
fn a_progressive_result_may_have_several_values_and_attributes() {
    let tell = |progress: Progress| async move {
        let part = Answer::args(&("at", 7))?.attribute("_trace", &"t1")?;
        progress.send(part).await?;
        Answer::passthru(Passthru::new("mqtt", *b"ab").serializer("native"))
    };
    let (mut lab, _registration) = Lab::with_procedure(tell);
    lab.says(r#"[68,1,9,{"receive_progress":true}]"#);
    lab.run();
    assert_eq!(
        lab.sent(),
        [
            r#"[70,1,{"progress":true,"_trace":"t1"},["at",7]]"#,
            r#"[70,1,{"ppt_scheme":"mqtt","ppt_serializer":"native"},["\u0000YWI="]]"#,
        ]
    );
}

#[test]
fn a_progressive_result_waits_while_the_link_is_congested() {
    let (mut lab, _registration) = Lab::with_procedure(count);
    lab.says(r#"[68,1,9,{"receive_progress":true},[2]]"#);
    lab.stop_reading();
    lab.run();
    assert!(lab.sent().is_empty());
    lab.resume_reading();
    lab.run();
    assert_eq!(lab.sent(), [r#"[70,1,{"progress":true},[1]]"#, "[70,1,{},[[2,true]]]"]);
}

/// A procedure that hands its `Progress` to the test, and the place where the test finds it.
fn leak_progress()
-> (impl cloverleaf_client::Procedure<LeaksProgress>, Arc<Mutex<Option<Progress>>>) {
    let place = Arc::new(Mutex::new(None));
    let given = Arc::clone(&place);
    let code = move |progress: Progress| {
        *given.lock() = Some(progress);
        std::future::pending::<Result<(), Failure>>()
    };
    (code, place)
}

type LeaksProgress = (std::future::Pending<Result<(), Failure>>, (), Progress);

#[test]
fn a_progress_outside_its_procedure_reports_a_canceled_call() {
    for details in [r#"{"receive_progress":true}"#, "{}"] {
        let (code, place) = leak_progress();
        let (mut lab, _registration) = Lab::with_procedure(code);
        lab.says(&format!("[68,1,9,{details}]"));
        lab.run();
        let progress = place.lock().take().expect("a progress");
        let is_wanted = details != "{}";
        let before = (progress.is_wanted(), progress.is_over(), progress.try_send(1));
        assert_eq!(before, (is_wanted, false, Ok(is_wanted)));
        lab.says(r#"[69,1,{"mode":"kill"}]"#);
        lab.run();
        lab.sent();
        assert!(progress.is_over());
        let failure = progress.try_send(2).expect_err("given up");
        assert_eq!(failure.to_string(), "wamp.error.canceled: the call has ended");
        assert!(lab.sent().is_empty());
    }
}

#[test]
fn a_progress_of_a_lost_connection_sends_nothing_on_the_next_one() {
    let (code, place) = leak_progress();
    let (mut lab, _registration) = Lab::with_procedure(code);
    lab.says(r#"[68,1,9,{"receive_progress":true}]"#);
    lab.run();
    let lost = place.lock().take().expect("a progress");
    lab.reconnects();
    lab.restores("[65,1,9]");
    lab.says(r#"[68,1,9,{"receive_progress":true}]"#);
    lab.run();
    lab.sent();
    assert_eq!(lost.try_send(1).expect_err("lost").uri, "wamp.error.canceled");
    assert_eq!(place.lock().take().expect("a progress").try_send(2), Ok(true));
    assert_eq!(lab.sent(), [r#"[70,1,{"progress":true},[2]]"#]);
}

#[test]
fn try_send_fails_at_once_while_the_link_is_congested() {
    let (code, place) = leak_progress();
    let (mut lab, _registration) = Lab::with_procedure(code);
    lab.says(r#"[68,1,9,{"receive_progress":true}]"#);
    lab.run();
    let progress = place.lock().take().expect("a progress");
    lab.stop_reading();
    assert_eq!(progress.try_send(1).expect_err("full").uri, "wamp.error.unavailable");
    lab.resume_reading();
    assert_eq!(progress.try_send(1), Ok(true));
}

/// Returns all details of the invocation.
async fn tell(invocation: Invocation, _: Progress, _: ProgressiveArgs) -> Result<String, Failure> {
    Ok(format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        invocation.procedure(),
        invocation.caller().map(|caller| caller.number()),
        invocation.caller_authid(),
        invocation.caller_authrole(),
        invocation.trustlevel(),
        invocation.timeout().map(|timeout| timeout == Duration::from_millis(1500)),
        invocation.attribute::<String>("_trace")?,
    ))
}

async fn watch(invocation: Invocation) -> Result<u64, Failure> {
    Ok(invocation.timeout().map_or(0, |timeout| timeout.as_millis() as u64))
}

#[test]
fn an_invocation_timeout_is_read_in_the_unit_of_welcome() {
    for (unit, millis) in [("s", 2_000), ("ms", 2)] {
        let (mut lab, _registration) = Lab::with_procedure(watch);
        lab.says(&format!(r#"[2,7,{{"x_call_timeout_unit":"{unit}"}}]"#));
        lab.says(r#"[68,1,9,{"timeout":2}]"#);
        lab.run();
        assert_eq!(lab.sent(), [format!("[70,1,{{}},[{millis}]]")]);
    }
}

#[test]
fn an_invocation_contains_the_details_that_the_router_sends() {
    let (mut lab, _registration) = Lab::with_procedure(tell);
    lab.says(
        r#"[68,1,9,{"procedure":"com.a.b","caller":4,"caller_authid":"ann","caller_authrole":"ward","trustlevel":2,"timeout":1500,"_trace":"t1"}]"#,
    );
    lab.says(r#"[68,2,9,{"timeout":0}]"#);
    lab.run();
    let all =
        r#"Some(\"com.a.b\") Some(4) Some(\"ann\") Some(\"ward\") Some(2) Some(true) Some(\"t1\")"#;
    let nothing = "None None None None None None None";
    let answers = [format!(r#"[70,1,{{}},["{all}"]]"#), format!(r#"[70,2,{{}},["{nothing}"]]"#)];
    assert_eq!(lab.sent(), answers);
}

#[test]
fn a_passthru_payload_reaches_the_procedure_as_bytes() {
    let open = |invocation: Invocation| async move {
        let sealed = invocation.passthru()?.ok_or_else(|| Failure::invalid_argument("plain"))?;
        Failure::new("com.sealed")
            .with_passthru(sealed)
            .map_or_else(|error| Err(error.into()), Err::<(), _>)
    };
    let (mut lab, _registration) = Lab::with_procedure(open);
    lab.says(r#"[68,1,9,{"ppt_scheme":"x_a","ppt_cipher":"c","ppt_keyid":"k"},["\u0000YWI="]]"#);
    lab.says(r#"[68,2,9,{},["plain"]]"#);
    lab.run();
    let expected = [
        r#"[8,68,1,{"ppt_scheme":"x_a","ppt_cipher":"c","ppt_keyid":"k"},"com.sealed",["\u0000YWI="]]"#,
        r#"[8,68,2,{},"wamp.error.invalid_argument",["plain"]]"#,
    ];
    assert_eq!(lab.sent(), expected);
}

#[test]
fn failures_have_the_uris_of_the_specification() {
    let failures = [
        (Failure::unavailable("busy"), "wamp.error.unavailable: busy"),
        (Failure::timeout("late"), "wamp.error.timeout: late"),
        (Failure::canceled("stop"), "wamp.error.canceled: stop"),
    ];
    for (failure, text) in failures {
        assert_eq!(failure.to_string(), text);
    }
}

#[test]
fn the_attributes_of_a_failure_reach_the_caller() {
    let lab = Lab::new();
    let call = lab.session.call("com.one").send();
    lab.says(r#"[8,48,1,{"_trace":"t1"},"com.tired"]"#);
    let error = ready(call).expect_err("failed");
    let cloverleaf_client::Error::Wamp(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.attribute::<String>("_trace").expect("text"), Some("t1".to_owned()));
}
