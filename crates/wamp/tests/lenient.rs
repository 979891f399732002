//! Values that deployed clients send against the specification: null instead of arguments, and
//! payload values that JSON or its readers cannot represent.
//!
//! Spec: basic profile "Empty Arguments and Keyword Arguments", "Serializers".

use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::ClientMessage;
use cloverleaf_wamp::message::wire::{decode_client, decode_router, encode_client, encode_router};
use cloverleaf_wamp::serializer::Serializer;

/// The heads of client messages with Arguments.
const CLIENT: [&str; 4] =
    [r#"[16,1,{},"com.a""#, r#"[48,1,{},"com.a""#, r#"[70,1,{}"#, r#"[8,68,1,{},"com.error""#];

/// The heads of router messages with Arguments.
const ROUTER: [&str; 4] =
    [r#"[36,1,1,{}"#, r#"[50,1,{}"#, r#"[68,1,1,{}"#, r#"[8,48,1,{},"com.error""#];

fn transcoded(from: Serializer, value: &[u8], to: Serializer) -> Vec<u8> {
    let mut out = Vec::new();
    transcode(from, value, to, &mut out).unwrap();
    out
}

/// Forwards a message from a client to a router and further.
fn through_a_router(frame: Vec<u8>, from: Serializer, to: Serializer) -> Vec<u8> {
    let mut out = Vec::new();
    encode_client(&decode_client(from, &frame.into()).unwrap(), to, &mut out).unwrap();
    out
}

/// Forwards a message from a router to a client and back.
fn through_a_client(frame: Vec<u8>, from: Serializer, to: Serializer) -> Vec<u8> {
    let mut out = Vec::new();
    encode_router(&decode_router(from, &frame.into()).unwrap(), to, &mut out).unwrap();
    out
}

fn as_json(serializer: Serializer, message: &[u8]) -> String {
    String::from_utf8(transcoded(serializer, message, Serializer::Json)).unwrap()
}

#[test]
fn null_arguments_are_absent() {
    for (sent, passed_on) in [
        (",null", ""),
        (",null,null", ""),
        (r#",null,{"a":null}"#, r#",[],{"a":null}"#),
        (",[null],null", ",[null]"),
    ] {
        for serializer in Serializer::ALL {
            let frame = |head: &str| {
                let json = format!("{head}{sent}]");
                transcoded(Serializer::Json, json.as_bytes(), serializer)
            };
            for to in Serializer::ALL {
                for head in CLIENT {
                    let message = through_a_router(frame(head), serializer, to);
                    assert_eq!(as_json(to, &message), format!("{head}{passed_on}]"));
                }
                for head in ROUTER {
                    let message = through_a_client(frame(head), serializer, to);
                    assert_eq!(as_json(to, &message), format!("{head}{passed_on}]"));
                }
            }
        }
    }
}

#[test]
fn null_arguments_are_absent_after_forwarding() {
    for sent in [",null", ",null,null", r#",null,{"a":1}"#, ",[],null"] {
        for serializer in Serializer::ALL {
            let json = format!("{}{sent}]", CLIENT[1]);
            let frame = transcoded(Serializer::Json, json.as_bytes(), serializer).into();
            let message = decode_client(serializer, &frame).unwrap();
            let mut again = Vec::new();
            encode_client(&message, serializer, &mut again).unwrap();
            assert_eq!(decode_client(serializer, &again.into()), Ok(message), "{sent}");
        }
    }
}

#[test]
fn null_arguments_of_an_abort_are_absent() {
    let frame = br#"[3,{},"wamp.error.canceled",null,null]"#.to_vec();
    let (client, router) = (decode_client, decode_router);
    assert!(client(Serializer::Json, &frame.clone().into()).is_ok());
    assert!(router(Serializer::Json, &frame.into()).is_ok());
}

#[test]
fn numbers_that_are_not_finite_become_null_in_forwarded_payloads() {
    let sent = r#",[NaN, 1e400,{"x":-Infinity}],{"y": Infinity ,"z":1.50}"#;
    let nulls = r#",[null,null,{"x":null}],{"y":null,"z":1.5}"#;
    let spliced = r#",[null, null,{"x":null}],{"y": null ,"z":1.50}"#;
    for to in Serializer::ALL {
        let passed_on = if to == Serializer::Json { spliced } else { nulls };
        for head in CLIENT {
            let frame = format!("{head}{sent}]").into_bytes();
            let message = through_a_router(frame, Serializer::Json, to);
            let json = if to == Serializer::Json {
                String::from_utf8(message).unwrap()
            } else {
                as_json(to, &message)
            };
            assert_eq!(json, format!("{head}{passed_on}]"), "{to}");
        }
    }
}

#[test]
fn a_payload_of_finite_numbers_shares_its_frame() {
    let frame = bytes::Bytes::from_static(br#"[48,1,{},"com.a",[1.50, "\ud800"]]"#);
    let message = decode_client(Serializer::Json, &frame).unwrap();
    let ClientMessage::Call(call) = message else { panic!("{message:?}") };
    let args = call.payload.args().unwrap().bytes();
    assert!(frame.as_ptr_range().contains(&args.as_ptr()));
    assert_eq!(args, br#"[1.50, "\ud800"]"#);
}

#[test]
fn options_that_are_not_finite_are_absent_and_opaque_ones_have_null() {
    let head = r#"[16,1,{"#;
    let sent = format!(r#"{head}"ttl":NaN,"other":[Infinity],"_x_y_z":[1e400]}},"com.a"]"#);
    let message = through_a_router(sent.into_bytes(), Serializer::Json, Serializer::Json);
    let expected = format!(r#"{head}"_x_y_z":[null]}},"com.a"]"#);
    assert_eq!(String::from_utf8(message).unwrap(), expected);
}

#[test]
fn unpaired_surrogates_pass_between_json_peers_and_are_replaced_elsewhere() {
    let sent = r#",["\ud800"],{"\udc00":"a\ud83c"}"#;
    let replaced = ",[\"\u{fffd}\"],{\"\u{fffd}\":\"a\u{fffd}\"}";
    for head in CLIENT {
        let frame = format!("{head}{sent}]").into_bytes();
        for to in Serializer::ALL {
            let message = through_a_router(frame.clone(), Serializer::Json, to);
            if to == Serializer::Json {
                assert_eq!(message, frame);
            } else {
                assert_eq!(as_json(to, &message), format!("{head}{replaced}]"), "{to}");
            }
        }
    }
}

#[test]
fn ids_and_uris_that_are_not_finite_or_have_unpaired_surrogates_are_errors() {
    let decode = |json: &str| decode_client(Serializer::Json, &json.as_bytes().to_vec().into());
    for (json, message, field) in [
        (r#"[48,NaN,{},"com.a"]"#, "CALL", "Request"),
        (r#"[48,1e400,{},"com.a"]"#, "CALL", "Request"),
        (r#"[48,1,{},NaN]"#, "CALL", "Procedure"),
        (r#"[48,1,{},"com.\ud800"]"#, "CALL", "Procedure"),
        (r#"[16,1,{},"com.\udc00.a"]"#, "PUBLISH", "Topic"),
        (r#"[1,"\ud800",{}]"#, "HELLO", "Realm"),
        (r#"[1,"realm1",{"authid":"\ud800"}]"#, "HELLO", "authid"),
        (r#"[5,"\ud800",{}]"#, "AUTHENTICATE", "Signature"),
        (r#"[16,1,{"eligible_authid":["\ud800"]},"com.a"]"#, "PUBLISH", "eligible_authid"),
    ] {
        match decode(json) {
            Err(DecodeError::WrongType { message: of, field: at, .. }) => {
                assert_eq!((of, at), (message, field), "{json}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
    // A URI may contain the character itself.
    assert!(decode("[48,1,{},\"com.\u{fffd}\\ufffd\"]").is_ok());
}
