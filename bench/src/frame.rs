//! The frames between `relay` and `relay-peer`: a length, an id and a body. No sockets.
//!
//! ```text
//! 4 bytes length of the body, big endian · 8 bytes id, big endian · the body
//! ```

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes before the body of a frame.
const HEAD: usize = 4 + 8;

/// Longest body in bytes. Requests of the measurement are far shorter. A wrong length is detected
/// before memory is allocated for it.
pub const MAX_BODY: usize = 1 << 20;

/// A question or its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFrame {
    /// Chosen by the asking end, returned with the answer.
    pub id: u64,
    /// The content, at most [`MAX_BODY`] bytes.
    pub body: Bytes,
}

impl RelayFrame {
    /// Appends the encoded frame.
    ///
    /// # Errors
    /// `InvalidInput` for a body longer than [`MAX_BODY`].
    pub fn encode(&self, into: &mut BytesMut) -> io::Result<()> {
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        if self.body.len() > MAX_BODY {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "frame over the limit"));
        }
        into.reserve(HEAD + self.body.len());
        into.put_u32(length);
        into.put_u64(self.id);
        into.put_slice(&self.body);
        Ok(())
    }

    /// Takes the first frame from `buffer`, or returns `None` until it is complete.
    ///
    /// # Errors
    /// `InvalidData` for an announced body longer than [`MAX_BODY`].
    pub fn decode(buffer: &mut BytesMut) -> io::Result<Option<Self>> {
        let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        if length > MAX_BODY {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "frame over the limit"));
        }
        if buffer.len() < HEAD + length {
            return Ok(None);
        }
        buffer.advance(4);
        let id = buffer.get_u64();
        Ok(Some(Self { id, body: buffer.split_to(length).freeze() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(id: u64, body: &'static str) -> RelayFrame {
        RelayFrame { id, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn frames_are_decoded_wherever_the_bytes_are_split() {
        let sent = [frame(7, "seven"), frame(8, ""), frame(u64::MAX, "last")];
        let mut octets = BytesMut::new();
        for frame in &sent {
            frame.encode(&mut octets).expect("short bodies");
        }
        for cut in 0..=octets.len() {
            let mut buffer = BytesMut::new();
            let mut received = Vec::new();
            for part in [&octets[..cut], &octets[cut..]] {
                buffer.extend_from_slice(part);
                while let Some(frame) = RelayFrame::decode(&mut buffer).expect("valid octets") {
                    received.push(frame);
                }
            }
            assert_eq!((received.as_slice(), buffer.len()), (sent.as_slice(), 0), "cut at {cut}");
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_the_body() {
        let mut buffer = BytesMut::from(&[0xff_u8; 4][..]);
        assert!(RelayFrame::decode(&mut buffer).is_err());
    }

    #[test]
    fn a_body_over_the_limit_is_not_encoded() {
        let long = RelayFrame { id: 1, body: Bytes::from(vec![0; MAX_BODY + 1]) };
        let mut buffer = BytesMut::new();
        assert!(long.encode(&mut buffer).is_err());
        assert!(buffer.is_empty());
    }
}
