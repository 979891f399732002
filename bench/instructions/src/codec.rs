//! Decoding and encoding of messages as a connection does it: a message is copied out of the read
//! buffer, and encoded into an existing buffer.

use std::hint::black_box;

use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::message::wire::WireMessage;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::payload;
use cloverleaf_wamp::serializer::Serializer;

use super::{Cases, measure};

/// The measured call and a publication, as the client and the callee send them.
const OF_CLIENTS: [(&str, &str); 3] = [
    ("call", r#"[48,7814135,{},"com.example.add2",[13,3],{"verbose":false}]"#),
    ("yield", "[70,6131533,{},[16]]"),
    ("publish", r#"[16,239714735,{},"com.example.sums",[16]]"#),
];

/// The messages that the router makes of them.
const OF_ROUTERS: [(&str, &str); 3] = [
    ("invocation", r#"[68,6131533,9823526,{},[13,3],{"verbose":false}]"#),
    ("result", "[50,7814135,{},[16]]"),
    EVENT,
];

const EVENT: (&str, &str) = ("event", "[36,5512315355,4429313566,{},[16]]");

pub(super) fn add(cases: &mut Cases) {
    for serializer in Serializer::DEFAULT {
        for (name, json) in OF_CLIENTS {
            add_both::<ClientMessage>(cases, name, json, serializer);
        }
        for (name, json) in OF_ROUTERS {
            add_both::<RouterMessage>(cases, name, json, serializer);
        }
        let frame = in_format(serializer, EVENT.1);
        let run = move |rounds| encode_again(serializer, &frame, rounds);
        cases.insert(format!("encode/event-again/{serializer}"), Box::new(run));
    }
}

fn add_both<M: WireMessage>(cases: &mut Cases, name: &str, json: &str, serializer: Serializer) {
    let frame = in_format(serializer, json);
    let run = move |rounds| decode::<M>(serializer, &frame, rounds);
    cases.insert(format!("decode/{name}/{serializer}"), Box::new(run));

    let frame = in_format(serializer, json);
    let run = move |rounds| encode::<M>(serializer, &frame, rounds);
    cases.insert(format!("encode/{name}/{serializer}"), Box::new(run));
}

/// Encodes a message given as JSON with a serializer.
pub(super) fn in_format(serializer: Serializer, json: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    transcode(Serializer::Json, json.as_bytes(), serializer, &mut frame).expect("JSON");
    frame
}

/// The message in a frame.
pub(super) fn message_of<M: WireMessage>(serializer: Serializer, frame: &[u8]) -> M {
    M::decode(serializer, &payload::copy_frame(frame)).expect("a message")
}

fn decode<M: WireMessage>(serializer: Serializer, frame: &[u8], rounds: usize) {
    let mut last = None;
    measure(vec![frame; rounds], |frame| {
        last = Some(M::decode(serializer, &payload::copy_frame(frame)));
        black_box(&last);
    });
    let message = last.expect("at least one round").expect("a message");
    let mut written = Vec::new();
    message.encode(serializer, &mut written).expect("a message of one format");
    assert_eq!(written, frame);
}

fn encode<M: WireMessage>(serializer: Serializer, frame: &[u8], rounds: usize) {
    let messages = (0..rounds).map(|_| message_of::<M>(serializer, frame)).collect();
    encode_each(serializer, messages, frame);
}

/// Encodes the same event for the next subscriber: its bytes exist already.
fn encode_again(serializer: Serializer, frame: &[u8], rounds: usize) {
    let event = message_of::<RouterMessage>(serializer, frame);
    event.encode(serializer, &mut Vec::new()).expect("a message of one format");
    encode_each(serializer, vec![event; rounds], frame);
}

fn encode_each<M: WireMessage>(serializer: Serializer, messages: Vec<M>, expected: &[u8]) {
    let mut out = Vec::with_capacity(1024);
    measure(messages, |message| {
        out.clear();
        message.encode(serializer, &mut out).expect("a message of one format");
        black_box(&out);
    });
    assert_eq!(out, expected);
}
