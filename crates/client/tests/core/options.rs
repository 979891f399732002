//! The options that the builders send.

use std::time::Duration;

use cloverleaf_client::{
    CallOptions, CallTimeoutUnit, Failure, InvokePolicy, Passthru, PublishOptions, RegisterOptions,
    RunMode, SubscribeOptions,
};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::uri::MatchPolicy;
use futures_util::FutureExt as _;

use crate::lab::{Lab, ready};

#[test]
fn call_options_of_the_builder_are_sent() {
    let lab = Lab::new();
    let call = lab.session.call("com.a").args((1,)).timeout(Duration::from_micros(1));
    let call = call.disclose_me().rkey("user-7").runmode(RunMode::Partition);
    let _calling = call.attribute("_trace", "t1").send();
    let expected = r#"[48,1,{"timeout":1,"disclose_me":true,"rkey":"user-7","runmode":"partition","_trace":"t1"},"com.a",[1]]"#;
    assert_eq!(lab.sent(), [expected]);
}

/// The timeout option that a call with this timeout in microseconds is sent with.
fn timeout_sent(lab: &Lab, micros: u64) -> String {
    let calling = lab.session.call("com.a").timeout(Duration::from_micros(micros)).send();
    let call = lab.sent().remove(0);
    drop(calling);
    lab.sent();
    let timeout = call.split("\"timeout\":").nth(1).expect("a timeout");
    timeout.split('}').next().expect("digits").to_owned()
}

#[test]
fn a_timeout_is_sent_in_the_unit_of_welcome() {
    let times = [1, 999, 1_000, 1_999_000, 2_000_000, 2_000_999, 2_001_000];
    let in_millis = ["1", "1", "1", "1999", "2000", "2000", "2001"];
    let in_seconds = ["1", "1", "1", "2", "2", "2", "3"];
    for (unit, expected) in [
        ("", in_millis),
        (r#","x_call_timeout_unit":"ms""#, in_millis),
        (r#","x_call_timeout_unit":"fortnight""#, in_millis),
        (r#","x_call_timeout_unit":"s""#, in_seconds),
    ] {
        let lab = Lab::new();
        lab.says(&format!(r#"[2,7,{{"roles":{{"dealer":{{}}}}{unit}}}]"#));
        assert_eq!(times.map(|micros| timeout_sent(&lab, micros)), expected, "{unit}");
    }
}

#[test]
fn a_reconnect_changes_the_unit_of_timeouts() {
    let lab = Lab::new();
    lab.says(r#"[2,7,{"x_call_timeout_unit":"s"}]"#);
    assert_eq!(lab.session.call_timeout_unit(), CallTimeoutUnit::Seconds);
    let built_before = lab.session.call("com.a").timeout(Duration::from_millis(1_500));
    lab.reconnects();
    assert_eq!(lab.session.call_timeout_unit(), CallTimeoutUnit::Milliseconds);
    let _calling = built_before.send();
    assert_eq!(lab.sent(), [r#"[48,1,{"timeout":1500},"com.a"]"#]);
}

#[test]
fn a_timeout_within_options_is_sent_unconverted() {
    let lab = Lab::new();
    lab.says(r#"[2,7,{"x_call_timeout_unit":"s"}]"#);
    let options = CallOptions { timeout: Some(5), ..CallOptions::default() };
    let call = lab.session.call("com.a").timeout(Duration::from_secs(9)).options(options);
    let _calling = call.send();
    let call = lab.session.call("com.a").options(CallOptions::default());
    let _calling_too = call.timeout(Duration::from_secs(9)).send();
    let expected = [r#"[48,1,{"timeout":5},"com.a"]"#, r#"[48,2,{"timeout":9},"com.a"]"#];
    assert_eq!(lab.sent(), expected);
}

#[test]
fn progress_flags_within_options_are_ignored() {
    let lab = Lab::new();
    let options = CallOptions {
        timeout: Some(5),
        receive_progress: Some(true),
        progress: Some(true),
        ..CallOptions::default()
    };
    let _plain = lab.session.call("com.a").options(options.clone()).send();
    let _results = lab.session.call("com.a").options(options.clone()).receive_progress();
    let _parts = lab.session.call("com.a").options(options).progressive();
    let expected = [
        r#"[48,1,{"timeout":5},"com.a"]"#,
        r#"[48,2,{"timeout":5,"receive_progress":true},"com.a"]"#,
        r#"[48,3,{"timeout":5,"progress":true},"com.a"]"#,
    ];
    assert_eq!(lab.sent(), expected);
}

#[test]
fn a_passthru_payload_replaces_the_arguments() {
    let lab = Lab::new();
    let sealed = Passthru::new("wamp", *b"ab").serializer("cbor").cipher("aes256gcm").keyid("k1");
    let _calling = lab.session.call("com.a").passthru(sealed.clone()).send();
    lab.session.publish("com.b").passthru(sealed).send_unacknowledged().expect("sent");
    let said =
        r#""ppt_scheme":"wamp","ppt_serializer":"cbor","ppt_cipher":"aes256gcm","ppt_keyid":"k1""#;
    let expected = [
        format!(r#"[48,1,{{{said}}},"com.a",["\u0000YWI="]]"#),
        format!(r#"[16,2,{{{said}}},"com.b",["\u0000YWI="]]"#),
    ];
    assert_eq!(lab.sent(), expected);
}

#[test]
fn an_invalid_custom_attribute_fails_the_request() {
    let lab = Lab::new();
    let expected =
        "'trace' is no custom attribute: those are '_' and three or more of a-z, 0-9 and '_'";
    let error = ready(lab.session.call("com.a").attribute("trace", 1).args((1,)).send());
    assert_eq!(error.expect_err("refused").to_string(), expected);
    let publish = lab.session.publish("com.a").attribute("trace", 1).args((1,));
    assert_eq!(ready(publish.send()).expect_err("refused").to_string(), expected);
    let mut call = lab.session.call("com.a");
    for number in 0..33 {
        call = call.attribute(&format!("_number{number}"), number);
    }
    let error = ready(call.send()).expect_err("refused").to_string();
    assert_eq!(error, "a message has at most 32 custom attributes");
    assert!(lab.sent().is_empty());
}

#[test]
fn the_last_value_of_a_repeated_attribute_is_sent() {
    let lab = Lab::new();
    let _calling = lab.session.call("com.a").attribute("_num", 1).attribute("_num", 2).send();
    assert_eq!(lab.sent(), [r#"[48,1,{"_num":2},"com.a"]"#]);
}

#[test]
fn publish_options_of_the_builder_are_sent() {
    let lab = Lab::new();
    let session = |number| SessionId::new(number).expect("an id");
    let publish = lab.session.publish("com.a").exclude_me(false).disclose_me();
    let publish = publish.eligible([session(1)]).eligible_authid(["ann"]).eligible_authrole(["w"]);
    let publish = publish.exclude([session(2)]).exclude_authid(["bob"]).exclude_authrole(["x"]);
    let publish = publish.retain().ttl(Duration::from_secs(2)).rkey("user-7");
    let _publishing = publish.acknowledged_delivery().attribute("_trace", "t1").send();
    let expected = concat!(
        r#"[16,1,{"acknowledge":true,"exclude_me":false,"exclude":[2],"exclude_authid":["bob"],"#,
        r#""exclude_authrole":["x"],"eligible":[1],"eligible_authid":["ann"],"#,
        r#""eligible_authrole":["w"],"disclose_me":true,"retain":true,"ttl":2000,"#,
        r#""rkey":"user-7","x_acknowledged_delivery":true,"_trace":"t1"},"com.a"]"#
    );
    assert_eq!(lab.sent(), [expected]);
}

#[test]
fn an_awaited_publication_always_asks_for_an_acknowledgement() {
    let lab = Lab::new();
    let options =
        PublishOptions { acknowledge: Some(false), retain: Some(true), ..Default::default() };
    let _publishing = lab.session.publish("com.a").options(options).send();
    assert_eq!(lab.sent(), [r#"[16,1,{"acknowledge":true,"retain":true},"com.a"]"#]);
}

#[test]
fn register_options_of_the_builder_are_sent() {
    let lab = Lab::new();
    let code = || async { Ok::<_, Failure>(1) };
    let register = lab.session.register("com.a", code).matching(MatchPolicy::Prefix);
    let register = register.invoke(InvokePolicy::Hash).concurrency(4).force_reregister();
    let mut registering = register.disclose_caller().forward_timeout().into_future();
    assert!((&mut registering).now_or_never().is_none());
    let options = RegisterOptions { concurrency: Some(2), ..RegisterOptions::default() };
    let mut other = lab.session.register("com.b", code).options(options).into_future();
    assert!((&mut other).now_or_never().is_none());
    let expected = [
        r#"[64,1,{"match":"prefix","invoke":"hash","concurrency":4,"force_reregister":true,"disclose_caller":true,"forward_timeout":true},"com.a"]"#,
        r#"[64,2,{"concurrency":2},"com.b"]"#,
    ];
    assert_eq!(lab.sent(), expected);
}

#[test]
fn subscribe_options_of_the_builder_are_sent() {
    let lab = Lab::new();
    let subscribe = lab.session.subscribe("com.a").get_retained().group("workers");
    let mut first = subscribe.into_future();
    let mut second = lab.session.subscribe("com.a.").matching(MatchPolicy::Prefix).nkey("n1");
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    let mut third = lab.session.subscribe("com.b").options(options).into_future();
    second = second.capacity(7);
    let mut second = second.into_future();
    for subscribing in [&mut first, &mut second, &mut third] {
        assert!(subscribing.now_or_never().is_none());
    }
    let expected = [
        r#"[32,1,{"get_retained":true,"group":"workers"},"com.a"]"#,
        r#"[32,2,{"match":"prefix","nkey":"n1"},"com.a."]"#,
        r#"[32,3,{"get_retained":true},"com.b"]"#,
    ];
    assert_eq!(lab.sent(), expected);
}
