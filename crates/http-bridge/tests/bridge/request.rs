//! The checks of every request, independent of the resource.

use std::net::{IpAddr, Ipv4Addr};

use cloverleaf_http_bridge::{AddressFilter, BodyError, BridgeSettings, MAX_BODY, Resource};

use crate::lab::{BridgeRequest, Lab, denied};

const BODY: &str = r#"{"topic": "com.test.messages", "args": [1]}"#;
const PUBLISHED: &str = r#"{"id":9007199254740992}"#;
const NO_CHARSET: &str = "Non-accepted request encoding, must be UTF-8.";
const NOT_JSON: &str = "Request body was invalid JSON.";

fn ask(request: BridgeRequest) -> (u16, String) {
    Lab::publisher().ask(request)
}

fn ask_with(settings: BridgeSettings, request: BridgeRequest) -> (u16, String) {
    Lab::new(Resource::Publisher, settings).ask(request)
}

fn published() -> (u16, String) {
    (200, PUBLISHED.to_owned())
}

fn of_type(content_type: &str) -> BridgeRequest {
    BridgeRequest::with_method("POST", BODY).header("content-type", content_type)
}

fn loopback_only() -> BridgeSettings {
    let filter = AddressFilter::new(|ip| ip == IpAddr::from(Ipv4Addr::LOCALHOST));
    BridgeSettings { require_ip: Some(filter), ..BridgeSettings::default() }
}

fn tls_only() -> BridgeSettings {
    BridgeSettings { require_tls: true, ..BridgeSettings::default() }
}

fn limited() -> BridgeSettings {
    BridgeSettings { post_body_limit: Some(BODY.len()), ..BridgeSettings::default() }
}

#[test]
fn a_request_from_an_accepted_address_is_served() {
    let request = BridgeRequest::post(BODY).coming_from("127.0.0.1");
    assert_eq!(ask_with(loopback_only(), request), published());
    let ten = |ip| matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 10);
    let filter = Some(AddressFilter::new(ten));
    let settings = BridgeSettings { require_ip: filter, ..BridgeSettings::default() };
    assert_eq!(ask_with(settings, BridgeRequest::post(BODY).coming_from("10.1.2.3")), published());
}

#[test]
fn a_request_from_another_or_no_address_is_refused() {
    let expected = denied(400, "Request denied based on IP address.");
    let request = BridgeRequest::post(BODY).coming_from("192.168.1.1");
    assert_eq!(ask_with(loopback_only(), request), expected);
    assert_eq!(ask_with(loopback_only(), BridgeRequest::post(BODY)), expected);
}

#[test]
fn tls_is_accepted_if_it_is_not_required() {
    assert_eq!(ask(BridgeRequest::post(BODY).over_tls()), published());
}

#[test]
fn a_plain_connection_is_refused_if_tls_is_required() {
    assert_eq!(ask_with(tls_only(), BridgeRequest::post(BODY).over_tls()), published());
    let expected = denied(400, "Malformed request to the REST bridge.");
    assert_eq!(ask_with(tls_only(), BridgeRequest::post(BODY)), expected);
}

#[test]
fn a_content_type_may_name_utf8_in_any_spelling() {
    for content_type in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=utf8;",
        "application/json; charset=\"utf-8\"",
        "application/json ; Charset = utf-8 ; q=1",
    ] {
        assert_eq!(ask(of_type(content_type)), published(), "{content_type}");
    }
    assert_eq!(ask(BridgeRequest::with_method("POST", BODY)), published());
}

#[test]
fn another_content_type_is_refused() {
    let expected = |given: &str| {
        let text = format!(
            "Non-accepted content type. (must be one of 'application/json', not '{given}')"
        );
        denied(400, &text)
    };
    assert_eq!(ask(of_type("application/text")), expected("application/text"));
    assert_eq!(ask(of_type("Text/Plain; charset=ascii")), expected("text/plain"));
    assert_eq!(ask(of_type("charset=blarg;application/json")), expected("charset=blarg"));
    assert_eq!(ask(of_type("")), expected(""));
}

#[test]
fn another_charset_is_refused() {
    for charset in ["ascii", "blarg", "\"", "", "utf-16"] {
        let content_type = format!("application/json; charset={charset}");
        assert_eq!(ask(of_type(&content_type)), denied(400, NO_CHARSET), "{charset}");
    }
}

#[test]
fn malformed_content_type_parameters_are_refused() {
    for parameters in ["charset=utf-8;charset=utf-8", "charset=blarg;charset=boo", "a=b=c", "utf-8"]
    {
        let content_type = format!("application/json;{parameters}");
        assert_eq!(ask(of_type(&content_type)), denied(400, NO_CHARSET), "{parameters}");
    }
}

#[test]
fn repeated_header_fields_are_refused() {
    let expected = denied(400, "Multiple versions of the same header is not allowed.");
    let lengths =
        BridgeRequest::post(BODY).header("content-length", "1").header("content-length", "10");
    assert_eq!(ask(lengths), expected);
    assert_eq!(ask(BridgeRequest::post(BODY).header("content-type", "application/json")), expected);
}

#[test]
fn a_body_that_differs_from_content_length_is_refused() {
    let expected = "Body length (43) is different to Content-Length header (1).";
    assert_eq!(ask(BridgeRequest::post(BODY).header("content-length", "1")), denied(400, expected));
    assert_eq!(ask(BridgeRequest::post(BODY).header("content-length", "43")), published());
    let cut =
        BridgeRequest::failing(BodyError::Incomplete { read: 7 }).header("content-length", "43");
    let expected = "Body length (7) is different to Content-Length header (43).";
    assert_eq!(ask(cut), denied(400, expected));
}

#[test]
fn a_malformed_content_length_is_refused() {
    let expected = denied(400, "Malformed request to the REST bridge.");
    for length in ["", "x", "-1", "+43", "43.0", "99999999999999999999"] {
        let request = BridgeRequest::post(BODY).header("content-length", length);
        assert_eq!(ask(request), expected, "{length}");
    }
    assert_eq!(ask(BridgeRequest::failing(BodyError::Incomplete { read: 7 })), expected);
}

#[test]
fn a_body_above_the_limit_is_refused() {
    assert_eq!(ask_with(limited(), BridgeRequest::post(BODY)), published());
    let expected = "Request too long. (44 is longer than accepted 43)";
    let longer = format!("{BODY} ");
    assert_eq!(ask_with(limited(), BridgeRequest::post(longer)), denied(413, expected));
}

#[test]
fn a_body_that_was_not_read_to_its_end_is_refused() {
    let announced = BridgeRequest::failing(BodyError::TooLong).header("content-length", "1000");
    let expected = "Request too long. (1000 is longer than accepted 43)";
    assert_eq!(ask_with(limited(), announced), denied(413, expected));
    let expected = "Request too long. (the body is longer than accepted 43)";
    let unannounced = BridgeRequest::failing(BodyError::TooLong);
    assert_eq!(ask_with(limited(), unannounced), denied(413, expected));
}

#[test]
fn the_default_body_limit_applies() {
    let lab = Lab::publisher();
    assert_eq!(lab.bridge.body_limit(), MAX_BODY);
    assert_eq!(lab.reply(BridgeRequest::post(vec![b' '; MAX_BODY + 1])).status, 413);
    assert_eq!(lab.ask(BridgeRequest::post(vec![b' '; MAX_BODY])), denied(400, NOT_JSON));
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    let bodies = ["", "sometext", "{", r#"{"topic":"a""#, r#"{"topic":"a"} x"#, "[1,", "{'a':1}"];
    for body in bodies {
        assert_eq!(ask(BridgeRequest::post(body)), denied(400, NOT_JSON), "{body}");
    }
    // Members are checked only if the JSON is complete.
    assert_eq!(ask(BridgeRequest::post(r#"{"topic":1,"args":2"#)), denied(400, NOT_JSON));
    assert_eq!(ask(BridgeRequest::post("\u{feff}{}")), denied(400, NOT_JSON));
}

#[test]
fn json_that_is_not_an_object_is_refused() {
    let expected = "Request body was valid JSON, but not well formed (must be a dict).";
    for body in ["[{},{}]", "null", "5", r#""text""#, "[]", "true"] {
        assert_eq!(ask(BridgeRequest::post(body)), denied(400, expected), "{body}");
    }
}

#[test]
fn a_body_is_decoded_as_utf8() {
    let body = "{\"topic\": \"com.test.messages\", \"args\": [\"\u{2603}\"]}";
    assert_eq!(ask(BridgeRequest::post(body)), published());
    let named = BridgeRequest::with_method("POST", body)
        .header("content-type", "application/json;charset=utf-8");
    assert_eq!(ask(named), published());
}

#[test]
fn a_body_that_is_not_utf8_is_refused_as_such() {
    let expected = denied(400, "Non-decodable request body, was not UTF-8.");
    let bodies: [&[u8]; 4] = [
        b"{\"topic\": \"com.test.messages\", \"args\": [\"abc\xe9\"]}",
        b"{\"topic\xe9\": 1}",
        b"\xff",
        b"{] \xe9",
    ];
    for body in bodies {
        assert_eq!(ask(BridgeRequest::post(body)), expected, "{body:?}");
    }
}

#[test]
fn checks_run_in_their_order() {
    let settings = || BridgeSettings { require_tls: true, ..limited() };
    let request = |body: &str| {
        BridgeRequest::with_method("POST", body).header("content-length", "9").query("seq=x")
    };
    let bad_type = request("[").header("content-type", "text/plain");
    assert!(ask_with(settings(), bad_type).1.contains("content type"));
    assert!(ask_with(settings(), request("[")).1.contains("Body length"));
    let long = BridgeRequest::with_method("POST", BODY.repeat(2)).query("seq=x");
    assert_eq!(ask_with(settings(), long).0, 413);
    let unsigned = BridgeRequest::with_method("POST", "[").query("seq=x");
    assert!(ask_with(settings(), unsigned).1.contains("signature"));
    let elsewhere = BridgeSettings { require_ip: loopback_only().require_ip, ..settings() };
    assert!(ask_with(elsewhere, BridgeRequest::post("[")).1.contains("IP address"));
    assert!(ask_with(settings(), BridgeRequest::post("[")).1.contains("Malformed"));
    assert!(ask_with(settings(), BridgeRequest::post("[").over_tls()).1.contains("JSON"));
}
