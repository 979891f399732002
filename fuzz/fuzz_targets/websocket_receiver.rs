//! Any bytes mean the same to a WebSocket receiver whether they come at once or in pieces, and
//! nothing that arrives is larger than the limit.
#![no_main]

use cloverleaf_wamp::websocket::{Fault, Incoming, Limits, Receiver, Role};
use libfuzzer_sys::fuzz_target;

/// Small enough for an input to exceed it.
const MAX_MESSAGE: usize = 300;

fn receive<'p>(role: Role, pieces: impl Iterator<Item = &'p [u8]>) -> (Vec<String>, Option<Fault>) {
    let mut receiver = Receiver::new(role, Limits { max_message: MAX_MESSAGE, max_frame: 200 });
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

fn payload_len(incoming: Incoming<'_>) -> usize {
    match incoming {
        Incoming::Text(text) => text.len(),
        Incoming::UncheckedText(bytes) => bytes.len(),
        Incoming::Binary(bytes) | Incoming::Ping(bytes) | Incoming::Pong(bytes) => bytes.len(),
        Incoming::Close(close) => close.map_or(0, |close| close.reason.len()),
    }
}

fuzz_target!(|data: &[u8]| {
    let [shape, bytes @ ..] = data else { return };
    let role = if shape & 1 == 0 { Role::Server } else { Role::Client };
    let piece_len = usize::from(shape >> 1) + 1;
    let whole = receive(role, [bytes].into_iter());
    assert_eq!(receive(role, bytes.chunks(piece_len)), whole);
});
