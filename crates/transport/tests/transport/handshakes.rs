//! RawSocket handshakes of both sides, and WebSocket handshakes of the client's side.

use cloverleaf_transport::limits::{CONNECT_TIMEOUT, OPENING_TIMEOUT};
use cloverleaf_transport::rawsocket;
use cloverleaf_transport::{Framing, Stream, TransportError, websocket};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::handshake::accept_key;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

const LIMIT: usize = 1 << 20;

fn pipe() -> (Stream, DuplexStream) {
    let (ours, peer) = duplex(1024);
    (Stream::Other(Box::new(ours)), peer)
}

/// The reply of a router that offers only JSON, and the outcome of its handshake.
async fn answer_to(octets: &[u8]) -> (Vec<u8>, Result<Serializer, TransportError>) {
    let (mut stream, mut peer) = pipe();
    peer.write_all(octets).await.expect("sent");
    peer.shutdown().await.expect("half closed");
    let outcome =
        rawsocket::accept(&mut stream, None, &[Serializer::Json], LIMIT, OPENING_TIMEOUT).await;
    drop(stream);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.expect("the end");
    (answer, outcome.map(|agreed| agreed.serializer))
}

#[tokio::test]
async fn request_is_answered_with_the_routers_limit() {
    let (answer, outcome) = answer_to(b"\x7f\xf1\x00\x00").await;
    assert_eq!(answer, b"\x7f\xb1\x00\x00");
    assert_eq!(outcome.expect("agreed"), Serializer::Json);
}

#[tokio::test]
async fn the_limits_of_both_sides_are_kept() {
    let (mut stream, mut peer) = pipe();
    peer.write_all(b"\x7f\x01\x00\x00").await.expect("sent");
    let agreed = rawsocket::accept(&mut stream, None, &Serializer::ALL, LIMIT, OPENING_TIMEOUT)
        .await
        .expect("agreed");
    assert!(matches!(agreed.framing, Framing::RawSocket { peer_limit: 512, .. }));
}

#[tokio::test]
async fn invalid_requests_get_an_error_and_other_protocols_nothing() {
    for (octets, expected, sentence) in [
        (
            b"\x7f\xf2\x00\x00",
            &b"\x7f\x10\x00\x00"[..],
            "RawSocket handshake: the serializer is not supported by the router",
        ),
        (
            b"\x7f\xf1\x00\x01",
            b"\x7f\x30\x00\x00",
            "RawSocket handshake: a reserved bit of the handshake is set",
        ),
        (
            b"GET ",
            b"",
            "RawSocket handshake: the peer does not speak RawSocket: its first octet is not 7F",
        ),
    ] {
        let (answer, outcome) = answer_to(octets).await;
        assert_eq!(answer, expected);
        let error = outcome.expect_err("refused");
        assert_eq!(error.to_string(), sentence);
    }
}

#[tokio::test]
async fn request_continues_behind_an_octet_that_was_read_already() {
    let (mut stream, mut peer) = pipe();
    peer.write_all(b"\xf2\x00\x00").await.expect("sent");
    let agreed =
        rawsocket::accept(&mut stream, Some(0x7f), &Serializer::ALL, LIMIT, OPENING_TIMEOUT).await;
    assert_eq!(agreed.expect("agreed").serializer, Serializer::MsgPack);
}

#[tokio::test]
async fn truncated_request_gets_no_reply() {
    for octets in [&b""[..], b"\x7f", b"\x7f\xf1\x00"] {
        let (answer, outcome) = answer_to(octets).await;
        assert_eq!(answer, b"");
        assert!(matches!(outcome, Err(TransportError::Io { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn missing_request_times_out() {
    let (mut stream, _peer) = pipe();
    let start = Instant::now();
    let outcome =
        rawsocket::accept(&mut stream, None, &Serializer::ALL, LIMIT, OPENING_TIMEOUT).await;
    assert!(matches!(outcome, Err(TransportError::Timeout)));
    assert_eq!(start.elapsed().as_secs(), OPENING_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn missing_reply_times_out() {
    let (mut stream, mut peer) = pipe();
    let start = Instant::now();
    let outcome = rawsocket::connect(&mut stream, Serializer::Cbor, LIMIT).await;
    assert!(matches!(outcome, Err(TransportError::Timeout)));
    assert_eq!(start.elapsed().as_secs(), CONNECT_TIMEOUT.as_secs());
    let mut octets = [0; 4];
    peer.read_exact(&mut octets).await.expect("the request");
    assert_eq!(&octets, b"\x7f\xb3\x00\x00");
}

/// The outcome of a client's request for MessagePack after this reply.
async fn outcome_of(reply: &[u8]) -> Result<Framing, String> {
    let (mut stream, mut peer) = pipe();
    peer.write_all(reply).await.expect("sent");
    peer.shutdown().await.expect("half closed");
    let outcome = rawsocket::connect(&mut stream, Serializer::MsgPack, LIMIT).await;
    outcome.map(|agreed| agreed.framing).map_err(|error| error.to_string())
}

#[tokio::test]
async fn client_parses_replies_and_rejects_invalid_ones() {
    let framing = outcome_of(b"\x7f\x12\x00\x00").await.expect("agreed");
    assert!(matches!(framing, Framing::RawSocket { peer_limit: 1024, .. }));
    for (reply, sentence) in [
        (&b"\x7f\x10\x00\x00"[..], "the serializer is not supported by the router"),
        (b"\x7f\x40\x00\x00", "the router has reached its maximum number of connections"),
        (b"\x7f\xf1\x00\x00", "the router's reply is senseless: octet 2 is 0xf1"),
        (b"HTTP", "the peer does not speak RawSocket: its first octet is not 7F"),
    ] {
        let error = outcome_of(reply).await.expect_err("refused");
        assert_eq!(error, format!("RawSocket handshake: {sentence}"));
    }
    let error = outcome_of(b"\x7f\x12").await.expect_err("truncated");
    assert!(error.starts_with("reading the reply to the RawSocket handshake: "), "{error}");
}

/// Answers the request of a WebSocket client with `respond`, which gets the key of the request.
async fn websocket_outcome(
    respond: impl FnOnce(&str) -> String + Send + 'static,
) -> Result<(Serializer, Vec<u8>), String> {
    let (mut stream, mut peer) = pipe();
    let server = tokio::spawn(async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(peer.read_u8().await.expect("a head"));
        }
        let head = String::from_utf8(head).expect("text");
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        // The client closes when it has read enough.
        let _ = peer.write_all(respond(key.expect("a key")).as_bytes()).await;
        head
    });
    let serializers = [Serializer::MsgPack, Serializer::Json];
    let outcome =
        websocket::connect(&mut stream, "router.example:8080", "/ws", &serializers, LIMIT).await;
    drop(stream);
    let head = server.await.expect("no panic");
    assert!(head.starts_with("GET /ws HTTP/1.1\r\nHost: router.example:8080\r\n"), "{head}");
    assert!(head.contains("Sec-WebSocket-Protocol: wamp.2.msgpack, wamp.2.json\r\n"), "{head}");
    outcome.map(|(agreed, early)| (agreed.serializer, early)).map_err(|error| error.to_string())
}

fn consent(key: &str, subprotocol: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{subprotocol}\r\n",
        accept_key(key)
    )
}

#[tokio::test]
async fn subprotocol_of_the_server_counts_and_bytes_behind_the_response_are_kept() {
    let outcome =
        websocket_outcome(|key| consent(key, "Sec-WebSocket-Protocol: wamp.2.json\r\n") + "early");
    assert_eq!(outcome.await, Ok((Serializer::Json, b"early".to_vec())));
}

#[tokio::test]
async fn each_way_to_refuse_a_websocket_has_its_error() {
    let refused = websocket_outcome(|_| "HTTP/1.1 404 Not Found\r\n\r\n".to_owned()).await;
    let sentence = "WebSocket handshake: the server refuses the WebSocket handshake: 404 Not Found";
    assert_eq!(refused, Err(sentence.to_owned()));
    let silent = websocket_outcome(|_| String::new()).await;
    let sentence = "WebSocket handshake: the server closed the connection before it answered";
    assert_eq!(silent, Err(sentence.to_owned()));
    let unspecific = websocket_outcome(|key| consent(key, "")).await;
    let sentence = "WebSocket handshake: the server chose none of the offered subprotocols";
    assert_eq!(unspecific, Err(sentence.to_owned()));
    let wrong = websocket_outcome(|_| consent("x", "")).await.expect_err("the answer to a cache");
    assert!(wrong.contains("Sec-WebSocket-Accept"), "{wrong}");
}

#[tokio::test]
async fn endless_response_head_is_an_error() {
    let endless = websocket_outcome(|_| {
        "HTTP/1.1 101 Switching Protocols\r\n".to_owned() + &"X-More: and more\r\n".repeat(2000)
    });
    let outcome = endless.await.expect_err("too much");
    assert!(outcome.starts_with("WebSocket handshake: "), "{outcome}");
}
