//! The request of RFC 6455, and invalid ones.

use super::*;

/// A request as lines of a head.
struct Head {
    method: &'static str,
    is_http_1_1: bool,
    headers: Vec<(&'static str, &'static str)>,
}

impl UpgradeHead for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn is_http_1_1(&self) -> bool {
        self.is_http_1_1
    }

    fn header<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_bytes())
    }
}

/// The request of RFC 6455, section 1.2.
fn example() -> Head {
    Head {
        method: "GET",
        is_http_1_1: true,
        headers: vec![
            ("Host", "server.example.com"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", "http://example.com"),
            ("Sec-WebSocket-Protocol", "chat, superchat"),
            ("Sec-WebSocket-Version", "13"),
        ],
    }
}

/// The example with another value of a header, or without it.
fn with(name: &str, value: Option<&'static str>) -> Head {
    let mut head = example();
    head.headers.retain_mut(|(found, old)| {
        if *found != name {
            return true;
        }
        *old = value.unwrap_or_default();
        value.is_some()
    });
    head
}

/// The example with an additional header.
fn and(name: &'static str, value: &'static str) -> Head {
    let mut head = example();
    head.headers.push((name, value));
    head
}

fn fault(head: &Head) -> Option<HandshakeFault> {
    accept(head).err()
}

#[test]
fn the_example_of_the_rfc_is_accepted() {
    let expected = AcceptedUpgrade {
        accept_key: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
        subprotocols: vec!["chat", "superchat"],
        origin: Some("http://example.com"),
    };
    assert_eq!(accept(&example()), Ok(expected));
}

#[test]
fn subprotocols_may_be_on_several_lines_or_absent() {
    let many = and("sec-websocket-protocol", "wamp.2.json ,, wamp.2.cbor");
    let subprotocols = accept(&many).map(|accepted| accepted.subprotocols);
    assert_eq!(subprotocols, Ok(vec!["chat", "superchat", "wamp.2.json", "wamp.2.cbor"]));
    let none = with("Sec-WebSocket-Protocol", None);
    assert_eq!(accept(&none).map(|accepted| accepted.subprotocols), Ok(vec![]));
}

#[test]
fn lists_and_names_are_read_without_regard_to_case() {
    assert_eq!(fault(&with("Connection", Some("keep-alive, upgrade"))), None);
    assert_eq!(fault(&with("Upgrade", Some("h2c,WebSocket"))), None);
}

#[test]
fn a_key_needs_no_canonical_last_character() {
    assert_eq!(fault(&with("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZR=="))), None);
}

#[test]
fn each_fault_has_its_status() {
    use HandshakeFault as F;
    let method = Head { method: "POST", ..example() };
    let version = Head { is_http_1_1: false, ..example() };
    let key = "Sec-WebSocket-Key";
    let table = [
        (method, F::Method, 405),
        (version, F::HttpVersion, 505),
        (with("Host", None), F::Host, 400),
        (with("Host", Some("")), F::Host, 400),
        (and("host", "server.example.com"), F::Host, 400),
        (with("Upgrade", None), F::Upgrade, 426),
        (with("Upgrade", Some("websockets")), F::Upgrade, 426),
        (with("Connection", None), F::Connection, 400),
        (with("Connection", Some("keep-alive")), F::Connection, 400),
        (with("Sec-WebSocket-Version", None), F::Version, 426),
        (with("Sec-WebSocket-Version", Some("8")), F::Version, 426),
        (and("sec-websocket-version", "13"), F::Version, 426),
        (with(key, None), F::Key, 400),
        (with(key, Some("c2hvcnQ=")), F::Key, 400),
        (with(key, Some("dGhlIHNhbXBsZSBub25jZQ")), F::Key, 400),
        (with(key, Some("dGhlIHNhbXBsZSBub25jZQ==,")), F::Key, 400),
        (and(key, "dGhlIHNhbXBsZSBub25jZQ=="), F::Key, 400),
        (with("Sec-WebSocket-Protocol", Some("a b")), F::Subprotocol, 400),
        (with("Origin", Some("http://bücher.example")), F::Origin, 400),
        (and("origin", "null"), F::Origin, 400),
    ];
    for (head, expected, status) in table {
        assert_eq!(fault(&head), Some(expected));
        assert_eq!(expected.status(), status);
    }
}

#[test]
fn upgrade_faults_have_a_header_with_the_remedy() {
    assert_eq!(HandshakeFault::Upgrade.header(), Some(("Upgrade", "websocket")));
    assert_eq!(HandshakeFault::Version.header(), Some(("Sec-WebSocket-Version", "13")));
    assert_eq!(HandshakeFault::Method.header(), Some(("Allow", "GET")));
    assert_eq!(HandshakeFault::Key.header(), None);
}
