//! Request and reply of the handshake: `7F`, length and serializer, two reserved octets.

use thiserror::Error;

use super::MAGIC;
use crate::serializer::Serializer;

/// Errors of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The first octet is not `7F`. The peer does not speak RawSocket and gets no reply.
    #[error("the peer does not speak RawSocket: its first octet is not 7F")]
    NotRawSocket,
    /// Error 1.
    #[error("the serializer is not supported by the router")]
    SerializerUnsupported,
    /// Error 2.
    #[error("the maximum message length is not acceptable to the router")]
    LengthUnacceptable,
    /// Error 3.
    #[error("a reserved bit of the handshake is set")]
    ReservedBits,
    /// Error 4.
    #[error("the router has reached its maximum number of connections")]
    TooManyConnections,
    /// The reply has another serializer than the request, or an unknown error number.
    #[error("the router's reply is senseless: octet 2 is {0:#04x}")]
    InvalidReply(u8),
}

impl HandshakeError {
    /// The reply with this error. `None` if the client would not understand it.
    pub const fn reply(self) -> Option<[u8; 4]> {
        let number = match self {
            Self::NotRawSocket | Self::InvalidReply(_) => return None,
            Self::SerializerUnsupported => 1,
            Self::LengthUnacceptable => 2,
            Self::ReservedBits => 3,
            Self::TooManyConnections => 4,
        };
        Some([MAGIC, number << 4, 0, 0])
    }

    const fn from_octet(octet: u8) -> Self {
        match octet >> 4 {
            1 => Self::SerializerUnsupported,
            2 => Self::LengthUnacceptable,
            3 => Self::ReservedBits,
            4 => Self::TooManyConnections,
            _ => Self::InvalidReply(octet),
        }
    }
}

/// The largest length nibble whose limit is at most `max_message` (in bytes, at least 512).
fn length_nibble(max_message: usize) -> u8 {
    let bits = max_message.max(512).ilog2() as u8;
    (bits - 9).min(15)
}

/// The limit that a side announces if it accepts `max_message` bytes: the next lower power of two,
/// from 512 to 2^24.
pub fn announced(max_message: usize) -> usize {
    limit_of(length_nibble(max_message))
}

/// The limit of a length nibble, in bytes: 2^(9+L).
const fn limit_of(nibble: u8) -> usize {
    1 << (9 + nibble as usize)
}

/// The request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeRequest {
    /// The serializer of the connection.
    pub serializer: Serializer,
    /// The maximum message that the client accepts, in bytes: a power of two, 512 to 2^24.
    pub max_message: usize,
}

impl HandshakeRequest {
    /// Parses a request. Its serializer must be one of `offered`.
    pub fn parse(octets: [u8; 4], offered: &[Serializer]) -> Result<Self, HandshakeError> {
        let [magic, second, third, fourth] = octets;
        if magic != MAGIC {
            return Err(HandshakeError::NotRawSocket);
        }
        if third != 0 || fourth != 0 {
            return Err(HandshakeError::ReservedBits);
        }
        match Serializer::from_rawsocket_number(second & 0x0f, offered) {
            Some(serializer) => Ok(Self { serializer, max_message: limit_of(second >> 4) }),
            None => Err(HandshakeError::SerializerUnsupported),
        }
    }

    /// The four octets. The limit is rounded down to a power of two.
    pub fn octets(self) -> [u8; 4] {
        let length = length_nibble(self.max_message);
        [MAGIC, length << 4 | self.serializer.rawsocket_number(), 0, 0]
    }
}

/// The reply of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeReply {
    /// The serializer of the request.
    pub serializer: Serializer,
    /// The maximum message that the router accepts, in bytes: a power of two, 512 to 2^24.
    pub max_message: usize,
}

impl HandshakeReply {
    /// Parses the reply to a request for `serializer`.
    pub fn parse(octets: [u8; 4], serializer: Serializer) -> Result<Self, HandshakeError> {
        let [magic, second, third, fourth] = octets;
        if magic != MAGIC {
            return Err(HandshakeError::NotRawSocket);
        }
        if third != 0 || fourth != 0 {
            return Err(HandshakeError::ReservedBits);
        }
        match second & 0x0f {
            0 => Err(HandshakeError::from_octet(second)),
            number if number == serializer.rawsocket_number() => {
                Ok(Self { serializer, max_message: limit_of(second >> 4) })
            }
            _ => Err(HandshakeError::InvalidReply(second)),
        }
    }

    /// The four octets. The limit is rounded down to a power of two.
    pub fn octets(self) -> [u8; 4] {
        HandshakeRequest { serializer: self.serializer, max_message: self.max_message }.octets()
    }
}

#[cfg(test)]
mod tests {
    use super::{HandshakeError, HandshakeReply, HandshakeRequest, announced};
    use crate::serializer::Serializer;

    #[test]
    fn a_request_names_serializer_and_limit() {
        let request = HandshakeRequest { serializer: Serializer::MsgPack, max_message: 1 << 24 };
        assert_eq!(request.octets(), [0x7f, 0xf2, 0, 0]);
        assert_eq!(HandshakeRequest::parse([0x7f, 0xf2, 0, 0], &Serializer::ALL), Ok(request));
        let small = HandshakeRequest { serializer: Serializer::Json, max_message: 512 };
        assert_eq!(HandshakeRequest::parse([0x7f, 0x01, 0, 0], &Serializer::ALL), Ok(small));
    }

    #[test]
    fn a_limit_is_rounded_down_to_a_power_of_two() {
        let octets = |max_message| {
            HandshakeRequest { serializer: Serializer::Json, max_message }.octets()[1]
        };
        assert_eq!(octets(1), 0x01);
        assert_eq!(octets(1023), 0x01);
        assert_eq!(octets(1024), 0x11);
        assert_eq!(octets(64 << 20), 0xf1);
        assert_eq!(
            [1, 512, 1023, 1_000_000, 64 << 20].map(announced),
            [512, 512, 512, 1 << 19, 1 << 24]
        );
    }

    #[test]
    fn each_bad_request_gets_its_error() {
        let parse = |octets| HandshakeRequest::parse(octets, &[Serializer::Json]);
        assert_eq!(parse(*b"GET "), Err(HandshakeError::NotRawSocket));
        assert_eq!(parse([0x7f, 0xf2, 0, 0]), Err(HandshakeError::SerializerUnsupported));
        assert_eq!(parse([0x7f, 0xf0, 0, 0]), Err(HandshakeError::SerializerUnsupported));
        assert_eq!(parse([0x7f, 0xf1, 0, 1]), Err(HandshakeError::ReservedBits));
        assert_eq!(HandshakeError::NotRawSocket.reply(), None);
        assert_eq!(HandshakeError::SerializerUnsupported.reply(), Some([0x7f, 0x10, 0, 0]));
        assert_eq!(HandshakeError::ReservedBits.reply(), Some([0x7f, 0x30, 0, 0]));
    }

    #[test]
    fn a_reply_is_checked_against_the_request() {
        let parse = |octets| HandshakeReply::parse(octets, Serializer::Cbor);
        let reply = HandshakeReply { serializer: Serializer::Cbor, max_message: 1 << 20 };
        assert_eq!(parse(reply.octets()), Ok(reply));
        assert_eq!(parse([0x7f, 0x10, 0, 0]), Err(HandshakeError::SerializerUnsupported));
        assert_eq!(parse([0x7f, 0xf1, 0, 0]), Err(HandshakeError::InvalidReply(0xf1)));
        assert_eq!(parse([0x7f, 0x90, 0, 0]), Err(HandshakeError::InvalidReply(0x90)));
    }
}
