//! Header fields of the responses, origins and preflight requests.

use cloverleaf_http_bridge::{
    AllowedOrigins, BridgeResponse, BridgeSettings, Resource, SigningKey,
};

use crate::lab::{BridgeRequest, Lab, denied, text};

const BODY: &str = r#"{"procedure":"com.example.add2","args":[2,3]}"#;

/// All header fields, sorted.
fn fields(reply: BridgeResponse) -> Vec<(String, String)> {
    let response = reply.into_response();
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().expect("text").to_owned())
    };
    let mut fields: Vec<_> = response.headers().iter().map(field).collect();
    fields.sort();
    fields
}

/// The header fields of every response and the given ones, sorted.
fn with(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let always = [
        ("cache-control", "no-store,no-cache,must-revalidate,max-age=0"),
        ("content-type", "application/json; charset=UTF-8"),
        ("vary", "Origin"),
    ];
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let mut fields: Vec<_> = always.iter().chain(more).map(owned).collect();
    fields.sort();
    fields
}

fn listed(origins: &[&str]) -> Lab {
    listed_for(Resource::Caller, origins)
}

fn listed_for(resource: Resource, origins: &[&str]) -> Lab {
    let allowed_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    Lab::new(resource, BridgeSettings { allowed_origins, ..BridgeSettings::default() })
}

#[test]
fn without_an_origin_all_pages_may_read_the_response() {
    let everybody =
        with(&[("access-control-allow-credentials", "true"), ("access-control-allow-origin", "*")]);
    let lab = Lab::caller();
    assert_eq!(fields(lab.reply(BridgeRequest::post(BODY))), everybody);
    assert_eq!(fields(lab.reply(BridgeRequest::post(BODY).header("origin", "null"))), everybody);
}

#[test]
fn the_requesting_origin_may_read_the_response() {
    let request = BridgeRequest::post("")
        .header("origin", "https://example.com")
        .header("access-control-request-headers", "x-one, x-two");
    let expected = with(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "x-one, x-two"),
        ("access-control-allow-origin", "https://example.com"),
    ]);
    let reply = Lab::caller().reply(request);
    assert_eq!(reply.status, 400);
    assert_eq!(fields(reply), expected);
}

#[test]
fn options_is_answered_with_the_methods_and_an_empty_body() {
    let expected = with(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "POST,PUT,OPTIONS"),
        ("access-control-allow-origin", "https://example.com"),
        ("allow", "POST,PUT,OPTIONS"),
    ]);
    let request = BridgeRequest::with_method("OPTIONS", "ignored")
        .header("content-type", "text/plain")
        .header("origin", "https://example.com");
    let reply = Lab::caller().reply(request);
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
    assert_eq!(fields(reply), expected);
}

#[test]
fn a_forbidden_method_is_answered_with_the_allowed_ones() {
    for method in ["GET", "HEAD", "DELETE", "PATCH", "post", "FOO"] {
        let reply = Lab::caller().reply(BridgeRequest::with_method(method, ""));
        assert_eq!(reply.headers.iter().filter(|(name, _)| name == "allow").count(), 1);
        let error = format!(
            "Method not accepted by the REST bridge. ({method} not allowed, only POST, PUT)"
        );
        assert_eq!(text(&reply), denied(405, &error));
    }
}

#[test]
fn pages_of_listed_origins_may_read_the_response() {
    let lab = listed(&["https://example.com", "https://*.example.org"]);
    for origin in ["https://example.com", "https://app.example.org", "HTTPS://APP.example.org"] {
        let reply = lab.reply(BridgeRequest::post(BODY).header("origin", origin));
        assert_eq!(text(&reply), (200, r#"{"args":[5]}"#.to_owned()), "{origin}");
        let readable = with(&[
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-origin", origin),
        ]);
        assert_eq!(fields(reply), readable, "{origin}");
    }
    assert_eq!(
        fields(lab.reply(BridgeRequest::post(BODY))),
        with(&[]),
        "a program that is no browser"
    );
    assert_eq!(lab.received().len(), 4);
}

#[test]
fn a_request_from_another_origin_is_denied_before_the_call() {
    let denial = denied(403, "Request denied based on its origin.");
    let foreign = [
        "https://example.net",
        "https://example.com.evil",
        "http://example.com",
        "https://example.com:8443",
        "null",
        "file://",
        "",
        "nonsense",
    ];
    for resource in [Resource::Caller, Resource::Publisher] {
        let lab = listed_for(resource, &["https://example.com"]);
        for (origin, method) in foreign
            .into_iter()
            .flat_map(|origin| ["POST", "PUT", "OPTIONS", "GET"].map(|method| (origin, method)))
        {
            let request = BridgeRequest::with_method(method, BODY)
                .header("origin", origin)
                .header("access-control-request-headers", "x-one");
            let reply = lab.reply(request);
            assert_eq!(text(&reply), denial, "{method} from '{origin}'");
            assert_eq!(fields(reply), with(&[]), "{method} from '{origin}'");
        }
        let twice = BridgeRequest::post(BODY)
            .header("origin", "https://example.com")
            .header("origin", "https://evil.example");
        assert_eq!(lab.ask(twice), denial);
        assert_eq!(lab.received(), [], "the router is not asked");
    }
}

#[test]
fn the_origin_is_checked_before_the_signature() {
    let settings = BridgeSettings {
        allowed_origins: ["https://example.com".to_owned()].into_iter().collect(),
        signed_with: Some(SigningKey::new("bazapp", "foobar")),
        ..BridgeSettings::default()
    };
    let lab = Lab::new(Resource::Caller, settings);
    let request = |origin| BridgeRequest::post(BODY).header("origin", origin);
    let denial = denied(403, "Request denied based on its origin.");
    assert_eq!(lab.ask(request("https://example.net")), denial);
    assert_eq!(lab.reply(request("https://example.com")).status, 400);
}

#[test]
fn the_origin_null_allows_pages_from_files() {
    let lab = listed(&["https://example.com", "null"]);
    for origin in ["null", "file://"] {
        let reply = lab.reply(BridgeRequest::post(BODY).header("origin", origin));
        assert_eq!(reply.status, 200, "{origin}");
        assert!(
            fields(reply).contains(&("access-control-allow-origin".to_owned(), origin.to_owned()))
        );
    }
}

#[test]
fn a_preflight_request_of_a_listed_origin_is_answered() {
    let request = BridgeRequest::with_method("OPTIONS", "").header("origin", "https://example.com");
    let reply = listed(&["https://example.com"]).reply(request);
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
    let expected = with(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "POST,PUT,OPTIONS"),
        ("access-control-allow-origin", "https://example.com"),
        ("allow", "POST,PUT,OPTIONS"),
    ]);
    assert_eq!(fields(reply), expected);
}

#[test]
fn the_origin_star_allows_all_origins() {
    let origins = ["https://example.com", "*"].map(str::to_owned);
    assert_eq!(origins.into_iter().collect::<AllowedOrigins>(), AllowedOrigins::All);
}
