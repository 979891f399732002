//! The events of a receiving framing, and the budget of a sending one.

use cloverleaf_wamp::websocket::{CloseCode, MessageKind};

/// A frame, or a message of several frames, that has arrived.
#[derive(Debug)]
pub(crate) enum FrameEvent<'a> {
    /// A message. RawSocket does not tell text from binary.
    Message(Option<MessageKind>, &'a [u8]),
    /// A ping, to be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// The answer to a ping.
    Pong(&'a [u8]),
    /// The peer closes. The answer has this code: the peer's own, or 1000 if the peer gave none,
    /// since clients take a Close frame without a code for a lost connection.
    Close(CloseCode),
}

/// Whether a connection may go on writing messages in this turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// More may be written in this turn.
    Left,
    /// Other connections of the thread have their turn first.
    Spent,
}
