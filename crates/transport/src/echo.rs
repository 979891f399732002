//! Sends everything back: the messages of WebSockets, for the conformance tests that run against
//! it, or plain octets.

use std::sync::Arc;

use cloverleaf_wamp::websocket::MessageKind;
use tokio::time::timeout;

use crate::connection::{Flow, Handler};
use crate::error::CloseReason;
use crate::limits::STALL_TIMEOUT;
use crate::outbound::{
    HighWaterMark, OutboundReceiver, OutboundSender, Overflow, QueueMemory, Queued, queue_with,
};
use crate::stream::Stream;

/// How many octets an echo holds; who takes fewer than these in [`STALL_TIMEOUT`] is let go.
const HELD_OCTETS: usize = 16 * 1024;

/// Sends back what comes, and reads no more before that is taken. Ends with the peer, or when it
/// takes too little of what it has sent.
pub async fn send_back(mut stream: Stream) {
    let mut held = vec![0; HELD_OCTETS];
    while let Ok(count @ 1..) = stream.read(&mut held).await {
        let Ok(Ok(())) = timeout(STALL_TIMEOUT, stream.write_all(&held[..count])).await else {
            return;
        };
    }
}

/// A message that goes back.
#[derive(Debug)]
pub struct Message {
    kind: MessageKind,
    bytes: Vec<u8>,
}

impl Queued for Message {
    fn size(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    fn overflow(&self) -> Overflow {
        Overflow::Disconnect
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct Echo {
    outbound: OutboundSender<Message>,
}

impl Echo {
    /// The handler and the queue of its connection, which counts in `memory`.
    pub fn new(memory: Arc<QueueMemory>) -> (Self, OutboundReceiver<Message>) {
        let (outbound, receiver) = queue_with(HighWaterMark::default(), Some(memory));
        (Self { outbound }, receiver)
    }
}

impl Handler for Echo {
    type Item = Message;

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        let kind = kind.unwrap_or(MessageKind::Binary);
        // A peer that does not read ends its own connection.
        let _ = self.outbound.push(Message { kind, bytes: message.to_vec() });
        Flow::Continue
    }

    fn kind(&self, message: &Message) -> MessageKind {
        message.kind
    }

    fn encode(
        &mut self,
        message: Message,
        _: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Option<Message>> {
        out.extend_from_slice(&message.bytes);
        Ok(())
    }

    fn is_open(&self) -> bool {
        true
    }

    fn closed(&mut self, _: &CloseReason) {}
}
