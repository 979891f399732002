//! RawSocket below the messages: handshakes, frames, pings, and the limits of both sides.
//!
//! Spec: advanced profile "RawSocket Transport"; `docs/decisions/traps.md#f18`.

use crate::router::{SMALL, router};
use crate::support::{
    CallPair, ClientStream, HELLO, JSON, NodeProcess, RawPeer as _, RawSocketPeer,
};

const PING: u8 = 1;
const PONG: u8 = 2;

fn small(node: &NodeProcess) -> ClientStream {
    ClientStream::unix(&node.directory().path().join("small.sock"))
}

#[test]
fn handshake_reply_has_the_serializer_and_the_message_limit() {
    let node = router();
    for number in 1..=4 {
        for length in [0x00, 0x70, 0xf0] {
            let mut stream = node.tcp();
            stream.send(&[0x7f, length | number, 0, 0]);
            assert_eq!(stream.receive(4), [0x7f, 0xf0 | number, 0, 0]);
        }
    }
    let mut stream = small(&node);
    stream.send(&[0x7f, 0xf1, 0, 0]);
    assert_eq!(stream.receive(4), [0x7f, 0x11, 0, 0], "2^(9 + 1) octets");
}

#[test]
fn wrong_handshake_gets_its_error_and_the_connection_closes() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let open: [fn(&NodeProcess) -> ClientStream; 2] = [NodeProcess::tcp, NodeProcess::unix];
    let rows: [(&[u8], &[u8]); 8] = [
        // An unknown serializer, no serializer, and reserved octets.
        (&[0x7f, 0xff, 0, 0], &[0x7f, 0x10, 0, 0]),
        (&[0x7f, 0xf5, 0, 0], &[0x7f, 0x10, 0, 0]),
        (&[0x7f, 0xf0, 0, 0], &[0x7f, 0x10, 0, 0]),
        (&[0x7f, 0xf1, 0, 1], &[0x7f, 0x30, 0, 0]),
        (&[0x7f, 0xf1, 1, 0], &[0x7f, 0x30, 0, 0]),
        // Other protocols get no error, since their clients would not understand it.
        (b"GET / HTTP/1.1\r\n\r\n", b""),
        (&[0x16, 0x03, 0x01, 0x02], b""),
        (&[0, 0, 0, 0], b""),
    ];
    for open in open {
        for (request, reply) in rows {
            let mut stream = open(&node);
            stream.send(request);
            assert_eq!(stream.receive_to_end(), reply, "to {request:02x?}");
            bystanders.call();
        }
    }
    let mut stream = small(&node);
    stream.send(&[0x7f, 0xf2, 0, 0]);
    assert_eq!(stream.receive_to_end(), [0x7f, 0x10, 0, 0], "this transport has JSON alone");
}

#[test]
fn truncated_handshake_gets_no_reply() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for cut in 0..4 {
        let mut stream = node.tcp();
        stream.send(&[0x7f, 0xf1, 0, 0][..cut]);
        stream.shutdown_write();
        stream.receive_end();
        bystanders.call();
    }
}

#[test]
fn handshake_and_hello_may_arrive_octet_by_octet_or_at_once() {
    let node = router();
    let mut hello = vec![0x7f, 0xf1, 0, 0, 0, 0, 0, HELLO.len() as u8];
    hello.extend_from_slice(HELLO.as_bytes());
    let mut slow = node.tcp();
    for octet in &hello {
        slow.send(&[*octet]);
    }
    let mut fast = node.unix();
    fast.send(&hello);
    for mut stream in [slow, fast] {
        assert_eq!(stream.receive(4), [0x7f, 0xf1, 0, 0]);
        let welcome = RawSocketPeer::over(stream).receive();
        assert!(welcome.starts_with("[2,"), "{welcome}");
    }
}

#[test]
fn pong_repeats_the_payload_of_the_ping() {
    let node = router();
    let mut peer = node.join();
    for payload in [b"".as_slice(), b"\x00\xffping", &[7; 5000]] {
        peer.send_frame(PING, payload);
        assert_eq!(peer.receive_frame(), (PONG, payload.to_vec()));
    }
    // An unsolicited pong is ignored.
    peer.send_frame(PONG, b"unsolicited");
    peer.send_frame(PING, b"still here");
    assert_eq!(peer.receive_frame(), (PONG, b"still here".to_vec()));
}

#[test]
fn reserved_frame_types_and_bits_close_the_connection() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for kind in [3, 7, 0x10, 0x80, 0xff] {
        let mut peer = node.join();
        peer.send_frame(kind, b"[]");
        peer.receive_end();
        bystanders.call();
    }
}

#[test]
fn frame_over_the_limit_closes_the_connection_before_its_payload_arrives() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for kind in [0, PING] {
        let mut peer = RawSocketPeer::open(small(&node), JSON);
        peer.join();
        peer.send_frame(kind, &[b' '; SMALL]);
        match kind {
            PING => assert_eq!(peer.receive_frame(), (PONG, vec![b' '; SMALL])),
            _ => assert!(peer.receive().starts_with("[3,"), "spaces are no message"),
        }
        let mut peer = RawSocketPeer::open(small(&node), JSON);
        peer.join();
        // The prefix without a payload.
        peer.stream.send(&[kind, 0, 0x04, 0x01]);
        peer.receive_end();
        bystanders.call();
    }
}

#[test]
fn result_over_the_limit_of_the_caller_is_replaced_by_an_error() {
    let node = router();
    let mut callee = node.join();
    let registration = callee.obtain_id(r#"[64,1,{},"com.example.long"]"#);
    // A message limit of 2^(9 + 1) octets.
    let mut caller = RawSocketPeer::open_with(node.tcp(), 0x10 | JSON);
    caller.join();
    for (request, length, answer) in [
        (1, SMALL - 14, format!(r#"[50,1,{{}},["{}"]]"#, "x".repeat(SMALL - 14))),
        (
            2,
            SMALL - 13,
            r#"[8,48,2,{},"wamp.error.payload_size_exceeded",["the message has 1025 bytes, its receiver takes at most 1024"]]"#
                .to_owned(),
        ),
    ] {
        caller.send(&format!(r#"[48,{request},{{}},"com.example.long"]"#));
        assert_eq!(callee.receive(), format!("[68,{request},{registration},{{}}]"));
        callee.send(&format!(r#"[70,{request},{{}},["{}"]]"#, "x".repeat(length)));
        assert_eq!(caller.receive(), answer);
    }
}

/// A call ends exactly once. Later results of the callee are dropped.
#[test]
fn oversized_progressive_result_ends_its_call() {
    let node = router();
    let mut callee = node.rawsocket(JSON);
    callee.request(
        r#"[1,"realm1",{"roles":{"callee":{"features":{"progressive_call_results":true,"call_canceling":true}}}}]"#,
    );
    callee.obtain_id(r#"[64,1,{},"com.example.parts"]"#);
    let mut caller = RawSocketPeer::open_with(node.tcp(), 0x10 | JSON);
    caller.join();
    let long = "x".repeat(SMALL);
    let progress = r#"{"progress":true}"#;
    for (request, last) in [(1, None), (2, None), (3, Some("[70,3,{},[\"last\"]]"))] {
        let call = format!(r#"[48,{request},{{"receive_progress":true}},"com.example.parts"]"#);
        caller.send(&call);
        assert_eq!(callee.receive(), format!(r#"[68,{request},1,{{"receive_progress":true}}]"#));
        callee.send(&format!(r#"[70,{request},{progress},["first"]]"#));
        assert_eq!(caller.receive(), format!(r#"[50,{request},{progress},["first"]]"#));
        callee.send(&format!(r#"[70,{request},{progress},["{long}"]]"#));
        callee.send(&format!(r#"[70,{request},{progress},["next"]]"#));
        if let Some(last) = last {
            callee.send(last);
        }
        let failed = caller.receive();
        let expected = format!(r#"[8,48,{request},{{}},"wamp.error.payload_size_exceeded",["#);
        assert!(failed.starts_with(&expected), "{failed}");
        if last.is_none() {
            let interrupt = callee.receive();
            assert!(interrupt.starts_with(&format!(r#"[69,{request},{{"mode":"killnowait""#)));
        }
        // The caller gets nothing more of the call.
        let lookup =
            caller.request(r#"[48,9,{},"wamp.registration.lookup",["com.example.parts"]]"#);
        assert_eq!(lookup, "[50,9,{},[1]]");
    }
}

#[test]
fn oversized_event_is_dropped_for_its_receiver_alone() {
    let node = router();
    let mut small = RawSocketPeer::open_with(node.tcp(), 0x10 | JSON);
    let mut large = node.rawsocket(JSON);
    let mut publisher = node.rawsocket(JSON);
    for peer in [&mut small, &mut large, &mut publisher] {
        peer.join();
    }
    for subscriber in [&mut small, &mut large] {
        subscriber.obtain_id(r#"[32,1,{},"com.example.topic"]"#);
    }
    let long = format!("[\"{}\"]", "x".repeat(SMALL));
    publisher.send(&format!(r#"[16,1,{{}},"com.example.topic",{long}]"#));
    publisher.send(&format!(r#"[16,2,{{}},"com.example.topic",{long}]"#));
    publisher.send(r#"[16,3,{},"com.example.topic",["short"]]"#);
    for _ in 0..2 {
        assert!(large.receive().ends_with(&format!("{long}]")));
    }
    assert!(large.receive().ends_with(r#"["short"]]"#));
    assert!(small.receive().ends_with(r#"["short"]]"#));
    // The first dropped event is logged, and the end of the connection logs the number.
    node.wait_for_line("event dropped");
    assert_eq!(node.lines_with("event dropped").len(), 1, "{}", node.log());
    drop(small);
    assert!(node.wait_for_line("events dropped").ends_with(" events=2"));
}

#[test]
fn oversized_invocation_is_an_error_for_its_caller() {
    let node = router();
    let mut callee = RawSocketPeer::open_with(node.tcp(), 0x10 | JSON);
    let mut caller = node.rawsocket(JSON);
    callee.join();
    caller.join();
    callee.obtain_id(r#"[64,1,{},"com.example.small"]"#);
    let long = "x".repeat(SMALL);
    let answer = caller.request(&format!(r#"[48,1,{{}},"com.example.small",["{long}"]]"#));
    assert!(answer.starts_with(r#"[8,48,1,{},"wamp.error.payload_size_exceeded",["#), "{answer}");
    caller.send(r#"[48,2,{},"com.example.small"]"#);
    assert_eq!(callee.receive(), "[68,2,1,{}]", "the callee gets only the second call");
}

/// A session whose client never receives WELCOME would be unusable.
#[test]
fn client_whose_limit_is_below_its_welcome_is_aborted() {
    let node = router();
    let long = ClientStream::unix(&node.directory().path().join("long.sock"));
    let mut peer = RawSocketPeer::open_with(long, JSON);
    let answer = peer.request(HELLO);
    let text = "bytes, its receiver takes at most 512\"},\"wamp.error.payload_size_exceeded\"]";
    assert!(answer.starts_with(r#"[3,{"message":"the message has "#), "{answer}");
    assert!(answer.ends_with(text), "{answer}");
    peer.receive_end();
}

/// Only the message for people makes an ABORT long. The reason URI always fits.
#[test]
fn oversized_abort_is_sent_without_its_message() {
    let node = router();
    let methods = vec![format!("\"{}\"", "x".repeat(100)); 10].join(",");
    let hello = format!(r#"[1,"realm1",{{"roles":{{"caller":{{}}}},"authmethods":[{methods}]}}]"#);
    let mut large = node.rawsocket(JSON);
    let answer = large.request(&hello);
    assert!(answer.starts_with(r#"[3,{"message":"cannot authenticate"#), "{answer}");
    assert!(answer.len() > 512, "{answer}");
    large.receive_end();
    // A message limit of 2^9 octets.
    let mut small = RawSocketPeer::open_with(node.tcp(), JSON);
    assert_eq!(small.request(&hello), r#"[3,{},"wamp.error.no_matching_auth_method"]"#);
    small.receive_end();
}

/// The reason URI of a GOODBYE always fits, too.
#[test]
fn oversized_goodbye_is_sent_without_its_message() {
    let node = router();
    let mut peer = RawSocketPeer::open_with(node.tcp(), 0x10 | JSON);
    let id = peer.join();
    let mut admin = node.join();
    let why = format!(r#"{{"message":"{}"}}"#, "x".repeat(SMALL));
    let kill = format!(r#"[48,1,{{}},"wamp.session.kill",[{id}],{why}]"#);
    assert_eq!(admin.request(&kill), "[50,1,{}]");
    assert_eq!(peer.receive(), r#"[6,{},"wamp.close.killed"]"#);
}
