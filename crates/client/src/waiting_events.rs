//! The events that wait for the application, over all subscriptions of one session.
//!
//! Each subscription bounds its own queue, but a session may hold any number of subscriptions. So a
//! session inside the router has this bound, and the router learns when the session is full.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::{WakerSet, wake};
use parking_lot::Mutex;

use crate::link::{DeliveryOutcome, Link};

/// Default of [`InboundLimits::bytes`]: the high-water mark of a connection's queue in the router.
/// Enough for a burst of some thousand larger events.
const HIGH_WATER_BYTES: usize = 64 * 1024 * 1024;

/// Default of [`InboundLimits::events`], as for a connection's queue: small events cost more than
/// their bytes.
const HIGH_WATER_EVENTS: usize = 1_048_576;

/// The high-water mark of a session for events that wait for its application, and the policy above
/// it. An empty session accepts one event of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboundLimits {
    /// Bytes of details and arguments; 64 MiB by default.
    pub bytes: usize,
    /// Number of events; 1,048,576 by default.
    pub events: usize,
    /// The policy for an event above the mark.
    pub overflow: EventOverflow,
}

impl Default for InboundLimits {
    fn default() -> Self {
        let (bytes, events) = (HIGH_WATER_BYTES, HIGH_WATER_EVENTS);
        Self { bytes, events, overflow: EventOverflow::default() }
    }
}

/// The policy of a session above its high-water mark for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventOverflow {
    /// Drops it.
    #[default]
    DropEvents,
    /// Ends the session.
    CloseSession,
    /// Backpressure: accepts it up to twice the mark, and the publisher should wait for room. No
    /// subscription drops its oldest events: the session's limits replace those of its
    /// subscriptions.
    BlockPublisher,
}

/// Counts the waiting events of one session.
#[derive(Debug)]
pub(crate) struct WaitingEvents {
    limits: InboundLimits,
    /// Whether a task or the router waits for room.
    is_awaited: AtomicBool,
    totals: Mutex<EventTotals>,
}

#[derive(Debug, Default)]
struct EventTotals {
    bytes: usize,
    events: usize,
    /// The router has found no room. The link reports when there is some.
    wants_room: bool,
    /// The tasks that wait for room.
    waiting: WakerSet,
    has_lost: bool,
    is_closed: bool,
}

impl EventTotals {
    const fn is_full(&self, limits: &InboundLimits, times: usize) -> bool {
        let is_above = self.bytes >= times * limits.bytes || self.events >= times * limits.events;
        is_above && self.events > 0
    }
}

impl WaitingEvents {
    pub(crate) fn new(limits: InboundLimits) -> Self {
        Self { limits, is_awaited: AtomicBool::new(false), totals: Mutex::default() }
    }

    /// Whether a subscription drops its oldest events when it is full.
    pub(crate) fn drops_oldest(&self) -> bool {
        self.limits.overflow != EventOverflow::BlockPublisher
    }

    /// Counts an event, unless there is no room for it.
    pub(crate) fn add(&self, bytes: usize) -> DeliveryOutcome {
        let mut totals = self.totals.lock();
        let received = match self.limits.overflow {
            _ if !totals.is_full(&self.limits, 1) => DeliveryOutcome::Accepted,
            EventOverflow::BlockPublisher if !totals.is_full(&self.limits, 2) => {
                DeliveryOutcome::AboveHighWater
            }
            EventOverflow::BlockPublisher | EventOverflow::DropEvents => {
                return DeliveryOutcome::Dropped;
            }
            EventOverflow::CloseSession => return DeliveryOutcome::Closed,
        };
        totals.bytes += bytes;
        totals.events += 1;
        received
    }

    /// Subtracts events that do not wait any more. [`Self::announce_room`] has to follow, outside
    /// of any lock.
    pub(crate) fn subtract(&self, events: usize, bytes: usize) {
        let mut totals = self.totals.lock();
        totals.events -= events;
        totals.bytes -= bytes;
    }

    /// Wakes the tasks that wait for room. Calls [`Link::room_returned`] if the router waits for it
    /// and the session is below half of its mark.
    pub(crate) fn announce_room(&self, link: &dyn Link) {
        if !self.is_awaited.load(Relaxed) {
            return;
        }
        let mut totals = self.totals.lock();
        if totals.is_full(&self.limits, 1) {
            return;
        }
        let waiting = totals.waiting.take_all();
        let is_low =
            totals.bytes <= self.limits.bytes / 2 && totals.events <= self.limits.events / 2;
        let is_wanted = is_low && std::mem::take(&mut totals.wants_room);
        self.is_awaited.store(totals.wants_room, Relaxed);
        drop(totals);
        waiting.into_iter().for_each(wake);
        if is_wanted {
            link.room_returned();
        }
    }

    /// Whether the session is below its mark. If not, the link is called when there is room.
    pub(crate) fn has_room(&self) -> bool {
        let mut totals = self.totals.lock();
        let has_room = totals.is_closed || !totals.is_full(&self.limits, 1);
        if !has_room {
            totals.wants_room = true;
            self.is_awaited.store(true, Relaxed);
        }
        has_room
    }

    /// Ready when the session is below its mark or has ended.
    pub(crate) fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut totals = self.totals.lock();
        if totals.is_closed || !totals.is_full(&self.limits, 1) {
            return Poll::Ready(());
        }
        totals.waiting.register(context);
        self.is_awaited.store(true, Relaxed);
        Poll::Pending
    }

    /// Removes a task that waits in [`Self::poll_room`].
    pub(crate) fn stop_waiting(&self, waker: &Waker) {
        self.totals.lock().waiting.remove(waker);
    }

    /// Notes that an event was dropped. True for the first one of the session.
    pub(crate) fn note_loss(&self) -> bool {
        !std::mem::replace(&mut self.totals.lock().has_lost, true)
    }

    /// Ends all waiting for room. Returns the wakers to call.
    pub(crate) fn close(&self) -> Vec<Waker> {
        let mut totals = self.totals.lock();
        totals.is_closed = true;
        totals.waiting.take_all()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::{EventOverflow, InboundLimits, WaitingEvents};
    use crate::link::DeliveryOutcome;

    fn limited(overflow: EventOverflow) -> WaitingEvents {
        WaitingEvents::new(InboundLimits { bytes: 100, events: 4, overflow })
    }

    #[test]
    fn empty_session_accepts_an_event_of_any_size_and_then_drops() {
        let waiting = limited(EventOverflow::DropEvents);
        assert_eq!(waiting.add(1_000), DeliveryOutcome::Accepted);
        assert_eq!(waiting.add(1), DeliveryOutcome::Dropped);
        waiting.subtract(1, 1_000);
        assert_eq!(waiting.add(1), DeliveryOutcome::Accepted);
    }

    #[test]
    fn blocking_session_accepts_twice_its_mark() {
        let waiting = limited(EventOverflow::BlockPublisher);
        let received: Vec<_> = (0..9).map(|_| waiting.add(1)).collect();
        assert!(received[..4].iter().all(|outcome| *outcome == DeliveryOutcome::Accepted));
        assert!(received[4..8].iter().all(|outcome| *outcome == DeliveryOutcome::AboveHighWater));
        assert_eq!(received[8], DeliveryOutcome::Dropped);
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.poll_room(&context).is_pending());
        waiting.subtract(5, 5);
        context = Context::from_waker(Waker::noop());
        assert!(waiting.poll_room(&context).is_ready());
    }

    #[test]
    fn first_loss_is_reported_once() {
        let waiting = limited(EventOverflow::CloseSession);
        (0..4).for_each(|_| assert_eq!(waiting.add(1), DeliveryOutcome::Accepted));
        assert_eq!(waiting.add(1), DeliveryOutcome::Closed);
        assert!(waiting.note_loss());
        assert!(!waiting.note_loss());
    }
}
