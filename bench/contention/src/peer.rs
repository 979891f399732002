//! One session as its connection serves it: frames become messages before the lock is taken, and
//! what waits in its queue becomes frames after it is given back. No socket; MessagePack.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloverleaf_router::SessionKey;
use cloverleaf_transport::outbound::{self, Encoded};
use cloverleaf_transport::{OutboundReceiver, Queued as _, WaitingMessage};
use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::message::wire::WireMessage as _;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;

use crate::host::Host;
use crate::meter::Meter;

/// What everybody speaks.
const SPOKEN: Serializer = Serializer::MsgPack;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Peer {
    host: Arc<Host>,
    key: SessionKey,
    receiver: OutboundReceiver<WaitingMessage>,
    batch: VecDeque<WaitingMessage>,
    encoded: Encoded,
}

impl Peer {
    /// A peer that has joined, and has read its WELCOME.
    pub(crate) fn join(host: &Arc<Host>) -> Self {
        let (queue, receiver) = outbound::queue();
        let key = host.attach(queue);
        let (host, batch) = (Arc::clone(host), VecDeque::new());
        let mut peer = Self { host, key, receiver, batch, encoded: Encoded::default() };
        peer.skip();
        peer
    }

    /// The peer has sent a frame.
    ///
    /// # Panics
    /// When it is no message.
    pub(crate) fn receive(&self, frame: &[u8], meter: &mut Meter) {
        let message = ClientMessage::decode(SPOKEN, &Bytes::copy_from_slice(frame));
        self.host.handle_message(self.key, message.expect("a message"), meter);
    }

    /// Sends a request that stands here as JSON, and passes over the answer.
    pub(crate) fn request(&mut self, json: &str) {
        self.receive(&frame(json), &mut Meter::default());
        self.skip();
    }

    /// Encodes what waits in the queue, and shows each message and its frame. When there is nothing
    /// (more), the next message wakes who is in the context.
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
                message.encode(SPOKEN, out).expect("a message of one format");
                each(&message, out);
            }
        }
    }

    fn skip(&mut self) {
        let context = Context::from_waker(std::task::Waker::noop());
        self.drain(&context, &mut Vec::new(), |_, _| {});
    }
}

/// A message that stands here as JSON, as the peers write it.
pub(crate) fn frame(json: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    transcode(Serializer::Json, json.as_bytes(), SPOKEN, &mut frame).expect("JSON");
    frame
}

/// The YIELD of `[16]` to the invocation of this number, which a peer writes without any work: the
/// number has its place in the frame.
pub(crate) fn yielded(invocation: u64) -> [u8; 14] {
    let mut frame = [0x94, 70, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x91, 16];
    frame[3..11].copy_from_slice(&invocation.to_be_bytes());
    frame
}
