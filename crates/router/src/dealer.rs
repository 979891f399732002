//! Registrations and calls: who answers what.
//!
//! A call lives in one table from CALL to its end; every end goes through [`Dealer::take`].
//!
//! | room | what it is for |
//! |---|---|
//! | `call` | CALL to INVOCATION |
//! | `pending_invocation` | what a callee is asked, once or again |
//! | `choice` | which of several callees |
//! | `call_queue` | calls for which no callee is free |
//! | `rerouting` | calls that one callee could not take and another one may |
//! | `progress` | calls and results in parts |
//! | `call_all` | calls to all callees at once |
//! | `cancellation` | CANCEL and the clock |
//! | `ending` | the endings of a call |
//! | `answer` | what the caller is told then |
//! | `registration` | REGISTER, UNREGISTER, revocation |
//! | `endpoint` | the callees of a registration |
//! | `listing` | finding registrations, for calls and for the meta API |
//!
//! Spec: basic profile "Remote Procedure Calls"; advanced profile "Advanced RPC".

use std::collections::BTreeSet;

use cloverleaf_wamp::features::Feature;
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
pub(crate) use choice::RendezvousKey;
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

/// What a session holds in the dealer.
#[derive(Debug, Default)]
pub(crate) struct DealerState {
    registrations: BTreeSet<RegistrationId>,
    held: HeldPatterns,
    /// Its calls that are not answered.
    calls: HashMap<RequestId, CallKey>,
    /// Bytes that these hold.
    held_bytes: usize,
    /// One more than the largest number of a call so far, 0 before the first (advanced profile,
    /// "Progressive Call Invocations").
    watermark: u64,
    /// The invocations that it has not answered.
    invocations: HashMap<InvocationId, CallKey>,
    invocation_ids: IdSequence,
}

impl DealerState {
    /// The call with this number, if it is not answered yet.
    pub(crate) fn call_in_flight(&self, request: RequestId) -> Option<CallKey> {
        self.calls.get(&request).copied()
    }

    /// Whether a number is not larger than all before it.
    pub(crate) const fn is_below_watermark(&self, request: RequestId) -> bool {
        request.number() < self.watermark && !self.begins_again(request)
    }

    /// Notes the request id of a call.
    pub(crate) fn note_request_id(&mut self, request: RequestId) {
        let next = request.number() + 1;
        let again = self.begins_again(request);
        self.watermark = if again { next } else { self.watermark.max(next) };
    }

    /// Behind the largest number of all comes 1 (basic profile, "IDs").
    const fn begins_again(&self, request: RequestId) -> bool {
        self.watermark == MAX_ID + 1 && request.number() == 1
    }
}

/// A call that is not answered.
#[derive(Debug)]
struct CallInFlight {
    caller: SessionKey,
    request: RequestRef,
    registration: RegistrationId,
    assignment: Assignment,
    time_limit: Option<TimeLimit>,
    /// The caller takes results in parts.
    receive_progress: bool,
    /// CANCEL with mode `kill` was passed on; the callee's answer is awaited.
    canceling: bool,
    /// What must be sent again if the callee can't take it; kept where another one could.
    pending: Option<Box<PendingInvocation>>,
    /// Bytes of the pending invocation, the collected results and the options for further parts.
    /// They count in the budgets of the caller and the realm, so that 32 bits are enough. With 64
    /// bits the struct has more than 128 bytes, and each move of it calls `memcpy`.
    held_bytes: u32,
    /// The call comes in parts, or the results have begun to.
    progressive: Option<Box<ProgressiveState>>,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
struct TimeLimit {
    /// Milliseconds between the call and its first result, and between any two results.
    millis: u64,
    /// When the call ends, unless a result comes.
    deadline: Moment,
}

impl TimeLimit {
    /// So many milliseconds from now.
    const fn begun(millis: u64, now: Moment) -> Self {
        Self { millis, deadline: now.plus_millis(millis) }
    }
}

/// Who is to answer a call.
#[derive(Debug)]
enum Assignment {
    /// One callee.
    One(ActiveInvocation),
    /// None: a callee is being looked for.
    Unassigned,
    /// None yet: every callee has as many calls as it takes.
    Queued(QueuePosition),
    /// All callees.
    All(Box<CallAll>),
}

/// An invocation that is not answered.
#[derive(Debug, Clone, Copy)]
struct ActiveInvocation {
    callee: SessionKey,
    invocation: InvocationId,
    /// The endpoint whose calls are counted, if they are.
    counted: Option<EndpointId>,
    /// The caller learns who has answered.
    disclosed: bool,
    /// What its answers are held against.
    schemas: Option<SchemasId>,
}

// The results of a call are still collected while its caller is detached and not counted.
const _: () = assert!(LARGEST_HELD_CALL_LIMIT + MAX_COLLECTED_BYTES < u32::MAX as usize);

impl CallInFlight {
    /// Bytes that the call holds.
    const fn held_bytes(&self) -> usize {
        self.held_bytes as usize
    }

    /// The invocations that are not answered.
    fn invoked(&self) -> impl Iterator<Item = ActiveInvocation> {
        let (one, all) = match &self.assignment {
            Assignment::One(invoked) => (Some(*invoked), None),
            Assignment::Unassigned | Assignment::Queued(_) => (None, None),
            Assignment::All(call_all) => (None, Some(call_all.pending())),
        };
        one.into_iter().chain(all.into_iter().flatten())
    }

    /// What a callee has been asked.
    fn invoked_of(&self, callee: SessionKey) -> Option<ActiveInvocation> {
        match &self.assignment {
            Assignment::One(invoked) => Some(*invoked).filter(|invoked| invoked.callee == callee),
            Assignment::Unassigned | Assignment::Queued(_) => None,
            Assignment::All(call_all) => call_all.of(callee),
        }
    }
}

/// How many calls to procedures that match may wait for a callee.
#[derive(Debug, Clone)]
pub struct CallQueue {
    /// The procedures.
    pub pattern: UriPattern,
    /// The number of calls.
    pub limit: usize,
}

/// The dealer of one realm.
#[derive(Debug, Default)]
pub(crate) struct Dealer {
    registrations: Directory<Registration>,
    last_endpoint: Option<EndpointId>,
    calls: Slab<CallInFlight>,
    deadlines: Deadlines,
    times: CallTimes,
    queues: UriIndex<usize>,
    waiting: CallQueueWork,
    /// Bytes that calls hold.
    held_bytes: usize,
    /// The place in the table of calls up to which they were ended at the shutdown.
    ended_up_to: usize,
    /// Work that grows with the callees of a registration, and has not been counted in a step.
    uncounted: u32,
    validation: Validation,
    compatibility: Compatibility,
    limits: SharedLimits,
}

impl Dealer {
    /// The work since this was last asked that grows with the callees of a registration, in units.
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

    /// How many calls are not answered.
    pub(crate) fn calls_in_flight(&self) -> usize {
        self.calls.len()
    }

    /// The earliest deadline of a call.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.next()
    }

    /// The one door: takes a call out of every table that knows it.
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

    /// Counts bytes that a call holds, if there is room for them in the budgets of its caller and
    /// the realm. Whether there is.
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

    /// Takes bytes that a call no longer holds out of the budgets. The call does not wait.
    fn release<O>(&mut self, sessions: &mut Sessions<O>, key: CallKey, bytes: usize) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        call.held_bytes -= bytes as u32;
        self.held_bytes -= bytes;
        if let Some(caller) = sessions.at_mut(call.caller) {
            caller.dealer.held_bytes -= bytes;
        }
    }

    /// Bytes that a call holds.
    fn bytes_of(&self, key: CallKey) -> usize {
        self.calls.get(key.0).map_or(0, CallInFlight::held_bytes)
    }

    /// Frees what a call holds to be sent again.
    fn drop_pending<O>(&mut self, sessions: &mut Sessions<O>, key: CallKey) {
        let pending = self.calls.get_mut(key.0).and_then(|call| call.pending.take());
        if let Some(pending) = pending {
            self.release(sessions, key, pending.size());
        }
    }

    /// Takes an invocation out of its callee's table; the callee is free for another one.
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

/// Bytes that the calls of a caller may hold beside those that they do, where all calls of the
/// realm hold so many.
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

/// Asks a callee to give an invocation up, if it has announced that it can be asked.
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
