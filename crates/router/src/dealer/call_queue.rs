//! Call queues: calls that wait for a free callee, first come, first served.
//!
//! A queue is bounded in calls (by the realm's settings) and in bytes (by [`limits`]). A call for
//! which it has no room fails as without a queue. A registration with a callee that may be free is
//! only noted; its waiting calls are sent later, in steps.
//!
//! [`limits`]: crate::limits

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use cloverleaf_wamp::ids::RegistrationId;

use super::answer::CallEnding;
use super::endpoint::Endpoint;
use super::rerouting::PlaceOutcome;
use super::{Assignment, CallKey, Dealer};
use crate::failure::RequestFailure;
use crate::limits::SharedLimits;
use crate::outbox::Outbox;
use crate::session::Sessions;
use crate::work::{self, Work};

/// The position of a waiting call. Positions count up over all queues of a dealer and never repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueuePosition(u64);

/// The queue of one registration.
#[derive(Debug)]
pub(super) struct WaitingCalls {
    queue: BTreeMap<QueuePosition, CallKey>,
    bytes: usize,
    /// The largest number of calls.
    limit: usize,
    /// The call behind which sending is continued.
    sent_up_to: Option<QueuePosition>,
    /// A callee may have become free since the queue was last visited from its beginning.
    looks_again: bool,
}

impl WaitingCalls {
    /// An empty queue for `limit` calls.
    pub(super) const fn new(limit: usize) -> Self {
        let queue = BTreeMap::new();
        Self { queue, bytes: 0, limit, sent_up_to: None, looks_again: false }
    }

    fn has_room_for(&self, bytes: usize, limits: &SharedLimits) -> bool {
        self.queue.len() < self.limit
            && self.bytes.saturating_add(bytes) <= limits.max_queued_call_bytes_per_registration
    }

    /// The next call to be visited.
    fn next(&self) -> Option<(QueuePosition, CallKey)> {
        let from = self.sent_up_to.map_or(Bound::Unbounded, Bound::Excluded);
        self.queue.range((from, Bound::Unbounded)).next().map(|(place, key)| (*place, *key))
    }
}

/// The unfinished work for waiting calls.
#[derive(Debug, Default)]
pub(super) struct CallQueueWork {
    last_place: u64,
    /// Bytes of the waiting calls of all registrations.
    bytes: usize,
    /// Registrations whose callees may have become free.
    freed: BTreeSet<RegistrationId>,
    /// Calls that wait for registrations that were removed.
    orphans: VecDeque<BTreeMap<QueuePosition, CallKey>>,
}

impl CallQueueWork {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.freed.is_empty() && self.orphans.is_empty()
    }
}

impl Dealer {
    /// Whether another call that holds `bytes` bytes may wait.
    pub(super) fn may_wait(&self, id: RegistrationId, bytes: usize) -> bool {
        let limits = &self.limits;
        self.waiting.bytes.saturating_add(bytes) <= limits.max_queued_call_bytes
            && self
                .registrations
                .get(id)
                .is_some_and(|held| held.waiting.has_room_for(bytes, limits))
    }

    /// Adds a call to the queue.
    pub(super) fn enqueue(&mut self, id: RegistrationId, key: CallKey) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        if let Some(registration) = self.registrations.get_mut(id) {
            self.waiting.last_place += 1;
            let place = QueuePosition(self.waiting.last_place);
            call.assignment = Assignment::Queued(place);
            registration.waiting.queue.insert(place, key);
            registration.waiting.bytes += call.held_bytes();
            self.waiting.bytes += call.held_bytes();
        }
    }

    /// Counts further bytes of a waiting call.
    pub(super) fn waiting_call_grew(&mut self, id: RegistrationId, bytes: usize) {
        self.waiting.bytes += bytes;
        if let Some(registration) = self.registrations.get_mut(id) {
            registration.waiting.bytes += bytes;
        }
    }

    /// Removes a call of `bytes` bytes from the queue.
    pub(super) fn stop_waiting(&mut self, id: RegistrationId, place: QueuePosition, bytes: usize) {
        self.waiting.bytes -= bytes;
        if let Some(registration) = self.registrations.get_mut(id)
            && registration.waiting.queue.remove(&place).is_some()
        {
            registration.waiting.bytes -= bytes;
        }
    }

    /// Ends the calls that wait for a registration without callees, in later steps.
    pub(super) fn end_waiting(&mut self, id: RegistrationId) {
        self.waiting.freed.remove(&id);
        if let Some(registration) = self.registrations.get_mut(id)
            && !registration.waiting.queue.is_empty()
        {
            self.waiting.orphans.push_back(std::mem::take(&mut registration.waiting.queue));
        }
    }

    /// Notes that a callee may be free.
    pub(super) fn released(&mut self, id: RegistrationId) {
        if let Some(registration) = self.registrations.get_mut(id)
            && !registration.waiting.queue.is_empty()
        {
            registration.waiting.looks_again = true;
            self.waiting.freed.insert(id);
        }
    }

    /// Whether waiting calls may be sent, or have to be ended.
    #[inline]
    pub(crate) fn has_waiting_work(&self) -> bool {
        !self.waiting.freed.is_empty() || !self.waiting.orphans.is_empty()
    }

    /// Sends waiting calls to the callees that are free now, as far as the work allows.
    #[cold]
    pub(crate) fn continue_waiting<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        work: &mut Work,
    ) {
        while !work.is_spent()
            && let Some(orphans) = self.waiting.orphans.front_mut()
        {
            work.spend(work::REMOVAL);
            match orphans.pop_first() {
                Some((place, key)) => self.end_orphan(sessions, place, key),
                None => drop(self.waiting.orphans.pop_front()),
            }
        }
        while !work.is_spent()
            && let Some(id) = self.waiting.freed.first().copied()
        {
            if self.send_waiting(sessions, id, work) {
                self.waiting.freed.remove(&id);
            }
        }
    }

    /// Ends a call whose registration was removed, unless it has ended before.
    fn end_orphan<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        place: QueuePosition,
        key: CallKey,
    ) {
        let Some(call) = self.calls.get(key.0) else { return };
        if !matches!(call.assignment, Assignment::Queued(its) if its == place) {
            return;
        }
        let procedure = call.pending.as_ref().map(|pending| pending.procedure.clone());
        let failure = RequestFailure::NoSuchProcedure(procedure.unwrap_or_default());
        self.end(sessions, key, CallEnding::Refused(failure));
    }

    /// Sends the waiting calls of a registration, as far as the work allows. Returns whether all
    /// were visited since a callee has become free.
    fn send_waiting<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        work: &mut Work,
    ) -> bool {
        while !work.is_spent() {
            let Some(registration) = self.registrations.get_mut(id) else { return true };
            if registration.waiting.sent_up_to.is_none() {
                registration.waiting.looks_again = false;
            }
            work.spend_entries(registration.callees.len());
            let is_any_free = registration.callees.iter().any(Endpoint::is_free);
            let next = registration.waiting.next().filter(|_| is_any_free);
            let Some((place, key)) = next else {
                registration.waiting.sent_up_to = None;
                if registration.waiting.looks_again && is_any_free {
                    continue;
                }
                return true;
            };
            work.spend(work::MESSAGE + self.take_work());
            let failure = match self.place(sessions, key, || 0) {
                PlaceOutcome::Busy => {
                    // A free callee may suit other calls.
                    if let Some(registration) = self.registrations.get_mut(id) {
                        registration.waiting.sent_up_to = Some(place);
                    }
                    continue;
                }
                PlaceOutcome::Sent => continue,
                PlaceOutcome::NoCallee(failure) => failure,
            };
            let ending = failure.map_or(CallEnding::NoneAvailable, CallEnding::Refused);
            self.end(sessions, key, ending);
        }
        false
    }
}
