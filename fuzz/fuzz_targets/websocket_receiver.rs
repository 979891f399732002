//! Any bytes have the same meaning for a WebSocket receiver at once and in pieces. No message
//! exceeds the limit, inflated or not. Messages compressed with any settings arrive unchanged.
#![no_main]

use std::num::NonZeroUsize;

use cloverleaf_wamp::websocket::deflate::{Deflater, Inflater, MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::frame::FrameRules;
use cloverleaf_wamp::websocket::sender::MessageWriter;
use cloverleaf_wamp::websocket::{
    MessageKind, WebSocketFault, WebSocketLimits, WebSocketMessage, WebSocketReceiver,
    WebSocketRole,
};
use libfuzzer_sys::fuzz_target;

/// Small enough for an input to exceed it.
const MAX_MESSAGE: usize = 300;

const CLIENT: u8 = 1;
const INFLATES: u8 = 2;
const KEEPS_CONTEXT: u8 = 4;
const UNMASKED: u8 = 8;
const MASKS_IGNORED: u8 = 16;
const UNCHECKED_TEXT: u8 = 32;

fn receiver(shape: u8) -> WebSocketReceiver {
    let has = |bit| shape & bit != 0;
    let role = if has(CLIENT) { WebSocketRole::Client } else { WebSocketRole::Server };
    let mut receiver =
        WebSocketReceiver::new(role, WebSocketLimits { max_message: MAX_MESSAGE, max_frame: 200 });
    if has(INFLATES) {
        receiver = receiver.with_inflater(Inflater::new(has(KEEPS_CONTEXT)));
    }
    if has(UNMASKED) {
        receiver = receiver.with_rules(FrameRules::with_unmasked);
    }
    if has(MASKS_IGNORED) {
        receiver = receiver.with_rules(FrameRules::with_masks_ignored);
    }
    if has(UNCHECKED_TEXT) {
        receiver = receiver.with_unchecked_text();
    }
    receiver
}

fn receive<'p>(
    mut receiver: WebSocketReceiver,
    pieces: impl Iterator<Item = &'p [u8]>,
) -> (Vec<String>, Option<WebSocketFault>) {
    let mut arrived = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match receiver.receive(&mut input) {
                Ok(Some(incoming)) => {
                    assert!(payload_len(incoming) <= MAX_MESSAGE);
                    arrived.push(format!("{incoming:?}"));
                }
                Ok(None) => break,
                Err(fault) => return (arrived, Some(fault)),
            }
        }
        assert!(input.is_empty());
    }
    (arrived, None)
}

fn payload_len(incoming: WebSocketMessage<'_>) -> usize {
    match incoming {
        WebSocketMessage::Text(text) => text.len(),
        WebSocketMessage::UncheckedText(bytes)
        | WebSocketMessage::Binary(bytes)
        | WebSocketMessage::Ping(bytes)
        | WebSocketMessage::Pong(bytes) => bytes.len(),
        WebSocketMessage::Close(close) => close.map_or(0, |close| close.reason.len()),
    }
}

/// Messages of these bytes, compressed and cut as `settings` has it, arrive as they were.
fn assert_round_trip(settings: u8, bytes: &[u8], piece_len: usize) {
    let keeps_context = settings & 1 != 0;
    let window_bits = WindowBits::new(8 + settings / 2 % 8).expect("8 to 15");
    let memory_level = MemoryLevel::new(1 + settings / 16 % 9).expect("1 to 9");
    let mut deflater = Deflater::new(window_bits, keeps_context, memory_level);
    if settings & 128 != 0 {
        deflater = deflater.compressing_every_message();
    }
    let fragment_size = NonZeroUsize::new(usize::from(settings));
    let mut shape = MessageWriter { deflater: Some(deflater), fragment_size };
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for message in bytes.chunks(MAX_MESSAGE / 2) {
        shape.write_message(&mut sent, MessageKind::Binary, message, || None);
        expected.push(format!("{:?}", WebSocketMessage::Binary(message)));
    }
    let limits = WebSocketLimits { max_message: MAX_MESSAGE, max_frame: 2 * MAX_MESSAGE };
    let receiver = WebSocketReceiver::new(WebSocketRole::Client, limits)
        .with_inflater(Inflater::new(keeps_context));
    assert_eq!(receive(receiver, sent.chunks(piece_len)), (expected, None));
}

fuzz_target!(|data: &[u8]| {
    let [shape, piece_len, bytes @ ..] = data else { return };
    let length = usize::from(*piece_len) + 1;
    let whole = receive(receiver(*shape), [bytes].into_iter());
    assert_eq!(receive(receiver(*shape), bytes.chunks(length)), whole);
    assert_round_trip(*shape, bytes, length);
});
