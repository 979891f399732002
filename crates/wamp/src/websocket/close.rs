//! Closing a connection: close codes (RFC 6455, section 7.4), the payload of a Close frame (section
//! 5.5.1), and protocol errors with their close codes.

use thiserror::Error;

use super::limits::MAX_CONTROL_PAYLOAD;

/// The maximum reason of a Close frame, in bytes: a control frame without the code.
pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A code that is allowed in a Close frame. 1005, 1006 and 1015 are not: they only describe locally
/// how a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server shuts down or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// This side does not accept this kind of message.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// A payload does not match its kind, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// Another rule of this side was broken.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message exceeds the limit of this side.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The client requires an extension that the server did not accept.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// An internal error of this side.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The server restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The server is overloaded.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The code with this number, if it may be sent: defined for Close frames by the RFC or the
    /// IANA registry (1000–1003, 1007–1014), by a library (3000–3999) or by an application
    /// (4000–4999).
    pub fn new(code: u16) -> Option<Self> {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(Self(code))
    }

    /// The code's number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The content of a Close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// The close code.
    pub code: CloseCode,
    /// An explanation for humans. May be empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Parses the payload of a Close frame. `None` if it is empty.
    ///
    /// # Errors
    ///
    /// The payload has one byte, the code may not be sent, or the reason is not UTF-8.
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, WebSocketFault> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(WebSocketFault::CloseCodeCut),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(WebSocketFault::InvalidCloseCode(code))?;
        let reason = std::str::from_utf8(reason).map_err(|_| WebSocketFault::NotUtf8)?;
        Ok(Some(Self { code, reason }))
    }

    /// The reason, cut at a character boundary to the length that a Close frame allows.
    pub fn sendable_reason(&self) -> &'a str {
        &self.reason[..self.reason.floor_char_boundary(MAX_REASON)]
    }
}

/// A protocol error of the peer. The connection fails (section 7.1.7): the peer gets a Close frame
/// with [`WebSocketFault::close_code`], and all further input is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebSocketFault {
    /// A reserved bit that no negotiated extension uses.
    #[error("a reserved bit is set where no extension that was negotiated gives it a meaning")]
    ReservedBits,
    /// A reserved opcode.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// A fragmented control frame.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame with a payload above [`MAX_CONTROL_PAYLOAD`] bytes.
    #[error("a control frame has more than {MAX_CONTROL_PAYLOAD} bytes")]
    ControlTooLong,
    /// An unmasked frame of a client.
    #[error("a client's frame is not masked")]
    UnmaskedClientFrame,
    /// A masked frame of a server.
    #[error("a server's frame is masked")]
    MaskedServerFrame,
    /// A length that is not in its shortest form, or above 2^63 - 1.
    #[error("a length is not in its shortest form, or exceeds 63 bits")]
    InvalidLength,
    /// A frame out of order: a continuation without a message, or a new message inside another.
    #[error("{0}")]
    OutOfOrder(&'static str),
    /// A Close frame with one byte of payload.
    #[error("a Close frame has one byte of payload; a code takes two")]
    CloseCodeCut,
    /// A Close frame with a code that may not be sent.
    #[error("close code {0} may not be sent")]
    InvalidCloseCode(u16),
    /// A text message or a close reason that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A compressed message that is not in the format DEFLATE (RFC 1951).
    #[error("a compressed message is not in the format DEFLATE")]
    NotDeflate,
    /// A frame or message above the limit. Detected in the header, before the payload arrives; for
    /// a compressed message, once its inflated length exceeds the limit.
    #[error("a {what} has {announced} bytes or more; the limit is {limit}")]
    TooBig {
        /// "frame" or "message".
        what: &'static str,
        /// The announced bytes.
        announced: u64,
        /// The limit, in bytes.
        limit: usize,
    },
}

impl WebSocketFault {
    /// The close code for the peer.
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::NotUtf8 | Self::NotDeflate => CloseCode::INVALID_PAYLOAD,
            Self::TooBig { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::UnmaskedClientFrame
            | Self::MaskedServerFrame
            | Self::InvalidLength
            | Self::OutOfOrder(_)
            | Self::CloseCodeCut
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_defined_close_codes_are_valid() {
        let ranges = [1000..=1003, 1007..=1014, 3000..=4999];
        for code in 0..=u16::MAX {
            let valid = ranges.iter().any(|range| range.contains(&code));
            assert_eq!(CloseCode::new(code).map(CloseCode::number), valid.then_some(code));
        }
    }

    #[test]
    fn the_longest_payload_is_a_code_and_a_reason() {
        let reason = "é".repeat(61) + "!";
        let payload = [&[0x03, 0xe9], reason.as_bytes()].concat();
        assert_eq!(payload.len(), MAX_CONTROL_PAYLOAD);
        let close = CloseFrame { code: CloseCode::GOING_AWAY, reason: &reason };
        assert_eq!(CloseFrame::parse(&payload), Ok(Some(close)));
    }
}
