//! From messages to frames, at the end of a buffer (RFC 6455, sections 5.4 to 5.6).
//!
//! A client gives each frame a mask of its own, fresh from a strong random source; a server gives
//! none, so that the same bytes serve every peer.

use std::num::NonZeroUsize;

use super::close::CloseFrame;
use super::frame::{
    ControlKind, Header, MAX_CONTROL_PAYLOAD, Mask, MessageKind, Opcode, apply_mask,
};

/// Writes the header of a frame whose payload of `payload_len` bytes follows.
pub fn write_header(
    out: &mut Vec<u8>,
    opcode: Opcode,
    fin: bool,
    payload_len: usize,
    mask: Option<Mask>,
) {
    let header = Header { fin, opcode, length: payload_len as u64, mask };
    out.extend_from_slice(header.encode().as_ref());
}

/// Writes a message in one frame.
pub fn write_message(out: &mut Vec<u8>, kind: MessageKind, payload: &[u8], mask: Option<Mask>) {
    write_frame(out, Opcode::Message(kind), true, payload, mask);
}

/// Writes a message in one frame whose payload `encode` appends, without copying it afterwards
/// unless its length takes a longer header (over 125 bytes).
pub fn write_message_with(
    out: &mut Vec<u8>,
    kind: MessageKind,
    mask: Option<Mask>,
    encode: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    let mut header = Header { fin: true, opcode: Opcode::Message(kind), length: 0, mask };
    out.extend_from_slice(header.encode().as_ref());
    let payload = out.len();
    encode(out);
    header.length = (out.len() - payload) as u64;
    if let Some(mask) = mask {
        apply_mask(&mut out[payload..], mask, 0);
    }
    out.splice(start..payload, header.encode().as_ref().iter().copied());
}

/// Writes a message in frames of at most `fragment_size` bytes of payload; `next_mask` gives the
/// mask of each.
pub fn write_fragmented(
    out: &mut Vec<u8>,
    kind: MessageKind,
    payload: &[u8],
    fragment_size: NonZeroUsize,
    mut next_mask: impl FnMut() -> Option<Mask>,
) {
    let mut opcode = Opcode::Message(kind);
    let mut rest = payload;
    while rest.len() > fragment_size.get() {
        let (fragment, after) = rest.split_at(fragment_size.get());
        write_frame(out, opcode, false, fragment, next_mask());
        opcode = Opcode::Continuation;
        rest = after;
    }
    write_frame(out, opcode, true, rest, next_mask());
}

/// Writes a Close frame. A reason too long for it is cut between two characters.
pub fn write_close(out: &mut Vec<u8>, close: Option<CloseFrame<'_>>, mask: Option<Mask>) {
    let mut payload = Vec::new();
    if let Some(close) = close {
        payload.extend_from_slice(&close.code.number().to_be_bytes());
        payload.extend_from_slice(close.sendable_reason().as_bytes());
    }
    write_control(out, ControlKind::Close, &payload, mask);
}

/// Writes a Ping frame. Of the payload, at most [`MAX_CONTROL_PAYLOAD`] bytes are sent.
pub fn write_ping(out: &mut Vec<u8>, payload: &[u8], mask: Option<Mask>) {
    write_control(out, ControlKind::Ping, payload, mask);
}

/// Writes a Pong frame. Of the payload, at most [`MAX_CONTROL_PAYLOAD`] bytes are sent; that of a
/// Ping is never longer.
pub fn write_pong(out: &mut Vec<u8>, payload: &[u8], mask: Option<Mask>) {
    write_control(out, ControlKind::Pong, payload, mask);
}

fn write_control(out: &mut Vec<u8>, kind: ControlKind, payload: &[u8], mask: Option<Mask>) {
    let payload = &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)];
    write_frame(out, Opcode::Control(kind), true, payload, mask);
}

fn write_frame(out: &mut Vec<u8>, opcode: Opcode, fin: bool, payload: &[u8], mask: Option<Mask>) {
    write_header(out, opcode, fin, payload.len(), mask);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        apply_mask(&mut out[start..], mask, 0);
    }
}
