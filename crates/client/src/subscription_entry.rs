//! The session's record of a subscription: the SUBSCRIBE options and the queue of received events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::WakerSlot;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, Options as _, SharedEvent, Subscribe, SubscribeOptions,
};
use compact_str::CompactString;
use parking_lot::Mutex;

use crate::link::DeliveryOutcome;
use crate::waiting_events::WaitingEvents;

/// Maximum bytes of details and arguments in the queue of one subscription: a large event costs as
/// much as many small ones. The newest event is kept regardless of its size.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// A subscription, kept to subscribe again after a reconnect.
#[derive(Debug)]
pub(crate) struct SubscriptionEntry {
    topic: CompactString,
    options: SubscribeOptions,
    /// The subscription id on the current or last connection; 0 before SUBSCRIBED.
    id: AtomicU64,
    queue: Mutex<EventQueue>,
}

/// Makes sure that an event is acknowledged once, although all streams that share a subscription
/// receive it.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeliveryReceipt(Arc<AtomicBool>);

impl DeliveryReceipt {
    /// Whether this is the first call of this method.
    pub(crate) fn is_first(&self) -> bool {
        !self.0.swap(true, Relaxed)
    }
}

/// An event in the queue. The receipt is present if the publisher asked for acknowledgements.
type QueuedEvent = (SharedEvent, Option<DeliveryReceipt>);

#[derive(Debug)]
struct EventQueue {
    events: VecDeque<QueuedEvent>,
    /// Bytes of details and arguments of all queued events.
    bytes: usize,
    capacity: usize,
    dropped: u64,
    closed: bool,
    /// The reason of a revocation by the router.
    revoked: Option<CompactString>,
    waker: WakerSlot,
    /// Counts the events of all subscriptions, if the session has limits.
    waiting: Option<Arc<WaitingEvents>>,
}

/// The outcome of an event.
#[derive(Debug)]
pub(crate) struct PushedEvent {
    pub(crate) received: DeliveryOutcome,
    /// This event or an older one was dropped.
    pub(crate) has_lost: bool,
    /// The waker to call outside of any lock.
    pub(crate) waker: Option<Waker>,
}

impl EventQueue {
    const fn new(capacity: usize, waiting: Option<Arc<WaitingEvents>>) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            capacity,
            dropped: 0,
            closed: false,
            revoked: None,
            waker: WakerSlot::new(),
            waiting,
        }
    }

    fn push(&mut self, event: SharedEvent, receipt: Option<DeliveryReceipt>) -> PushedEvent {
        let size = event_bytes(&event);
        let received = self.waiting.as_ref().map_or(DeliveryOutcome::Accepted, |all| all.add(size));
        let dropped = self.dropped;
        if matches!(received, DeliveryOutcome::Dropped | DeliveryOutcome::Closed) {
            self.dropped += 1;
            return PushedEvent { received, has_lost: true, waker: None };
        }
        if self.waiting.as_ref().is_none_or(|all| all.drops_oldest()) {
            self.drop_oldest(size);
        }
        self.bytes += size;
        self.events.push_back((event, receipt));
        let has_lost = self.dropped != dropped;
        PushedEvent { received, has_lost, waker: self.waker.take() }
    }

    /// Makes room for an event of `size` bytes.
    fn drop_oldest(&mut self, size: usize) {
        while self.events.len() >= self.capacity || self.bytes + size > MAX_WAITING_BYTES {
            if self.pop().is_none() {
                break;
            }
            self.dropped += 1;
        }
    }

    fn pop(&mut self) -> Option<QueuedEvent> {
        let (event, receipt) = self.events.pop_front()?;
        let size = event_bytes(&event);
        self.bytes -= size;
        if let Some(all) = &self.waiting {
            all.subtract(1, size);
        }
        Some((event, receipt))
    }
}

/// Bytes of details and arguments of an event.
fn event_bytes(event: &SharedEvent) -> usize {
    event.details.size() + event.payload.size()
}

impl SubscriptionEntry {
    pub(crate) const fn new(
        topic: CompactString,
        options: SubscribeOptions,
        capacity: usize,
        waiting: Option<Arc<WaitingEvents>>,
    ) -> Self {
        let queue = Mutex::new(EventQueue::new(capacity, waiting));
        Self { topic, options, id: AtomicU64::new(0), queue }
    }

    pub(crate) fn id(&self) -> SubscriptionId {
        SubscriptionId::new(self.id.load(Relaxed)).unwrap_or(SubscriptionId::from_random(0))
    }

    pub(crate) fn set_id(&self, id: SubscriptionId) {
        self.id.store(id.number(), Relaxed);
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Whether the router treats both as one subscription: same topic and match policy.
    pub(crate) fn is_of_the_same_topic(&self, other: &Self) -> bool {
        let policy = |entry: &Self| entry.options.match_policy.unwrap_or_default();
        self.topic == other.topic && policy(self) == policy(other)
    }

    /// Whether this stream asked for retained events. Another stream of the same subscription may
    /// have asked for them.
    pub(crate) fn wants_retained(&self) -> bool {
        self.options.get_retained == Some(true)
    }

    /// Returns a function that builds SUBSCRIBE.
    pub(crate) fn request(&self) -> impl FnOnce(RequestId) -> ClientMessage + use<> {
        let topic = self.topic.clone().into();
        let options = self.options.clone();
        move |request| ClientMessage::Subscribe(Subscribe { request, options, topic })
    }

    /// Adds an event; a full queue drops its oldest events.
    pub(crate) fn push(&self, event: SharedEvent, receipt: Option<DeliveryReceipt>) -> PushedEvent {
        self.queue.lock().push(event, receipt)
    }

    /// Drops the queued events of a stream that was removed from its session.
    pub(crate) fn clear(&self) {
        let events = {
            let mut queue = self.queue.lock();
            if let Some(all) = &queue.waiting {
                all.subtract(queue.events.len(), queue.bytes);
            }
            queue.bytes = 0;
            std::mem::take(&mut queue.events)
        };
        drop(events);
    }

    /// Ends the stream behind the queued events. Returns the waker to call.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.waker.take()
    }

    /// Ends the stream after a revocation by the router. Returns the waker to call.
    pub(crate) fn revoke(&self, reason: Option<&str>) -> Option<Waker> {
        self.queue.lock().revoked = Some(reason.unwrap_or(error_uri::UNSUBSCRIBED).into());
        self.close()
    }

    pub(crate) fn revoked(&self) -> Option<CompactString> {
        self.queue.lock().revoked.clone()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<QueuedEvent>> {
        let mut queue = self.queue.lock();
        match queue.pop() {
            Some(queued) => Poll::Ready(Some(queued)),
            None if queue.closed => Poll::Ready(None),
            None => {
                queue.waker.register(context);
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
    use cloverleaf_wamp::message::{self, EventDetails, SharedEvent};
    use cloverleaf_wamp::payload::Payload;

    use super::{EventQueue, MAX_WAITING_BYTES};

    /// An event with at least this many bytes of arguments.
    fn event(bytes: usize) -> SharedEvent {
        SharedEvent::new(message::Event {
            subscription: SubscriptionId::from_random(1),
            publication: PublicationId::from_random(2),
            details: Default::default(),
            payload: Payload::from_text(&"x".repeat(bytes)),
        })
    }

    #[test]
    fn the_byte_limit_counts_details_and_arguments() {
        let topic = "x".repeat(MAX_WAITING_BYTES / 2);
        let details = EventDetails { topic: Some(topic.into()), ..EventDetails::default() };
        let large = SharedEvent::new(message::Event {
            details: Box::new(details),
            ..message::Event::clone(&event(0))
        });
        let mut queue = EventQueue::new(100, None);
        for _ in 0..3 {
            let _ = queue.push(large.clone(), None);
        }
        assert_eq!((queue.events.len(), queue.dropped), (1, 2));
        assert!(queue.pop().is_some());
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn the_byte_limit_drops_the_oldest_events_and_keeps_the_newest() {
        let mut queue = EventQueue::new(100, None);
        for _ in 0..4 {
            let _ = queue.push(event(MAX_WAITING_BYTES / 2 - 100), None);
        }
        assert_eq!((queue.events.len(), queue.dropped), (2, 2));
        let _ = queue.push(event(2 * MAX_WAITING_BYTES), None);
        assert_eq!((queue.events.len(), queue.dropped), (1, 4));
        assert!(queue.pop().is_some());
        assert_eq!(queue.bytes, 0);
    }
}
