//! Messages and requests that are begun and not finished.

use std::thread;
use std::time::Duration;

use cloverleaf_wamp::websocket::MessageKind;
use cloverleaf_wamp::websocket::deflate::{Deflater, MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::sender::MessageWriter;

use crate::growth::{Growth, MIB};
use crate::lab::{JSON, Node, Peer as _, RawSocket, Stream, WebSocket};
use crate::node::{join, plain};
use crate::probe::Probe;

/// The first octets of a message that will have 16 MiB.
const ANNOUNCED: [u8; 4] = [0, 0xff, 0xff, 0xff];

/// The head of a WebSocket frame of nearly as many octets, masked with zeros.
const FRAME: [u8; 14] = [0x81, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0];

#[test]
fn an_announced_message_takes_memory_only_as_it_comes() {
    let node = plain();
    let growth = Growth::of(&node);
    let mut peers: Vec<RawSocket> = (0..100).map(|_| join(&node)).collect();
    for peer in &mut peers {
        peer.stream.send(&[&ANNOUNCED[..], &[b' '; 1024]].concat());
    }
    // What was sent before is read.
    assert!(join(&node).ask(r#"[48,1,{},"wamp.session.count"]"#).starts_with("[50,1,"));
    growth.assert_below(20 * MIB);
}

/// Connections that send so much of a longer message each, far more than may be held.
const CONNECTIONS: usize = 50;
const BYTES: usize = 12 * 1024 * 1024;

/// The budget of the process, and what has been given back but is still resident.
const MAX_GROWTH: u64 = (256 + 128) * MIB;

fn begin_messages(node: &Node, head: &[u8], open: impl Fn() -> Stream + Sync) {
    let growth = Growth::of(node);
    let begun = [head, &vec![b' '; BYTES]].concat();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = open();
                    stream.send(&begun);
                    stream
                })
            })
            .collect();
        // One that sends its message without pause is heard.
        let mut honest = join(node);
        let text = "x".repeat(1024 * 1024);
        let publish = format!(r#"[16,1,{{"acknowledge":true}},"com.example.a",["{text}"]]"#);
        assert!(honest.ask(&publish).starts_with("[17,1,"));
        let streams: Vec<_> = senders.into_iter().map(|sender| sender.join()).collect();
        assert!(streams.iter().all(Result::is_ok));
    });
    growth.assert_below(MAX_GROWTH);
}

#[test]
fn unfinished_rawsocket_messages_are_bounded_together() {
    let node = plain();
    begin_messages(&node, &ANNOUNCED, || RawSocket::open(node.unix(), JSON).stream);
}

#[test]
fn unfinished_websocket_messages_are_bounded_together() {
    let node = plain();
    begin_messages(&node, &FRAME, || node.websocket("wamp.2.json").into_stream());
}

/// A frame whose payload inflates to so many bytes of text, masked with zeros.
fn compressed(bytes: usize) -> Vec<u8> {
    let deflater = Deflater::new(WindowBits::MAX, true, MemoryLevel::default());
    let mut shape = MessageWriter { deflater: Some(deflater), ..MessageWriter::default() };
    let mut frame = Vec::new();
    let text = vec![b'x'; bytes];
    shape.write_message(&mut frame, MessageKind::Text, &text, || Some([0; 4]));
    frame
}

/// Connections that agreed on compression and have not said HELLO.
fn compressing(node: &Node, count: usize) -> Vec<Stream> {
    let extensions = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    let open = |_| {
        let stream = node.http().into_stream();
        WebSocket::open_with(stream, "/compressed", "wamp.2.json", &extensions).0.into_stream()
    };
    (0..count).map(open).collect()
}

#[test]
fn unfinished_compressed_messages_are_bounded_together_and_do_not_stop_other_realms() {
    let node = plain();
    let mut begun = compressed(15 * 1024 * 1024);
    begun[0] &= 0x7f;
    let mut streams = compressing(&node, CONNECTIONS);
    let mut probe = Probe::new(&node);
    let growth = Growth::of(&node);
    probe.assert_undisturbed(|| {
        for stream in &mut streams {
            stream.send(&begun);
        }
        thread::sleep(Duration::from_secs(2));
    });
    // Their buffers double while they grow, and what they have given back stays resident.
    growth.assert_below(2 * 256 * MIB);
}

#[test]
fn compressed_messages_that_are_no_json_do_not_stop_other_realms() {
    let node = plain();
    let message = compressed(8 * 1024 * 1024);
    let mut streams = compressing(&node, 20);
    let mut probe = Probe::new(&node);
    probe.assert_undisturbed(|| {
        for stream in &mut streams {
            stream.send(&message);
        }
        for stream in &mut streams {
            stream.receive_to_end();
        }
    });
}

#[test]
fn an_endless_head_of_a_request_is_refused() {
    let node = plain();
    let growth = Growth::of(&node);
    for first in ["POST /call HTTP/1.1\r\nHost: localhost\r\n", "GET /ws HTTP/1.1\r\n"] {
        for _ in 0..20 {
            let mut stream = node.http().into_stream();
            stream.send(first.as_bytes());
            for number in 0..40 {
                stream.send(format!("X-Filling-{number}: {}\r\n", "x".repeat(10_000)).as_bytes());
            }
            let answer = stream.receive_to_end();
            let status = answer.get(9..12).map(<[u8]>::escape_ascii);
            assert!(answer.is_empty() || answer[9..12] == *b"431", "{status:?}");
        }
    }
    growth.assert_below(16 * MIB);
}
