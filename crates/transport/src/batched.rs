//! WAMP in batches: several messages in one of the transport's (advanced profile, "Message
//! Batching").
//!
//! A handler of its own, so that connections without batches don't ask for each message whether
//! they have them.

use std::task::{Context, Poll};

use cloverleaf_wamp::batch::Batching;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::MessageKind;

use crate::connection::{Flow, Handler};
use crate::error::CloseReason;
use crate::limits::{BATCH, MAX_BATCHED};
use crate::wamp::{Peer, Side, WampHandler};

/// See the [module](self).
#[derive(Debug)]
pub struct BatchedHandler<S, P> {
    single: WampHandler<S, P>,
    batching: Batching,
    /// What waits of a batch, and how much of it has been taken before.
    kept: Option<(Box<[u8]>, usize)>,
}

impl<S: Side, P: Peer<S>> BatchedHandler<S, P> {
    /// A handler for a connection that has agreed on batches of a serializer's messages.
    pub const fn new(serializer: Serializer, peer: P) -> Self {
        let batching = Batching::of(serializer);
        Self { single: WampHandler::new(serializer, peer), batching, kept: None }
    }

    /// Takes the messages of a batch, of which some have been `taken` before.
    fn take_apart(&mut self, batch: &[u8], mut taken: usize) -> Result<Flow, DecodeError> {
        let mut messages = self.batching.messages(batch)?;
        while let Some(message) = messages.next() {
            let message = message?;
            if taken == MAX_BATCHED {
                let what = "a batch has more messages than this router takes at once";
                return Err(DecodeError::Malformed { offset: 0, what });
            }
            taken += 1;
            match self.single.take(message) {
                Flow::Continue => {}
                Flow::Wait => {
                    let rest = messages.rest();
                    self.kept = (!rest.is_empty()).then(|| (rest.into(), taken));
                    return Ok(Flow::Wait);
                }
                end @ Flow::Close(..) => return Ok(end),
            }
        }
        Ok(Flow::Continue)
    }
}

impl<S: Side, P: Peer<S>> Handler for BatchedHandler<S, P> {
    type Item = S::Waiting;

    const PACKED: usize = BATCH;
    const HEARS_UNREAD: bool = S::HEARS_UNREAD;

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        let taken = self.single.check(kind).and_then(|()| self.take_apart(message, 0));
        taken.unwrap_or_else(|error| self.single.refuse(&error))
    }

    fn resume(&mut self) -> Flow {
        let Some((rest, taken)) = self.kept.take() else { return Flow::Continue };
        self.take_apart(&rest, taken).unwrap_or_else(|error| self.single.refuse(&error))
    }

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        self.single.poll_ready(context)
    }

    fn kind(&self, item: &S::Waiting) -> MessageKind {
        self.single.kind(item)
    }

    fn encode(
        &mut self,
        message: S::Waiting,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Option<S::Waiting>> {
        self.batching.write(out, |out| self.single.encode(message, limit, out))
    }

    fn fell_behind(&mut self) {
        self.single.fell_behind();
    }

    fn farewell(&mut self) -> Option<S::Waiting> {
        self.single.farewell()
    }

    fn is_open(&self) -> bool {
        self.single.is_open()
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.single.closed(reason);
    }
}
