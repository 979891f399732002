//! WAMP in batches: several messages in one WebSocket or RawSocket message.
//!
//! A handler of its own, so that connections without batches don't check for them at each message.
//!
//! Spec: advanced profile "Message Batching".

use cloverleaf_wamp::batch::Batching;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::MessageKind;

use crate::handler::{Flow, Handler};
use crate::limits::{BATCH, MAX_BATCHED};
use crate::wamp::{Peer, Side, WampHandler};

/// A handler for connections whose messages come in batches.
#[derive(Debug)]
pub struct BatchedHandler<S, P> {
    single: WampHandler<S, P>,
    batching: Batching,
    /// A batch whose remaining messages wait for the peer to be ready.
    kept: Option<KeptBatch>,
}

/// A batch of which some messages have been handled.
#[derive(Debug)]
struct KeptBatch {
    batch: Box<[u8]>,
    /// Offset of the first message that waits.
    at: usize,
    /// Number of messages that have been handled.
    taken: usize,
}

impl<S: Side, P: Peer<S>> BatchedHandler<S, P> {
    /// A handler for a connection that has agreed on batches of a serializer's messages.
    pub const fn new(serializer: Serializer, peer: P) -> Self {
        let batching = Batching::of(serializer);
        Self { single: WampHandler::new(serializer, peer), batching, kept: None }
    }

    /// Handles the messages of a batch, of which `taken` have been handled before. Returns also the
    /// number of bytes whose messages wait.
    fn take_batch(
        &mut self,
        batch: &[u8],
        taken: &mut usize,
    ) -> Result<(Flow, usize), DecodeError> {
        let mut messages = self.batching.messages(batch)?;
        while let Some(message) = messages.next() {
            let message = message?;
            if *taken == MAX_BATCHED {
                let what = "a batch has more messages than this router takes at once";
                return Err(DecodeError::Malformed { offset: 0, what });
            }
            *taken += 1;
            match self.single.take(message) {
                Flow::Continue => {}
                flow @ (Flow::Wait | Flow::Yield) => return Ok((flow, messages.rest().len())),
                end @ Flow::Close(..) => return Ok((end, 0)),
            }
        }
        Ok((Flow::Continue, 0))
    }
}

impl<S: Side, P: Peer<S>> Handler for BatchedHandler<S, P> {
    type Item = S::Waiting;
    type Session = P;

    const PACKED: usize = BATCH;
    const READS_WHEN_CONGESTED: bool = S::READS_WHEN_CONGESTED;

    fn session(&mut self) -> &mut P {
        self.single.session()
    }

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        let mut taken = 0;
        let outcome = self.single.check(kind).and_then(|()| self.take_batch(message, &mut taken));
        let (flow, waiting) = outcome.unwrap_or_else(|error| (self.single.refuse(&error), 0));
        if waiting > 0 {
            let batch = message[message.len() - waiting..].into();
            self.kept = Some(KeptBatch { batch, at: 0, taken });
        }
        flow
    }

    fn kept_bytes(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.batch.len())
    }

    fn resume(&mut self) -> Flow {
        let Some(mut kept) = self.kept.take() else { return Flow::Continue };
        let outcome = self.take_batch(&kept.batch[kept.at..], &mut kept.taken);
        let (flow, waiting) = outcome.unwrap_or_else(|error| (self.single.refuse(&error), 0));
        if waiting > 0 {
            // Not copied again: each message of a long batch may have to wait.
            kept.at = kept.batch.len() - waiting;
            self.kept = Some(kept);
        }
        flow
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
}
