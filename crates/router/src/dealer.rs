//! Registrations and calls: which callees answer a call.
//!
//! A call is in one table from CALL to its end; every end goes through [`Dealer::take`].
//!
//! | module | purpose |
//! |---|---|
//! | `call` | CALL to INVOCATION |
//! | `pending_invocation` | the invocation of a call, sent once or again |
//! | `choice` | which of several callees gets a call |
//! | `call_queue` | calls that wait for a free callee |
//! | `rerouting` | calls that go to another callee |
//! | `progress` | progressive calls and results |
//! | `call_all` | calls to all callees at once |
//! | `cancellation` | CANCEL and timeouts |
//! | `ending` | the endings of a call |
//! | `answer` | the answer to the caller |
//! | `registration` | REGISTER, UNREGISTER, revocation |
//! | `endpoint` | the callees of a registration |
//! | `listing` | look-up of registrations, for calls and the meta API |
//!
//! The files of `dealer`, `broker` and `session` name each other: a session's record holds its
//! state in the dealer, and the modules here extend [`Dealer`], whose fields are types of theirs.
//!
//! Spec: basic profile "Remote Procedure Calls"; advanced profile "Advanced RPC".

use std::collections::BTreeSet;

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::{IdSequence, InvocationId, MAX_ID, RegistrationId, RequestId};
use cloverleaf_wamp::message::{
    CancelMode, Interrupt, InterruptOptions, RequestRef, RouterMessage,
};
use cloverleaf_wamp::uri::UriPattern;
use foldhash::HashMap;
use slab::Slab;

use crate::compatibility::Compatibility;
use crate::deadline::{Deadlines, Moment};
use crate::directory::{Directory, HeldPatterns};
use crate::limits::{LARGEST_HELD_CALL_LIMIT, MAX_COLLECTED_BYTES, SessionLimits, SharedLimits};
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};
use crate::uri_index::UriIndex;
use crate::validation::{SchemasId, Validation};

mod answer;
mod call;
mod call_all;
mod call_queue;
mod cancellation;
mod choice;
mod ending;
mod endpoint;
mod listing;
mod pending_invocation;
mod progress;
mod registration;
mod rerouting;

pub(crate) use call::CallPermission;
use call_all::CallAll;
use call_queue::{CallQueueWork, QueuePosition};
pub(crate) use ending::DetachedCalls;
use endpoint::{EndpointId, Registration};
pub(crate) use listing::RegistrationInfo;
pub use pending_invocation::CallTimes;
use pending_invocation::PendingInvocation;
use progress::ProgressiveState;
pub(crate) use registration::{RegistrationChange, RegistrationTerms};

/// The place of a call in the dealer's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey(usize);

/// The state of a session in the dealer.
#[derive(Debug, Default)]
pub(crate) struct DealerState {
    registrations: BTreeSet<RegistrationId>,
    held: HeldPatterns,
    /// Its calls in flight.
    calls: HashMap<RequestId, CallKey>,
    /// Bytes held by these calls.
    held_bytes: usize,
    /// One more than the largest request id of a call so far, 0 before the first (advanced profile,
    /// "Progressive Call Invocations").
    watermark: u64,
    /// Its unanswered invocations.
    invocations: HashMap<InvocationId, CallKey>,
    invocation_ids: IdSequence,
}

impl DealerState {
    /// The call in flight with this request id.
    pub(crate) fn call_in_flight(&self, request: RequestId) -> Option<CallKey> {
        self.calls.get(&request).copied()
    }

    /// Whether a request id is not larger than all before it.
    pub(crate) const fn is_below_watermark(&self, request: RequestId) -> bool {
        request.number() < self.watermark && !self.begins_again(request)
    }

    /// Notes the request id of a call.
    pub(crate) fn note_request_id(&mut self, request: RequestId) {
        let next = request.number() + 1;
        let again = self.begins_again(request);
        self.watermark = if again { next } else { self.watermark.max(next) };
    }

    /// The request id after the largest one is 1 (basic profile, "IDs").
    const fn begins_again(&self, request: RequestId) -> bool {
        self.watermark == MAX_ID + 1 && request.number() == 1
    }
}

/// A call in flight.
#[derive(Debug)]
struct CallInFlight {
    caller: SessionKey,
    request: RequestRef,
    registration: RegistrationId,
    assignment: Assignment,
    time_limit: Option<TimeLimit>,
    /// The caller accepts progressive results.
    receive_progress: bool,
    /// CANCEL with mode `kill` was forwarded; the callee's answer is awaited.
    canceling: bool,
    /// The invocation, kept if another callee could get it.
    pending: Option<Box<PendingInvocation>>,
    /// Bytes of the pending invocation, the collected answers and the options for further parts.
    /// They count in the budgets of the caller and the realm, so that 32 bits are enough. With 64
    /// bits the struct has more than 128 bytes, and each move of it calls `memcpy`.
    held_bytes: u32,
    /// The call is progressive, or its progressive results have begun.
    progressive: Option<Box<ProgressiveState>>,
}

/// The timeout of a call.
#[derive(Debug, Clone, Copy)]
struct TimeLimit {
    /// Milliseconds between the call and its first result, and between any two results.
    millis: u64,
    /// The call ends then, unless a result comes before.
    deadline: Moment,
}

impl TimeLimit {
    /// A timeout of `millis` milliseconds from `now`.
    const fn begun(millis: u64, now: Moment) -> Self {
        Self { millis, deadline: now.plus_millis(millis) }
    }
}

/// The callees of a call in flight.
#[derive(Debug)]
enum Assignment {
    /// One callee.
    One(ActiveInvocation),
    /// No callee yet: one is being chosen.
    Unassigned,
    /// No callee yet: every callee has as many calls as it takes.
    Queued(QueuePosition),
    /// All callees.
    All(Box<CallAll>),
}

/// An unanswered invocation.
#[derive(Debug, Clone, Copy)]
struct ActiveInvocation {
    callee: SessionKey,
    invocation: InvocationId,
    /// The endpoint, if its calls are counted.
    counted: Option<EndpointId>,
    /// The callee is disclosed to the caller.
    disclosed: bool,
    /// The schemas that its answers are validated against.
    schemas: Option<SchemasId>,
}

// The results of a call are still collected while its caller is detached and not counted.
const _: () = assert!(LARGEST_HELD_CALL_LIMIT + MAX_COLLECTED_BYTES < u32::MAX as usize);

impl CallInFlight {
    /// Bytes that the call holds.
    const fn held_bytes(&self) -> usize {
        self.held_bytes as usize
    }

    /// The unanswered invocations.
    fn invoked(&self) -> impl Iterator<Item = ActiveInvocation> {
        let (one, all) = match &self.assignment {
            Assignment::One(invoked) => (Some(*invoked), None),
            Assignment::Unassigned | Assignment::Queued(_) => (None, None),
            Assignment::All(call_all) => (None, Some(call_all.pending())),
        };
        one.into_iter().chain(all.into_iter().flatten())
    }

    /// The unanswered invocation of a callee.
    fn invoked_of(&self, callee: SessionKey) -> Option<ActiveInvocation> {
        match &self.assignment {
            Assignment::One(invoked) => Some(*invoked).filter(|invoked| invoked.callee == callee),
            Assignment::Unassigned | Assignment::Queued(_) => None,
            Assignment::All(call_all) => call_all.of(callee),
        }
    }
}

/// The queue of calls that wait for a callee of procedures that match.
#[derive(Debug, Clone)]
pub struct CallQueue {
    /// The procedures.
    pub pattern: UriPattern,
    /// The largest number of calls.
    pub limit: usize,
}

/// The dealer of one realm.
#[derive(Debug, Default)]
pub(crate) struct Dealer {
    registrations: Directory<Registration>,
    last_endpoint: Option<EndpointId>,
    calls: Slab<CallInFlight>,
    deadlines: Deadlines<CallKey>,
    times: CallTimes,
    queues: UriIndex<usize>,
    waiting: CallQueueWork,
    /// Bytes held by all calls.
    held_bytes: usize,
    /// The place in the table of calls up to which calls were ended at the shutdown.
    ended_up_to: usize,
    /// Work that grows with the callees of a registration and was not counted in a step yet.
    uncounted: u32,
    validation: Validation,
    compatibility: Compatibility,
    limits: SharedLimits,
}

impl Dealer {
    /// Takes the work that grows with the callees of a registration, in units.
    pub(crate) const fn take_work(&mut self) -> u32 {
        std::mem::replace(&mut self.uncounted, 0)
    }

    /// A dealer without registrations.
    pub(crate) fn new(
        times: CallTimes,
        queues: &[CallQueue],
        validation: Validation,
        compatibility: Compatibility,
    ) -> Self {
        let mut index = UriIndex::default();
        for queue in queues {
            index.insert(&queue.pattern, queue.limit);
        }
        Self { times, queues: index, validation, compatibility, ..Self::default() }
    }

    /// Validates against other schemas from now on.
    pub(crate) fn set_validation(&mut self, validation: Validation) {
        self.validation = validation;
    }

    /// Applies other limits from now on.
    pub(crate) const fn set_limits(&mut self, limits: SharedLimits) {
        self.limits = limits;
        self.validation.set_max_bytes(limits.max_validated_bytes);
    }

    /// The number of calls in flight.
    pub(crate) fn calls_in_flight(&self) -> usize {
        self.calls.len()
    }

    /// The earliest deadline of a call.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.next()
    }

    /// Removes a call from every table. All endings of a call go through this function.
    fn take<O>(&mut self, sessions: &mut Sessions<O>, key: CallKey) -> Option<CallInFlight> {
        let call = self.calls.try_remove(key.0)?;
        if let Some(limit) = call.time_limit {
            self.deadlines.remove(limit.deadline, key);
        }
        if let Some(caller) = sessions.at_mut(call.caller) {
            caller.dealer.calls.remove(&call.request.id());
            caller.dealer.held_bytes -= call.held_bytes();
        }
        self.held_bytes -= call.held_bytes();
        call.invoked().for_each(|invoked| {
            self.forget_invocation(sessions, call.registration, invoked);
        });
        if let Assignment::Queued(place) = call.assignment {
            self.stop_waiting(call.registration, place, call.held_bytes());
        }
        Some(call)
    }

    /// Counts bytes held by a call, if the budgets of its caller and the realm have room. Returns
    /// whether they have.
    fn hold<O>(&mut self, sessions: &mut Sessions<O>, key: CallKey, bytes: usize) -> bool {
        let Some(call) = self.calls.get_mut(key.0) else { return false };
        if bytes > held_room(&self.limits, self.held_bytes, sessions, call.caller) {
            return false;
        }
        call.held_bytes += bytes as u32;
        self.held_bytes += bytes;
        if let Some(caller) = sessions.at_mut(call.caller) {
            caller.dealer.held_bytes += bytes;
        }
        if let (Assignment::Queued(_), id) = (&call.assignment, call.registration) {
            self.waiting_call_grew(id, bytes);
        }
        true
    }

    /// Returns bytes of a call to the budgets. The call does not wait in a queue.
    fn release<O>(&mut self, sessions: &mut Sessions<O>, key: CallKey, bytes: usize) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        call.held_bytes -= bytes as u32;
        self.held_bytes -= bytes;
        if let Some(caller) = sessions.at_mut(call.caller) {
            caller.dealer.held_bytes -= bytes;
        }
    }

    /// Bytes held by a call.
    fn bytes_of(&self, key: CallKey) -> usize {
        self.calls.get(key.0).map_or(0, CallInFlight::held_bytes)
    }

    /// Drops the invocation that is kept to be sent again.
    fn drop_pending<O>(&mut self, sessions: &mut Sessions<O>, key: CallKey) {
        let pending = self.calls.get_mut(key.0).and_then(|call| call.pending.take());
        if let Some(pending) = pending {
            self.release(sessions, key, PendingInvocation::total_size(&pending));
        }
    }

    /// Removes an invocation from the state of its callee, which is free for another call.
    #[inline]
    fn forget_invocation<O>(
        &mut self,
        sessions: &mut Sessions<O>,
        registration: RegistrationId,
        invoked: ActiveInvocation,
    ) {
        if let Some(callee) = sessions.at_mut(invoked.callee) {
            callee.dealer.invocations.remove(&invoked.invocation);
        }
        if let Some(endpoint) = invoked.counted
            && let Some(registration) = self.registrations.get_mut(registration)
        {
            registration.release(endpoint);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.registrations.is_empty()
            && self.calls.is_empty()
            && self.waiting.is_empty()
            && self.held_bytes == 0
            && self.deadlines.is_empty()
    }
}

/// The further bytes that calls of a caller may hold, if all calls of the realm hold `of_realm`.
fn held_room<O>(
    limits: &SharedLimits,
    of_realm: usize,
    sessions: &Sessions<O>,
    caller: SessionKey,
) -> usize {
    let (of_caller, limit) = match sessions.at(caller) {
        Some(caller) => (caller.dealer.held_bytes, sessions.limits(caller.role)),
        None => (0, &SessionLimits::DEFAULT),
    };
    let room = limits.max_held_call_bytes.saturating_sub(of_realm);
    room.min(limit.max_held_call_bytes.saturating_sub(of_caller))
}

/// Sends INTERRUPT to a callee that has announced call canceling.
fn interrupt<O: Outbox>(
    callee: &Session<O>,
    request: InvocationId,
    mode: CancelMode,
    reason: &'static str,
) {
    if callee.roles.callee_has(Feature::CallCanceling) && !callee.is_closing {
        let options = InterruptOptions { mode: Some(mode), reason: Some(reason.into()) };
        let _ = callee.outbox.send(RouterMessage::Interrupt(Interrupt { request, options }));
    }
}
