//! The interface between a connection and the session that it carries.
//!
//! A [`Handler`] translates between encoded messages and queued items. Behind it stands the session
//! ([`Lifecycle`]), which the connection tells about backpressure and about its end.

use std::task::{Context, Poll};

use cloverleaf_wamp::websocket::{CloseCode, MessageKind};

use crate::error::CloseReason;
use crate::outbound::Queued;

/// The answer of a handler to a received message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Deliver the next message.
    Continue,
    /// Deliver no message before the session is ready again.
    Wait,
    /// Deliver no message before other connections have had their turn: this one used up its share
    /// of the thread.
    Yield,
    /// Send what is queued, then close with this WebSocket code, for this reason.
    Close(CloseCode, String),
}

/// The session of a connection: backpressure, opening and end.
pub trait Lifecycle: Send + 'static {
    /// A message to the peer.
    type Message;

    /// Ready when the session takes another message, after [`Flow::Wait`] or [`Flow::Yield`].
    fn poll_ready(&mut self, _: &Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// The queue has drained: it has room again for messages that can be sent later. Called after
    /// [`OutboundSender::has_room`](crate::OutboundSender::has_room) was false.
    fn drained(&mut self) {}

    /// The peer reads too slowly, and its queue has dropped a message for the first time.
    fn on_slow_consumer(&mut self) {}

    /// The last message to a peer whose connection ends because it reads too slowly.
    fn closing_message(&mut self) -> Option<Self::Message> {
        None
    }

    /// Whether the peer has opened its session. A deadline runs until then.
    fn is_open(&self) -> bool;

    /// Continues to open the session without a message of the peer: something that the session
    /// waits for has happened. Polled only while the session is not open. Messages of the peer are
    /// delivered meanwhile. Pending by default.
    fn poll_opening(&mut self, _: &Context<'_>) -> Poll<Flow> {
        Poll::Pending
    }

    /// The peer has not opened its session in time. Returns whether a message to the peer says so;
    /// it is sent before the connection ends.
    fn on_opening_timeout(&mut self) -> bool {
        false
    }

    /// The connection has ended. Called exactly once.
    fn closed(&mut self, reason: &CloseReason);
}

/// Decodes the messages of one connection, and encodes the items of its queue.
pub trait Handler: Send + 'static {
    /// An item of the queue to the peer.
    type Item: Queued + Send + From<<Self::Session as Lifecycle>::Message> + 'static;

    /// The session behind the handler.
    type Session: Lifecycle;

    /// The length in bytes up to which more items are added to a message. 0: each message holds one
    /// item.
    const PACKED: usize = 0;

    /// Whether the connection goes on reading while the peer takes nothing, as long as the answers
    /// do not pile up. One of the two sides has to, or two large messages that meet wait for each
    /// other.
    const READS_WHEN_CONGESTED: bool = false;

    /// The session behind the handler.
    fn session(&mut self) -> &mut Self::Session;

    /// Takes a message. The bytes are valid only during the call.
    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow;

    /// The kind of frame for an item: text or binary.
    fn kind(&self, item: &Self::Item) -> MessageKind;

    /// Appends an item to `out`, as a message of at most `limit` bytes.
    ///
    /// # Errors
    /// The item can't be sent. The error holds a replacement, if any, to be encoded instead. A
    /// handler that packs items appends nothing in that case.
    fn encode(
        &mut self,
        item: Self::Item,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Option<Self::Item>>;

    /// Takes the rest of the message that was answered with [`Flow::Wait`] or [`Flow::Yield`], now
    /// that the session is ready.
    fn resume(&mut self) -> Flow {
        Flow::Continue
    }

    /// Bytes of a message that the handler holds until it is resumed. They count in the memory for
    /// unfinished messages.
    fn kept_bytes(&self) -> usize {
        0
    }
}
