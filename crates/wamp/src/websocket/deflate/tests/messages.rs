//! Compressed messages between a sender and a receiver.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use zlib_rs::{Deflate, DeflateFlush};

use super::super::deflater::MIN_DEFLATED;
use super::super::{Deflater, Inflater, MemoryLevel, TAIL, WindowBits};
use crate::websocket::sender::{MessageWriter, write_ping};
use crate::websocket::{
    MessageKind, WebSocketFault, WebSocketLimits, WebSocketMessage, WebSocketReceiver,
    WebSocketRole,
};

const LIMIT: usize = 100_000;
const LIMITS: WebSocketLimits = WebSocketLimits { max_message: LIMIT, max_frame: LIMIT };

/// The receiving side of a server's messages.
fn receiver(keeps_context: bool) -> WebSocketReceiver {
    WebSocketReceiver::new(WebSocketRole::Client, LIMITS)
        .with_inflater(Inflater::new(keeps_context))
}

/// The messages in these bytes, received in pieces of this length, and the fault after them.
fn receive(
    receiver: &mut WebSocketReceiver,
    bytes: &[u8],
    piece: usize,
) -> (Vec<Vec<u8>>, Option<WebSocketFault>) {
    let mut messages = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match receiver.receive(&mut input) {
                Ok(Some(WebSocketMessage::Text(text))) => messages.push(text.as_bytes().to_vec()),
                Ok(Some(WebSocketMessage::Binary(bytes))) => messages.push(bytes.to_vec()),
                Ok(Some(_)) => {}
                Ok(None) => {
                    if !receiver.is_paused() {
                        break;
                    }
                }
                Err(fault) => return (messages, Some(fault)),
            }
        }
    }
    (messages, None)
}

/// A frame of a server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 126];
    frame.extend((payload.len() as u16).to_be_bytes());
    if payload.len() < 126 {
        frame = vec![first, payload.len() as u8];
    }
    [&frame, payload].concat()
}

const TEXT: u8 = 0xc1;
const BINARY: u8 = 0xc2;

/// RFC 7692, section 7.2.3.
#[test]
fn the_examples_of_the_rfc_are_inflated() {
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    for (name, bytes, count) in [
        ("one block", frame(TEXT, hello), 1),
        ("fragments", b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00".to_vec(), 1),
        ("shared window", [frame(TEXT, hello), frame(TEXT, b"\xf2\x00\x11\x00\x00")].concat(), 2),
        ("stored block", frame(TEXT, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), 1),
        ("final block", frame(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), 1),
        ("two blocks", frame(TEXT, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), 1),
    ] {
        for piece in 1..=bytes.len() {
            let outcome = receive(&mut receiver(true), &bytes, piece);
            assert_eq!(outcome, (vec![b"Hello".to_vec(); count], None), "{name}, {piece} at once");
        }
    }
}

#[test]
fn an_empty_message_may_be_compressed() {
    let bytes = [frame(TEXT, b"\x00"), frame(BINARY, b"")].concat();
    assert_eq!(receive(&mut receiver(true), &bytes, 1), (vec![vec![], vec![]], None));
}

#[test]
fn messages_continue_after_a_final_block() {
    let hello = frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    let bytes = [frame(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), hello].concat();
    assert_eq!(receive(&mut receiver(true), &bytes, 3), (vec![b"Hello".to_vec(); 2], None));
}

#[test]
fn messages_that_are_not_compressed_may_come_between() {
    let compressed = frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    let mut bytes = [&compressed[..], b"\x81\x05plain", b"\x41\x03\xf2\x48\xcd"].concat();
    write_ping(&mut bytes, b"between", None);
    bytes.extend(b"\x80\x04\xc9\xc9\x07\x00");
    let messages = vec![b"Hello".to_vec(), b"plain".to_vec(), b"Hello".to_vec()];
    assert_eq!(receive(&mut receiver(true), &bytes, 2), (messages, None));
}

#[test]
fn without_context_takeover_no_message_refers_to_an_earlier_one() {
    let hello = frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    let shared = frame(TEXT, b"\xf2\x00\x11\x00\x00");
    let outcome = receive(&mut receiver(false), &[hello, shared].concat(), 100);
    assert_eq!(outcome, (vec![b"Hello".to_vec()], Some(WebSocketFault::NotDeflate)));
}

#[test]
fn invalid_deflate_and_invalid_text_before_it_are_faults() {
    let reserved_block = frame(TEXT, b"\x07");
    let text = frame(TEXT, b"\x00\x01\x00\xfe\xff\xff\x07");
    let endless_distance = frame(TEXT, b"\xf2\x00\x11\x00\x00");
    for (bytes, fault) in [
        (reserved_block, WebSocketFault::NotDeflate),
        (text, WebSocketFault::NotUtf8),
        (endless_distance, WebSocketFault::NotDeflate),
    ] {
        for piece in 1..=bytes.len() {
            assert_eq!(receive(&mut receiver(true), &bytes, piece), (vec![], Some(fault)));
        }
    }
}

/// A message of this many zeros, compressed.
fn zeros(count: usize) -> Vec<u8> {
    let mut deflate = Deflate::new(9, false, 15);
    let mut out = vec![0; count / 500 + 100];
    deflate.compress(&vec![0; count], &mut out, DeflateFlush::SyncFlush).expect("compressed");
    out.truncate(deflate.total_out() as usize - 4);
    out
}

#[test]
fn inflating_stops_at_the_limit() {
    let too_big =
        WebSocketFault::TooBig { what: "message", announced: LIMIT as u64 + 1, limit: LIMIT };
    let just = frame(BINARY, &zeros(LIMIT));
    assert_eq!(receive(&mut receiver(true), &just, 100), (vec![vec![0; LIMIT]], None));
    for count in [LIMIT + 1, 16 << 20] {
        let bytes = frame(BINARY, &zeros(count));
        for piece in [1, 100, bytes.len()] {
            assert_eq!(receive(&mut receiver(true), &bytes, piece), (vec![], Some(too_big)));
        }
    }
}

#[test]
fn inflating_takes_at_most_twice_the_limit_of_memory() {
    let mut inflater = Inflater::new(true);
    let mut out = Vec::new();
    let fault = inflater.inflate(&zeros(16 << 20), &mut out, LIMIT, usize::MAX);
    assert!(matches!(fault, Err(WebSocketFault::TooBig { .. })));
    assert_eq!(out.len(), LIMIT);
    assert!(out.capacity() <= 2 * (LIMIT + 1), "{} bytes", out.capacity());
}

#[test]
fn inflating_in_steps_leaves_the_rest_of_the_input_unchanged() {
    const STEP: usize = 1_000;
    let mut bytes = Vec::new();
    let message = vec![b'x'; LIMIT];
    let mut shape = shape(15, true, 8, 0);
    shape.write_message(&mut bytes, MessageKind::Text, &message, || Some([1, 2, 3, 4]));
    shape.write_message(&mut bytes, MessageKind::Text, b"next", || Some([5, 6, 7, 8]));
    let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, LIMITS)
        .with_inflater(Inflater::new(true))
        .with_inflate_step(STEP);
    let mut input = &mut bytes[..];
    for step in 1..=LIMIT / STEP {
        assert_eq!(receiver.receive(&mut input), Ok(None));
        assert!(receiver.is_paused());
        assert_eq!(receiver.kept_message().len(), step * STEP);
    }
    assert_eq!(receiver.receive(&mut input), Ok(Some(WebSocketMessage::Text(&"x".repeat(LIMIT)))));
    assert_eq!(receiver.receive(&mut input), Ok(Some(WebSocketMessage::Text("next"))));
    assert!(!receiver.is_paused());
}

#[test]
fn many_empty_blocks_take_linear_time() {
    let start = Instant::now();
    let mut out = Vec::new();
    let mut inflater = Inflater::new(true);
    let message = [&zeros(90_000), &TAIL[..]].concat();
    inflater.inflate(&message, &mut out, LIMIT, usize::MAX).expect("within the limit");
    // Final blocks without content, two bytes each, after a large output.
    inflater
        .inflate(&b"\x03\x00".repeat(1 << 17), &mut out, LIMIT, usize::MAX)
        .expect("nothing more");
    assert_eq!(out.len(), 90_000);
    // Some milliseconds; clearing the output for each block would take a minute.
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn every_message_is_compressed_if_configured() {
    let noise: Vec<u8> = (0..100_u32).map(|i| (i * i * 7 + 1) as u8).collect();
    let messages = [b"".to_vec(), b"x".to_vec(), noise, b"".to_vec(), b"".to_vec()];
    for keeps_context in [false, true] {
        let mut shape = shape(15, keeps_context, 8, 0);
        shape.deflater = shape.deflater.map(Deflater::compressing_every_message);
        let mut bytes = Vec::new();
        for message in &messages {
            let start = bytes.len();
            shape.write_message(&mut bytes, MessageKind::Binary, message, || None);
            assert_eq!(bytes[start], BINARY);
        }
        let outcome = receive(&mut receiver(keeps_context), &bytes, 7);
        assert_eq!(outcome, (messages.to_vec(), None));
    }
}

fn shape(window_bits: u8, keeps_context: bool, memory_level: u8, fragment: usize) -> MessageWriter {
    let window_bits = WindowBits::new(window_bits).expect("8 to 15");
    let memory_level = MemoryLevel::new(memory_level).expect("1 to 9");
    MessageWriter {
        deflater: Some(Deflater::new(window_bits, keeps_context, memory_level)),
        fragment_size: NonZeroUsize::new(fragment),
    }
}

/// The first byte and the length of the frame of a message.
fn written(shape: &mut MessageWriter, message: &[u8]) -> (u8, usize) {
    let mut out = Vec::new();
    shape.write_message(&mut out, MessageKind::Text, message, || None);
    (out[0], out.len())
}

#[test]
fn short_and_incompressible_messages_are_sent_uncompressed() {
    let plain = 0x81;
    let mut shape = shape(15, false, 8, 0);
    assert_eq!(written(&mut shape, &[b'x'; MIN_DEFLATED - 1]), (plain, MIN_DEFLATED + 1));
    let (first, length) = written(&mut shape, &[b'x'; MIN_DEFLATED]);
    assert!(first == TEXT && length < 20, "{length} bytes");
    let noise: Vec<u8> =
        (0..100_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_eq!(written(&mut shape, &noise), (plain, 102));
}

#[test]
fn later_messages_refer_to_earlier_ones_only_with_context_takeover() {
    let message: String = (0..40).map(|i| format!("[{}]", i * i * 7919)).collect();
    let [kept, alone] = [true, false].map(|keeps_context| {
        let mut shape = shape(15, keeps_context, 8, 0);
        let first = written(&mut shape, message.as_bytes());
        let second = written(&mut shape, message.as_bytes());
        (first.1, second.1)
    });
    assert_eq!(alone.0, alone.1);
    assert!(kept.1 < kept.0 / 4, "{kept:?}");
}

#[test]
fn without_context_takeover_idle_connections_hold_nothing() {
    let mut shape = shape(15, false, 8, 0);
    let mut bytes = Vec::new();
    shape.write_message(&mut bytes, MessageKind::Text, &[b'x'; 1000], || None);
    let mut inflater = Inflater::new(false);
    let mut out = Vec::new();
    inflater.inflate(&bytes[2..], &mut out, LIMIT, usize::MAX).expect("within the limit");
    assert!(inflater.holds_state());
    inflater.end(&mut out, LIMIT).expect("within the limit");
    assert_eq!(out, [b'x'; 1000]);
    assert!(!inflater.holds_state());
    assert!(shape.deflater.is_some_and(|deflater| !deflater.holds_state()));
}

/// Text with near and far repetitions.
fn repetitive() -> impl Strategy<Value = Vec<u8>> {
    (vec("[a-z]{3,20}", 1..40), vec(any::<prop::sample::Index>(), 10..800)).prop_map(
        |(words, choices)| {
            choices.iter().map(|choice| choice.get(&words).as_str()).collect::<String>().into()
        },
    )
}

/// A side's settings.
fn settings() -> impl Strategy<Value = (u8, bool, u8, usize)> {
    (8_u8..=15, any::<bool>(), 1_u8..=9, prop_oneof![Just(0), 1_usize..300])
}

proptest! {
    #[test]
    fn any_messages_arrive_with_any_settings_however_their_bytes_are_cut(
        (window_bits, keeps_context, memory_level, fragment) in settings(),
        messages in vec(prop_oneof![vec(any::<u8>(), 0..500), repetitive()], 1..8),
        (piece, step) in (1_usize..2000, 1_usize..2000),
    ) {
        let mut shape = shape(window_bits, keeps_context, memory_level, fragment);
        let mut bytes = Vec::new();
        for message in &messages {
            shape.write_message(&mut bytes, MessageKind::Binary, message, || None);
        }
        let mut receiver = receiver(keeps_context).with_inflate_step(step);
        prop_assert_eq!(receive(&mut receiver, &bytes, piece), (messages, None));
    }

    #[test]
    fn any_compressed_bytes_mean_the_same_however_they_are_cut(
        payloads in vec((vec(any::<u8>(), 0..60), any::<bool>()), 1..6),
        (piece, step) in (1_usize..20, 1_usize..40),
        keeps_context: bool,
    ) {
        let frames: Vec<u8> = payloads
            .iter()
            .flat_map(|(payload, text)| frame(if *text { TEXT } else { BINARY }, payload))
            .collect();
        let whole = receive(&mut receiver(keeps_context), &frames, frames.len());
        prop_assert_eq!(&receive(&mut receiver(keeps_context), &frames, piece), &whole);
        let mut in_steps = receiver(keeps_context).with_inflate_step(step);
        prop_assert_eq!(receive(&mut in_steps, &frames, piece), whole);
    }
}
