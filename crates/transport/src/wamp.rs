//! The handler that speaks WAMP: frames to messages of one direction, messages of the other back.

use std::task::{Context, Poll};

use bytes::Bytes;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::wire::WireMessage;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage, SharedEvent};
use cloverleaf_wamp::payload::{EncodeError, copy_frame};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::MessageKind;
use thiserror::Error;

use crate::connection::{Flow, Handler};
use crate::error::CloseReason;
use crate::outbound::{Loss, Queued};

/// Which side of a session a connection is on.
pub trait Side: Send + Sync + 'static {
    /// What it receives.
    type Incoming: WireMessage;
    /// What it sends.
    type Outgoing: WireMessage;
    /// The form in which that waits in a queue.
    type Waiting: Queued + Send + From<Self::Outgoing> + Into<Self::Outgoing> + 'static;
    /// Whether it hears also a peer that does not read.
    const HEARS_UNREAD: bool;
}

/// The router's side.
#[derive(Debug)]
pub struct ServerSide;

impl Side for ServerSide {
    type Incoming = ClientMessage;
    type Outgoing = RouterMessage;
    type Waiting = WaitingMessage;
    /// Whoever asks and does not read would fill its queue with answers.
    const HEARS_UNREAD: bool = false;
}

/// The client's side.
#[derive(Debug)]
pub struct ClientSide;

impl Side for ClientSide {
    type Incoming = RouterMessage;
    type Outgoing = ClientMessage;
    type Waiting = ClientMessage;
    /// The router does not, and a large call would wait for the large result that waits for it.
    const HEARS_UNREAD: bool = true;
}

/// A router's message in the queue of a connection. One event may stand in ten thousand queues, so
/// there it is as short as a message can be: a pointer to what all of them share.
#[derive(Debug)]
pub enum WaitingMessage {
    /// EVENT.
    Event(SharedEvent),
    /// Any other.
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

impl Queued for WaitingMessage {
    fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Event(event) => event.size(),
                Self::Other(other) => other.size(),
            }
    }

    /// An event stands in the queue of each of its subscribers.
    fn shared_size(&self) -> usize {
        match self {
            Self::Event(event) => event.size(),
            Self::Other(_) => 0,
        }
    }

    /// A call to a peer that does not read is told that it is unavailable; answers are owed.
    fn loss(&self) -> Loss {
        match self {
            Self::Event(_) => Loss::Missed,
            Self::Other(other) if matches!(**other, RouterMessage::Invocation(_)) => Loss::Refused,
            Self::Other(_) => Loss::Never,
        }
    }
}

impl Queued for ClientMessage {
    fn size(&self) -> usize {
        self.size()
    }

    /// What a client asks for may be refused to its application, and so may a part of a result.
    fn loss(&self) -> Loss {
        match self {
            Self::Call(_) | Self::Publish(_) => Loss::Refused,
            Self::Yield(answer) if answer.options.progress == Some(true) => Loss::Refused,
            _ => Loss::Never,
        }
    }
}

/// Why a message can't be sent to this peer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Undeliverable {
    /// Its payload has no form in the peer's serializer.
    #[error("{0}")]
    NoForm(EncodeError),
    /// It is longer than the peer takes.
    #[error("the message has {length} bytes, its receiver takes at most {limit}")]
    TooLong {
        /// The message's length in bytes.
        length: usize,
        /// The peer's limit in bytes.
        limit: usize,
    },
}

/// One peer's session, as its connection sees it.
pub trait Peer<S: Side>: Send + 'static {
    /// Takes a message.
    fn handle_message(&mut self, message: S::Incoming) -> Flow;

    /// Takes bytes that are no message. The connection ends after whatever this queues.
    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow;

    /// A message can't be sent. What is returned is sent in its place.
    fn handle_undeliverable(
        &mut self,
        message: S::Outgoing,
        reason: &Undeliverable,
    ) -> Option<S::Outgoing>;

    /// What is sent in the place of a message, which may be nothing, where something before it
    /// could not be sent. None: the message itself.
    fn instead_of(&mut self, _: &S::Outgoing) -> Option<Option<S::Outgoing>> {
        None
    }

    /// Whether it takes another message now, after [`Flow::Wait`] or [`Flow::Yield`].
    fn poll_ready(&mut self, _: &Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// The queue has room again for what can be sent later.
    fn drained(&mut self) {}

    /// The peer reads too slowly and has missed something, for the first time.
    fn fell_behind(&mut self) {}

    /// The last message to a peer that reads too slowly, before its connection ends.
    fn farewell(&mut self) -> Option<S::Outgoing> {
        None
    }

    /// A message of so many bytes has arrived and will be taken next.
    fn arrived(&mut self, _length: usize) {}

    /// A message has been written as so many bytes, in the order of the queue.
    fn sent(&mut self, _: &S::Outgoing, _length: usize) {}

    /// Whether the session is open.
    fn is_open(&self) -> bool;

    /// The connection has ended; called exactly once.
    fn closed(&mut self, reason: &CloseReason);
}

/// See the [module](self).
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

    /// Bytes that are no message; unless they show that the peer means BJData by the name "ubjson".
    ///
    /// From then on that is spoken, in both directions. On an open session it is too late for it:
    /// numbers that look alike in both have been read as UBJSON's (docs/decisions/ubjson.md).
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
                self.peer.arrived(frame.len());
                self.peer.handle_message(incoming)
            }
            Err(error) => self.peer.handle_undecodable(&error),
        }
    }

    const fn frame_kind(&self) -> MessageKind {
        if self.serializer.is_text() { MessageKind::Text } else { MessageKind::Binary }
    }

    /// Whether messages of this kind are what the serializer makes.
    pub(crate) fn check(&self, kind: Option<MessageKind>) -> Result<(), DecodeError> {
        if kind.is_some_and(|kind| kind != self.frame_kind()) {
            let what = "JSON goes in text messages, everything else in binary ones";
            return Err(DecodeError::Malformed { offset: 0, what });
        }
        Ok(())
    }

    /// Takes one message.
    pub(crate) fn take(&mut self, message: &[u8]) -> Flow {
        let frame = copy_frame(message);
        match S::Incoming::decode(self.serializer, &frame) {
            Ok(incoming) => {
                self.peer.arrived(message.len());
                self.peer.handle_message(incoming)
            }
            Err(error) => self.receive_undecodable(&frame, error),
        }
    }

    /// Takes bytes that are no message.
    pub(crate) fn refuse(&mut self, error: &DecodeError) -> Flow {
        self.peer.handle_undecodable(error)
    }
}

impl<S: Side, P: Peer<S>> Handler for WampHandler<S, P> {
    type Item = S::Waiting;

    const HEARS_UNREAD: bool = S::HEARS_UNREAD;

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
        let start = out.len();
        let message: S::Outgoing = message.into();
        if let Some(instead) = self.peer.instead_of(&message) {
            return Err(instead.map(Into::into));
        }
        let reason = match message.encode(self.serializer, out) {
            Ok(()) if out.len() - start <= limit => {
                self.peer.sent(&message, out.len() - start);
                return Ok(());
            }
            Ok(()) => Undeliverable::TooLong { length: out.len() - start, limit },
            Err(error) => Undeliverable::NoForm(error),
        };
        Err(self.peer.handle_undeliverable(message, &reason).map(Into::into))
    }

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        self.peer.poll_ready(context)
    }

    fn drained(&mut self) {
        self.peer.drained();
    }

    fn fell_behind(&mut self) {
        self.peer.fell_behind();
    }

    fn farewell(&mut self) -> Option<S::Waiting> {
        self.peer.farewell().map(Into::into)
    }

    fn is_open(&self) -> bool {
        self.peer.is_open()
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.peer.closed(reason);
    }
}
