//! Header fields of the replies, and what browsers ask before they send a request.

use cloverleaf_http_bridge::{AllowedOrigins, BridgeSettings, Reply, Resource};

use crate::lab::{Lab, Request, denied};

const BODY: &str = r#"{"procedure":"com.example.add2","args":[2,3]}"#;

/// The header fields, sorted.
fn fields(reply: Reply) -> Vec<(String, String)> {
    let response = reply.into_response();
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().expect("text").to_owned())
    };
    let mut fields: Vec<_> = response.headers().iter().map(field).collect();
    fields.sort();
    fields
}

/// What every reply has, with the given fields.
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
    let allowed_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    let settings = BridgeSettings { allowed_origins, ..BridgeSettings::default() };
    Lab::new(Resource::Caller, settings)
}

#[test]
fn a_reply_may_be_read_by_everybody_where_no_origin_is_named() {
    let everybody =
        with(&[("access-control-allow-credentials", "true"), ("access-control-allow-origin", "*")]);
    let lab = Lab::caller();
    assert_eq!(fields(lab.reply(Request::post(BODY))), everybody);
    assert_eq!(fields(lab.reply(Request::post(BODY).header("origin", "null"))), everybody);
}

#[test]
fn a_reply_may_be_read_by_the_origin_that_asks() {
    let request = Request::post("")
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
fn options_is_answered_with_the_methods_and_without_a_body() {
    let expected = with(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "POST,PUT,OPTIONS"),
        ("access-control-allow-origin", "https://example.com"),
        ("allow", "POST,PUT,OPTIONS"),
    ]);
    let request = Request::with_method("OPTIONS", "ignored")
        .header("content-type", "text/plain")
        .header("origin", "https://example.com");
    let reply = Lab::caller().reply(request);
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
    assert_eq!(fields(reply), expected);
}

#[test]
fn a_method_that_is_not_allowed_is_answered_with_those_that_are() {
    for method in ["GET", "HEAD", "DELETE", "PATCH", "post", "FOO"] {
        let reply = Lab::caller().reply(Request::with_method(method, ""));
        assert_eq!(reply.headers.iter().filter(|(name, _)| name == "allow").count(), 1);
        let text = format!(
            "Method not accepted by the REST bridge. ({method} not allowed, only POST, PUT)"
        );
        assert_eq!(crate::lab::text(&reply), denied(405, &text));
    }
}

#[test]
fn only_listed_origins_may_read_where_the_operator_lists_some() {
    let lab = listed(&["https://example.com", "https://example.org"]);
    let request = |origin| Request::post(BODY).header("origin", origin);
    let readable = with(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", "https://example.org"),
    ]);
    assert_eq!(fields(lab.reply(request("https://example.org"))), readable);
    for other in ["https://example.net", "https://example.org.evil", "null"] {
        assert_eq!(fields(lab.reply(request(other))), with(&[]), "{other}");
    }
    assert_eq!(fields(lab.reply(Request::post(BODY))), with(&[]));
}

#[test]
fn a_star_among_the_origins_stands_for_all() {
    let origins = ["https://example.com", "*"].map(str::to_owned);
    assert_eq!(origins.into_iter().collect::<AllowedOrigins>(), AllowedOrigins::All);
}
