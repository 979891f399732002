//! Origins and patterns. The decisions in [`TABLE`] are those of Autobahn|Python 26.10, except the
//! rows of [`ACCEPTED_HERE`] and [`REFUSED_HERE`]. `tests/interop/test_origins.py` compares both
//! programs.

use proptest::prelude::*;

use super::{OriginRule, matches};

/// Patterns, origins that match one of them, and origins that do not.
const TABLE: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["*"],
        &[
            "http://example.com",
            "https://example.com",
            "https://example.com:8443",
            "HTTPS://EXAMPLE.COM",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "chrome-extension://abcdef",
            "capacitor://localhost",
            "http://example.com/a/path?query#fragment",
            "//example.com/",
        ],
        &[
            "",
            "*",
            "example.com",
            "localhost:8080",
            "http://",
            "http:///",
            "http://:80",
            "https:example.com",
            "http://example.com:99999",
            "http://example.com:80a",
            "http://example.com:-1",
            "http://example.com:+80",
            "http://[::1",
            "http://::1]",
            "http://[nonsense]",
            "data:text/html,hello",
        ],
    ),
    (
        &["https://*.example.com:443"],
        &["https://a.example.com", "https://a.example.com:443", "https://a.b.example.com"],
        &[
            "https://example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com.evil.com",
            "https://evil.com/a.example.com:443",
            "https://evil.com?a.example.com:443",
            "https://evil.com#a.example.com:443",
        ],
    ),
    (
        &["http://localhost:*"],
        &[
            "http://localhost",
            "http://localhost:80",
            "http://localhost:8080",
            "HTTP://LocalHost:8080",
            "http://localhost:",
            "http://user:secret@localhost:8080",
        ],
        &[
            "https://localhost",
            "http://localhost.evil.com",
            "http://localhost:8080@evil.com",
            "http://notlocalhost:8080",
            "http://127.0.0.1:8080",
        ],
    ),
    (
        &["*://*.example.com:*"],
        &["http://a.example.com", "https://a.example.com:1", "wss://a.example.com"],
        &["http://example.com", "http://a.example.com.evil.com", "http://aexample.com"],
    ),
    (
        &["127.0.0.1:*", "*.example.com:*"],
        &["http://www.example.com"],
        &["http://127.0.0.1", "http://www.example.com.malicious.com"],
    ),
    (
        &["*example.com:*"],
        &[
            "http://example.com/",
            "http://example.com:80/",
            "http://example.com/path/file",
            "http://example.com/;semi=true",
            "//example.com/",
            "http://@example.com",
        ],
        &["http://example.com./", "http://example.org"],
    ),
    (
        &["http://*example.com:80"],
        &["http://example.com:80", "http://example.com", "http://example.com:080"],
        &["http://example.com:81", "https://example.com:80"],
    ),
    (&["https://example.com:443"], &["https://example.com"], &["https://exampleXcom"]),
    (&["http://*:80"], &["http://a", "http://b.c"], &["http://a:8080", "https://a"]),
    (&["http://::1:*"], &["http://[::1]", "http://[::1]:8080"], &["http://[::2]:8080"]),
    (&["http://[::1]:*"], &["http://[::1]:8080"], &["http://[::2]:8080"]),
    (&["https://*:443", "http://b:*"], &["https://a", "http://b:1"], &["http://a", "https://b:1"]),
    (&["app://x:None"], &["app://x"], &["app://x:1"]),
    (&["app://*"], &["app://x", "app://x:1"], &["apps://x"]),
    (&[""], &[], &["http://example.com"]),
    (&[], &[], &["http://example.com", "https://localhost"]),
    (&["null"], &[], &["http://null"]),
];

/// Matches that Autobahn|Python does not support: a pattern without a port for an origin without
/// one, capitals in a pattern, an IPv6 address as in a URL.
const ACCEPTED_HERE: &[(&str, &str)] = &[
    ("https://example.com", "https://example.com"),
    ("https://*.example.com", "https://a.example.com"),
    ("http://localhost", "http://localhost"),
    ("app://x", "app://x"),
    ("https://EXAMPLE.com", "https://example.com"),
    ("HTTPS://Example.com:443", "https://example.com"),
    ("http://[::1]", "http://[::1]"),
    ("http://[::1]:80", "http://[::1]"),
];

/// Invalid origins. Autobahn|Python takes a host from them with some versions of Python.
const REFUSED_HERE: &[&str] = &["http://a[::1]", "http://[::1]x", "http://[::1]80"];

#[test]
fn origins_match_as_sent_or_with_their_default_port() {
    for (patterns, allowed, refused) in TABLE {
        let rule = OriginRule::new(*patterns, false);
        for origin in *allowed {
            assert!(rule.allows(Some(origin)), "{patterns:?} must allow '{origin}'");
        }
        for origin in *refused {
            assert!(!rule.allows(Some(origin)), "{patterns:?} must refuse '{origin}'");
        }
    }
    for (pattern, origin) in ACCEPTED_HERE {
        assert!(OriginRule::new([pattern], false).allows(Some(origin)), "{pattern}: '{origin}'");
    }
    for origin in REFUSED_HERE {
        assert!(!OriginRule::new(["*"], true).allows(Some(origin)), "'{origin}'");
    }
}

#[test]
fn a_pattern_without_a_port_means_the_default_port() {
    let rule = OriginRule::new(["https://example.com"], false);
    assert!(!rule.allows(Some("https://example.com:8443")));
    assert!(!rule.allows(Some("https://example.com.evil.com")));
    assert!(!rule.allows(Some("http://example.com")));
}

#[test]
fn null_and_file_origins_follow_their_own_flag() {
    let null = ["null", "NULL", " null ", "file://", "FILE:///etc/passwd", "file:"];
    for patterns in [&["*"][..], &["null"], &["file://*"], &[]] {
        for origin in null {
            assert!(OriginRule::new(patterns, true).allows(Some(origin)), "{patterns:?} {origin}");
            assert!(
                !OriginRule::new(patterns, false).allows(Some(origin)),
                "{patterns:?} {origin}"
            );
        }
    }
    assert!(!OriginRule::new(["https://a"], true).allows(Some("https://b")));
}

#[test]
fn a_request_without_origin_is_allowed() {
    assert!(OriginRule::new(["https://a"], false).allows(None));
    assert!(OriginRule::new::<[&str; 0]>([], false).allows(None));
}

#[test]
fn a_star_stands_for_any_characters() {
    assert!(matches("*", ""));
    assert!(matches("a*c", "ac"));
    assert!(matches("a*b*c", "a--b--b--c"));
    assert!(matches("a**c", "abc"));
    assert!(!matches("a*a", "a"));
    assert!(!matches("ab*ba", "aba"));
    assert!(!matches("a*c", "acd"));
}

proptest! {
    #[test]
    fn any_value_is_decided(value in ".{0,40}", pattern in "[a-z*:/\\[\\]@ü]{0,12}") {
        OriginRule::new([&pattern], false).allows(Some(&value));
        let rule = OriginRule::new(["https://a.example:*"], false);
        let (plain, other) = (format!("http://{value}"), format!("https://b.example/{value}"));
        prop_assert!(!rule.allows(Some(&plain)));
        prop_assert!(!rule.allows(Some(&other)));
    }

    #[test]
    fn the_origin_of_a_browser_matches_itself(
        scheme in "https?", host in "[a-z][a-z0-9-]{0,8}(\\.[a-z]{1,4})?", port in any::<Option<u16>>(),
    ) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let origin = format!("{scheme}://{host}{port}");
        let longer = format!("{origin}.evil");
        prop_assert!(OriginRule::new([&origin], false).allows(Some(&origin)));
        prop_assert!(!OriginRule::new([&origin], false).allows(Some(&longer)));
    }
}
