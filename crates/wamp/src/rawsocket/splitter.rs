//! Splits bytes into frames. Hot: a frame that is contiguous in the input is returned without a
//! copy.
//!
//! Only the incomplete frame at the end of an input is buffered. The buffer is freed with the
//! frame, so an idle connection holds none. The length is checked before anything is buffered.

use thiserror::Error;

use super::{FrameKind, MAX_FRAME, PREFIX_LEN};

/// A protocol error of the peer. The connection is closed; RawSocket has no error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RawSocketFault {
    /// A reserved bit or kind in a prefix.
    #[error("a frame has reserved bits or an unknown kind: its first octet is {0:#04x}")]
    Reserved(u8),
    /// A frame longer than the limit.
    #[error("a frame of {length} bytes is longer than the {limit} that were agreed")]
    TooLong {
        /// The length in the prefix.
        length: usize,
        /// The limit from the handshake.
        limit: usize,
    },
}

/// One frame. The bytes belong to the splitter or the input and are valid until the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawSocketFrame<'a> {
    /// The type of the frame.
    pub kind: FrameKind,
    /// The payload.
    pub payload: &'a [u8],
}

/// Splits the bytes of one connection into frames.
#[derive(Debug)]
pub struct FrameSplitter {
    limit: usize,
    /// The incomplete frame at the end of the last input: a part of its prefix, or the prefix and a
    /// part of the payload.
    cut: Vec<u8>,
    /// Whether the last call returned the frame in `cut`, so this call must free it.
    handed_out: bool,
}

impl FrameSplitter {
    /// A splitter that accepts payloads of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.min(MAX_FRAME), cut: Vec::new(), handed_out: false }
    }

    /// The next frame of `input`, which is advanced past it. `None` when the input is used up. Must
    /// be called until then, also because each call frees the frame of the last one.
    ///
    /// The input is mutable for symmetry with WebSocket, whose payloads are unmasked in place.
    pub fn receive<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<RawSocketFrame<'s>>, RawSocketFault> {
        if self.handed_out {
            self.handed_out = false;
            self.cut = Vec::new();
        }
        if !self.cut.is_empty() {
            return self.complete(input);
        }
        if let Some((prefix, rest)) = input.split_first_chunk::<PREFIX_LEN>() {
            let (kind, length) = self.parse(*prefix)?;
            if rest.len() >= length {
                let frame = take_front(input, PREFIX_LEN + length);
                return Ok(Some(RawSocketFrame { kind, payload: &frame[PREFIX_LEN..] }));
            }
        }
        self.cut.extend_from_slice(input);
        *input = &mut [];
        Ok(None)
    }

    /// Bytes buffered for an incomplete frame. `None` if there is none.
    pub fn unfinished(&self) -> Option<usize> {
        let is_begun = !self.cut.is_empty() && !self.handed_out;
        is_begun.then(|| self.cut.capacity())
    }

    /// The payload of the frame that the last call of [`Self::receive`] returned, if it was
    /// buffered. Empty otherwise.
    pub fn kept_payload(&self) -> &[u8] {
        if self.handed_out { &self.cut[PREFIX_LEN..] } else { &[] }
    }

    /// Completes the buffered frame from `input`, as far as it goes.
    fn complete<'s>(
        &'s mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<RawSocketFrame<'s>>, RawSocketFault> {
        self.fill(input, PREFIX_LEN);
        let Some((prefix, _)) = self.cut.split_first_chunk::<PREFIX_LEN>() else {
            return Ok(None);
        };
        let (kind, length) = self.parse(*prefix)?;
        self.fill(input, PREFIX_LEN + length);
        if self.cut.len() < PREFIX_LEN + length {
            return Ok(None);
        }
        self.handed_out = true;
        Ok(Some(RawSocketFrame { kind, payload: &self.cut[PREFIX_LEN..] }))
    }

    /// Moves bytes from `input` to `cut` until it has `length` of them.
    fn fill(&mut self, input: &mut &mut [u8], length: usize) {
        let missing = length.saturating_sub(self.cut.len()).min(input.len());
        self.cut.extend_from_slice(take_front(input, missing));
    }

    fn parse(&self, prefix: [u8; PREFIX_LEN]) -> Result<(FrameKind, usize), RawSocketFault> {
        let [first, high, middle, low] = prefix;
        let twenty_fifth_bit = usize::from(first >> 3 & 1) << 24;
        let length = twenty_fifth_bit | u32::from_be_bytes([0, high, middle, low]) as usize;
        let kind = FrameKind::from_number(first & 0x07);
        match kind {
            Some(kind) if first & 0xf0 == 0 && length <= MAX_FRAME => {
                if length > self.limit {
                    return Err(RawSocketFault::TooLong { length, limit: self.limit });
                }
                Ok((kind, length))
            }
            _ => Err(RawSocketFault::Reserved(first)),
        }
    }
}

/// Splits off the first `count` bytes.
fn take_front<'i>(input: &mut &'i mut [u8], count: usize) -> &'i [u8] {
    let (front, rest) = std::mem::take(input).split_at_mut(count);
    *input = rest;
    front
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{FrameKind, FrameSplitter, MAX_FRAME, PREFIX_LEN, RawSocketFault};
    use crate::rawsocket::prefix;

    fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
        let mut bytes = prefix(kind, payload.len()).to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    fn split(
        splitter: &mut FrameSplitter,
        pieces: &[&[u8]],
    ) -> Result<Vec<(FrameKind, Vec<u8>)>, RawSocketFault> {
        let mut frames = Vec::new();
        for piece in pieces {
            let mut piece = piece.to_vec();
            let mut input = piece.as_mut_slice();
            while let Some(incoming) = splitter.receive(&mut input)? {
                frames.push((incoming.kind, incoming.payload.to_vec()));
            }
        }
        Ok(frames)
    }

    #[test]
    fn reserved_bits_and_kinds_end_the_connection() {
        for first in [0x10, 0x80, 0x03, 0x07] {
            let mut splitter = FrameSplitter::new(100);
            assert_eq!(
                split(&mut splitter, &[&[first, 0, 0, 0]]),
                Err(RawSocketFault::Reserved(first))
            );
        }
        // The 25th bit together with any other length bit.
        assert_eq!(
            split(&mut FrameSplitter::new(1 << 24), &[&[8, 0, 0, 1]]),
            Err(RawSocketFault::Reserved(8))
        );
    }

    /// `docs/decisions/traps.md#f18`: the length does not fit into 24 bits.
    #[test]
    fn the_longest_frame_has_the_25th_bit() {
        let bytes = frame(FrameKind::Message, &vec![7; MAX_FRAME]);
        assert_eq!(bytes[..PREFIX_LEN], [8, 0, 0, 0]);
        let (head, tail) = bytes.split_at(1_000_000);
        for pieces in [&[bytes.as_slice()][..], &[head, tail]] {
            let frames = split(&mut FrameSplitter::new(MAX_FRAME), pieces).unwrap();
            assert_eq!(frames, [(FrameKind::Message, vec![7; MAX_FRAME])]);
        }
        let fault = RawSocketFault::TooLong { length: MAX_FRAME, limit: MAX_FRAME / 2 };
        assert_eq!(split(&mut FrameSplitter::new(MAX_FRAME / 2), &[&bytes]), Err(fault));
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_at_its_prefix() {
        let mut splitter = FrameSplitter::new(512);
        let fault = RawSocketFault::TooLong { length: 513, limit: 512 };
        assert_eq!(split(&mut splitter, &[&prefix(FrameKind::Message, 513)]), Err(fault));
        assert_eq!(splitter.cut.capacity(), 0);
    }

    #[test]
    fn an_idle_splitter_holds_no_memory() {
        let mut splitter = FrameSplitter::new(1 << 20);
        let bytes = frame(FrameKind::Message, &[7; 100_000]);
        let (head, tail) = bytes.split_at(50_000);
        assert_eq!(split(&mut splitter, &[head, tail]).unwrap()[0].1.len(), 100_000);
        assert_eq!(splitter.cut.capacity(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn frames_are_the_same_however_the_bytes_are_cut(
            payloads in proptest::collection::vec(
                (0..3_u8, proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
            cut in 1..17_usize,
        ) {
            let expected: Vec<_> = payloads
                .into_iter()
                .map(|(kind, payload)| (FrameKind::from_number(kind).unwrap(), payload))
                .collect();
            let bytes: Vec<u8> =
                expected.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect();
            let pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
            assert_eq!(split(&mut FrameSplitter::new(512), &pieces), Ok(expected));
        }
    }
}
