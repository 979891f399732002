//! Echo: sends back the messages of a WebSocket, for conformance tests, or plain octets.

use std::sync::Arc;

use cloverleaf_wamp::websocket::MessageKind;
use tokio::time::timeout;

use crate::error::CloseReason;
use crate::handler::{Flow, Handler, Lifecycle};
use crate::limits::STALL_TIMEOUT;
use crate::outbound::{
    HighWaterMark, OutboundReceiver, OutboundSender, Overflow, QueueMemory, Queued, queue_with,
};
use crate::stream::Stream;

/// The size of the buffer in octets. A peer that takes fewer in [`STALL_TIMEOUT`] is disconnected.
const BUFFER: usize = 16 * 1024;

/// Sends back all octets, and reads no more before the peer has taken them. Ends with the peer, or
/// when the peer takes too little.
pub async fn send_back(mut stream: Stream) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let Ok(Ok(())) = timeout(STALL_TIMEOUT, stream.write_all(&buffer[..count])).await else {
            return;
        };
    }
}

/// A message on its way back.
#[derive(Debug)]
pub struct EchoMessage {
    kind: MessageKind,
    bytes: Vec<u8>,
}

impl Queued for EchoMessage {
    fn size(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    fn overflow(&self) -> Overflow {
        Overflow::Disconnect
    }
}

/// A handler that sends each message back.
#[derive(Debug)]
pub struct Echo {
    outbound: OutboundSender<EchoMessage>,
}

impl Echo {
    /// Returns the handler and the queue of its connection, which counts in `memory`.
    pub fn new(memory: Arc<QueueMemory>) -> (Self, OutboundReceiver<EchoMessage>) {
        let (outbound, receiver) = queue_with(HighWaterMark::default(), Some(memory));
        (Self { outbound }, receiver)
    }
}

impl Handler for Echo {
    type Item = EchoMessage;
    type Session = Self;

    fn session(&mut self) -> &mut Self {
        self
    }

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        let kind = kind.unwrap_or(MessageKind::Binary);
        // A full queue ends the connection of a peer that does not read.
        let _ = self.outbound.push(EchoMessage { kind, bytes: message.to_vec() });
        Flow::Continue
    }

    fn kind(&self, message: &EchoMessage) -> MessageKind {
        message.kind
    }

    fn encode(
        &mut self,
        message: EchoMessage,
        _: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Option<EchoMessage>> {
        out.extend_from_slice(&message.bytes);
        Ok(())
    }
}

impl Lifecycle for Echo {
    type Message = EchoMessage;

    fn is_open(&self) -> bool {
        true
    }

    fn closed(&mut self, _: &CloseReason) {}
}
