//! Registrations and calls: who answers what.
//!
//! A call lives in one table from CALL to its end; every end goes through [`Dealer::take`].
//! Spec: basic profile "Remote Procedure Calls"; advanced profile "Call Canceling",
//! "Call Timeouts", "Caller Identification", "Pattern-based Registrations", "Shared Registration".

use std::collections::BTreeSet;

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{IdSequence, InvocationId, RegistrationId, RequestId};
use cloverleaf_wamp::message::{
    CancelMode, Interrupt, InterruptOptions, RequestRef, RouterMessage,
};
use foldhash::HashMap;
use slab::Slab;

use crate::deadline::{Deadlines, Moment};
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};
use crate::uri_index::UriIndex;

mod call;
mod ending;
mod registration;

use registration::Registration;

/// The place of a call in the dealer's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey(usize);

/// What a session holds in the dealer.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    registrations: BTreeSet<RegistrationId>,
    /// How many of them are not exact.
    pattern_registrations: usize,
    /// Its calls that are not answered.
    calls: HashMap<RequestId, CallKey>,
    /// The invocations that it has not answered.
    invocations: HashMap<InvocationId, CallKey>,
    invocation_ids: IdSequence,
}

impl Holdings {
    /// Whether a call with this number is not answered yet.
    pub(crate) fn has_call(&self, request: RequestId) -> bool {
        self.calls.contains_key(&request)
    }
}

/// A call that is not answered.
#[derive(Debug)]
struct CallInFlight {
    caller: SessionKey,
    request: RequestRef,
    callee: SessionKey,
    invocation: InvocationId,
    deadline: Option<Moment>,
    /// CANCEL with mode `kill` was passed on; the callee's answer is awaited.
    canceling: bool,
}

/// The dealer of one realm.
#[derive(Debug, Default)]
pub(crate) struct Dealer {
    registrations: HashMap<RegistrationId, Registration>,
    index: UriIndex<RegistrationId>,
    ids: IdSequence,
    calls: Slab<CallInFlight>,
    deadlines: Deadlines,
}

impl Dealer {
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
        if let Some(at) = call.deadline {
            self.deadlines.remove(at, key);
        }
        if let Some(caller) = sessions.at_mut(call.caller) {
            caller.dealer.calls.remove(&call.request.id());
        }
        if let Some(callee) = sessions.at_mut(call.callee) {
            callee.dealer.invocations.remove(&call.invocation);
        }
        Some(call)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.registrations.is_empty()
            && self.index.is_empty()
            && self.calls.is_empty()
            && self.deadlines.is_empty()
    }
}

/// Asks a callee to give an invocation up, if it has announced that it can be asked.
fn interrupt<O: Outbox>(
    callee: &Session<O>,
    request: InvocationId,
    mode: CancelMode,
    reason: &'static str,
) {
    if callee.roles.callee_has(Feature::CallCanceling) && !callee.leaving {
        let options = InterruptOptions { mode: Some(mode), reason: Some(reason.into()) };
        let _ = callee.outbox.send(RouterMessage::Interrupt(Interrupt { request, options }));
    }
}
