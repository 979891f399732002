//! The address of a client behind a proxy.

use cloverleaf_transport::limits::OPENING_TIMEOUT;
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::proxy_protocol::peer_address;
use cloverleaf_transport::{Stream, TransportError};
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::Instant;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn proxy() -> PeerAddress {
    PeerAddress::Ip(([192, 0, 2, 9], 40_000).into())
}

fn client(address: &str) -> PeerAddress {
    PeerAddress::Ip(address.parse().expect("an address"))
}

/// A header of version 2: command, family and protocol, addresses and extensions.
fn version_2(command: u8, family: u8, rest: &[&[u8]]) -> Vec<u8> {
    let rest = rest.concat();
    let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
    [SIGNATURE, &[command, family], &length, &rest].concat()
}

/// The outcome of a header, and the octets of the client behind it that are left to read.
async fn outcome_of(header: &[u8]) -> (Result<PeerAddress, TransportError>, Vec<u8>) {
    let (ours, mut peer) = duplex(128 * 1024);
    peer.write_all(header).await.expect("sent");
    peer.write_all(b"\x7f\xf1\x00\x00").await.expect("sent");
    drop(peer);
    let mut stream = Stream::Other(Box::new(ours));
    let outcome = peer_address(&mut stream, proxy(), OPENING_TIMEOUT).await;
    let mut rest = [0; 4];
    let rest = stream.read_exact(&mut rest).await.map(|()| rest.to_vec()).unwrap_or_default();
    (outcome, rest)
}

#[tokio::test]
async fn header_gives_the_client_address_and_the_bytes_behind_it_are_left() {
    let v4 = [203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 0x1f, 0x90];
    let v6 = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x67\x1f\x90";
    let note = [4, 0, 3, b'a', b'b', b'c'];
    for (header, from) in [
        (&b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 8080\r\n"[..], client("203.0.113.7:4711")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 8080\r\n", client("[2001:db8::7]:4711")),
        (b"PROXY UNKNOWN\r\n", proxy()),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", proxy()),
        (&version_2(0x21, 0x11, &[&v4]), client("203.0.113.7:4711")),
        (&version_2(0x21, 0x11, &[&v4, &note]), client("203.0.113.7:4711")),
        (&version_2(0x21, 0x21, &[v6]), client("[2001:db8::7]:4711")),
        (b"PROXY TCP6 ::ffff:203.0.113.7 ::1 4711 8080\r\n", client("203.0.113.7:4711")),
        // A health check of the proxy itself.
        (&version_2(0x20, 0x00, &[]), proxy()),
        (&version_2(0x20, 0x11, &[&v4]), proxy()),
        (&version_2(0x20, 0x11, &[]), proxy()),
        (&version_2(0x20, 0x41, &[&note]), proxy()),
        (&version_2(0x21, 0x00, &[]), proxy()),
        (&version_2(0x21, 0x31, &[&[b'x'; 216]]), proxy()),
    ] {
        let (outcome, rest) = outcome_of(header).await;
        assert_eq!(outcome.expect("a header"), from, "{}", header.escape_ascii());
        assert_eq!(rest, b"\x7f\xf1\x00\x00");
    }
}

#[tokio::test]
async fn invalid_headers_are_refused() {
    let endless = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
    let long = version_2(0x21, 0x11, &[&[0; 5_000]]);
    for (octets, said) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "the first octets are no header"),
        (b"\x7f\xf1\x00\x00\x00\x00\x00\x00", "the first octets are no header"),
        (&endless, "no line ends within 107 octets"),
        (&long, "a header of 5016 octets is too long"),
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 80800\r\n", ""),
        (b"PROXY TCP4 2001:db8::7 192.0.2.1 4711 8080\r\n", ""),
        (b"PROXY SMOKE 203.0.113.7 192.0.2.1 4711 8080\r\n", ""),
        (&version_2(0x31, 0x11, &[&[0; 12]]), ""),
        (&version_2(0x2f, 0x11, &[&[0; 12]]), ""),
        (&version_2(0x21, 0x11, &[&[0; 3]]), ""),
        (&version_2(0x21, 0xf1, &[&[0; 12]]), ""),
    ] {
        let error = outcome_of(octets).await.0.expect_err("no header").to_string();
        assert!(error.starts_with(&format!("PROXY protocol: {said}")), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_or_partial_header_times_out() {
    for half in
        [&b""[..], b"PROXY TCP4 203.0.", &SIGNATURE[..12], &version_2(0x21, 0x11, &[])[..15]]
    {
        let (ours, mut peer) = duplex(128);
        peer.write_all(half).await.expect("sent");
        let start = Instant::now();
        let outcome =
            peer_address(&mut Stream::Other(Box::new(ours)), proxy(), OPENING_TIMEOUT).await;
        assert!(matches!(outcome, Err(TransportError::Timeout)));
        assert_eq!(start.elapsed(), OPENING_TIMEOUT);
    }
}
