//! Invalid messages in every format: each is rejected with its error, and nothing panics.
//!
//! The tests of the readers cover the formats. These tests cover the structure of messages. Spec:
//! basic profile "Messages", "Message Codes and Direction", "No Polymorphism", "IDs", "Protocol
//! Errors".

use std::ops::Range;

use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::limits::MAX_DEPTH;
use cloverleaf_wamp::message::ClientMessage;
use cloverleaf_wamp::message::wire::{decode_client, decode_router};
use cloverleaf_wamp::serializer::Serializer;

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "../sample/mod.rs"]
mod sample;

mod options;
mod rpc;

use sample::{Sent, samples};

/// JSON text in any format.
fn bytes(serializer: Serializer, json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    transcode(Serializer::Json, json.as_bytes(), serializer, &mut out).unwrap();
    out
}

fn from_client(serializer: Serializer, json: &str) -> Result<ClientMessage, DecodeError> {
    decode_client(serializer, &bytes(serializer, json).into())
}

/// Decodes in every format. All must agree. Returns the result without the message.
fn client(json: &str) -> Result<(), DecodeError> {
    agreed(json, |serializer| from_client(serializer, json).map(drop))
}

fn router(json: &str) -> Result<(), DecodeError> {
    agreed(json, |serializer| decode_router(serializer, &bytes(serializer, json).into()).map(drop))
}

fn agreed(
    json: &str,
    decode: impl Fn(Serializer) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let outcome = decode(Serializer::Json);
    for serializer in Serializer::ALL {
        assert_eq!(decode(serializer), outcome, "{json} in {serializer}");
    }
    outcome
}

fn wrong(message: &'static str, field: &'static str, expected: &'static str) -> DecodeError {
    DecodeError::WrongType { message, field, expected }
}

const ID: &str = "an id between 1 and 2^53";
const DICTIONARY: &str = "a dictionary";

// === no message at all ===

#[test]
fn a_message_must_be_a_list() {
    for text in ["null", "true", "1", "1.5", "\"48\"", "{}", "{\"48\":1}"] {
        assert_eq!(client(text), Err(DecodeError::NotAMessage), "{text}");
        assert_eq!(router(text), Err(DecodeError::NotAMessage), "{text}");
    }
}

#[test]
fn a_list_that_does_not_begin_with_a_type_is_no_message() {
    for text in ["[]", "[null]", "[\"48\"]", "[-48,1]", "[48.0,1]", "[[48]]", "[{}]", "[true]"] {
        assert_eq!(client(text), Err(DecodeError::NotAMessage), "{text}");
        assert_eq!(router(text), Err(DecodeError::NotAMessage), "{text}");
    }
}

#[test]
fn an_empty_frame_is_no_message() {
    for serializer in Serializer::ALL {
        let empty = Default::default();
        assert_eq!(decode_client(serializer, &empty), Err(DecodeError::Truncated(0)));
        assert_eq!(decode_router(serializer, &empty), Err(DecodeError::Truncated(0)));
    }
}

#[test]
fn unknown_message_codes_are_rejected() {
    for code in [0, 7, 9, 15, 38, 51, 71, 336, 338, 1 << 53, u64::MAX] {
        let text = format!("[{code},1,{{}}]");
        assert_eq!(client(&text), Err(DecodeError::UnknownMessageType(code)));
        assert_eq!(router(&text), Err(DecodeError::UnknownMessageType(code)));
    }
}

#[test]
fn each_side_rejects_messages_that_only_it_may_send() {
    for sample in samples() {
        for serializer in Serializer::ALL {
            let frame = sample.bytes(serializer).to_vec().into();
            let name = sample.message(serializer).name();
            let refused = match sample.message(serializer) {
                _ if matches!(name, "ABORT" | "GOODBYE" | "ERROR") => continue,
                Sent::Client(_) => decode_router(serializer, &frame).map(drop),
                Sent::Router(_) => decode_client(serializer, &frame).map(drop),
            };
            assert!(
                matches!(refused, Err(DecodeError::UnknownMessageType(_))),
                "{}: {refused:?}",
                sample.name
            );
        }
    }
}

#[test]
fn errors_of_clients_answer_invocations_and_errors_of_routers_requests() {
    let expected = "68: a client answers nothing but INVOCATION";
    for kind in [48, 32, 16, 1, 69] {
        let text = format!("[8,{kind},1,{{}},\"com.error\"]");
        assert_eq!(client(&text), Err(wrong("ERROR", "REQUEST.Type", expected)));
    }
    for kind in [68, 1, 36, 70] {
        let text = format!("[8,{kind},1,{{}},\"com.error\"]");
        let expected = "the type of a client's request";
        assert_eq!(router(&text), Err(wrong("ERROR", "REQUEST.Type", expected)));
    }
}

// === arity ===

/// A message of each shape with all its elements, and its minimum number of elements.
const SHAPES: [(&str, usize); 26] = [
    (r#"[1,"realm1",{}]"#, 3),
    (r#"[2,1,{}]"#, 3),
    (r#"[3,{},"com.reason",[],{}]"#, 3),
    (r#"[4,"ticket",{}]"#, 3),
    (r#"[5,"secret",{}]"#, 3),
    (r#"[6,{},"com.reason"]"#, 3),
    (r#"[8,68,1,{},"com.error",[],{}]"#, 5),
    (r#"[8,48,1,{},"com.error",[],{}]"#, 5),
    (r#"[16,1,{},"com.a",[],{}]"#, 4),
    (r#"[17,1,1]"#, 3),
    (r#"[32,1,{},"com.a"]"#, 4),
    (r#"[33,1,1]"#, 3),
    (r#"[34,1,1,{}]"#, 3),
    (r#"[35,1,{}]"#, 2),
    (r#"[36,1,1,{},[],{}]"#, 4),
    (r#"[48,1,{},"com.a",[],{}]"#, 4),
    (r#"[49,1,{}]"#, 3),
    (r#"[50,1,{},[],{}]"#, 3),
    (r#"[64,1,{},"com.a"]"#, 4),
    (r#"[65,1,1]"#, 3),
    (r#"[66,1,1,{}]"#, 3),
    (r#"[67,1,{}]"#, 2),
    (r#"[68,1,1,{},[],{}]"#, 4),
    (r#"[69,1,{}]"#, 3),
    (r#"[70,1,{},[],{}]"#, 3),
    (r#"[337,1]"#, 2),
];

/// The first result that is not a wrong direction.
fn either(json: &str) -> Result<(), DecodeError> {
    match client(json) {
        Err(DecodeError::UnknownMessageType(_)) => router(json),
        Err(DecodeError::WrongType { field: "REQUEST.Type", .. }) => router(json),
        outcome => outcome,
    }
}

#[test]
fn the_number_of_elements_must_fit_the_message() {
    for (shape, least) in SHAPES {
        let whole: Vec<serde_json::Value> = serde_json::from_str(shape).unwrap();
        let part = |elements: Range<usize>| serde_json::to_string(&whole[elements]).unwrap();
        for length in 1..=whole.len() {
            let outcome = either(&part(0..length));
            let fits = length >= least;
            assert_eq!(outcome.is_ok(), fits, "{length} elements of {shape}: {outcome:?}");
            let is_arity = matches!(outcome, Err(DecodeError::WrongArity { .. }));
            assert_eq!(is_arity, !fits, "{length} elements of {shape}: {outcome:?}");
        }
        for more in ["null", "{}", "[]", "1"] {
            let longer = format!("{},{more}]", &shape[..shape.len() - 1]);
            let outcome = either(&longer);
            assert!(
                matches!(outcome, Err(DecodeError::WrongArity { .. })),
                "{longer}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_revocation_has_details_and_nothing_more() {
    for (code, message) in [(35, "UNSUBSCRIBED"), (67, "UNREGISTERED")] {
        let arity = Err(DecodeError::WrongArity { message });
        assert_eq!(router(&format!("[{code},0,{{}},1]")), arity);
        assert_eq!(router(&format!("[{code},1,{{}},1]")), arity);
        assert_eq!(router(&format!("[{code},0,{{}}]")), Ok(()));
        // Without details it answers request 0.
        assert_eq!(router(&format!("[{code},0]")), Ok(()));
    }
}

// === elements of the wrong type ===

/// Values that are no id, except 0.
const NO_IDS: [&str; 9] =
    ["9007199254740993", "-1", "1.0", "1.5", "\"1\"", "null", "true", "[1]", "{}"];

#[test]
fn an_id_is_an_integer_from_1_to_2_to_the_53rd() {
    for bad in NO_IDS.into_iter().chain(["0"]) {
        for (text, message, field) in [
            (format!("[34,1,{bad}]"), "UNSUBSCRIBE", "Subscription"),
            (format!("[66,1,{bad}]"), "UNREGISTER", "Registration"),
            (format!("[70,{bad},{{}}]"), "YIELD", "Request"),
            (format!("[8,68,{bad},{{}},\"com.e\"]"), "ERROR", "REQUEST.Request"),
            (format!("[337,{bad}]"), "EVENT_RECEIVED", "Publication"),
        ] {
            assert_eq!(client(&text), Err(wrong(message, field, ID)), "{text}");
        }
        for (text, message, field) in [
            (format!("[2,{bad},{{}}]"), "WELCOME", "Session"),
            (format!("[17,1,{bad}]"), "PUBLISHED", "Publication"),
            (format!("[36,{bad},1,{{}}]"), "EVENT", "Subscription"),
            (format!("[36,1,{bad},{{}}]"), "EVENT", "Publication"),
            (format!("[65,1,{bad}]"), "REGISTERED", "Registration"),
            (format!("[68,{bad},1,{{}}]"), "INVOCATION", "Request"),
            (format!("[68,1,{bad},{{}}]"), "INVOCATION", "Registration"),
            (format!("[69,{bad},{{}}]"), "INTERRUPT", "Request"),
        ] {
            assert_eq!(router(&text), Err(wrong(message, field, ID)), "{text}");
        }
    }
}

#[test]
fn the_number_of_a_request_is_an_integer_from_0_to_2_to_the_53rd() {
    let numbers = NO_IDS.map(|bad| (bad, false));
    for (number, is_good) in numbers.into_iter().chain([("0", true), ("9007199254740992", true)]) {
        let expected = |message, field| match is_good {
            true => Ok(()),
            false => Err(wrong(message, field, "an integer between 0 and 2^53")),
        };
        for (text, message) in [
            (format!("[48,{number},{{}},\"com.a\"]"), "CALL"),
            (format!("[49,{number},{{}}]"), "CANCEL"),
            (format!("[16,{number},{{}},\"com.a\"]"), "PUBLISH"),
            (format!("[32,{number},{{}},\"com.a\"]"), "SUBSCRIBE"),
            (format!("[34,{number},1]"), "UNSUBSCRIBE"),
            (format!("[64,{number},{{}},\"com.a\"]"), "REGISTER"),
            (format!("[66,{number},1]"), "UNREGISTER"),
        ] {
            assert_eq!(client(&text), expected(message, "Request"), "{text}");
        }
        for (text, message, field) in [
            (format!("[17,{number},1]"), "PUBLISHED", "Request"),
            (format!("[33,{number},1]"), "SUBSCRIBED", "Request"),
            (format!("[35,{number}]"), "UNSUBSCRIBED", "Request"),
            (format!("[50,{number},{{}}]"), "RESULT", "Request"),
            (format!("[65,{number},1]"), "REGISTERED", "Request"),
            (format!("[67,{number}]"), "UNREGISTERED", "Request"),
            (format!("[8,48,{number},{{}},\"com.e\"]"), "ERROR", "REQUEST.Request"),
        ] {
            assert_eq!(router(&text), expected(message, field), "{text}");
        }
    }
}

#[test]
fn a_uri_is_a_string() {
    for bad in ["1", "null", "true", "[]", "{}", "[\"com.a\"]"] {
        for (text, message, field) in [
            (format!("[3,{{}},{bad}]"), "ABORT", "Reason"),
            (format!("[6,{{}},{bad}]"), "GOODBYE", "Reason"),
            (format!("[8,68,1,{{}},{bad}]"), "ERROR", "Error"),
            (format!("[16,1,{{}},{bad}]"), "PUBLISH", "Topic"),
            (format!("[32,1,{{}},{bad}]"), "SUBSCRIBE", "Topic"),
            (format!("[48,1,{{}},{bad}]"), "CALL", "Procedure"),
            (format!("[64,1,{{}},{bad}]"), "REGISTER", "Procedure"),
        ] {
            assert_eq!(client(&text), Err(wrong(message, field, "a string")), "{text}");
        }
    }
}

#[test]
fn a_realm_is_a_string_or_left_to_the_router() {
    for good in ["\"realm1\"", "\"\"", "null"] {
        assert_eq!(client(&format!("[1,{good},{{}}]")), Ok(()), "{good}");
    }
    for bad in ["1", "true", "[]", "{}", "[\"realm1\"]"] {
        let refused = wrong("HELLO", "Realm", "a string or null");
        assert_eq!(client(&format!("[1,{bad},{{}}]")), Err(refused), "{bad}");
    }
}

#[test]
fn bytes_are_no_uri() {
    let binary = "[48,1,{},\"\\u0000AAEC\"]";
    assert_eq!(client(binary), Err(wrong("CALL", "Procedure", "a string")));
}

#[test]
fn options_and_details_are_dictionaries() {
    for bad in ["1", "null", "\"x\"", "[]", "true"] {
        for (text, message) in [
            (format!("[1,\"realm1\",{bad}]"), "HELLO"),
            (format!("[3,{bad},\"com.reason\"]"), "ABORT"),
            (format!("[16,1,{bad},\"com.a\"]"), "PUBLISH"),
            (format!("[48,1,{bad},\"com.a\"]"), "CALL"),
            (format!("[49,1,{bad}]"), "CANCEL"),
            (format!("[70,1,{bad}]"), "YIELD"),
        ] {
            assert_eq!(client(&text), Err(wrong(message, "Options|Details", DICTIONARY)), "{text}");
        }
        let text = format!("[5,\"secret\",{bad}]");
        assert_eq!(client(&text), Err(wrong("AUTHENTICATE", "Extra", DICTIONARY)));
    }
}

#[test]
fn arguments_are_a_list_and_a_dictionary() {
    for bad in ["1", "\"text\"", "\"\\u0000AAE\"", "{}", "true"] {
        for (head, message) in [
            ("[16,1,{},\"com.a\"", "PUBLISH"),
            ("[48,1,{},\"com.a\"", "CALL"),
            ("[70,1,{}", "YIELD"),
            ("[8,68,1,{},\"com.error\"", "ERROR"),
        ] {
            let text = format!("{head},{bad}]");
            assert_eq!(client(&text), Err(wrong(message, "Arguments", "a list")), "{text}");
        }
    }
    for bad in ["1", "\"text\"", "[]", "true"] {
        let text = format!("[48,1,{{}},\"com.a\",[],{bad}]");
        assert_eq!(client(&text), Err(wrong("CALL", "ArgumentsKw", DICTIONARY)), "{text}");
    }
}

#[test]
fn opaque_arguments_are_one_value_and_the_last() {
    let call =
        |rest: &str| client(&format!("[48,1,{{\"enc_algo\":\"cryptobox\"}},\"com.a\"{rest}]"));
    assert_eq!(call(",\"\\u0000AAEC\""), Ok(()));
    assert_eq!(call(",[],{}"), Ok(()));
    assert_eq!(call(""), Ok(()));
    assert_eq!(call(",\"\\u0000AAEC\",{}"), Err(DecodeError::WrongArity { message: "CALL" }));
    assert_eq!(call(",1"), Err(wrong("CALL", "Arguments", "a list")));
}

/// `docs/decisions/traps.md#f16`: the type of Arguments shows the form of the payload.
#[test]
fn a_binary_is_accepted_as_arguments_with_any_options() {
    for options in ["{}", "{\"enc_algo\":null}"] {
        for message in [
            format!("[16,1,{options},\"com.a\""),
            format!("[48,1,{options},\"com.a\""),
            format!("[70,1,{options}"),
            format!("[8,68,1,{options},\"com.error\""),
        ] {
            assert_eq!(client(&format!("{message},\"\\u0000AAEC\"]")), Ok(()), "{message}");
            let more = format!("{message},\"\\u0000AAEC\",{{}}]");
            assert!(matches!(client(&more), Err(DecodeError::WrongArity { .. })), "{message}");
        }
        for message in [
            format!("[36,1,1,{options}"),
            format!("[50,1,{options}"),
            format!("[68,1,1,{options}"),
            format!("[8,48,1,{options},\"com.error\""),
        ] {
            assert_eq!(router(&format!("{message},\"\\u0000AAEC\"]")), Ok(()), "{message}");
        }
    }
}

// === options of the wrong type ===

/// A message in each format. `levels` nested lists replace `[]` in the text.
fn nested(serializer: Serializer, before: &str, after: &str, levels: usize) -> Vec<u8> {
    let text = format!("{before}[]{after}");
    let (empty, one): (&[u8], &[u8]) = match serializer {
        Serializer::Json | Serializer::UbJson | Serializer::BjData => (b"[]", b"["),
        Serializer::MsgPack => (b"\x90", b"\x91"),
        Serializer::Cbor => (b"\x80", b"\x81"),
    };
    let whole = bytes(serializer, &text);
    let at = whole.windows(empty.len()).position(|window| window == empty).unwrap();
    let close: &[u8] = if empty.ends_with(b"]") { b"]" } else { b"" };
    [
        &whole[..at],
        &one.repeat(levels - 1),
        empty,
        &close.repeat(levels - 1),
        &whole[at + empty.len()..],
    ]
    .concat()
}

/// The positions where lists can be nested: arguments, known and unknown options, opaque values.
const PLACES: [(&str, &str, usize); 6] = [
    ("[48,1,{},\"com.a\",", "]", 1),
    ("[48,1,{},\"com.a\",[7],{\"k\":", "}]", 2),
    ("[48,1,{\"x_custom\":", "},\"com.a\"]", 2),
    ("[48,1,{\"forward_for\":", "},\"com.a\"]", 2),
    ("[1,\"realm1\",{\"authextra\":{\"k\":", "}}]", 3),
    ("[5,\"secret\",{\"k\":", "}]", 2),
];

#[test]
fn nesting_is_limited_in_every_element() {
    for serializer in Serializer::ALL {
        for (before, after, around) in PLACES {
            let decode = |levels| {
                let frame = nested(serializer, before, after, levels).into();
                decode_client(serializer, &frame).map(drop)
            };
            let what = format!("{before}…{after} in {serializer}");
            assert_eq!(decode(MAX_DEPTH - around), Ok(()), "{what}");
            assert_eq!(decode(MAX_DEPTH - around + 1), Err(DecodeError::TooDeep), "{what}");
            assert_eq!(decode(100_000), Err(DecodeError::TooDeep), "{what}");
        }
    }
}

#[test]
fn nesting_in_an_option_of_another_type_is_refused_at_its_first_token() {
    let wrong = wrong("CALL", "timeout", "an integer of 0 or more");
    for serializer in Serializer::ALL {
        let frame = nested(serializer, "[48,1,{\"timeout\":", "},\"com.a\"]", 100_000).into();
        assert_eq!(decode_client(serializer, &frame).map(drop), Err(wrong.clone()));
    }
}

#[test]
fn lists_without_an_end_are_rejected_without_recursion() {
    for (serializer, open, ends) in [
        (Serializer::Json, b"[", 3),
        (Serializer::MsgPack, b"\x91", 1),
        (Serializer::Cbor, b"\x81", 1),
        (Serializer::UbJson, b"[", 3),
        (Serializer::BjData, b"[", 3),
    ] {
        let call = bytes(serializer, "[48,1,{},\"com.a\",[]]");
        let cut = call.len() - ends;
        let frame = [&call[..cut], &open.repeat(100_000)].concat().into();
        assert_eq!(decode_client(serializer, &frame).map(drop), Err(DecodeError::TooDeep));
    }
}

#[test]
fn announced_lengths_beyond_the_frame_are_rejected() {
    let msgpack: [&[u8]; 4] = [
        b"\xdd\xff\xff\xff\xff\x30",
        b"\x94\x30\x01\xdf\xff\xff\xff\xff",
        b"\x94\x30\x01\x80\xdb\xff\xff\xff\xffcom.a",
        b"\x95\x30\x01\x80\xa5com.a\xdd\xff\xff\xff\xff",
    ];
    let cbor: [&[u8]; 4] = [
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x18\x30",
        b"\x84\x18\x30\x01\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x84\x18\x30\x01\xa0\x7b\x7f\xff\xff\xff\xff\xff\xff\xffcom.a",
        b"\x85\x18\x30\x01\xa0\x65com.a\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    let ubjson: [&[u8]; 4] = [
        b"[#L\x7f\xff\xff\xff\xff\xff\xff\xffU\x30",
        b"[U\x30U\x01{#l\x7f\xff\xff\xff",
        b"[U\x30U\x01{}SL\x7f\xff\xff\xff\xff\xff\xff\xffcom.a",
        b"[U\x30U\x01{}SU\x05com.a[$i#l\x7f\xff\xff\xff",
    ];
    let bjdata: [&[u8]; 4] = [
        b"[#M\xff\xff\xff\xff\xff\xff\xff\xffU\x30",
        b"[U\x30U\x01{#m\xff\xff\xff\xff",
        b"[U\x30U\x01{}SM\xff\xff\xff\xff\xff\xff\xff\x7fcom.a",
        b"[U\x30U\x01{}SU\x05com.a[$M#M\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    for (serializer, frames) in [
        (Serializer::MsgPack, msgpack),
        (Serializer::Cbor, cbor),
        (Serializer::UbJson, ubjson),
        (Serializer::BjData, bjdata),
    ] {
        for frame in frames {
            let outcome = decode_client(serializer, &bytes::Bytes::from_static(frame));
            assert!(outcome.is_err(), "{frame:02x?}: {outcome:?}");
        }
    }
}

// === cut, followed, changed ===

#[test]
fn a_message_that_is_cut_anywhere_is_refused() {
    for sample in samples() {
        for serializer in Serializer::ALL {
            let (message, whole) = (sample.message(serializer), sample.bytes(serializer));
            for length in 0..whole.len() {
                let outcome = message.decode_alike(serializer, &whole[..length]);
                assert!(outcome.is_err(), "{length} bytes of {}: {outcome:?}", sample.name);
            }
        }
    }
}

#[test]
fn only_white_space_in_json_may_follow_a_message() {
    for sample in samples() {
        for serializer in Serializer::ALL {
            let (message, whole) = (sample.message(serializer), sample.bytes(serializer));
            let twice = message.decode_alike(serializer, &whole.repeat(2));
            assert_eq!(twice, Err(DecodeError::TrailingBytes(whole.len())), "{}", sample.name);
        }
        let spaced = [b" \n", sample.bytes(Serializer::Json), b"\t\r\n "].concat();
        let message = sample.message(Serializer::Json);
        assert_eq!(message.decode_alike(Serializer::Json, &spaced), Ok(message));
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused_wherever_it_stands() {
    let frames: [(Serializer, &[u8]); 10] = [
        (Serializer::Json, b"[48,1,{},\"com.\xff\"]"),
        (Serializer::Json, b"[48,1,{},\"com.a\",[\"\xc3\x28\"]]"),
        (Serializer::Json, b"[48,1,{\"x\xff\":1},\"com.a\"]"),
        (Serializer::MsgPack, b"\x94\x30\x01\x80\xa3c.\xff"),
        (Serializer::MsgPack, b"\x95\x30\x01\x80\xa3c.a\x91\xa2\xc3\x28"),
        (Serializer::Cbor, b"\x84\x18\x30\x01\xa0\x63c.\xff"),
        (Serializer::Cbor, b"\x85\x18\x30\x01\xa0\x63c.a\x81\x62\xc3\x28"),
        (Serializer::UbJson, b"[U\x30U\x01{}SU\x03c.\xff]"),
        (Serializer::UbJson, b"[U\x30U\x01{}SU\x03c.a[C\xff]]"),
        (Serializer::BjData, b"[U\x30U\x01{U\x02\xc3\x28T}SU\x03c.a]"),
    ];
    for (serializer, frame) in frames {
        let outcome = decode_client(serializer, &bytes::Bytes::from_static(frame));
        assert!(matches!(outcome, Err(DecodeError::NotUtf8(_))), "{frame:02x?}: {outcome:?}");
    }
}

#[test]
fn a_message_with_a_changed_byte_is_rejected_or_can_be_encoded_again() {
    for sample in samples() {
        for serializer in Serializer::ALL {
            let (message, whole) = (sample.message(serializer), sample.bytes(serializer));
            for place in 0..whole.len() {
                for change in [0x01, 0x20, 0x40, 0x80, 0xff] {
                    let mut changed = whole.to_vec();
                    changed[place] ^= change;
                    let Ok(read) = message.decode_alike(serializer, &changed) else { continue };
                    let written = read.encode(serializer).unwrap();
                    let again = message.decode_alike(serializer, &written);
                    assert_eq!(again, Ok(read), "{} at byte {place}", sample.name);
                }
            }
        }
    }
}
