//! What it takes to subscribe again, and the events between the session and the application.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Context, Poll, Waker};

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, Options as _, SharedEvent, Subscribe, SubscribeOptions,
};
use compact_str::CompactString;
use parking_lot::Mutex;

/// The most bytes of details and arguments that wait for the application in one subscription: a
/// large event costs as much as many small ones. The newest event is kept whatever its size.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct SubscriptionEntry {
    topic: CompactString,
    options: SubscribeOptions,
    /// The number that the router gave last; 0 before the first.
    id: AtomicU64,
    queue: Mutex<EventQueue>,
}

/// Says once that an event was taken: it stands in the queues of all streams that share a
/// subscription, and the router waits for one answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeliveryReceipt(Arc<AtomicBool>);

impl DeliveryReceipt {
    /// Whether nobody has asked before.
    pub(super) fn is_first(&self) -> bool {
        !self.0.swap(true, Relaxed)
    }
}

/// An event that waits, with the receipt that its publisher wants.
type Waiting = (SharedEvent, Option<DeliveryReceipt>);

#[derive(Debug)]
struct EventQueue {
    events: VecDeque<Waiting>,
    /// Of the details and arguments of all that wait.
    bytes: usize,
    capacity: usize,
    dropped: u64,
    closed: bool,
    /// Why the router has taken the subscription away.
    revoked: Option<CompactString>,
    waker: Option<Waker>,
}

impl EventQueue {
    const fn new(capacity: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            capacity,
            dropped: 0,
            closed: false,
            revoked: None,
            waker: None,
        }
    }

    fn push(&mut self, event: SharedEvent, receipt: Option<DeliveryReceipt>) {
        let size = size_of(&event);
        while self.events.len() >= self.capacity || self.bytes + size > MAX_WAITING_BYTES {
            if self.pop().is_none() {
                break;
            }
            self.dropped += 1;
        }
        self.bytes += size;
        self.events.push_back((event, receipt));
    }

    fn pop(&mut self) -> Option<Waiting> {
        let (event, receipt) = self.events.pop_front()?;
        self.bytes -= size_of(&event);
        Some((event, receipt))
    }
}

/// Bytes of the details and arguments of an event.
fn size_of(event: &SharedEvent) -> usize {
    event.details.size() + event.payload.size()
}

impl SubscriptionEntry {
    pub(super) const fn new(
        topic: CompactString,
        options: SubscribeOptions,
        capacity: usize,
    ) -> Self {
        let queue = Mutex::new(EventQueue::new(capacity));
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

    /// Whether a subscription of the one is that of the other to the router.
    pub(super) fn is_of_the_same_topic(&self, other: &Self) -> bool {
        let policy = |entry: &Self| entry.options.match_policy.unwrap_or_default();
        self.topic == other.topic && policy(self) == policy(other)
    }

    /// Whether events are wanted that were kept: another stream of the same subscription may have
    /// asked for them.
    pub(crate) fn wants_retained(&self) -> bool {
        self.options.get_retained == Some(true)
    }

    /// Makes SUBSCRIBE.
    pub(crate) fn request(&self) -> impl FnOnce(RequestId) -> ClientMessage + use<> {
        let topic = self.topic.clone().into();
        let options = self.options.clone();
        move |request| ClientMessage::Subscribe(Subscribe { request, options, topic })
    }

    /// Adds an event; a full queue loses its oldest. Returns whom to wake, outside of any lock.
    pub(crate) fn push(
        &self,
        event: SharedEvent,
        receipt: Option<DeliveryReceipt>,
    ) -> Option<Waker> {
        let mut queue = self.queue.lock();
        queue.push(event, receipt);
        queue.waker.take()
    }

    /// No event comes any more. Returns whom to wake.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.waker.take()
    }

    /// The router has taken the subscription away. Returns whom to wake.
    pub(crate) fn revoke(&self, reason: Option<&str>) -> Option<Waker> {
        self.queue.lock().revoked = Some(reason.unwrap_or(error_uri::UNSUBSCRIBED).into());
        self.close()
    }

    pub(super) fn revoked(&self) -> Option<CompactString> {
        self.queue.lock().revoked.clone()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<Waiting>> {
        let mut queue = self.queue.lock();
        match queue.pop() {
            Some(waiting) => Poll::Ready(Some(waiting)),
            None if queue.closed => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
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

    /// An event with so many bytes of arguments, or some more.
    fn event(bytes: usize) -> SharedEvent {
        SharedEvent::new(message::Event {
            subscription: SubscriptionId::from_random(1),
            publication: PublicationId::from_random(2),
            details: Default::default(),
            payload: Payload::from_text(&"x".repeat(bytes)),
        })
    }

    #[test]
    fn bytes_of_details_count_as_those_of_arguments() {
        let topic = "x".repeat(MAX_WAITING_BYTES / 2);
        let details = EventDetails { topic: Some(topic.into()), ..EventDetails::default() };
        let large = SharedEvent::new(message::Event {
            details: Box::new(details),
            ..message::Event::clone(&event(0))
        });
        let mut queue = EventQueue::new(100);
        for _ in 0..3 {
            queue.push(large.clone(), None);
        }
        assert_eq!((queue.events.len(), queue.dropped), (1, 2));
        assert!(queue.pop().is_some());
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn events_that_hold_too_many_bytes_push_the_oldest_out_and_the_newest_stays() {
        let mut queue = EventQueue::new(100);
        for _ in 0..4 {
            queue.push(event(MAX_WAITING_BYTES / 2 - 100), None);
        }
        assert_eq!((queue.events.len(), queue.dropped), (2, 2));
        queue.push(event(2 * MAX_WAITING_BYTES), None);
        assert_eq!((queue.events.len(), queue.dropped), (1, 4));
        assert!(queue.pop().is_some());
        assert_eq!(queue.bytes, 0);
    }
}
