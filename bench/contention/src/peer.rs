//! One session as its connection serves it: frames are decoded before the lock is taken, and queued
//! messages are encoded after it is released. Without sockets; in MessagePack.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloverleaf_router::SessionKey;
use cloverleaf_transport::outbound::{self, EncodedBatch};
use cloverleaf_transport::{OutboundReceiver, Queued as _, WaitingMessage};
use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::message::wire::WireMessage as _;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;

use crate::host::Host;
use crate::meter::LatencyMeter;

/// The serializer of all peers.
const SERIALIZER: Serializer = Serializer::MsgPack;

/// A session and its queue.
#[derive(Debug)]
pub(crate) struct ContentionPeer {
    host: Arc<Host>,
    key: SessionKey,
    receiver: OutboundReceiver<WaitingMessage>,
    batch: VecDeque<WaitingMessage>,
    encoded: EncodedBatch,
}

impl ContentionPeer {
    /// A peer that has joined, and has read its WELCOME.
    pub(crate) fn join(host: &Arc<Host>) -> Self {
        let (queue, receiver) = outbound::queue();
        let key = host.attach(queue);
        let (host, batch) = (Arc::clone(host), VecDeque::new());
        let mut peer = Self { host, key, receiver, batch, encoded: EncodedBatch::default() };
        peer.skip();
        peer
    }

    /// The peer has sent a frame.
    ///
    /// # Panics
    /// The frame is not a message.
    pub(crate) fn receive(&self, frame: &[u8], meter: &mut LatencyMeter) {
        let message = ClientMessage::decode(SERIALIZER, &Bytes::copy_from_slice(frame));
        self.host.handle_message(self.key, message.expect("a message"), meter);
    }

    /// Sends a request, written as JSON, and skips the answer.
    pub(crate) fn request(&mut self, json: &str) {
        self.receive(&frame(json), &mut LatencyMeter::default());
        self.skip();
    }

    /// Encodes the queued messages and passes each message and its frame to `each`. When the queue
    /// is empty, the next message wakes the task of the context.
    pub(crate) fn drain(
        &mut self,
        context: &Context<'_>,
        out: &mut Vec<u8>,
        mut each: impl FnMut(&RouterMessage, &[u8]),
    ) {
        while self.receiver.poll_take(&mut self.encoded, &mut self.batch, context)
            == Poll::Ready(None)
        {
            for waiting in self.batch.drain(..) {
                self.encoded.bytes += waiting.size();
                self.encoded.messages += 1;
                let message = RouterMessage::from(waiting);
                out.clear();
                message.encode(SERIALIZER, out).expect("a message of one format");
                each(&message, out);
            }
        }
    }

    fn skip(&mut self) {
        let context = Context::from_waker(std::task::Waker::noop());
        self.drain(&context, &mut Vec::new(), |_, _| {});
    }
}

/// The frame of a message that is written as JSON.
pub(crate) fn frame(json: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    transcode(Serializer::Json, json.as_bytes(), SERIALIZER, &mut frame).expect("JSON");
    frame
}

/// The frame of a YIELD of `[16]` for an invocation. It costs no encoding: the number has a fixed
/// place in the frame.
pub(crate) fn yielded(invocation: u64) -> [u8; 14] {
    let mut frame = [0x94, 70, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x91, 16];
    frame[3..11].copy_from_slice(&invocation.to_be_bytes());
    frame
}
