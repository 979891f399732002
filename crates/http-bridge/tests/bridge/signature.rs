//! Signed requests. The signatures were computed with another implementation of HMAC.

use std::time::Duration;

use cloverleaf_http_bridge::{BridgeSettings, MAX_NONCES, Resource, SigningKey};

use crate::lab::{BridgeRequest, Lab, denied, now, text};

const BODY: &str = r#"{"procedure":"com.example.add2","args":[2,3]}"#;
const SIGNATURE: &str = "WAnXf7pNYrPJh0baXjPCQFwJkxsl-i4DqpPjlUFfluA=";

/// The fields of a valid signed request.
const FIELDS: [(&str, &str); 5] = [
    ("timestamp", "2011-10-14T16:59:51.123Z"),
    ("seq", "1"),
    ("nonce", "17"),
    ("key", "bazapp"),
    ("signature", SIGNATURE),
];

fn settings() -> BridgeSettings {
    let signed_with = Some(SigningKey::new("bazapp", "foobar"));
    BridgeSettings { signed_with, ..BridgeSettings::default() }
}

fn ask(fields: &[(&str, &str)]) -> (u16, String) {
    ask_with(settings(), fields, BODY)
}

fn ask_with(settings: BridgeSettings, fields: &[(&str, &str)], body: &str) -> (u16, String) {
    Lab::new(Resource::Caller, settings).ask(request(fields, body))
}

fn request(fields: &[(&str, &str)], body: &str) -> BridgeRequest {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    BridgeRequest::post(body).query(&fields.join("&"))
}

/// A bridge that remembers this many nonces.
fn remembering(nonces: usize) -> Lab {
    let settings = BridgeSettings { remembered_nonces: Some(nonces), ..settings() };
    Lab::new(Resource::Caller, settings)
}

/// A signed request with other timestamp, seq, nonce and signature than the valid one.
fn signed(timestamp: &str, seq: &str, nonce: &str, signature: &str) -> BridgeRequest {
    let [.., key, _] = FIELDS;
    let signature = ("signature", signature);
    request(&[("timestamp", timestamp), ("seq", seq), ("nonce", nonce), key, signature], BODY)
}

fn good() -> BridgeRequest {
    request(&FIELDS, BODY)
}

fn used(nonce: &str) -> (u16, String) {
    invalid(&format!("invalid nonce '{nonce}' (was used before)"))
}

fn without(name: &str) -> Vec<(&str, &str)> {
    FIELDS.into_iter().filter(|field| field.0 != name).collect()
}

fn with<'v>(name: &'v str, value: &'v str) -> Vec<(&'v str, &'v str)> {
    let mut fields = without(name);
    fields.push((name, value));
    fields
}

fn served() -> (u16, String) {
    (200, r#"{"args":[5]}"#.to_owned())
}

fn missing(reason: &str) -> (u16, String) {
    let text = format!("REST bridge signature was invalid (missing mandatory field - {reason}).");
    denied(400, &text)
}

fn invalid(reason: &str) -> (u16, String) {
    denied(400, &format!("REST bridge signature was invalid ({reason})."))
}

#[test]
fn a_good_signature_is_accepted() {
    assert_eq!(ask(&FIELDS), served());
    let mut reversed = FIELDS;
    reversed.reverse();
    assert_eq!(ask(&reversed), served());
}

#[test]
fn the_signature_covers_the_decoded_values() {
    assert_eq!(ask(&with("timestamp", "2011-10-14T16%3A59%3A51.123Z")), served());
    let encoded = SIGNATURE.replace('=', "%3D");
    assert_eq!(ask(&with("signature", &encoded)), served());
}

#[test]
fn the_signature_covers_the_body_byte_for_byte() {
    let expected = denied(401, "REST bridge signature secret not valid.");
    assert_eq!(ask_with(settings(), &FIELDS, &BODY.replace("[2,3]", "[2,4]")), expected);
    let lab = Lab::new(Resource::Publisher, settings());
    let query = "timestamp=2011-10-14T16:59:51.123Z&seq=1&nonce=17&key=bazapp\
                 &signature=EAPnAqpcdnC8vk4-lSSj9rmBBl-Gto7EzRyMW-pS6_g=";
    let body = "{\"topic\":\"com.test.messages\",\"args\":[\"\u{2603}\"]}";
    assert_eq!(lab.reply(BridgeRequest::post(body).query(query)).status, 200);
}

#[test]
fn a_signature_with_another_secret_is_refused() {
    let expected = denied(401, "REST bridge signature secret not valid.");
    let of_another_secret = "QhWKkVpTPv4cTHbByQ1ay53FjhEfay8aKsSLFM4aNoY=";
    assert_eq!(ask(&with("signature", of_another_secret)), expected);
    for signature in ["", "x", SIGNATURE.trim_end_matches('='), &SIGNATURE.to_lowercase()] {
        assert_eq!(ask(&with("signature", signature)), expected, "{signature}");
    }
}

#[test]
fn an_unknown_key_is_refused() {
    let expected = denied(401, "REST bridge signature key not valid.");
    let mut fields = with("key", "spamapp");
    assert_eq!(ask(&fields), expected);
    fields.retain(|field| field.0 != "signature");
    fields.push(("signature", "Ogwca2Jzisz_X5rEYidn1OMvSNse-itxy94_Xrp1iv0="));
    assert_eq!(ask(&fields), expected);
}

#[test]
fn every_field_of_a_signed_request_is_mandatory() {
    assert_eq!(ask(&without("key")), missing("'key' field missing"));
    let timestamp = "signed request required, but mandatory 'timestamp' field missing";
    assert_eq!(ask(&without("timestamp")), missing(timestamp));
    assert_eq!(ask(&without("seq")), missing("'seq' field missing"));
    assert_eq!(ask(&without("nonce")), missing("'nonce' field missing"));
    assert_eq!(ask(&without("signature")), missing("'signature' field missing"));
    assert_eq!(ask(&[]), missing("'key' field missing"));
}

#[test]
fn a_malformed_timestamp_is_refused() {
    let expected = |text: &str| {
        let hint = "(must be UTC/ISO-8601, e.g. '2011-10-14T16:59:51.123Z')";
        invalid(&format!("invalid timestamp '{text}' {hint}"))
    };
    assert_eq!(ask(&with("timestamp", "notatimestamp")), expected("notatimestamp"));
    assert_eq!(ask(&with("timestamp", "")), expected(""));
    assert_eq!(ask(&with("timestamp", "%22%0A%ff")), expected("\"\n\u{fffd}"));
    let long = "9".repeat(10_000);
    assert_eq!(ask(&with("timestamp", &long)), expected(&"9".repeat(100)));
}

#[test]
fn a_timestamp_too_far_from_now_is_refused() {
    let expired = denied(400, "Request expired, too old timestamp.");
    assert_eq!(ask(&with("timestamp", "2011-10-14T16:54:50.999Z")), expired);
    assert_eq!(ask(&with("timestamp", "2011-10-14T17:04:51.001Z")), expired);
    // Within the limit, so the signature is what fails.
    assert_eq!(ask(&with("timestamp", "2011-10-14T16:54:51.000Z")).0, 401);
    assert_eq!(ask(&with("timestamp", "2011-10-14T17:04:51.000Z")).0, 401);
}

#[test]
fn the_timestamp_limit_is_configurable() {
    let ask = |limit, timestamp| {
        let settings = BridgeSettings { timestamp_delta_limit: limit, ..settings() };
        ask_with(settings, &with("timestamp", timestamp), BODY).0
    };
    assert_eq!(ask(None, "1980-01-01T00:00:00.000Z"), 401);
    assert_eq!(ask(Some(Duration::from_secs(1)), "2011-10-14T16:59:53.000Z"), 400);
}

#[test]
fn seq_and_nonce_must_be_integers() {
    for text in ["", "x", "-", "--1", "-x", "1_", "_1", "1__0", "1.5", "1e3", "0x1"] {
        let seq = format!("invalid sequence number '{text}' (must be an integer)");
        assert_eq!(ask(&with("seq", text)), invalid(&seq));
        let nonce = format!("invalid nonce '{text}' (must be an integer)");
        assert_eq!(ask(&with("nonce", text)), invalid(&nonce));
    }
}

/// As Python's `int` reads them. The signature covers the form-decoded text.
#[test]
fn seq_and_nonce_may_be_any_integer_that_python_accepts() {
    for (seq, nonce, signature) in [
        ("-1", "-5", "jpzOrnlLJwsHW2TsDD-XM2c1x5IkcomiJ-BTGNmiu6g="),
        ("%2B1", "%2b17", "zuFNB3SQY1WgzIcS3rWmYSVZe8jYzIMT59aTpu4rA-M="),
        ("007", "1_000", "IaNKG51P9F2wC8UfgzhQtE6L8ppCBrD7MgjIphngK-Y="),
        ("+1", "17%0a", "hKWIwq98kviDZT2dF6DT-tfltiHiBPp0NcNOE2w-QAs="),
        (&"0".repeat(4300), "9", "WLK2Dl1AHXwZdAi2vpiRNAisU3JsClwiwc0xP4JkPOg="),
    ] {
        let request = signed("2011-10-14T16:59:51.123Z", seq, nonce, signature);
        let lab = Lab::new(Resource::Caller, settings());
        assert_eq!(lab.ask(request), served(), "{seq:.9} {nonce}");
    }
}

#[test]
fn an_integer_with_too_many_digits_is_refused() {
    let (status, body) = ask(&with("nonce", &"1".repeat(4301)));
    assert_eq!(status, 400);
    assert!(body.contains("invalid nonce '111"), "{body:.200}");
}

#[test]
fn fields_are_checked_in_their_order() {
    let all_wrong = [("key", "spamapp"), ("timestamp", "x"), ("seq", "x"), ("nonce", "x")];
    let reason = |fields: &[(&str, &str)]| ask(fields).1;
    assert!(reason(&all_wrong[1..]).contains("'key'"));
    assert!(reason(&all_wrong).contains("timestamp 'x'"));
    let mut fields = all_wrong;
    fields[1].1 = "2011-01-01T00:00:00.0Z";
    assert!(reason(&fields).contains("expired"));
    fields[1].1 = "2011-10-14T16:59:51.123Z";
    assert!(reason(&fields).contains("sequence number"));
    fields[2].1 = "1";
    assert!(reason(&fields).contains("nonce"));
    fields[3].1 = "1";
    assert!(reason(&fields).contains("'signature'"));
}

#[test]
fn present_fields_are_checked_even_if_no_signature_is_required() {
    let ask = |name, value| ask_with(BridgeSettings::default(), &[(name, value)], BODY);
    assert_eq!(ask("seq", "5"), served());
    assert_eq!(ask("other", "x"), served());
    assert_eq!(ask("key", "x"), served());
    assert_eq!(ask("signature", "x"), served());
    assert_eq!(ask("seq", "x").0, 400);
    assert_eq!(ask("nonce", "x").0, 400);
    assert_eq!(ask("timestamp", "x").0, 400);
    assert_eq!(ask("timestamp", "1980-01-01T00:00:00.0Z").0, 400);
}

#[test]
fn replays_are_refused_only_if_nonces_are_remembered() {
    let lab = Lab::new(Resource::Caller, settings());
    assert_eq!([lab.ask(good()), lab.ask(good())], [served(), served()]);
    let lab = remembering(MAX_NONCES);
    assert_eq!([lab.ask(good()), lab.ask(good())], [served(), used("17")]);
    assert_eq!(lab.received().len(), 1);
}

#[test]
fn a_nonce_stays_used_until_its_timestamp_has_expired() {
    let lab = remembering(MAX_NONCES);
    assert_eq!(lab.ask(good()), served());
    let soon = "hxk_3K5GvGS6dzNNVji9g2N6hE3NctAB9lLMH4MUX5M=";
    assert_eq!(lab.ask(signed("2011-10-14T16:59:52.000Z", "2", "17", soon)), used("17"));
    let late = "z9mvOhyh0mQ48IuQOSTdOGPjuMYqU7QvqkyAaK9Oss4=";
    let ask_after = |seconds| {
        let request = signed("2011-10-14T17:04:52.000Z", "1", "17", late);
        text(&lab.reply_at(now() + Duration::from_secs(seconds), request))
    };
    assert_eq!(ask_after(300), used("17"));
    assert_eq!(ask_after(301), served());
    assert_eq!(ask_after(301), used("17"));
}

#[test]
fn moving_digits_between_seq_and_nonce_is_a_replay() {
    let lab = remembering(MAX_NONCES);
    assert_eq!(lab.ask(good()), served());
    let moved = signed("2011-10-14T16:59:51.123Z", "11", "7", SIGNATURE);
    assert_eq!(lab.ask(moved), used("7"));
}

#[test]
fn a_denied_request_uses_no_nonce() {
    let settings = BridgeSettings { require_tls: true, ..settings() };
    let lab = Lab::new(Resource::Caller, BridgeSettings { remembered_nonces: Some(1), ..settings });
    for (name, value) in [("signature", "x"), ("key", "spamapp"), ("timestamp", "x")] {
        assert_ne!(lab.ask(request(&with(name, value), BODY).over_tls()).0, 200, "{name}");
    }
    assert_eq!(lab.ask(good()), denied(400, "Malformed request to the REST bridge."));
    assert_eq!(lab.ask(good().over_tls()), served());
}

#[test]
fn requests_are_refused_while_the_table_of_nonces_is_full() {
    let lab = remembering(1);
    assert_eq!(lab.ask(good()), served());
    let other = "E7KUx0Ox5RjNTr-9EAjvrisfU0lk3WZuvrMU_aRRf_w=";
    let reason = "Too many signed requests, no further nonce can be remembered for now.";
    let other = || signed("2011-10-14T16:59:51.123Z", "2", "18", other);
    assert_eq!(lab.ask(other()), denied(503, reason));
    assert_eq!(lab.ask(good()), used("17"));
    let late = "z9mvOhyh0mQ48IuQOSTdOGPjuMYqU7QvqkyAaK9Oss4=";
    let late = signed("2011-10-14T17:04:52.000Z", "1", "17", late);
    assert_eq!(text(&lab.reply_at(now() + Duration::from_secs(301), late)), served());
}

#[test]
fn the_secret_is_not_printed() {
    let printed = format!("{:?}", SigningKey::new("bazapp", "foobar"));
    assert_eq!(printed, r#"SigningKey { key: "bazapp", secret: "***" }"#);
}
