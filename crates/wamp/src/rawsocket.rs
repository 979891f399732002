//! The RawSocket protocol without IO: the four octets of the handshake and the frame splitter.
//!
//! Spec: advanced profile, "RawSocket Transport". The transport answers pings and reads sockets.
//!
//! | module | purpose |
//! |---|---|
//! | [`handshake`] | request and reply, four octets each |
//! | [`splitter`] | bytes to frames |

pub mod handshake;
pub mod splitter;

pub use handshake::{HandshakeError, HandshakeReply, HandshakeRequest, announced};
pub use splitter::{FrameSplitter, RawSocketFault, RawSocketFrame};

/// The first octet of every handshake.
pub const MAGIC: u8 = 0x7F;

/// The maximum payload of a frame: 2^24 bytes.
pub const MAX_FRAME: usize = 1 << 24;

/// The length of a frame's prefix.
pub const PREFIX_LEN: usize = 4;

/// The type of a frame: the three bits `TTT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A serialized message.
    Message,
    /// Requests a PONG with the same bytes.
    Ping,
    /// The answer to a PING.
    Pong,
}

impl FrameKind {
    const fn number(self) -> u8 {
        match self {
            Self::Message => 0,
            Self::Ping => 1,
            Self::Pong => 2,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Message),
            1 => Some(Self::Ping),
            2 => Some(Self::Pong),
            _ => None,
        }
    }
}

/// The prefix of a frame: `RRRR XTTT` and 24 bits of length; `X` is set for exactly 2^24 bytes.
///
/// `length` is at most [`MAX_FRAME`]. The caller checks it against the peer's limit.
pub fn prefix(kind: FrameKind, length: usize) -> [u8; PREFIX_LEN] {
    debug_assert!(length <= MAX_FRAME, "the caller keeps the peer's limit");
    let [_, high, middle, low] = (length as u32).to_be_bytes();
    let twenty_fifth_bit = u8::from(length == MAX_FRAME) << 3;
    [twenty_fifth_bit | kind.number(), high, middle, low]
}

#[cfg(test)]
mod tests {
    use super::{FrameKind, MAX_FRAME, prefix};

    #[test]
    fn a_prefix_is_the_kind_and_the_length() {
        assert_eq!(prefix(FrameKind::Message, 0), [0, 0, 0, 0]);
        assert_eq!(prefix(FrameKind::Ping, 0x01_02_03), [1, 1, 2, 3]);
        assert_eq!(prefix(FrameKind::Message, MAX_FRAME - 1), [0, 0xff, 0xff, 0xff]);
        assert_eq!(prefix(FrameKind::Pong, MAX_FRAME), [0x0a, 0, 0, 0]);
    }
}
