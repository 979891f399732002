//! EVENT and its encodings.
//!
//! Spec: basic profile "Publish and Subscribe".

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use compact_str::CompactString;

use super::code;
use super::layout::{write_list, write_options};
use super::options::{PassthruDetails, options};
use crate::codec::TokenWriter;
use crate::heap_size::HeapSize;
use crate::ids::{PublicationId, SessionId, SubscriptionId};
use crate::payload::{EncodeError, Payload};
use crate::serializer::Serializer;
use crate::with_token_writer;

/// `[36, SUBSCRIBED.Subscription|id, PUBLISHED.Publication|id, Details|dict,
/// PUBLISH.Arguments|list, PUBLISH.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The subscription that matched.
    pub subscription: SubscriptionId,
    /// The publication, identical for all subscriptions.
    pub publication: PublicationId,
    /// The details.
    pub details: Box<EventDetails>,
    /// The arguments of the event.
    pub payload: Payload,
}

options! {
    /// EVENT.Details
    EventDetails "EVENT" {
        /// The topic, if the subscription is a pattern.
        topic: CompactString,
        /// The publisher's session, if disclosed.
        publisher: SessionId,
        /// The publisher's authid, if disclosed.
        publisher_authid: CompactString,
        /// The publisher's authrole, if disclosed.
        publisher_authrole: CompactString,
        /// The event is a retained one.
        retained: bool,
        /// The subscriber must answer with EVENT_RECEIVED.
        x_acknowledged_delivery: bool,
        /// The trust level of the publication, from 0.
        trustlevel: u64,
    } with {
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

/// One event for all subscribers of a subscription. The first writer of each serializer encodes it;
/// all others share the bytes.
#[derive(Debug, Clone)]
pub struct SharedEvent(Arc<EventAndEncodings>);

#[derive(Debug)]
struct EventAndEncodings {
    event: Event,
    usual: [EncodingSlot; USUAL],
    rare: OnceLock<Box<[EncodingSlot; Serializer::COUNT - USUAL]>>,
    /// The share of [`LIVE_BYTES`].
    bytes: AtomicUsize,
}

type EncodingSlot = OnceLock<Result<Bytes, EncodeError>>;

/// The number of serializers, from the first one, with a slot in every event. The others share one
/// allocation that is made on demand, which keeps events short.
const USUAL: usize = 3;

/// Bytes of all events of this process, with their encodings.
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of all shared events of this process and their encodings. Each event counts once, however
/// many subscribers share it.
pub fn live_event_bytes() -> usize {
    LIVE_BYTES.load(Ordering::Relaxed)
}

impl HeapSize for Event {
    fn heap_size(&self) -> usize {
        self.details.heap_size() + self.payload.heap_size()
    }
}

impl Event {
    /// Bytes of the event and the memory that it owns.
    fn size(&self) -> usize {
        size_of::<Self>() + self.heap_size()
    }

    /// Writes the message.
    fn write<W: TokenWriter>(&self, s: Serializer, w: &mut W) -> Result<(), EncodeError> {
        write_list(s, w, code::EVENT, 3, &self.payload, |w| {
            w.unsigned(self.subscription.number());
            w.unsigned(self.publication.number());
            write_options(s, w, &*self.details)
        })
    }

    /// Appends the message.
    fn encode(&self, serializer: Serializer, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        with_token_writer!(
            serializer,
            W => self.write(serializer, &mut W::new(out)),
            rare => cold(|| self.write(serializer, &mut W::new(out)))
        )
    }
}

/// Keeps the code of a rare format out of the code of the usual ones, which the compiler would
/// otherwise inline together.
#[cold]
#[inline(never)]
fn cold<T>(work: impl FnOnce() -> T) -> T {
    work()
}

impl EventAndEncodings {
    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for EventAndEncodings {
    fn drop(&mut self) {
        LIVE_BYTES.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

impl SharedEvent {
    /// Wraps an event. It is not encoded yet.
    pub fn new(event: Event) -> Self {
        let (usual, rare) = (Default::default(), OnceLock::new());
        let bytes = event.size();
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
        let bytes = AtomicUsize::new(bytes);
        Self(Arc::new(EventAndEncodings { event, usual, rare, bytes }))
    }

    /// The encoded message. Encoded by the first call for each serializer.
    pub fn encoded(&self, serializer: Serializer) -> Result<&Bytes, EncodeError> {
        self.encoding_slot(serializer)
            .get_or_init(|| {
                let mut out = Vec::with_capacity(64 + self.0.event.payload.size());
                self.0.event.encode(serializer, &mut out).map(|()| {
                    self.0.count(out.len());
                    Bytes::from(out)
                })
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    #[inline]
    fn encoding_slot(&self, serializer: Serializer) -> &EncodingSlot {
        let EventAndEncodings { usual, rare, .. } = &*self.0;
        match serializer.index().checked_sub(USUAL) {
            None => &usual[serializer.index()],
            Some(index) => &rare.get_or_init(Default::default)[index],
        }
    }

    /// Bytes of the event without its encodings, approximately.
    pub fn size(&self) -> usize {
        self.0.event.size()
    }
}

impl Deref for SharedEvent {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.0.event
    }
}

impl PartialEq for SharedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.0.event == other.0.event
    }
}

impl From<Event> for SharedEvent {
    fn from(event: Event) -> Self {
        Self::new(event)
    }
}
