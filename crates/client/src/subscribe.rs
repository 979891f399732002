//! Subscribing: a builder that becomes a future, and the stream of events that comes out.
//!
//! Bounded: an application that does not take its events loses the oldest ones, counted.

use std::collections::VecDeque;
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_wamp::ids::{PublicationId, SessionId, SubscriptionId};
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
use crate::session::{BoxFuture, OnAnswer, Session};

/// The most events that wait for the application in one subscription, unless told otherwise.
const DEFAULT_CAPACITY: usize = 4_096;

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
        let queue = Arc::new(EventQueue::new(capacity));
        let on_answer = Some(OnAnswer::Subscribed(Arc::clone(&queue)));
        let number = session
            .acknowledged(RequestKind::Subscribe, on_answer, |request| {
                ClientMessage::Subscribe(Subscribe { request, options, topic: topic.into() })
            })
            .await?;
        let id = SubscriptionId::new(number)
            .ok_or_else(|| Error::Closed("senseless SUBSCRIBED".into()))?;
        Ok(Subscription { session, id, queue })
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
#[derive(Debug)]
pub struct Subscription {
    session: Session,
    id: SubscriptionId,
    queue: Arc<EventQueue>,
}

impl Subscription {
    /// The subscription's number.
    pub const fn id(&self) -> SubscriptionId {
        self.id
    }

    /// The next event; none when the session has ended.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.queue.poll(context)).await
    }

    /// How many events were dropped because the application did not take them.
    pub fn dropped(&self) -> u64 {
        self.queue.inner.lock().dropped
    }

    /// Ends the subscription.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        let last = self.leave();
        if last {
            let subscription = self.id;
            self.session
                .acknowledged(RequestKind::Unsubscribe, None, |request| {
                    ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
                })
                .await?;
        }
        Ok(())
    }

    /// Takes this one's queue away. Says whether it was the last of its subscription.
    fn leave(&self) -> bool {
        let mut state = self.session.shared().state.lock();
        let Some(queues) = state.subscriptions.get_mut(&self.id) else { return false };
        queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        let last = queues.is_empty();
        if last {
            state.subscriptions.remove(&self.id);
        }
        last
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.leave() {
            let subscription = self.id;
            // Nobody waits for the answer, and a link that is gone needs no farewell.
            let _ = self.session.notify(|request| {
                ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
            });
        }
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll(context)
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

/// Events between the session and the application.
#[derive(Debug)]
pub(crate) struct EventQueue {
    inner: Mutex<Queued>,
}

#[derive(Debug)]
struct Queued {
    events: VecDeque<SharedEvent>,
    capacity: usize,
    dropped: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl EventQueue {
    fn new(capacity: usize) -> Self {
        let queued =
            Queued { events: VecDeque::new(), capacity, dropped: 0, closed: false, waker: None };
        Self { inner: Mutex::new(queued) }
    }

    pub(crate) fn push(&self, event: SharedEvent) {
        let mut queued = self.inner.lock();
        if queued.events.len() == queued.capacity {
            queued.events.pop_front();
            queued.dropped += 1;
        }
        queued.events.push_back(event);
        if let Some(waker) = queued.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn close(&self) {
        let mut queued = self.inner.lock();
        queued.closed = true;
        if let Some(waker) = queued.waker.take() {
            waker.wake();
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        let mut queued = self.inner.lock();
        match queued.events.pop_front() {
            Some(event) => Poll::Ready(Some(Event(event))),
            None if queued.closed => Poll::Ready(None),
            None => {
                queued.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
