//! The memory of a peer: its requests, registrations and invocations.

use std::collections::BTreeSet;

use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::payload::Payload;

use crate::operation::{CallShape, RegistrationTerms};

/// The sender of a message, its number, and the number of its part. All calls, answers and
/// publications of this test are marked so.
pub(crate) type PayloadTag = (usize, u64, u64);

/// The request that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Register(RegistrationTerms),
    Unregister(u64),
    Call,
    /// A call of a meta procedure.
    Meta,
    Subscribe,
    Unsubscribe(u64),
    Publish,
}

/// A call, as its caller knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called {
    /// The number of the operation.
    pub(crate) step: usize,
    pub(crate) shape: CallShape,
    /// The number of parts that were sent.
    pub(crate) parts: u64,
    /// The caller may send another part.
    pub(crate) is_open: bool,
    /// It was answered.
    pub(crate) has_ended: bool,
    /// A callee has rerouted it.
    pub(crate) came_back: bool,
}

impl Called {
    /// Whether it goes to any free callee.
    pub(crate) const fn is_plain(&self) -> bool {
        self.shape.rkey.is_none() && self.shape.runmode.is_none()
    }
}

/// A registration, as its callee knows it.
#[derive(Debug, Clone)]
pub(crate) struct RegistrationModel {
    pub(crate) invoke: InvokePolicy,
    pub(crate) concurrency: Option<u64>,
    /// The invocations under it since it was registered.
    pub(crate) invocations: BTreeSet<u64>,
}

impl RegistrationModel {
    pub(crate) const fn new(terms: RegistrationTerms) -> Self {
        let RegistrationTerms { invoke, concurrency, .. } = terms;
        Self { invoke, concurrency, invocations: BTreeSet::new() }
    }

    /// Whether it invokes any free callee.
    pub(crate) const fn is_plain(&self) -> bool {
        !matches!(self.invoke, InvokePolicy::Hash | InvokePolicy::Sticky)
    }
}

/// An invocation, as its callee knows it.
#[derive(Debug, Clone)]
pub(crate) struct InvocationModel {
    pub(crate) payload: Payload,
    pub(crate) mark: PayloadTag,
    /// More parts follow.
    pub(crate) is_open: bool,
    /// Its answer is not needed any more.
    pub(crate) given_up: bool,
    /// The host could not send it, or not all of it.
    pub(crate) is_lost: bool,
}
