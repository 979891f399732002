//! Invalid options and details of the remote procedure calls of the advanced profile.

use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::limits::MAX_CUSTOM_ATTRIBUTES;
use cloverleaf_wamp::message::{ClientMessage, OpenEnum};
use cloverleaf_wamp::serializer::Serializer;

use super::options::assert_option;
use super::{client, either, from_client};

const NO_BOOLEANS: [&str; 6] = ["0", "1", "\"true\"", "[]", "{}", "1.0"];
const NO_NUMBERS: [&str; 7] = ["-1", "1.0", "1e3", "\"1\"", "true", "[]", "{}"];
const NO_STRINGS: [&str; 6] = ["1", "1.5", "true", "[]", "{}", "\"\\u0000AAEC\""];
const NO_IDS: [&str; 6] = ["0", "-1", "9007199254740993", "\"1\"", "[]", "1.0"];

#[test]
fn register_options_have_booleans_and_a_numeric_limit() {
    let good = ["true", "false"];
    assert_option("[64,1,", ",\"com.a\"", "force_reregister", &good, &NO_BOOLEANS);
    // A limit of 0 calls is answered with ERROR. It is not a violation.
    let good = ["0", "1", "18446744073709551615"];
    assert_option("[64,1,", ",\"com.a\"", "concurrency", &good, &NO_NUMBERS);
}

#[test]
fn rkey_is_a_string_and_runmode_a_name() {
    assert_option("[48,1,", ",\"com.a\"", "rkey", &["\"\"", "\"user 7\""], &NO_STRINGS);
    let good = ["\"all\"", "\"partition\"", "\"\"", "\"some\""];
    assert_option("[48,1,", ",\"com.a\"", "runmode", &good, &NO_STRINGS);
    let good = ["\"load\"", "\"hash\"", "\"sticky\"", "\"all\"", "\"ALL\""];
    assert_option("[64,1,", ",\"com.a\"", "invoke", &good, &NO_STRINGS);
}

#[test]
fn unknown_enum_names_are_kept() {
    let invoke = |word: &str| {
        let text = format!("[64,1,{{\"invoke\":\"{word}\"}},\"com.a\"]");
        match from_client(Serializer::Json, &text) {
            Ok(ClientMessage::Register(register)) => register.options.invoke,
            other => panic!("{other:?}"),
        }
    };
    for word in ["", "Load", "round-robin", "\u{1f340}"] {
        assert_eq!(invoke(word), Some(OpenEnum::Unknown(word.into())));
    }
}

/// Passthru details have the same types in every message.
#[test]
fn passthru_details_are_type_checked_in_every_message() {
    for (head, tail) in [
        ("[48,1,", ",\"com.a\""),
        ("[68,1,1,", ""),
        ("[70,1,", ""),
        ("[50,1,", ""),
        ("[8,68,1,", ",\"com.error\""),
        ("[8,48,1,", ",\"com.error\""),
        ("[16,1,", ",\"com.a\""),
        ("[36,1,1,", ""),
    ] {
        let (good, bad) = (["\"\"", "\"x\""], &NO_STRINGS);
        let strings = [
            "transaction_hash",
            "ppt_scheme",
            "ppt_serializer",
            "ppt_cipher",
            "ppt_keyid",
            "enc_key",
            "enc_serializer",
        ];
        for option in strings {
            assert_option(head, tail, option, &good, bad);
        }
        let good = ["\"cryptobox\"", "\"mqtt\"", "\"xbr\""];
        assert_option(
            head,
            tail,
            "enc_algo",
            &good,
            &["\"\"", "\"rot13\"", "1", "true", "[]", "{}"],
        );
        let good = ["[]", "[{\"session\":1}]", "[1,\"x\",[null]]"];
        assert_option(head, tail, "forward_for", &good, &["{}", "1", "\"x\"", "true"]);
    }
}

#[test]
fn invocation_details_are_type_checked() {
    for option in ["progress", "receive_progress"] {
        assert_option("[68,1,1,", "", option, &["true", "false"], &NO_BOOLEANS);
    }
    for option in ["timeout", "trustlevel"] {
        assert_option("[68,1,1,", "", option, &["0", "18446744073709551615"], &NO_NUMBERS);
    }
    assert_option("[68,1,1,", "", "caller", &["1", "9007199254740992"], &NO_IDS);
    for option in ["procedure", "caller_authid", "caller_authrole"] {
        assert_option("[68,1,1,", "", option, &["\"\"", "\"x\""], &NO_STRINGS);
    }
    let good = ["\"skip\"", "\"kill\"", "\"killnowait\""];
    assert_option("[69,1,", "", "mode", &good, &["\"abort\"", "\"\"", "1", "true", "[]"]);
    assert_option("[69,1,", "", "reason", &["\"\"", "\"x\""], &NO_STRINGS);
    assert_option("[67,0,", "", "registration", &["1", "9007199254740992"], &NO_IDS);
    assert_option("[67,0,", "", "reason", &["\"\"", "\"x\""], &NO_STRINGS);
}

#[test]
fn result_details_are_type_checked() {
    assert_option("[50,1,", "", "callee", &["1", "9007199254740992"], &NO_IDS);
    for option in ["callee_authid", "callee_authrole"] {
        assert_option("[50,1,", "", option, &["\"\"", "\"x\""], &NO_STRINGS);
    }
}

// === custom attributes ===

fn attributes(keys: impl Iterator<Item = usize>) -> String {
    keys.map(|key| format!("\"_key_{key}\":{key}")).collect::<Vec<_>>().join(",")
}

#[test]
fn custom_attributes_may_have_any_value() {
    for value in ["1", "-1.5", "true", "\"x\"", "\"\\u0000AAEC\"", "[[],{}]", r#"{"a":[1]}"#] {
        for (head, tail) in [("[48,1,", ",\"com.a\""), ("[70,1,", ""), ("[8,68,1,", ",\"com.e\"")] {
            let text = format!("{head}{{\"_abc\":{value},\"_x9_\":{value}}}{tail}]");
            assert_eq!(either(&text), Ok(()), "{text}");
        }
    }
}

#[test]
fn too_many_custom_attributes_are_rejected() {
    for (head, tail, message) in [
        ("[48,1,", ",\"com.a\"", "CALL"),
        ("[70,1,", "", "YIELD"),
        ("[8,68,1,", ",\"com.error\"", "ERROR"),
        ("[16,1,", ",\"com.a\"", "PUBLISH"),
    ] {
        let with = |options: &str| client(&format!("{head}{{{options}}}{tail}]"));
        let most = attributes(0..MAX_CUSTOM_ATTRIBUTES);
        assert_eq!(with(&most), Ok(()));
        // A repeated attribute does not count again, and keys without the form of an attribute do
        // not count.
        assert_eq!(with(&format!("{most},\"_key_0\":[1],\"x_1\":1,\"_ab\":2,\"_A__\":3")), Ok(()));
        let too_many = Err(DecodeError::TooManyAttributes { message });
        assert_eq!(with(&attributes(0..MAX_CUSTOM_ATTRIBUTES + 1)), too_many);
        assert_eq!(with(&attributes(0..10_000)), too_many);
    }
}

#[test]
fn the_last_of_duplicate_custom_attributes_counts() {
    let text = r#"[48,1,{"_abc":1,"_xyz":2,"_abc":[3]},"com.a"]"#;
    for serializer in Serializer::ALL {
        let Ok(ClientMessage::Call(call)) = from_client(serializer, text) else {
            panic!("{text} in {serializer}");
        };
        let custom =
            call.options.passthru.and_then(|passthru| passthru.custom).expect("attributes");
        let read = |key| custom.at(key).map(|value| value.to_value::<serde_json::Value>().unwrap());
        assert_eq!(read("_abc"), Some(serde_json::json!([3])));
        assert_eq!(read("_xyz"), Some(serde_json::json!(2)));
        assert_eq!(read("_none"), None);
    }
}
