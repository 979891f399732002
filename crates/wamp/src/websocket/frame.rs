//! The header of a frame (RFC 6455, section 5.2) and the mask (section 5.3).
//!
//! This module checks single headers. The receiver checks the order of frames.

use super::close::WebSocketFault;
use super::limits::MAX_CONTROL_PAYLOAD;

/// The maximum length of a header: two bytes, eight of length, four of mask.
pub const MAX_HEADER: usize = 14;

/// The mask of a payload.
pub type Mask = [u8; 4];

const FIN: u8 = 0x80;
const RESERVED_BITS: u8 = 0x70;
/// The first reserved bit: this message is compressed (RFC 7692, section 6).
const RSV1: u8 = 0x40;
const OPCODE_BITS: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH_BITS: u8 = 0x7f;
/// Value of the seven length bits: the length is in the next two bytes.
const TWO_BYTES: u8 = 126;
/// Value of the seven length bits: the length is in the next eight bytes.
const EIGHT_BYTES: u8 = 127;

/// A side of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketRole {
    /// The side that opened the connection and masks its frames.
    Client,
    /// The side that accepted the connection and never masks.
    Server,
}

/// The frames that a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRules {
    /// The side that reads the frames.
    role: WebSocketRole,
    /// The reserved bits that must be 0.
    reserved: u8,
    /// Whether unmasked frames of clients are accepted.
    takes_unmasked: bool,
    /// Whether payloads are not unmasked, even if the header has a mask.
    ignores_masks: bool,
}

impl FrameRules {
    /// The rules of RFC 6455 for the side that reads.
    pub const fn new(role: WebSocketRole) -> Self {
        Self { role, reserved: RESERVED_BITS, takes_unmasked: false, ignores_masks: false }
    }

    /// Also allows compressed messages.
    pub const fn with_compression(mut self) -> Self {
        self.reserved &= !RSV1;
        self
    }

    /// Also accepts unmasked frames of clients, against section 5.1.
    pub const fn with_unmasked(mut self) -> Self {
        self.takes_unmasked = true;
        self
    }

    /// Does not unmask payloads, against section 5.3.
    pub const fn with_masks_ignored(mut self) -> Self {
        self.ignores_masks = true;
        self
    }
}

/// The type of a frame (section 11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A continuation of the current message.
    Continuation,
    /// A message, or its first fragment.
    Message(MessageKind),
    /// A control frame. Allowed between the fragments of a message.
    Control(ControlKind),
}

/// The type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// The type of a control frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// Closes the connection.
    Close,
    /// Requests a Pong.
    Ping,
    /// Answers a Ping, or is an unsolicited keep-alive.
    Pong,
}

impl Opcode {
    fn parse(bits: u8) -> Result<Self, WebSocketFault> {
        Ok(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Message(MessageKind::Text),
            0x2 => Self::Message(MessageKind::Binary),
            0x8 => Self::Control(ControlKind::Close),
            0x9 => Self::Control(ControlKind::Ping),
            0xa => Self::Control(ControlKind::Pong),
            _ => return Err(WebSocketFault::ReservedOpcode(bits)),
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Message(MessageKind::Text) => 0x1,
            Self::Message(MessageKind::Binary) => 0x2,
            Self::Control(ControlKind::Close) => 0x8,
            Self::Control(ControlKind::Ping) => 0x9,
            Self::Control(ControlKind::Pong) => 0xa,
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// Whether this is the first frame of a compressed message.
    pub compressed: bool,
    /// The type of the frame.
    pub opcode: Opcode,
    /// The length of the payload, in bytes.
    pub length: u64,
    /// The mask of the payload. Frames of clients have one.
    pub mask: Option<Mask>,
}

impl FrameHeader {
    /// Parses the header at the start of `bytes`. Also returns its length. `None` if more bytes are
    /// needed.
    ///
    /// # Errors
    ///
    /// A reserved bit or opcode, a control frame that is fragmented or too long, a wrong mask bit
    /// (all known from two bytes), or a length that is not in its shortest form.
    pub fn parse(bytes: &[u8], rules: FrameRules) -> Result<Option<(Self, usize)>, WebSocketFault> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (fin, compressed, opcode) = parse_first(*first, rules)?;
        if matches!(opcode, Opcode::Control(_)) {
            check_control(fin, *second)?;
        }
        let masked = check_mask_bit(*second, rules)?;
        let Some((length, rest)) = parse_length(*second & LENGTH_BITS, rest)? else {
            return Ok(None);
        };
        let (mask, rest) = match rest.split_first_chunk() {
            _ if !masked => (None, rest),
            Some((mask, rest)) => (Some(*mask).filter(|_| !rules.ignores_masks), rest),
            None => return Ok(None),
        };
        Ok(Some((Self { fin, compressed, opcode, length, mask }, bytes.len() - rest.len())))
    }

    /// Encodes the header with the length in its shortest form.
    pub fn encode(&self) -> EncodedHeader {
        let mut header = EncodedHeader { bytes: [0; MAX_HEADER], len: 0 };
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        let fin = if self.fin { FIN } else { 0 };
        let rsv1 = if self.compressed { RSV1 } else { 0 };
        header.push(&[fin | rsv1 | self.opcode.bits()]);
        if self.length < u64::from(TWO_BYTES) {
            header.push(&[masked | self.length as u8]);
        } else if let Ok(length) = u16::try_from(self.length) {
            header.push(&[masked | TWO_BYTES]);
            header.push(&length.to_be_bytes());
        } else {
            header.push(&[masked | EIGHT_BYTES]);
            header.push(&self.length.to_be_bytes());
        }
        if let Some(mask) = self.mask {
            header.push(&mask);
        }
        header
    }
}

fn parse_first(byte: u8, rules: FrameRules) -> Result<(bool, bool, Opcode), WebSocketFault> {
    if byte & rules.reserved != 0 {
        return Err(WebSocketFault::ReservedBits);
    }
    let (compressed, opcode) = (byte & RSV1 != 0, Opcode::parse(byte & OPCODE_BITS)?);
    if compressed && !matches!(opcode, Opcode::Message(_)) {
        return Err(WebSocketFault::ReservedBits);
    }
    Ok((byte & FIN != 0, compressed, opcode))
}

fn check_control(fin: bool, second: u8) -> Result<(), WebSocketFault> {
    if !fin {
        return Err(WebSocketFault::FragmentedControl);
    }
    if usize::from(second & LENGTH_BITS) > MAX_CONTROL_PAYLOAD {
        return Err(WebSocketFault::ControlTooLong);
    }
    Ok(())
}

fn check_mask_bit(second: u8, rules: FrameRules) -> Result<bool, WebSocketFault> {
    match (second & MASKED != 0, rules.role) {
        (false, WebSocketRole::Server) if !rules.takes_unmasked => {
            Err(WebSocketFault::UnmaskedClientFrame)
        }
        (true, WebSocketRole::Client) => Err(WebSocketFault::MaskedServerFrame),
        (masked, _) => Ok(masked),
    }
}

/// The length and the bytes after it. `None` if more bytes are needed.
fn parse_length(seven_bits: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, WebSocketFault> {
    let (length, rest, shortest) = match seven_bits {
        TWO_BYTES => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), rest, 126),
            None => return Ok(None),
        },
        EIGHT_BYTES => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest, 0x1_0000),
            None => return Ok(None),
        },
        length => (u64::from(length), rest, 0),
    };
    if length < shortest || length > i64::MAX as u64 {
        return Err(WebSocketFault::InvalidLength);
    }
    Ok(Some((length, rest)))
}

/// An encoded header, on the stack, to be written before a shared payload.
#[derive(Debug, Clone, Copy)]
pub struct EncodedHeader {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

impl EncodedHeader {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl AsRef<[u8]> for EncodedHeader {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Masks or unmasks `payload` in place. `offset` is its position in the payload of its frame.
pub fn apply_mask(payload: &mut [u8], mut mask: Mask, offset: u64) {
    mask.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(twice.to_ne_bytes()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let lengths = [0, 125, 126, 127, 0xffff, 0x1_0000, i64::MAX as u64];
        for (length, bytes) in lengths.into_iter().zip([2, 2, 4, 4, 4, 10, 10]) {
            for (mask, role) in
                [(None, WebSocketRole::Client), (Some([1, 2, 3, 4]), WebSocketRole::Server)]
            {
                for compressed in [false, true] {
                    let opcode = Opcode::Message(MessageKind::Binary);
                    let header = FrameHeader { fin: true, compressed, opcode, length, mask };
                    let encoded = header.encode();
                    let encoded = encoded.as_ref();
                    let rules = FrameRules::new(role).with_compression();
                    assert_eq!(encoded.len(), bytes + if mask.is_some() { 4 } else { 0 });
                    assert_eq!(
                        FrameHeader::parse(encoded, rules),
                        Ok(Some((header, encoded.len())))
                    );
                    for cut in 0..encoded.len() {
                        assert_eq!(FrameHeader::parse(&encoded[..cut], rules), Ok(None));
                    }
                }
            }
        }
    }

    #[test]
    fn only_the_first_frame_may_be_compressed_and_only_if_negotiated() {
        let rules = FrameRules::new(WebSocketRole::Client);
        let agreed = rules.with_compression();
        for opcode in [0x1, 0x2] {
            let frame = [FIN | RSV1 | opcode, 0];
            let parsed = FrameHeader::parse(&frame, agreed).map(|header| header.map(|(h, _)| h));
            assert!(parsed.is_ok_and(|header| header.is_some_and(|header| header.compressed)));
            assert_eq!(FrameHeader::parse(&frame, rules), Err(WebSocketFault::ReservedBits));
        }
        for opcode in [0x0, 0x8, 0x9, 0xa] {
            assert_eq!(
                FrameHeader::parse(&[FIN | RSV1 | opcode, 0], agreed),
                Err(WebSocketFault::ReservedBits)
            );
        }
        for bits in [0x10, 0x20, 0x30, 0x50, 0x60, 0x70] {
            assert_eq!(
                FrameHeader::parse(&[FIN | bits | 0x1, 0], agreed),
                Err(WebSocketFault::ReservedBits)
            );
        }
    }

    #[test]
    fn rules_may_allow_unmasked_frames_and_ignore_masks() {
        let rules = FrameRules::new(WebSocketRole::Server);
        let parse = |bytes: &[u8], rules| {
            FrameHeader::parse(bytes, rules)
                .map(|header| header.map(|(header, len)| (header.mask, len)))
        };
        let (unmasked, masked) = (&[0x81, 5][..], &[0x81, 0x85, 1, 2, 3, 4][..]);
        assert_eq!(parse(unmasked, rules), Err(WebSocketFault::UnmaskedClientFrame));
        assert_eq!(parse(unmasked, rules.with_unmasked()), Ok(Some((None, 2))));
        assert_eq!(parse(masked, rules.with_unmasked()), Ok(Some((Some([1, 2, 3, 4]), 6))));
        assert_eq!(parse(masked, rules.with_masks_ignored()), Ok(Some((None, 6))));
        assert_eq!(
            parse(unmasked, rules.with_masks_ignored()),
            Err(WebSocketFault::UnmaskedClientFrame)
        );
    }

    #[test]
    fn a_mask_is_applied_from_any_offset_to_any_length() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..40).collect();
        let masked: Vec<u8> = plain.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]).collect();
        for start in 0..plain.len() {
            for end in start..=plain.len() {
                let mut piece = plain[start..end].to_vec();
                apply_mask(&mut piece, mask, start as u64);
                assert_eq!(piece, masked[start..end]);
            }
        }
    }
}
