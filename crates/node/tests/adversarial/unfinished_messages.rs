//! Messages and requests that clients begin and do not finish.

use std::thread;
use std::time::Duration;

use cloverleaf_wamp::websocket::MessageKind;
use cloverleaf_wamp::websocket::deflate::{Deflater, MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::sender::MessageWriter;

use crate::attacked_node::start_default;
use crate::latency_probe::LatencyProbe;
use crate::memory_growth::{MIB, MemoryGrowth};
use crate::support::{ClientStream, JSON, NodeProcess, RawPeer as _, RawSocketPeer, WebSocketPeer};

/// The RawSocket prefix of a message of 16 MiB.
const ANNOUNCED: [u8; 4] = [0, 0xff, 0xff, 0xff];

/// The head of a WebSocket frame of nearly 16 MiB, with a mask of zeros.
const FRAME: [u8; 14] = [0x81, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0];

#[test]
fn announced_message_takes_memory_only_as_its_bytes_arrive() {
    let node = start_default();
    let growth = MemoryGrowth::since_now(&node);
    let mut peers: Vec<RawSocketPeer> = (0..100).map(|_| node.join()).collect();
    for peer in &mut peers {
        peer.stream.send(&[&ANNOUNCED[..], &[b' '; 1024]].concat());
    }
    // By now the router has read the messages sent before.
    assert!(node.join().request(r#"[48,1,{},"wamp.session.count"]"#).starts_with("[50,1,"));
    growth.assert_below(20 * MIB);
}

/// Number of connections, and the bytes that each sends of a longer message: far more than the
/// router may hold.
const CONNECTIONS: usize = 50;
const BYTES: usize = 12 * 1024 * 1024;

/// The memory budget of the process, and freed memory that is still resident.
const MAX_GROWTH: u64 = (256 + 128) * MIB;

fn assert_unfinished_messages_are_bounded(
    node: &NodeProcess,
    head: &[u8],
    open: impl Fn() -> ClientStream + Sync,
) {
    let growth = MemoryGrowth::since_now(node);
    let beginning = [head, &vec![b' '; BYTES]].concat();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = open();
                    stream.send(&beginning);
                    stream
                })
            })
            .collect();
        // The router serves a peer that sends its message without pause.
        let mut bystanders = node.join();
        let text = "x".repeat(1024 * 1024);
        let publish = format!(r#"[16,1,{{"acknowledge":true}},"com.example.a",["{text}"]]"#);
        assert!(bystanders.request(&publish).starts_with("[17,1,"));
        let streams: Vec<_> = senders.into_iter().map(|sender| sender.join()).collect();
        assert!(streams.iter().all(Result::is_ok));
    });
    growth.assert_below(MAX_GROWTH);
}

#[test]
fn unfinished_rawsocket_messages_share_one_memory_budget() {
    let node = start_default();
    assert_unfinished_messages_are_bounded(&node, &ANNOUNCED, || {
        RawSocketPeer::open(node.unix(), JSON).stream
    });
}

#[test]
fn unfinished_websocket_messages_share_one_memory_budget() {
    let node = start_default();
    assert_unfinished_messages_are_bounded(&node, &FRAME, || {
        node.websocket("wamp.2.json").into_stream()
    });
}

/// A frame with a mask of zeros whose payload inflates to this many bytes of text.
fn compressed(bytes: usize) -> Vec<u8> {
    let deflater = Deflater::new(WindowBits::MAX, true, MemoryLevel::default());
    let mut shape = MessageWriter { deflater: Some(deflater), ..MessageWriter::default() };
    let mut frame = Vec::new();
    let text = vec![b'x'; bytes];
    shape.write_message(&mut frame, MessageKind::Text, &text, || Some([0; 4]));
    frame
}

/// WebSocket connections that negotiated compression and have not sent HELLO.
fn open_compressed(node: &NodeProcess, count: usize) -> Vec<ClientStream> {
    let extensions = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    let open = |_| {
        let stream = node.http().into_stream();
        WebSocketPeer::open_with(stream, "/compressed", "wamp.2.json", &extensions).0.into_stream()
    };
    (0..count).map(open).collect()
}

#[test]
fn unfinished_compressed_messages_share_one_memory_budget_and_do_not_block_other_realms() {
    let node = start_default();
    let mut beginning = compressed(15 * 1024 * 1024);
    beginning[0] &= 0x7f;
    let mut streams = open_compressed(&node, CONNECTIONS);
    let mut probe = LatencyProbe::new(&node);
    let growth = MemoryGrowth::since_now(&node);
    probe.assert_unblocked(|| {
        for stream in &mut streams {
            stream.send(&beginning);
        }
        thread::sleep(Duration::from_secs(2));
    });
    // The buffers double while they grow, and freed memory stays resident.
    growth.assert_below(2 * 256 * MIB);
}

#[test]
fn compressed_messages_of_invalid_json_do_not_block_other_realms() {
    let node = start_default();
    let message = compressed(8 * 1024 * 1024);
    let mut streams = open_compressed(&node, 20);
    let mut probe = LatencyProbe::new(&node);
    probe.assert_unblocked(|| {
        for stream in &mut streams {
            stream.send(&message);
        }
        for stream in &mut streams {
            stream.receive_to_end();
        }
    });
}

#[test]
fn endless_request_head_is_refused() {
    let node = start_default();
    let growth = MemoryGrowth::since_now(&node);
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
