//! Parts of a message that the router forwards unchanged: passthru payloads, and attributes that
//! the application or another router has added.
//!
//! `docs/decisions/traps.md#f16`: payload passthru is `ppt_*` with one binary as the only argument;
//! its older form is `enc_*` with a binary in the place of the arguments. The router knows both.
//! Messages are written here as on the wire. Spec: advanced profile "Payload Passthru Mode"; basic
//! profile "Extensibility".

use cloverleaf_testkit::messages::{NOTHING, client};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::wire::{decode_client, encode_router};
use cloverleaf_wamp::message::{ClientMessage, InvokePolicy, RegisterOptions, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

use crate::fixture::{
    able, assert_silence, assert_violation, join, register, shared, unavailable, without,
};

const PASSTHRU: Feature = Feature::PayloadPassthruMode;

const NOT_ANNOUNCED: &str =
    "ppt_scheme: HELLO has not announced payload_passthru_mode for this role";

const BARE: &str = "a binary in the place of the arguments: there is no enc_algo, and HELLO has not \
                    announced payload_transparency for this role";

const CALLEE_CAN_NOT: &str =
    "the callee could not open the payload: it has not announced payload_passthru_mode";

const CALLER_CAN_NOT: &str = "the caller could not open the payload of the result: it has not \
                              announced payload_passthru_mode";

/// A message of a client as on the wire.
#[expect(clippy::needless_pass_by_value, reason = "json! is written in the place")]
fn from_wire(message: Value) -> ClientMessage {
    let text = serde_json::to_vec(&message).expect("JSON");
    decode_client(Serializer::Json, &text.into()).expect("a message")
}

/// The messages that a peer has received since the last call, as on the wire.
fn wire(lab: &mut Lab, peer: Peer) -> Value {
    let written = |message| {
        let mut text = Vec::new();
        encode_router(&message, Serializer::Json, &mut text).expect("a message");
        serde_json::from_slice::<Value>(&text).expect("JSON")
    };
    lab.received(peer).into_iter().map(written).collect()
}

fn send(lab: &mut Lab, from: Peer, message: Value) {
    lab.send(from, from_wire(message));
}

/// A caller, and a callee that has registered `com.open`.
fn pair(caller: Client, callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join_as(caller), lab.join_as(callee));
    register(&mut lab, callee, RegisterOptions::default(), "com.open", 1);
    (lab, caller, callee)
}

fn able_pair() -> (Lab, Peer, Peer) {
    pair(able("caller"), able("callee"))
}

/// The options of a passthru payload, and the payload.
fn sealed() -> (Value, Value) {
    let about = json!({
        "ppt_scheme": "wamp",
        "ppt_serializer": "cbor",
        "ppt_cipher": "xsalsa20poly1305",
        "ppt_keyid": "GTtQ37XGJO2O4R8Dvx4AUo8pe61D9evIWpKGQAPdOh0=",
    });
    (about, json!(["\u{0}AAEC/w=="]))
}

fn with(about: &Value, key: &str, value: impl Into<Value>) -> Value {
    let mut about = about.clone();
    about[key] = value.into();
    about
}

/// ERROR that answers a CALL.
fn refused(number: u64, text: &str) -> Value {
    json!([8, 48, number, {}, error_uri::FEATURE_NOT_SUPPORTED, [text]])
}

// === forwarding ===

/// Asserts that the options are forwarded in each of the three directions.
fn assert_carried(lab: &mut Lab, caller: Peer, callee: Peer, about: &Value, payload: &Value) {
    send(lab, caller, json!([48, 1, about, "com.open", payload]));
    assert_eq!(wire(lab, callee), json!([[68, 1, 1, about, payload]]));
    send(lab, callee, json!([70, 1, about, payload]));
    assert_eq!(wire(lab, caller), json!([[50, 1, about, payload]]));

    // The options of the call are not sent back with its answer.
    send(lab, caller, json!([48, 2, about, "com.open", payload]));
    wire(lab, callee);
    send(lab, callee, json!([70, 2, {}, [1]]));
    assert_eq!(wire(lab, caller), json!([[50, 2, {}, [1]]]));

    send(lab, caller, json!([48, 3, {}, "com.open"]));
    assert_eq!(wire(lab, callee), json!([[68, 3, 1, {}]]));
    send(lab, callee, json!([8, 68, 3, about, "com.error.x", payload]));
    assert_eq!(wire(lab, caller), json!([[8, 48, 3, about, "com.error.x", payload]]));
}

#[test]
fn passthru_options_are_forwarded() {
    let (mut lab, caller, callee) = able_pair();
    let (about, payload) = sealed();
    assert_carried(&mut lab, caller, callee, &about, &payload);
    let (mut lab, caller, callee) = able_pair();
    let about = json!({"ppt_scheme": "mqtt", "ppt_serializer": "native"});
    assert_carried(&mut lab, caller, callee, &about, &payload);
    let (mut lab, caller, callee) = able_pair();
    assert_carried(&mut lab, caller, callee, &json!({"ppt_scheme": "x_my_ppt"}), &payload);
}

/// `docs/decisions/traps.md#f16`: the older form need not be announced, and the binary stands for
/// the arguments.
#[test]
fn older_passthru_form_is_forwarded() {
    for roles in [able("x").roles, Client::basic("x").roles] {
        for algorithm in ["cryptobox", "mqtt", "xbr"] {
            let client = |name| Client { roles, ..Client::named(name) };
            let (mut lab, caller, callee) = pair(client("caller"), client("callee"));
            let about = json!({"enc_algo": algorithm, "enc_key": "key", "enc_serializer": "cbor"});
            let payload = json!("\u{0}AAEC/w==");
            assert_carried(&mut lab, caller, callee, &about, &payload);
        }
    }
}

#[test]
fn older_passthru_form_without_enc_algo_must_be_announced() {
    let payload = json!("\u{0}AAEC/w==");
    let transparent = |name| {
        let mut client = Client::basic(name);
        let features = Some(Features::of(&[Feature::PayloadTransparency]));
        (client.roles.caller, client.roles.callee) = (features, features);
        client
    };
    let (mut lab, caller, callee) = pair(transparent("caller"), transparent("callee"));
    assert_carried(&mut lab, caller, callee, &json!({}), &payload);

    let (mut lab, caller, callee) = pair(Client::basic("caller"), transparent("callee"));
    let call = from_wire(json!([48, 1, {}, "com.open", payload]));
    assert_violation(&mut lab, caller, call, BARE);
    assert_silence(&mut lab, &[callee]);

    for answer in [json!([70, 1, {}, payload]), json!([8, 68, 1, {}, "com.error.x", payload])] {
        let (mut lab, caller, callee) = pair(transparent("caller"), Client::basic("callee"));
        lab.send(caller, client::call(1, "com.open", NOTHING));
        wire(&mut lab, callee);
        assert_violation(&mut lab, callee, from_wire(answer), BARE);
    }
}

#[test]
fn extension_attributes_are_forwarded() {
    let (mut lab, caller, callee) = pair(Client::basic("caller"), Client::basic("callee"));
    let about = json!({
        "forward_for": [{"session": 7, "authid": "r1", "authrole": "rlink"}, {"session": 8}],
        "transaction_hash": "0xab12",
        "_trace": {"parent": ["00-4bf9", 1, null, {"deep": [2.5]}]},
        "_tenant_7": "seven",
        "_x_y": false,
    });
    assert_carried(&mut lab, caller, callee, &about, &json!([1]));
}

#[test]
fn unknown_attributes_are_not_forwarded() {
    let (mut lab, caller, callee) = able_pair();
    let about = json!({
        "x_custom": 1, "_ab": 2, "_": 3, "_Abc": 4, "custom": 5, "_a-b-c": 6, "ppt_other": 7,
        "procedure": "com.other", "caller": 1, "trustlevel": 9, "_abc": 8,
    });
    send(&mut lab, caller, json!([48, 1, about, "com.open", [1]]));
    assert_eq!(wire(&mut lab, callee), json!([[68, 1, 1, {"_abc": 8}, [1]]]));
    send(&mut lab, callee, json!([70, 1, with(&about, "callee", 77), [2]]));
    assert_eq!(wire(&mut lab, caller), json!([[50, 1, {"_abc": 8}, [2]]]));
}

#[test]
fn attribute_values_are_transcoded() {
    let (mut lab, caller, callee) = able_pair();
    let about = json!({"forward_for": [{"session": 7}], "_trace": {"a": [1, "b"]}});
    send(&mut lab, caller, json!([48, 1, about, "com.open"]));
    let [message] = &lab.received(callee)[..] else { panic!("one INVOCATION") };
    for serializer in Serializer::ALL {
        let mut bytes = Vec::new();
        encode_router(message, serializer, &mut bytes).unwrap();
        let read =
            cloverleaf_wamp::message::wire::decode_router(serializer, &bytes.into()).unwrap();
        let mut text = Vec::new();
        encode_router(&read, Serializer::Json, &mut text).unwrap();
        let text: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(text, json!([68, 1, 1, about]), "{serializer}");
    }
}

#[test]
fn parts_have_the_passthru_options_of_the_first_part() {
    let (mut lab, caller, callee) = able_pair();
    let (about, payload) = sealed();
    let first = with(&with(&about, "progress", true), "_trace", 1);
    send(
        &mut lab,
        caller,
        json!([48, 1, with(&first, "receive_progress", true), "com.open", payload]),
    );
    // The options of the first part count for all.
    send(
        &mut lab,
        caller,
        json!([48, 1, {"progress": true, "ppt_scheme": "x_other", "_trace": 2}, "com.open", payload]),
    );
    send(&mut lab, caller, json!([48, 1, {}, "com.open", payload]));
    let told = with(&first, "receive_progress", true);
    let last = with(&with(&about, "_trace", 1), "receive_progress", true);
    assert_eq!(
        wire(&mut lab, callee),
        json!([[68, 1, 1, told, payload], [68, 1, 1, told, payload], [68, 1, 1, last, payload]])
    );
    // Each result has its own options.
    send(&mut lab, callee, json!([70, 1, with(&first, "_trace", 3), payload]));
    send(&mut lab, callee, json!([70, 1, {"progress": true}, [1]]));
    send(&mut lab, callee, json!([70, 1, with(&about, "_trace", 4), payload]));
    assert_eq!(
        wire(&mut lab, caller),
        json!([
            [50, 1, with(&first, "_trace", 3), payload],
            [50, 1, {"progress": true}, [1]],
            [50, 1, with(&about, "_trace", 4), payload],
        ])
    );
}

/// A callee reads each part with the options of the first one.
#[test]
fn part_in_the_older_form_needs_a_first_part_in_that_form() {
    let about = json!({"enc_algo": "mqtt", "progress": true});
    let binary = json!("\u{0}AAEC/w==");
    let (mut lab, caller, callee) = able_pair();
    send(&mut lab, caller, json!([48, 1, about, "com.open", binary]));
    send(&mut lab, caller, json!([48, 1, {"enc_algo": "xbr"}, "com.open", binary]));
    let last = json!({"enc_algo": "mqtt"});
    assert_eq!(
        wire(&mut lab, callee),
        json!([[68, 1, 1, about, binary], [68, 1, 1, last, binary]])
    );

    let (mut lab, caller, callee) = able_pair();
    send(&mut lab, caller, json!([48, 1, {"progress": true}, "com.open", [1]]));
    send(&mut lab, caller, json!([48, 1, about, "com.open", [2]]));
    let part = json!({"progress": true});
    assert_eq!(wire(&mut lab, callee), json!([[68, 1, 1, part, [1]], [68, 1, 1, part, [2]]]));
    let text = "CALL with a binary in the place of the arguments: the first part of the call has \
                no enc_algo";
    let sealed = from_wire(json!([48, 1, about, "com.open", binary]));
    assert_violation(&mut lab, caller, sealed, text);
    let [interrupt] = &lab.received(callee)[..] else { panic!("one message") };
    assert!(matches!(interrupt, RouterMessage::Interrupt(_)), "{interrupt:?}");
}

#[test]
fn rerouted_call_keeps_its_passthru_options() {
    let mut lab = Lab::new();
    let [caller, a, b] = join(&mut lab, ["caller", "a", "b"]);
    for callee in [a, b] {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.open", 1);
    }
    let (about, payload) = sealed();
    let about = with(&about, "_trace", [1]);
    send(&mut lab, caller, json!([48, 1, about, "com.open", payload]));
    lab.send(a, unavailable(1));
    assert_eq!(wire(&mut lab, b), json!([[68, 1, 1, about, payload]]));
}

// === announced features ===

/// `docs/decisions/traps.md#f4`: a role uses a feature that it has not announced.
#[test]
fn passthru_without_the_announced_feature_aborts_the_session() {
    let (about, payload) = sealed();
    let none = Some(Features::NONE);
    let mut caller = able("caller");
    caller.roles.caller = none;
    let (mut lab, caller, callee) = pair(caller, able("callee"));
    let call = from_wire(json!([48, 1, about, "com.open", payload]));
    assert_violation(&mut lab, caller, call, NOT_ANNOUNCED);
    assert_silence(&mut lab, &[callee]);

    let mut callee = able("callee");
    callee.roles.callee = none;
    let answers = [
        json!([70, 1, about, payload]),
        json!([70, 1, with(&about, "progress", true), payload]),
        json!([8, 68, 1, about, "com.error.x", payload]),
        // Also in an answer that is late.
        json!([70, 2, about, payload]),
    ];
    for answer in answers {
        let (mut lab, caller, callee) = pair(able("caller"), callee);
        for number in [1, 2] {
            lab.send(caller, client::call(number, "com.open", NOTHING));
        }
        lab.send(callee, client::yielded(2, NOTHING));
        wire(&mut lab, callee);
        assert_violation(&mut lab, callee, from_wire(answer), NOT_ANNOUNCED);
    }
}

#[test]
fn empty_ppt_scheme_is_no_passthru() {
    let (mut lab, caller, callee) = pair(Client::basic("caller"), Client::basic("callee"));
    let about = json!({"ppt_scheme": "", "ppt_serializer": "cbor"});
    assert_carried(&mut lab, caller, callee, &about, &json!([1]));
    // Without a scheme the other options are only forwarded.
    let (mut lab, caller, callee) = pair(Client::basic("caller"), Client::basic("callee"));
    assert_carried(&mut lab, caller, callee, &json!({"ppt_cipher": "x"}), &json!([1]));
}

#[test]
fn callee_without_payload_passthru_is_not_invoked() {
    for callee in [without("callee", &[PASSTHRU]), Client::basic("callee")] {
        let (mut lab, caller, callee) = pair(able("caller"), callee);
        let (about, payload) = sealed();
        send(&mut lab, caller, json!([48, 1, about, "com.open", payload]));
        assert_eq!(wire(&mut lab, caller), json!([refused(1, CALLEE_CAN_NOT)]));
        send(&mut lab, caller, json!([48, 2, with(&about, "progress", true), "com.open", payload]));
        assert_eq!(wire(&mut lab, caller)[0][4], error_uri::FEATURE_NOT_SUPPORTED);
        assert_silence(&mut lab, &[callee]);
    }
}

#[test]
fn callee_with_payload_passthru_is_preferred() {
    let (about, payload) = sealed();
    for policy in [InvokePolicy::First, InvokePolicy::All] {
        let mut lab = Lab::new();
        let unable = lab.join_as(without("unable", &[PASSTHRU]));
        let [caller, able] = join(&mut lab, ["caller", "able"]);
        for callee in [unable, able] {
            register(&mut lab, callee, shared(policy), "com.open", 1);
        }
        send(&mut lab, caller, json!([48, 1, about, "com.open", payload]));
        assert_eq!(wire(&mut lab, able), json!([[68, 1, 1, about, payload]]));
        assert_silence(&mut lab, &[unable]);
    }
}

#[test]
fn meta_procedure_refuses_passthru_payloads() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let (about, payload) = sealed();
    send(&mut lab, caller, json!([48, 1, about, "wamp.session.count", payload]));
    let text = "a procedure of the router could not open the payload";
    assert_eq!(wire(&mut lab, caller), json!([refused(1, text)]));
}

/// Spec: advanced profile "Payload Passthru Mode": the dealer responds to the callee, too. The
/// callee has sent no request, so the response is INTERRUPT.
#[test]
fn passthru_result_for_a_caller_without_the_feature_fails_the_call() {
    let (about, payload) = sealed();
    let interrupt =
        json!([69, 1, {"mode": "killnowait", "reason": error_uri::FEATURE_NOT_SUPPORTED}]);
    for progress in [false, true] {
        for (callee, told) in [
            (able("callee"), json!([interrupt])),
            (without("callee", &[Feature::CallCanceling]), json!([])),
        ] {
            let (mut lab, caller, callee) = pair(without("caller", &[PASSTHRU]), callee);
            send(&mut lab, caller, json!([48, 1, {"receive_progress": true}, "com.open"]));
            wire(&mut lab, callee);
            send(&mut lab, callee, json!([70, 1, with(&about, "progress", progress), payload]));
            assert_eq!(wire(&mut lab, caller), json!([refused(1, CALLER_CAN_NOT)]));
            assert_eq!(wire(&mut lab, callee), told);
            send(&mut lab, callee, json!([70, 1, {}, [1]]));
            assert_silence(&mut lab, &[caller, callee]);
            assert_eq!(lab.realm().calls_in_flight(), 0);
        }
    }
}

#[test]
fn passthru_answer_in_a_call_to_all_is_a_failure() {
    let mut lab = Lab::new();
    let caller = lab.join_as(without("caller", &[PASSTHRU]));
    let [a, b] = join(&mut lab, ["a", "b"]);
    for callee in [a, b] {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.open", 1);
    }
    send(&mut lab, caller, json!([48, 1, {}, "com.open"]));
    wire(&mut lab, b);
    let (about, payload) = sealed();
    send(&mut lab, a, json!([70, 1, about, payload]));
    assert_silence(&mut lab, &[caller, b]);
    send(&mut lab, b, json!([70, 1, {}, [2]]));
    let failure = json!({"error": error_uri::FEATURE_NOT_SUPPORTED, "args": [CALLER_CAN_NOT]});
    assert_eq!(wire(&mut lab, caller), json!([[50, 1, {}, [[failure, {"args": [2]}]]]]));
}

/// The URI names the failure; the payload only explains it.
#[test]
fn passthru_error_reaches_a_caller_without_the_feature() {
    let (mut lab, caller, callee) = pair(without("caller", &[PASSTHRU]), able("callee"));
    send(&mut lab, caller, json!([48, 1, {}, "com.open"]));
    let (about, payload) = sealed();
    send(&mut lab, callee, json!([8, 68, 1, about, "com.error.x", payload]));
    assert_eq!(wire(&mut lab, caller), json!([[8, 48, 1, about, "com.error.x", payload]]));
}
