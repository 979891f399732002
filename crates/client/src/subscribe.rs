//! Subscribing: a builder that becomes a future, and the stream of events that comes out.
//!
//! Bounded: an application that does not take its events loses the oldest ones, counted.

use std::collections::VecDeque;
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use cloverleaf_wamp::ids::{PublicationId, RequestId, SessionId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, RequestKind, SharedEvent, Subscribe, SubscribeOptions, Unsubscribe,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::MatchPolicy;
use compact_str::CompactString;
use futures_util::stream::Stream;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::sent::Acknowledging;
use crate::session::{BoxFuture, OnAnswer, Session, State};

/// The most events that wait for the application in one subscription, unless told otherwise.
const DEFAULT_CAPACITY: usize = 4_096;

/// The most bytes of arguments that wait for the application in one subscription: a large event
/// costs as much as many small ones. The newest event is kept whatever its size.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// A subscription that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is subscribed before the builder is awaited"]
pub struct SubscribeBuilder {
    session: Session,
    topic: CompactString,
    options: SubscribeOptions,
    capacity: usize,
}

impl SubscribeBuilder {
    pub(crate) fn new(session: Session, topic: CompactString) -> Self {
        let options = SubscribeOptions::default();
        Self { session, topic, options, capacity: DEFAULT_CAPACITY }
    }

    /// The topic is a prefix or a wildcard pattern.
    pub fn matching(mut self, policy: MatchPolicy) -> Self {
        self.options.match_policy = Some(policy);
        self
    }

    /// How many events may wait for the application before the oldest are dropped.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    async fn subscribe(self) -> Result<Subscription, Error> {
        let Self { session, topic, options, capacity } = self;
        let entry = Arc::new(SubscriptionEntry::new(topic, options, capacity));
        let on_answer = OnAnswer::Subscribed(Arc::clone(&entry));
        session.acknowledged(RequestKind::Subscribe, Some(on_answer), entry.request()).await?;
        Ok(Subscription { session, entry })
    }
}

impl IntoFuture for SubscribeBuilder {
    type Output = Result<Subscription, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.subscribe())
    }
}

/// The events of one subscription, in the order in which they came; also a [`Stream`].
///
/// When a lost connection has been replaced, the topic is subscribed again; what was published
/// meanwhile is not seen. Dropping this ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    session: Session,
    entry: Arc<SubscriptionEntry>,
}

impl Subscription {
    /// The subscription's number; another one after the connection has been replaced.
    pub fn id(&self) -> SubscriptionId {
        self.entry.id()
    }

    /// The next event; none when the session has ended.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.entry.poll(context)).await
    }

    /// How many events were dropped because the application did not take them.
    pub fn dropped(&self) -> u64 {
        self.entry.queue.lock().dropped
    }

    /// Ends the subscription.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        if let Some(request) = self.leave()? {
            Acknowledging::new(self.session.clone(), Ok(request)).await?;
        }
        Ok(())
    }

    /// Takes this one's queue away and sends UNSUBSCRIBE when it was the last of its subscription.
    ///
    /// Decided and sent while no other request can be: a SUBSCRIBE of the same topic that is on its
    /// way will be granted the subscription that exists, so that must not be ended behind it.
    fn leave(&self) -> Result<Option<RequestId>, Error> {
        let mut ids = self.session.shared().ids.lock();
        let subscription = self.entry.id();
        if !self.session.shared().state.lock().leave(subscription, &self.entry) {
            return Ok(None);
        }
        let request =
            self.session.request_with(&mut ids, RequestKind::Unsubscribe, None, |request| {
                ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
            });
        request.map(Some)
    }
}

impl State {
    /// Takes an entry out. Says whether its subscription is to be ended at the router.
    fn leave(&mut self, id: SubscriptionId, entry: &Arc<SubscriptionEntry>) -> bool {
        if self.unrestored.remove_subscription(entry) {
            return false;
        }
        let Some(entries) = self.subscriptions.get_mut(&id) else { return false };
        entries.retain(|other| !Arc::ptr_eq(other, entry));
        if !entries.is_empty() {
            return false;
        }
        self.subscriptions.remove(&id);
        !self.pending.awaits(|grant| match grant {
            OnAnswer::Subscribed(other) | OnAnswer::SubscribedAgain(other) => {
                other.topic == entry.topic && other.options == entry.options
            }
            OnAnswer::Registered(_) | OnAnswer::RegisteredAgain(_) => false,
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // A link that is gone needs no farewell.
        if let Ok(Some(request)) = self.leave() {
            self.session.forget(request);
        }
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.entry.poll(context)
    }
}

/// An event as the subscriber sees it.
#[derive(Debug, Clone)]
pub struct Event(SharedEvent);

impl Event {
    /// The topic, where the subscription is a pattern.
    pub fn topic(&self) -> Option<&str> {
        self.0.details.topic.as_deref()
    }

    /// The publication's number.
    pub fn publication(&self) -> PublicationId {
        self.0.publication
    }

    /// The publisher's session, where it is disclosed.
    pub fn publisher(&self) -> Option<SessionId> {
        self.0.details.publisher
    }

    /// The positional arguments: a tuple, an array or a `Vec`.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.payload.decode_args()?)
    }

    /// The keyword arguments: a struct or a map.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.payload.decode_kwargs()?)
    }

    /// The arguments as they came.
    pub fn payload(&self) -> &Payload {
        &self.0.payload
    }
}

/// What it takes to subscribe again, and the events between the session and the application.
#[derive(Debug)]
pub(crate) struct SubscriptionEntry {
    topic: CompactString,
    options: SubscribeOptions,
    /// The number that the router gave last; 0 before the first.
    id: AtomicU64,
    queue: Mutex<EventQueue>,
}

#[derive(Debug)]
struct EventQueue {
    events: VecDeque<SharedEvent>,
    /// Of the arguments of all that wait.
    bytes: usize,
    capacity: usize,
    dropped: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl EventQueue {
    fn push(&mut self, event: SharedEvent) {
        let size = event.payload.size();
        while self.events.len() >= self.capacity || self.bytes + size > MAX_WAITING_BYTES {
            if self.pop().is_none() {
                break;
            }
            self.dropped += 1;
        }
        self.bytes += size;
        self.events.push_back(event);
    }

    fn pop(&mut self) -> Option<SharedEvent> {
        let event = self.events.pop_front()?;
        self.bytes -= event.payload.size();
        Some(event)
    }
}

impl SubscriptionEntry {
    fn new(topic: CompactString, options: SubscribeOptions, capacity: usize) -> Self {
        let queue = EventQueue {
            events: VecDeque::new(),
            bytes: 0,
            capacity,
            dropped: 0,
            closed: false,
            waker: None,
        };
        Self { topic, options, id: AtomicU64::new(0), queue: Mutex::new(queue) }
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

    /// Makes SUBSCRIBE.
    pub(crate) fn request(&self) -> impl FnOnce(RequestId) -> ClientMessage + use<> {
        let topic = self.topic.clone().into();
        let options = self.options.clone();
        move |request| ClientMessage::Subscribe(Subscribe { request, options, topic })
    }

    /// Adds an event; a full queue loses its oldest. Returns whom to wake, outside of any lock.
    pub(crate) fn push(&self, event: SharedEvent) -> Option<Waker> {
        let mut queue = self.queue.lock();
        queue.push(event);
        queue.waker.take()
    }

    /// No event comes any more. Returns whom to wake.
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.waker.take()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.queue.lock();
        match queue.pop() {
            Some(event) => Poll::Ready(Some(Event(event))),
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
    use std::collections::VecDeque;

    use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
    use cloverleaf_wamp::message::{self, SharedEvent};
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
    fn events_that_hold_too_many_bytes_push_the_oldest_out_and_the_newest_stays() {
        let mut queue = EventQueue {
            events: VecDeque::new(),
            bytes: 0,
            capacity: 100,
            dropped: 0,
            closed: false,
            waker: None,
        };
        for _ in 0..4 {
            queue.push(event(MAX_WAITING_BYTES / 2 - 100));
        }
        assert_eq!((queue.events.len(), queue.dropped), (2, 2));
        queue.push(event(2 * MAX_WAITING_BYTES));
        assert_eq!((queue.events.len(), queue.dropped), (1, 4));
        assert!(queue.pop().is_some());
        assert_eq!(queue.bytes, 0);
    }
}
