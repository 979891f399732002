//! Messages and requests that are begun and not finished.

use std::thread;

use crate::growth::{Growth, MIB};
use crate::lab::{JSON, Node, Peer as _, RawSocket, Stream};
use crate::node::{join, plain};

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
