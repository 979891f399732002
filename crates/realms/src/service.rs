//! WAMP on the connections of one listener or path: its authentication methods and serializers.

use std::sync::Arc;

use cloverleaf_auth::Admission;
use cloverleaf_transport::outbound::{HighWaterMark, queue_with};
use cloverleaf_transport::{
    BatchedHandler, Connection, ConnectionLimits, Framing, OutboundSender, PeerInfo, ServerSide,
    SlowConsumer, Stream, WaitingMessage, WampHandler,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::serializer::Serializer;

use crate::memory::Memory;
use crate::peer::{Attachment, RouterPeer};
use crate::realms::Realms;

/// The settings that the WAMP connections of one listener or path share.
#[derive(Debug)]
pub struct WampService {
    /// The realms that clients can join.
    pub realms: Arc<Realms>,
    /// The clients that are admitted, and their roles.
    pub admission: Arc<Admission>,
    /// The serializers that clients may choose.
    pub serializers: Vec<Serializer>,
    /// The time limits of its connections.
    pub limits: Arc<ConnectionLimits>,
    /// The size of a session's queue above which it takes no events and calls. Long-poll services
    /// have their own.
    pub high_water_mark: HighWaterMark,
    /// The longest message that is accepted, in bytes.
    pub max_message: usize,
    /// The slow-consumer policy of clients whose role has none.
    pub slow_consumer: SlowConsumer,
    /// Whether WELCOME contains the name and version of the router.
    pub announces_agent: bool,
    /// The memory budgets that its connections share with all others of the node.
    pub memory: Memory,
}

impl WampService {
    /// The WebSocket subprotocols as a list for people, those without batches first.
    pub fn spoken(&self) -> String {
        let formats = [false, true].into_iter().flat_map(|is_batched| {
            self.serializers.iter().map(move |&serializer| MessageFormat { serializer, is_batched })
        });
        let names: Vec<&str> = formats.map(MessageFormat::subprotocol).collect();
        names.join(", ")
    }

    /// Serves one connection to its end.
    pub async fn serve(
        &self,
        stream: Stream,
        format: MessageFormat,
        framing: Framing,
        early: &mut [u8],
        peer: PeerInfo,
    ) {
        let memory = &self.memory;
        let (sender, outlet) = queue_with(self.high_water_mark, Some(memory.queues()));
        let peer = self.peer(format, sender, peer);
        if format.is_batched {
            let handler = BatchedHandler::<ServerSide, _>::new(format.serializer, peer);
            // In a box, so that other connections don't carry its memory.
            let connection = Connection::new(stream, framing, handler, outlet, early);
            Box::pin(connection.with_input_memory(memory.input()).with_limits(&self.limits)).await;
        } else {
            let handler = WampHandler::<ServerSide, _>::new(format.serializer, peer);
            let connection = Connection::new(stream, framing, handler, outlet, early);
            connection.with_input_memory(memory.input()).with_limits(&self.limits).await;
        }
    }

    /// The handler of a long-poll session.
    pub fn handler(
        &self,
        serializer: Serializer,
        sender: OutboundSender<WaitingMessage>,
        peer: PeerInfo,
    ) -> WampHandler<ServerSide, RouterPeer> {
        let format = MessageFormat { serializer, is_batched: false };
        WampHandler::new(serializer, self.peer(format, sender, peer))
    }

    fn peer(
        &self,
        format: MessageFormat,
        sender: OutboundSender<WaitingMessage>,
        peer: PeerInfo,
    ) -> RouterPeer {
        let (realms, admission) = (Arc::clone(&self.realms), Arc::clone(&self.admission));
        let attachment = Attachment {
            peer,
            format,
            slow_consumer: self.slow_consumer,
            announces_agent: self.announces_agent,
        };
        RouterPeer::new(realms, admission, sender, attachment)
    }
}
