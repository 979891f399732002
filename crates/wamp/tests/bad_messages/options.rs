//! Options and details with values of the wrong type, beyond their range or too long.
//!
//! Spec: basic profile "Extensibility".

use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::limits::MAX_LIST_OPTION_ENTRIES;
use cloverleaf_wamp::message::wire::decode_client;
use cloverleaf_wamp::message::{CancelMode, ClientMessage, RegisterOptions};
use cloverleaf_wamp::serializer::Serializer;

use super::{bytes, client, either, from_client};

/// Asserts that the option accepts exactly these values.
pub(super) fn assert_option(
    head: &str,
    tail: &str,
    option: &'static str,
    good: &[&str],
    bad: &[&str],
) {
    for value in good.iter().chain(&["null"]) {
        let text = format!("{head}{{\"{option}\":{value}}}{tail}]");
        assert_eq!(either(&text), Ok(()), "{text}");
    }
    for value in bad {
        let text = format!("{head}{{\"{option}\":{value}}}{tail}]");
        let outcome = either(&text);
        let named = matches!(outcome, Err(DecodeError::WrongType { field, .. }) if field == option);
        assert!(named, "{text}: {outcome:?}");
    }
}

#[test]
fn boolean_options_reject_numbers() {
    let (good, bad) = (["true", "false"], ["0", "1", "\"true\"", "[]", "{}", "1.0"]);
    for option in ["receive_progress", "progress"] {
        assert_option("[48,1,", ",\"com.a\"", option, &good, &bad);
    }
    for option in ["acknowledge", "exclude_me", "retain"] {
        assert_option("[16,1,", ",\"com.a\"", option, &good, &bad);
    }
    assert_option("[32,1,", ",\"com.a\"", "get_retained", &good, &bad);
    assert_option("[70,1,", "", "progress", &good, &bad);
    assert_option("[50,1,", "", "progress", &good, &bad);
}

/// Crossbar.io does not read hints, and no deployed client gets an ABORT for them.
#[test]
fn a_hint_with_a_value_of_another_type_is_absent() {
    let values =
        ["null", "0", "1", "1.5", "\"true\"", "\"\\u0000AAEC\"", "[]", "[{}]", "{\"a\":[1]}"];
    for value in values {
        for serializer in Serializer::ALL {
            let decoded =
                |text: String| decode_client(serializer, &bytes(serializer, &text).into());
            let call = decoded(format!(r#"[48,1,{{"disclose_me":{value},"timeout":5}},"com.a"]"#));
            let Ok(ClientMessage::Call(call)) = call else { panic!("{value}: {call:?}") };
            assert_eq!(
                (call.options.disclose_me, call.options.timeout),
                (None, Some(5)),
                "{value}"
            );
            let publish = decoded(format!(r#"[16,1,{{"disclose_me":{value}}},"com.a"]"#));
            let Ok(ClientMessage::Publish(publish)) = publish else { panic!("{publish:?}") };
            assert_eq!(publish.options.disclose_me, None, "{value}");
            let options = format!(r#"{{"disclose_caller":{value},"forward_timeout":{value}}}"#);
            let register = decoded(format!(r#"[64,1,{options},"com.a"]"#));
            let Ok(ClientMessage::Register(register)) = register else { panic!("{register:?}") };
            assert_eq!(register.options, RegisterOptions::default(), "{value}");
        }
    }
    for value in ["null", "0", "true", "[\"a\"]", "{}"] {
        let hello = either(&format!(r#"[1,"realm1",{{"agent":{value}}}]"#));
        assert_eq!(hello, Ok(()), "{value}");
    }
}

#[test]
fn a_hint_of_the_right_type_is_read() {
    let text = r#"[48,1,{"disclose_me":true},"com.a"]"#;
    let call = decode_client(Serializer::Json, &bytes(Serializer::Json, text).into());
    let Ok(ClientMessage::Call(call)) = call else { panic!("{call:?}") };
    assert_eq!(call.options.disclose_me, Some(true));
}

#[test]
fn a_timeout_is_an_integer_of_0_or_more() {
    let bad = ["-1", "1.0", "1e3", "\"100\"", "true", "[]", "{}"];
    assert_option("[48,1,", ",\"com.a\"", "timeout", &["0", "100"], &bad);
    assert_option("[48,1,", ",\"com.a\"", "timeout", &["18446744073709551615"], &[]);
}

#[test]
fn enum_options_accept_the_names_of_the_specification() {
    let bad = ["\"\"", "\"Exact\"", "\"regex\"", "1", "true", "[\"exact\"]", "{}"];
    for head in ["[32,1,", "[64,1,"] {
        let good = ["\"exact\"", "\"prefix\"", "\"wildcard\""];
        assert_option(head, ",\"com.a\"", "match", &good, &bad);
    }
    // An unknown name here is answered with ERROR. It is not a violation.
    let good = ["\"single\"", "\"roundrobin\"", "\"all\"", "\"whoever\"", "\"\""];
    assert_option("[64,1,", ",\"com.a\"", "invoke", &good, &["1", "true", "[]", "{}"]);
    let good = ["\"skip\"", "\"kill\"", "\"killnowait\"", "\"abort\""];
    assert_option("[49,1,", "", "mode", &good, &["1", "true", "[]", "{}"]);
    let good = ["\"all\"", "\"partition\"", "\"some\""];
    assert_option("[48,1,", ",\"com.a\"", "runmode", &good, &["1", "true", "[]", "{}"]);
    let good = ["\"cryptobox\"", "\"mqtt\"", "\"xbr\""];
    assert_option("[48,1,", ",\"com.a\"", "enc_algo", &good, &["\"rot13\"", "1", "[]"]);
}

#[test]
fn lists_have_entries_of_their_type() {
    for option in ["exclude", "eligible"] {
        let good = ["[]", "[1]", "[1,9007199254740992]"];
        let bad =
            ["1", "\"1\"", "{}", "true", "[0]", "[\"1\"]", "[1.0]", "[-1]", "[null]", "[[1]]"];
        assert_option("[16,1,", ",\"com.a\"", option, &good, &bad);
    }
    for list in ["authid", "authrole"] {
        for option in ["exclude", "eligible"] {
            let option: &'static str = format!("{option}_{list}").leak();
            let good = ["[]", "[\"a\"]", "[\"a\",\"\"]"];
            let bad = ["\"a\"", "1", "{}", "[1]", "[null]", "[true]", "[[\"a\"]]", "[{}]"];
            assert_option("[16,1,", ",\"com.a\"", option, &good, &bad);
        }
    }
    let good = ["[]", "[\"ticket\",\"anonymous\"]"];
    assert_option("[1,\"realm1\",", "", "authmethods", &good, &["\"ticket\"", "[1]", "{}"]);
}

#[test]
fn strings_are_strings() {
    let (good, bad) = (["\"\"", "\"x\""], ["1", "true", "[]", "{}", "\"\\u0000AAEC\""]);
    for option in ["transaction_hash", "enc_key", "enc_serializer"] {
        assert_option("[48,1,", ",\"com.a\"", option, &good, &bad);
        assert_option("[16,1,", ",\"com.a\"", option, &good, &bad);
    }
    assert_option("[1,\"realm1\",", "", "authid", &good, &bad);
    assert_option("[3,", ",\"com.reason\"", "message", &good, &bad);
}

#[test]
fn roles_are_dictionaries_of_dictionaries_of_booleans() {
    let good = [
        "{}",
        r#"{"caller":{}}"#,
        r#"{"caller":{"features":{}}}"#,
        r#"{"caller":{"features":null}}"#,
        r#"{"callee":{"features":{"call_canceling":true,"call_timeout":false}}}"#,
        r#"{"callee":{"features":{"call_canceling":null,"time_travel":{"how":[1]}}}}"#,
        r#"{"juggler":{"features":{"balls":5}},"caller":{"x":[]}}"#,
    ];
    let bad = [
        "[]",
        "\"caller\"",
        r#"["caller"]"#,
        r#"{"caller":true}"#,
        r#"{"caller":[]}"#,
        r#"{"caller":{"features":[]}}"#,
        r#"{"caller":{"features":true}}"#,
        r#"{"callee":{"features":{"call_canceling":1}}}"#,
    ];
    assert_option("[1,\"realm1\",", "", "roles", &good, &bad);
}

#[test]
fn unknown_keys_are_ignored_with_any_value() {
    for value in ["null", "1", "\"x\"", "[[],{}]", r#"{"a":{"b":[1,2,{"timeout":"x"}]}}"#] {
        let text =
            format!("[48,1,{{\"x_custom\":{value},\"timeout\":5,\"_y\":{value}}},\"com.a\"]");
        for serializer in Serializer::ALL {
            let Ok(ClientMessage::Call(call)) = from_client(serializer, &text) else {
                panic!("{text} in {serializer}");
            };
            assert_eq!(call.options.timeout, Some(5));
        }
    }
}

/// JavaScript's `undefined`, which some of its libraries encode as a MessagePack extension.
#[test]
fn an_extension_as_an_option_reads_as_null() {
    let extensions: [&[u8]; 3] =
        [b"\xd4\x00\x00", b"\xd6\xff\x00\x00\x00\x00", b"\xc7\x02\x0c\x00\x00"];
    let call = r#"[48,1,{"timeout":null,"disclose_me":null,"enc_algo":null,"enc_key":null,
                   "forward_for":null,"x_custom":null},"com.a",[1],{"k":2}]"#;
    let texts = [
        call,
        r#"[16,1,{"acknowledge":true,"exclude":null,"eligible_authid":null},"com.a"]"#,
        r#"[32,1,{"match":null,"get_retained":null},"com.a"]"#,
        r#"[64,1,{"invoke":null,"match":"prefix"},"com.a"]"#,
        r#"[49,1,{"mode":null}]"#,
        r#"[1,"realm1",{"roles":{"caller":{"features":null}},"authmethods":null,"authextra":null}]"#,
    ];
    for text in texts {
        let null = bytes(Serializer::MsgPack, text);
        let message = decode_client(Serializer::MsgPack, &null.clone().into());
        assert!(message.is_ok(), "{text}: {message:?}");
        for extension in extensions {
            let parts: Vec<_> = null.split(|byte| *byte == 0xc0).collect();
            let frame = parts.join(extension).into();
            assert_eq!(decode_client(Serializer::MsgPack, &frame), message, "{text}");
        }
    }
}

#[test]
fn the_last_of_duplicate_options_counts_and_both_are_checked() {
    let mode = |options: &str| {
        from_client(Serializer::Json, &format!("[49,1,{{{options}}}]")).map(|message| match message
        {
            ClientMessage::Cancel(cancel) => cancel.options.mode,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(mode(r#""mode":"skip","mode":"kill""#), Ok(Some(CancelMode::Kill.into())));
    assert_eq!(mode(r#""mode":"skip","mode":null"#), Ok(None));
    assert!(mode(r#""mode":1,"mode":"kill""#).is_err());
    assert_eq!(client(r#"[48,1,{},"com.a",[],{"a":1,"a":2}]"#), Ok(()));
}

// === limits ===

#[test]
fn the_length_of_a_list_option_is_limited() {
    let list = |entry: &str, entries: usize| vec![entry; entries].join(",");
    for (option, entry) in [("exclude", "1"), ("eligible_authid", "\"a\"")] {
        let publish = |entries| {
            let list = list(entry, entries);
            client(&format!("[16,1,{{\"{option}\":[{list}]}},\"com.a\"]"))
        };
        assert_eq!(publish(MAX_LIST_OPTION_ENTRIES), Ok(()));
        let too_long = DecodeError::OptionTooLong { message: "PUBLISH", field: option };
        assert_eq!(publish(MAX_LIST_OPTION_ENTRIES + 1), Err(too_long.clone()));
        assert_eq!(publish(300_000), Err(too_long));
    }
}
