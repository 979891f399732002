//! Cancellation of calls, and the assignment of answers to calls.

use cloverleaf_client::CancelMode;
use futures_util::FutureExt as _;

use crate::lab::{Lab, ready};

#[test]
fn cancel_sends_the_chosen_mode_and_the_call_resolves_to_its_outcome() {
    for (mode, word) in [
        (CancelMode::Kill, "kill"),
        (CancelMode::Skip, "skip"),
        (CancelMode::KillNoWait, "killnowait"),
    ] {
        let lab = Lab::new();
        let mut call = lab.session.call("com.transfer").send();
        lab.sent();
        call.cancel(mode);
        assert_eq!(lab.sent(), [format!(r#"[49,1,{{"mode":"{word}"}}]"#)]);
        assert!((&mut call).now_or_never().is_none());
        lab.says(r#"[50,1,{},["in time"]]"#);
        assert_eq!(ready(call).expect("a reply").value::<String>().expect("text"), "in time");
    }
}

#[test]
fn a_call_that_has_ended_is_not_canceled() {
    let lab = Lab::new();
    let call = lab.session.call("com.transfer").send();
    lab.says("[50,1,{}]");
    lab.sent();
    call.cancel(CancelMode::Kill);
    drop(call);
    assert!(lab.sent().is_empty());
}

#[test]
fn canceling_a_lost_call_leaves_the_call_with_the_same_request_id_alone() {
    let lab = Lab::new();
    let lost = lab.session.call("com.one").send();
    lab.reconnects();
    let next = lab.session.call("com.two").send();
    assert_eq!(lab.sent(), [r#"[48,1,{},"com.one"]"#, r#"[48,1,{},"com.two"]"#]);
    lost.cancel(CancelMode::Kill);
    assert!(lab.sent().is_empty());
    lab.says("[50,1,{},[2]]");
    let error = ready(lost).expect_err("lost");
    assert_eq!(error.to_string(), "the session is closed: the cable was pulled");
    assert_eq!(ready(next).expect("a reply").value::<u64>().expect("a number"), 2);
}

#[test]
fn a_reply_contains_the_disclosed_callee_and_attributes() {
    let lab = Lab::new();
    let call = lab.session.call("com.one").send();
    lab.says(
        r#"[50,1,{"callee":4,"callee_authid":"ann","callee_authrole":"ward","_trace":"t1"},[1]]"#,
    );
    let reply = ready(call).expect("a reply");
    let callee = reply.callee().map(|callee| callee.number());
    let identity = (callee, reply.callee_authid(), reply.callee_authrole());
    assert_eq!(identity, (Some(4), Some("ann"), Some("ward")));
    assert_eq!(reply.attribute::<String>("_trace").expect("text"), Some("t1".to_owned()));
    assert_eq!(reply.attribute::<String>("_other").expect("absent"), None);
    assert!(reply.attribute::<u64>("_trace").is_err());
}
