//! Writes messages as frames to the end of a buffer (RFC 6455, sections 5.4 to 5.6).
//!
//! A client uses a new mask from a strong random source for each frame. A server uses none, so all
//! peers share the same bytes.

use std::num::NonZeroUsize;

use super::close::CloseFrame;
use super::deflate::Deflater;
use super::frame::{ControlKind, FrameHeader, Mask, MessageKind, Opcode, apply_mask};
use super::limits::MAX_CONTROL_PAYLOAD;

/// Writes the header of a frame with a payload of `payload_len` bytes.
pub fn write_header(
    out: &mut Vec<u8>,
    opcode: Opcode,
    fin: bool,
    payload_len: usize,
    mask: Option<Mask>,
) {
    let header = FrameHeader { length: payload_len as u64, ..header(opcode, fin, mask) };
    out.extend_from_slice(header.encode().as_ref());
}

/// Writes a message in one frame.
pub fn write_message(out: &mut Vec<u8>, kind: MessageKind, payload: &[u8], mask: Option<Mask>) {
    write_frame(out, header(Opcode::Message(kind), true, mask), payload);
}

/// Writes a message in one frame. `encode` appends the payload. It is moved afterwards only if its
/// length needs a longer header (more than 125 bytes).
pub fn write_message_with(
    out: &mut Vec<u8>,
    kind: MessageKind,
    mask: Option<Mask>,
    encode: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    let mut header = header(Opcode::Message(kind), true, mask);
    out.extend_from_slice(header.encode().as_ref());
    let payload = out.len();
    encode(out);
    header.length = (out.len() - payload) as u64;
    if let Some(mask) = mask {
        apply_mask(&mut out[payload..], mask, 0);
    }
    out.splice(start..payload, header.encode().as_ref().iter().copied());
}

/// Writes messages with compression or in fragments.
#[derive(Debug, Default)]
pub struct MessageWriter {
    /// The compression, if negotiated.
    pub deflater: Option<Deflater>,
    /// The maximum payload of a frame.
    pub fragment_size: Option<NonZeroUsize>,
}

impl MessageWriter {
    /// Writes a message. `next_mask` returns the mask of each frame.
    pub fn write_message(
        &mut self,
        out: &mut Vec<u8>,
        kind: MessageKind,
        payload: &[u8],
        mut next_mask: impl FnMut() -> Option<Mask>,
    ) {
        let deflated = self.deflater.as_mut().and_then(|deflater| deflater.deflate(payload));
        let mut rest = deflated.as_deref().unwrap_or(payload);
        let mut compressed = deflated.is_some();
        let mut opcode = Opcode::Message(kind);
        let longest = self.fragment_size.map_or(usize::MAX, NonZeroUsize::get);
        while rest.len() > longest {
            let (fragment, after) = rest.split_at(longest);
            write_frame(
                out,
                FrameHeader { compressed, ..header(opcode, false, next_mask()) },
                fragment,
            );
            (opcode, compressed, rest) = (Opcode::Continuation, false, after);
        }
        write_frame(out, FrameHeader { compressed, ..header(opcode, true, next_mask()) }, rest);
    }
}

/// Writes a Close frame. A reason that is too long is cut at a character boundary.
pub fn write_close(out: &mut Vec<u8>, close: Option<CloseFrame<'_>>, mask: Option<Mask>) {
    let mut payload = Vec::new();
    if let Some(close) = close {
        payload.extend_from_slice(&close.code.number().to_be_bytes());
        payload.extend_from_slice(close.sendable_reason().as_bytes());
    }
    write_control(out, ControlKind::Close, &payload, mask);
}

/// Writes a Ping frame with at most [`MAX_CONTROL_PAYLOAD`] bytes of the payload.
pub fn write_ping(out: &mut Vec<u8>, payload: &[u8], mask: Option<Mask>) {
    write_control(out, ControlKind::Ping, payload, mask);
}

/// Writes a Pong frame with at most [`MAX_CONTROL_PAYLOAD`] bytes of the payload. That of a Ping is
/// never longer.
pub fn write_pong(out: &mut Vec<u8>, payload: &[u8], mask: Option<Mask>) {
    write_control(out, ControlKind::Pong, payload, mask);
}

fn write_control(out: &mut Vec<u8>, kind: ControlKind, payload: &[u8], mask: Option<Mask>) {
    let payload = &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)];
    write_frame(out, header(Opcode::Control(kind), true, mask), payload);
}

/// The header of an uncompressed frame, without its length.
const fn header(opcode: Opcode, fin: bool, mask: Option<Mask>) -> FrameHeader {
    FrameHeader { fin, compressed: false, opcode, length: 0, mask }
}

/// Writes a frame. `header` has no length yet.
fn write_frame(out: &mut Vec<u8>, mut header: FrameHeader, payload: &[u8]) {
    header.length = payload.len() as u64;
    out.extend_from_slice(header.encode().as_ref());
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = header.mask {
        apply_mask(&mut out[start..], mask, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::CloseCode;

    const MASK: Mask = [0x37, 0xfa, 0x21, 0x3d];

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = b"before".to_vec();
        write(&mut out);
        out.split_off(6)
    }

    /// Fragments of three bytes.
    fn of_three() -> MessageWriter {
        MessageWriter { fragment_size: NonZeroUsize::new(3), ..MessageWriter::default() }
    }

    #[test]
    fn the_examples_of_the_rfc_are_written() {
        let text = MessageKind::Text;
        let hello = |mask| written(|out| write_message(out, text, b"Hello", mask));
        assert_eq!(hello(None), b"\x81\x05Hello");
        assert_eq!(hello(Some(MASK)), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        let fragmented = written(|out| of_three().write_message(out, text, b"Hello", || None));
        assert_eq!(fragmented, b"\x01\x03Hel\x80\x02lo");
        assert_eq!(written(|out| write_ping(out, b"Hello", None)), b"\x89\x05Hello");
        let pong = written(|out| write_pong(out, b"Hello", Some(MASK)));
        assert_eq!(pong, b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    }

    #[test]
    fn the_long_examples_of_the_rfc_are_written() {
        for (header, len) in [
            (&b"\x82\x7e\x01\x00"[..], 256),
            (&b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..], 65_536),
        ] {
            let payload = vec![b'*'; len];
            let message = written(|out| write_message(out, MessageKind::Binary, &payload, None));
            assert_eq!(message, [header, &payload].concat());
        }
    }

    #[test]
    fn a_message_encoded_in_place_is_the_same_message() {
        for len in [0, 125, 126, 65_535, 65_536] {
            for mask in [None, Some(MASK)] {
                let payload = vec![b'*'; len];
                let text = MessageKind::Text;
                let whole = written(|out| write_message(out, text, &payload, mask));
                let in_place = written(|out| {
                    write_message_with(out, text, mask, |out| out.extend_from_slice(&payload));
                });
                assert!(whole == in_place, "{len} bytes");
            }
        }
    }

    #[test]
    fn each_fragment_has_a_mask_of_its_own() {
        let mut masks = [MASK, [0; 4]].into_iter();
        let bytes = written(|out| {
            of_three().write_message(out, MessageKind::Binary, b"HelHel", || masks.next());
        });
        assert_eq!(bytes, b"\x02\x83\x37\xfa\x21\x3d\x7f\x9f\x4d\x80\x83\0\0\0\0Hel");
    }

    #[test]
    fn a_close_is_empty_or_has_a_code_and_a_cut_reason() {
        assert_eq!(written(|out| write_close(out, None, None)), b"\x88\x00");
        let reason = "é".repeat(100);
        let close = CloseFrame { code: CloseCode::NORMAL, reason: &reason };
        let expected = [b"\x88\x7c\x03\xe8", "é".repeat(61).as_bytes()].concat();
        assert_eq!(written(|out| write_close(out, Some(close), None)), expected);
    }

    #[test]
    fn a_ping_is_cut_to_the_limit_of_control_frames() {
        let expected = [&b"\x89\x7d"[..], &[7; 125]].concat();
        assert_eq!(written(|out| write_ping(out, &[7; 200], None)), expected);
    }
}
