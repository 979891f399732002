//! Any octets are a handshake or an error. Any bytes have the same frames at once and in pieces,
//! and no frame exceeds the negotiated limit.
#![no_main]

use cloverleaf_wamp::rawsocket::{
    FrameSplitter, HandshakeReply, HandshakeRequest, RawSocketFault, RawSocketFrame,
};
use cloverleaf_wamp::serializer::Serializer;
use libfuzzer_sys::fuzz_target;

/// Small enough for an input to exceed it.
const LIMIT: usize = 300;

fn split<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> (Vec<String>, Option<RawSocketFault>) {
    let mut splitter = FrameSplitter::new(LIMIT);
    let mut frames = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            match splitter.receive(&mut input) {
                Ok(Some(RawSocketFrame { kind, payload })) => {
                    assert!(payload.len() <= LIMIT);
                    frames.push(format!("{kind:?} {payload:?}"));
                }
                Ok(None) => break,
                Err(fault) => return (frames, Some(fault)),
            }
        }
        assert!(input.is_empty());
    }
    (frames, None)
}

fn handshake(octets: [u8; 4]) {
    if let Ok(request) = HandshakeRequest::parse(octets, &Serializer::ALL) {
        assert_eq!(request.octets(), octets);
        let HandshakeRequest { serializer, max_message } = request;
        assert_eq!(
            HandshakeReply::parse(octets, serializer),
            Ok(HandshakeReply { serializer, max_message })
        );
    }
}

fuzz_target!(|data: &[u8]| {
    let [shape, bytes @ ..] = data else { return };
    if let Some(octets) = bytes.first_chunk() {
        handshake(*octets);
    }
    let piece_len = usize::from(*shape) + 1;
    assert_eq!(split(bytes.chunks(piece_len)), split([bytes].into_iter()));
});
