//! Errors of bytes and of messages, by blame.
//!
//! [`DecodeError`]: the bytes are no message. [`ProtocolViolation`]: the message is not allowed
//! now. Both end the session with ABORT; its URI is in [`crate::error_uri`]. Spec: basic profile
//! "Protocol Errors".

use thiserror::Error;

/// The bytes are no WAMP message. The peer gets ABORT and the connection ends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The input ends inside a value.
    #[error("the message ends inside a value, after {0} bytes")]
    Truncated(usize),
    /// The input is not well-formed in its format.
    #[error("the message is not well-formed at byte {offset}: {what}")]
    Malformed {
        /// Bytes from the start of the message.
        offset: usize,
        /// The problem at that position.
        what: &'static str,
    },
    /// Text that is not UTF-8.
    #[error("text at byte {0} is not UTF-8")]
    NotUtf8(usize),
    /// Lists and maps are nested deeper than [`crate::limits::MAX_DEPTH`].
    #[error("values are nested deeper than {} levels", crate::limits::MAX_DEPTH)]
    TooDeep,
    /// Bytes after the end of the message.
    #[error("bytes follow the end of the message at byte {0}")]
    TrailingBytes(usize),
    /// The value is no list that begins with a message type.
    #[error("a message must be a list that begins with an integer, its type")]
    NotAMessage,
    /// A message type that the protocol does not define or that this side does not receive.
    #[error("message type {0} is unknown or may not be sent in this direction")]
    UnknownMessageType(u64),
    /// A list with too few or too many elements for its type.
    #[error("{message} has a wrong number of elements")]
    WrongArity {
        /// The message's name, in the specification's capitals.
        message: &'static str,
    },
    /// An element or option with a value of the wrong type or outside its range.
    #[error("{message}: '{field}' must be {expected}")]
    WrongType {
        /// The message's name, in the specification's capitals.
        message: &'static str,
        /// The element or option.
        field: &'static str,
        /// The expected type or range.
        expected: &'static str,
    },
    /// A list option with more entries than the router keeps.
    #[error(
        "{message}: '{field}' has more than {} entries",
        crate::limits::MAX_LIST_OPTION_ENTRIES
    )]
    OptionTooLong {
        /// The message's name, in the specification's capitals.
        message: &'static str,
        /// The option.
        field: &'static str,
    },
    /// More custom attributes than the router passes on.
    #[error("{message} has more than {} custom attributes", crate::limits::MAX_CUSTOM_ATTRIBUTES)]
    TooManyAttributes {
        /// The message's name, in the specification's capitals.
        message: &'static str,
    },
    /// A marker of BJData in a UBJSON session: the sender uses BJData under the name of UBJSON.
    #[error("byte {0} is of BJData, and this session speaks UBJSON, whose numbers are big-endian")]
    BjData(usize),
}

/// A well-formed message that is not allowed now. The peer gets ABORT
/// `wamp.error.protocol_violation` with this text and the connection ends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolViolation {
    /// Anything but HELLO before the session is open.
    #[error("{0} was sent before the session was open; the first message must be HELLO")]
    BeforeHello(&'static str),
    /// HELLO on an open session.
    #[error("HELLO was sent on a session that is already open")]
    SecondHello,
    /// A message that belongs to another state of the session.
    #[error("{0} may not be sent at this point of the session")]
    Unexpected(&'static str),
    /// YIELD or ERROR for an invocation that was never sent to this session.
    #[error("{message} answers invocation {invocation}, which was never sent to this session")]
    UnknownInvocation {
        /// YIELD or ERROR.
        message: &'static str,
        /// The number that was answered.
        invocation: u64,
    },
    /// A request id that is still in flight.
    #[error("request id {0} is used twice at the same time")]
    RequestIdInUse(u64),
    /// A request id that does not follow the previous one, in a realm that requires this.
    #[error("requests must be numbered 1, 2, 3 … within a session")]
    RequestIdOutOfOrder,
    /// A feature that HELLO did not announce or that the exchange does not allow.
    #[error("{0}")]
    Feature(&'static str),
    /// HELLO without any role.
    #[error("HELLO.Details.roles must announce at least one role")]
    NoRoles,
}
