//! Detection of the protocol on a shared port.

use cloverleaf_transport::detect::{DetectedProtocol, detect};
use cloverleaf_transport::limits::OPENING_TIMEOUT;
use cloverleaf_transport::{Stream, TransportError};
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::Instant;

#[tokio::test]
async fn first_octet_decides_and_nothing_else_is_read() {
    for (octets, spoken) in [
        (&b"\x7f\xf1\x00\x00"[..], DetectedProtocol::RawSocket),
        (b"\x7f", DetectedProtocol::RawSocket),
        (b"\x10\x12\x00\x04MQTT", DetectedProtocol::Mqtt),
        (b"GET / HTTP/1.1\r\n", DetectedProtocol::Http),
        (b"P", DetectedProtocol::Http),
        (b"\x16\x03\x01", DetectedProtocol::Http),
        (b"\x00", DetectedProtocol::Http),
        (b"\x11", DetectedProtocol::Http),
        (b"\xff", DetectedProtocol::Http),
    ] {
        let (ours, mut peer) = duplex(64);
        peer.write_all(octets).await.expect("sent");
        drop(peer);
        let mut stream = Stream::Other(Box::new(ours));
        let detected = detect(&mut stream, OPENING_TIMEOUT).await.expect("an octet");
        assert_eq!(detected, (spoken, octets[0]));
        let mut rest = vec![0; octets.len() - 1];
        stream.read_exact(&mut rest).await.expect("the rest is there");
        assert_eq!(rest, octets[1..]);
    }
}

#[tokio::test(start_paused = true)]
async fn silent_peer_times_out() {
    let (ours, _peer) = duplex(64);
    let start = Instant::now();
    let outcome = detect(&mut Stream::Other(Box::new(ours)), OPENING_TIMEOUT).await;
    assert!(matches!(outcome, Err(TransportError::Timeout)));
    assert_eq!(start.elapsed(), OPENING_TIMEOUT);
}

#[tokio::test]
async fn peer_that_closes_at_once_is_an_error() {
    let (ours, peer) = duplex(64);
    drop(peer);
    let outcome = detect(&mut Stream::Other(Box::new(ours)), OPENING_TIMEOUT).await;
    let error = outcome.expect_err("nothing");
    assert!(error.to_string().starts_with("reading the first octet: "), "{error}");
}
