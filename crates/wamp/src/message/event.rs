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
    /// The publication; the same for all subscriptions.
    pub publication: PublicationId,
    /// About the event.
    pub details: Box<EventDetails>,
    /// The event.
    pub payload: Payload,
}

options! {
    /// EVENT.Details
    EventDetails "EVENT" {
        /// The topic, where the subscription is a pattern.
        topic: CompactString,
        /// The publisher's session, if disclosed.
        publisher: SessionId,
        /// Who the publisher is, if disclosed.
        publisher_authid: CompactString,
        /// The publisher's role, if disclosed.
        publisher_authrole: CompactString,
        /// The event was kept and comes late.
        retained: bool,
        /// The subscriber shall answer EVENT_RECEIVED.
        x_acknowledged_delivery: bool,
        /// How far the router trusts the publication, from 0.
        trustlevel: u64,
    } with {
        /// What goes with the event.
        passthru: PassthruDetails,
    }
}

/// One event for all subscribers of one subscription: made once, and encoded once for each
/// serializer, by whichever writer comes first.
#[derive(Debug, Clone)]
pub struct SharedEvent(Arc<EventAndEncodings>);

#[derive(Debug)]
struct EventAndEncodings {
    event: Event,
    usual: [Encoding; USUAL],
    rare: OnceLock<Box<[Encoding; Serializer::COUNT - USUAL]>>,
    /// Its part of [`LIVE_BYTES`].
    bytes: AtomicUsize,
}

type Encoding = OnceLock<Result<Bytes, EncodeError>>;

/// So many serializers have a place in every event, the first ones; the others share one that is
/// made when it is needed, which keeps events short.
const USUAL: usize = 3;

/// Bytes that the events of this process hold, with their encodings.
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that all shared events of this process hold, each counted once however many share it.
pub fn live_event_bytes() -> usize {
    LIVE_BYTES.load(Ordering::Relaxed)
}

impl HeapSize for Event {
    fn heap_size(&self) -> usize {
        self.details.heap_size() + self.payload.heap_size()
    }
}

impl Event {
    /// Bytes of the event with everything that it owns.
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
    /// Takes an event that has not been encoded yet.
    pub fn new(event: Event) -> Self {
        let (usual, rare) = (Default::default(), OnceLock::new());
        let bytes = event.size();
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
        let bytes = AtomicUsize::new(bytes);
        Self(Arc::new(EventAndEncodings { event, usual, rare, bytes }))
    }

    /// The message in this format; encoded at the first call, the same bytes ever after.
    pub fn encoded(&self, serializer: Serializer) -> Result<&Bytes, EncodeError> {
        self.place(serializer)
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
    fn place(&self, serializer: Serializer) -> &Encoding {
        let EventAndEncodings { usual, rare, .. } = &*self.0;
        match serializer.index().checked_sub(USUAL) {
            None => &usual[serializer.index()],
            Some(index) => &rare.get_or_init(Default::default)[index],
        }
    }

    /// Roughly how many bytes the event holds, its encodings left aside.
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
