//! The WAMP handler: decodes the messages of one direction, and encodes those of the other.

use bytes::Bytes;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::message::wire::WireMessage;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage, SharedEvent};
use cloverleaf_wamp::payload::{EncodeError, copy_frame};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::MessageKind;
use thiserror::Error;

use crate::handler::{Flow, Handler, Lifecycle};
use crate::outbound::{Overflow, Queued};

/// The side of a session that a connection is on.
pub trait Side: Send + Sync + 'static {
    /// A message that this side receives.
    type Incoming: WireMessage;
    /// A message that this side sends.
    type Outgoing: WireMessage;
    /// An outgoing message as it waits in the queue.
    type Waiting: Queued + Send + From<Self::Outgoing> + Into<Self::Outgoing> + 'static;
    /// See [`Handler::READS_WHEN_CONGESTED`].
    const READS_WHEN_CONGESTED: bool;
}

/// The router's side.
#[derive(Debug)]
pub struct ServerSide;

impl Side for ServerSide {
    type Incoming = ClientMessage;
    type Outgoing = RouterMessage;
    type Waiting = WaitingMessage;
    /// A client that sends requests and does not read would fill its queue with answers.
    const READS_WHEN_CONGESTED: bool = false;
}

/// The client's side.
#[derive(Debug)]
pub struct ClientSide;

impl Side for ClientSide {
    type Incoming = RouterMessage;
    type Outgoing = ClientMessage;
    type Waiting = ClientMessage;
    /// The router stops reading. If the client did so too, a large call and a large result that
    /// meet would wait for each other.
    const READS_WHEN_CONGESTED: bool = true;
}

/// A router's message in the queue of a connection. One event may stand in ten thousand queues, so
/// an entry for it is one pointer to the shared event.
#[derive(Debug)]
pub enum WaitingMessage {
    /// EVENT.
    Event(SharedEvent),
    /// Any other message.
    Other(Box<RouterMessage>),
}

impl From<RouterMessage> for WaitingMessage {
    fn from(message: RouterMessage) -> Self {
        match message {
            RouterMessage::Event(event) => Self::Event(event),
            other => Self::Other(Box::new(other)),
        }
    }
}

impl From<WaitingMessage> for RouterMessage {
    fn from(waiting: WaitingMessage) -> Self {
        match waiting {
            WaitingMessage::Event(event) => Self::Event(event),
            WaitingMessage::Other(other) => *other,
        }
    }
}

impl HeapSize for WaitingMessage {
    fn heap_size(&self) -> usize {
        match self {
            Self::Event(event) => event.size(),
            Self::Other(other) => other.heap_size(),
        }
    }
}

impl Queued for WaitingMessage {
    fn size(&self) -> usize {
        self.total_size()
    }

    /// An event stands in the queue of each of its subscribers.
    fn shared_size(&self) -> usize {
        match self {
            Self::Event(event) => event.size(),
            Self::Other(_) => 0,
        }
    }

    /// The caller of a congested callee gets an ERROR. Answers must not be lost.
    fn overflow(&self) -> Overflow {
        match self {
            Self::Event(_) => Overflow::SlowConsumer,
            Self::Other(other) if matches!(**other, RouterMessage::Invocation(_)) => {
                Overflow::Reject
            }
            Self::Other(_) => Overflow::Disconnect,
        }
    }
}

impl Queued for ClientMessage {
    fn size(&self) -> usize {
        self.total_size()
    }

    /// The application learns that a request or a progressive result was rejected.
    fn overflow(&self) -> Overflow {
        match self {
            Self::Call(_) | Self::Publish(_) => Overflow::Reject,
            Self::Yield(answer) if answer.options.progress == Some(true) => Overflow::Reject,
            _ => Overflow::Disconnect,
        }
    }
}

/// Why a message can't be sent to this peer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Undeliverable {
    /// The peer's serializer cannot represent its payload.
    #[error("{0}")]
    NotEncodable(EncodeError),
    /// It is longer than the peer takes.
    #[error("the message has {length} bytes, its receiver takes at most {limit}")]
    TooLong {
        /// The message's length in bytes.
        length: usize,
        /// The peer's limit in bytes.
        limit: usize,
    },
}

/// The decision of a peer about an outgoing message that it intercepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interception<M> {
    /// The message is sent.
    Send,
    /// Nothing is sent.
    Drop,
    /// This message is sent instead. It is intercepted as well.
    Replace(M),
}

/// The session of one peer, as its connection sees it.
pub trait Peer<S: Side>: Lifecycle<Message = S::Outgoing> {
    /// Handles a message.
    fn handle_message(&mut self, message: S::Incoming) -> Flow;

    /// Handles bytes that are not a message. The connection ends after everything that this queues.
    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow;

    /// A message can't be sent. Returns the message to be sent instead, if any.
    fn handle_undeliverable(
        &mut self,
        message: S::Outgoing,
        reason: &Undeliverable,
    ) -> Option<S::Outgoing>;

    /// A message of `length` encoded bytes was received and is handled next.
    fn on_received(&mut self, _length: usize) {}

    /// Whether the peer intercepts the next outgoing message. Only then does the connection call
    /// [`Self::before_write`] and [`Self::after_write`].
    fn intercepts_writes(&self) -> bool {
        false
    }

    /// Lets the peer drop or replace an outgoing message, in the order of the queue.
    fn before_write(&mut self, _: &S::Outgoing) -> Interception<S::Outgoing> {
        Interception::Send
    }

    /// A message was encoded as `length` bytes, in the order of the queue.
    fn after_write(&mut self, _: &S::Outgoing, _length: usize) {}
}

/// A handler that decodes and encodes single WAMP messages.
#[derive(Debug)]
pub struct WampHandler<S, P> {
    serializer: Serializer,
    peer: P,
    side: std::marker::PhantomData<S>,
}

impl<S: Side, P: Peer<S>> WampHandler<S, P> {
    /// A handler for a connection that has agreed on a serializer.
    pub const fn new(serializer: Serializer, peer: P) -> Self {
        Self { serializer, peer, side: std::marker::PhantomData }
    }

    /// Handles bytes that the serializer cannot decode.
    ///
    /// A peer that offered "ubjson" may mean BJData. If the first message shows that, the
    /// connection switches to BJData in both directions. An open session cannot switch: numbers
    /// that look alike in both formats have been read as UBJSON (docs/decisions/ubjson.md).
    #[cold]
    fn receive_undecodable(&mut self, frame: &Bytes, error: DecodeError) -> Flow {
        let decoded = match error {
            DecodeError::BjData(_) if !self.peer.is_open() => {
                self.serializer = Serializer::BjData;
                S::Incoming::decode(self.serializer, frame)
            }
            error => Err(error),
        };
        match decoded {
            Ok(incoming) => {
                self.peer.on_received(frame.len());
                self.peer.handle_message(incoming)
            }
            Err(error) => self.peer.handle_undecodable(&error),
        }
    }

    const fn frame_kind(&self) -> MessageKind {
        if self.serializer.is_text() { MessageKind::Text } else { MessageKind::Binary }
    }

    /// Checks that the serializer makes messages of this kind.
    pub(crate) fn check(&self, kind: Option<MessageKind>) -> Result<(), DecodeError> {
        if kind.is_some_and(|kind| kind != self.frame_kind()) {
            let what = "JSON goes in text messages, everything else in binary ones";
            return Err(DecodeError::Malformed { offset: 0, what });
        }
        Ok(())
    }

    /// Handles one encoded message.
    pub(crate) fn take(&mut self, message: &[u8]) -> Flow {
        let frame = copy_frame(message);
        match S::Incoming::decode(self.serializer, &frame) {
            Ok(incoming) => {
                self.peer.on_received(message.len());
                self.peer.handle_message(incoming)
            }
            Err(error) => self.receive_undecodable(&frame, error),
        }
    }

    /// Handles bytes that are not a message.
    pub(crate) fn refuse(&mut self, error: &DecodeError) -> Flow {
        self.peer.handle_undecodable(error)
    }

    /// Appends a message of at most `limit` bytes. Returns its length.
    fn write(
        &self,
        message: &S::Outgoing,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Undeliverable> {
        let start = out.len();
        message.encode(self.serializer, out).map_err(Undeliverable::NotEncodable)?;
        let length = out.len() - start;
        if length > limit {
            return Err(Undeliverable::TooLong { length, limit });
        }
        Ok(length)
    }
}

impl<S: Side, P: Peer<S>> Handler for WampHandler<S, P> {
    type Item = S::Waiting;
    type Session = P;

    const READS_WHEN_CONGESTED: bool = S::READS_WHEN_CONGESTED;

    fn session(&mut self) -> &mut P {
        &mut self.peer
    }

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        match self.check(kind) {
            Ok(()) => self.take(message),
            Err(error) => self.refuse(&error),
        }
    }

    fn kind(&self, _: &S::Waiting) -> MessageKind {
        self.frame_kind()
    }

    fn encode(
        &mut self,
        message: S::Waiting,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Option<S::Waiting>> {
        let message: S::Outgoing = message.into();
        let is_intercepted = self.peer.intercepts_writes();
        if is_intercepted {
            match self.peer.before_write(&message) {
                Interception::Send => {}
                Interception::Drop => return Err(None),
                Interception::Replace(other) => return Err(Some(other.into())),
            }
        }
        match self.write(&message, limit, out) {
            Ok(length) => {
                if is_intercepted {
                    self.peer.after_write(&message, length);
                }
                Ok(())
            }
            Err(reason) => Err(self.peer.handle_undeliverable(message, &reason).map(Into::into)),
        }
    }
}
