//! Several messages in one WebSocket message (advanced profile, "Message Batching").

use crate::router::router;
use crate::support::{CallPair, HELLO, NodeProcess, RawPeer as _, WebSocketPeer, abort};

const JSON: &str = "wamp.2.json.batched";
const CBOR: &str = "wamp.2.cbor.batched";

/// The ABORT for a malformed batch.
fn refusal(offset: usize, what: &str) -> String {
    let text = format!("the message is not well-formed at byte {offset}: {what}");
    abort("wamp.error.protocol_violation", &text)
}

/// A peer that sends JSON in batches, and the separator that it uses.
struct BatchedPeer(WebSocketPeer, char);

impl BatchedPeer {
    fn open(node: &NodeProcess, separator: char) -> Self {
        Self(node.websocket(JSON), separator)
    }

    fn join(node: &NodeProcess) -> Self {
        let mut peer = Self::open(node, '\u{1e}');
        peer.send(&[HELLO]);
        let [welcome] = &peer.receive()[..] else { panic!("not one message") };
        assert!(welcome.starts_with("[2,"), "{welcome}");
        peer
    }

    fn send(&mut self, messages: &[&str]) {
        let batch: String = messages.iter().map(|message| format!("{message}{}", self.1)).collect();
        self.0.send(&batch);
    }

    /// The messages of the next batch.
    fn receive(&mut self) -> Vec<String> {
        let batch = self.0.receive();
        let messages = batch.strip_suffix(self.1).expect("a separator at the end");
        messages.split(self.1).map(str::to_owned).collect()
    }

    /// Receives `count` messages and returns them with the number of batches.
    fn receive_all(&mut self, count: usize) -> (Vec<String>, usize) {
        let (mut messages, mut batches) = (Vec::new(), 0);
        while messages.len() < count {
            messages.extend(self.receive());
            batches += 1;
        }
        (messages, batches)
    }
}

#[test]
fn messages_of_a_batch_are_handled_in_order_and_answered_in_batches() {
    let node = router();
    let mut peer = BatchedPeer::join(&node);
    let requests: Vec<String> =
        (1..=100).map(|id| format!(r#"[48,{id},{{}},"com.example.nobody"]"#)).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    peer.send(&requests);
    let (answers, batches) = peer.receive_all(100);
    let expected: Vec<String> = (1..=100)
        .map(|id| {
            let text = "no callee registered for procedure <com.example.nobody>";
            format!(r#"[8,48,{id},{{}},"wamp.error.no_such_procedure",["{text}"]]"#)
        })
        .collect();
    assert_eq!(answers, expected);
    assert!(batches < 10, "{batches} batches");
}

#[test]
fn queued_events_are_sent_in_batches() {
    let node = router();
    let mut peer = BatchedPeer::join(&node);
    peer.send(&[r#"[32,1,{},"com.example.topic"]"#]);
    assert!(peer.receive()[0].starts_with("[33,1,"));
    let publication = r#"[16,2,{"exclude_me":false},"com.example.topic",["some words"]]"#;
    peer.send(&[publication; 500]);
    let (events, batches) = peer.receive_all(500);
    assert!(events.iter().all(|event| event.ends_with(r#",{},["some words"]]"#)), "{events:?}");
    assert!(batches < 50, "{batches} batches");
}

#[test]
fn answers_use_the_separator_of_the_peer() {
    let node = router();
    let mut peer = BatchedPeer::open(&node, '\u{18}');
    peer.send(&[HELLO, r#"[48,1,{},"com.example.nobody"]"#]);
    let (answers, _) = peer.receive_all(2);
    assert!(answers[0].starts_with("[2,") && answers[1].starts_with("[8,48,1,"), "{answers:?}");
}

#[test]
fn binary_batches_have_length_prefixes() {
    let node = router();
    let mut peer = node.websocket(CBOR);
    // [1, "realm1", {"roles": {"caller": {}}}]
    let hello = b"\x83\x01\x66realm1\xa1\x65roles\xa1\x66caller\xa0";
    // [48, 1, {}, "com.example.nobody"]
    let call = b"\x84\x18\x30\x01\xa0\x72com.example.nobody";
    let with_length = |message: &[u8]| [&(message.len() as u32).to_be_bytes(), message].concat();
    peer.send_octets(&[with_length(hello), with_length(call)].concat());
    let mut octets = Vec::new();
    for _ in 0..2 {
        if octets.is_empty() {
            octets = peer.receive_octets();
        }
        let (length, rest) = octets.split_first_chunk().expect("a length");
        let (message, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        assert!(message.starts_with(b"\x83\x02") || message.starts_with(b"\x86\x08\x18\x30\x01"));
        octets = rest.to_vec();
    }
    assert!(octets.is_empty());
}

#[test]
fn malformed_batch_aborts_its_session_and_affects_no_other() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let no_separator = "a batch ends with a separator";
    let many = "\u{1e}".repeat(8200);
    for (batch, expected) in [
        ("", refusal(0, "a batch has at least one message")),
        ("[1]", refusal(2, no_separator)),
        ("[48,1,{},\"com.example.nobody\"]\u{1e}[48", refusal(33, no_separator)),
        ("\u{1e}", "[3,".to_owned()),
        (&many, "[3,".to_owned()),
    ] {
        let mut peer = BatchedPeer::join(&node);
        peer.0.send(batch);
        let last = peer.receive();
        assert!(last[0].starts_with(&expected), "{last:?} to {batch:?}");
        assert_eq!(peer.0.receive_close(), Some(1002));
        bystanders.call();
    }
    let mut peer = BatchedPeer::join(&node);
    let call = r#"[48,1,{},"com.example.nobody"]"#;
    peer.send(&vec![call; 8193]);
    let (answers, _) = peer.receive_all(8193);
    let what = "a batch has more messages than this router takes at once";
    assert_eq!(answers[8192], refusal(0, what));
    assert_eq!(peer.0.receive_close(), Some(1002));
    bystanders.call();

    for batch in [&b""[..], b"\0\0\0", b"\0\0\0\x09short"] {
        let mut peer = node.websocket(CBOR);
        peer.send_octets(batch);
        let last = peer.receive_octets();
        assert!(last.ends_with(b"wamp.error.protocol_violation"), "{}", last.escape_ascii());
        assert_eq!(peer.receive_close(), Some(1002));
        bystanders.call();
    }
}
