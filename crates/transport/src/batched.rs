//! WAMP in batches: several messages in one of the transport's (advanced profile, "Message
//! Batching").
//!
//! A handler of its own, so that connections without batches don't ask for each message whether
//! they have them.

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
}

impl<S: Side, P: Peer<S>> BatchedHandler<S, P> {
    /// A handler for a connection that has agreed on batches of a serializer's messages.
    pub const fn new(serializer: Serializer, peer: P) -> Self {
        let batching = Batching::of(serializer);
        Self { single: WampHandler::new(serializer, peer), batching }
    }

    fn take_apart(&mut self, kind: Option<MessageKind>, batch: &[u8]) -> Result<Flow, DecodeError> {
        self.single.check(kind)?;
        for (count, message) in self.batching.messages(batch)?.enumerate() {
            let message = message?;
            if count == MAX_BATCHED {
                let what = "a batch has more messages than this router takes at once";
                return Err(DecodeError::Malformed { offset: 0, what });
            }
            match self.single.take(message) {
                Flow::Continue => {}
                end @ Flow::Close(..) => return Ok(end),
            }
        }
        Ok(Flow::Continue)
    }
}

impl<S: Side, P: Peer<S>> Handler for BatchedHandler<S, P> {
    type Item = S::Waiting;

    const PACKED: usize = BATCH;

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        self.take_apart(kind, message).unwrap_or_else(|error| self.single.refuse(&error))
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

    fn is_open(&self) -> bool {
        self.single.is_open()
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.single.closed(reason);
    }
}
