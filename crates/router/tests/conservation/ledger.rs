//! What a peer remembers: what it asked for, what it registered, what it was asked.

use std::collections::BTreeSet;

use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::payload::Payload;

use crate::operation::{DeliveryMode, RegistrationTerms};

/// Who has sent something, its number, and which part of it this is. Everything that is called,
/// answered and published in this test is marked so.
pub(crate) type Mark = (usize, u64, u64);

/// What a request that waits for its answer was about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Register(RegistrationTerms),
    Unregister(u64),
    Call,
    /// A call of a procedure of the router.
    Meta,
    Subscribe,
    Unsubscribe(u64),
    Publish,
}

/// A call, as its caller knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called {
    /// At which step of the story.
    pub(crate) step: usize,
    pub(crate) manner: DeliveryMode,
    /// How many parts of it were sent.
    pub(crate) parts: u64,
    /// The caller may send another part.
    pub(crate) is_open: bool,
    /// It is answered.
    pub(crate) has_ended: bool,
    /// A callee has sent it back.
    pub(crate) came_back: bool,
}

impl Called {
    /// Whether it goes to whoever is free.
    pub(crate) const fn is_plain(&self) -> bool {
        self.manner.rkey.is_none() && self.manner.runmode.is_none()
    }
}

/// A registration, as its callee knows it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) invoke: InvokePolicy,
    pub(crate) concurrency: Option<u64>,
    /// The invocations that came under it, since it was registered.
    pub(crate) invocations: BTreeSet<u64>,
}

impl Held {
    pub(crate) const fn new(terms: RegistrationTerms) -> Self {
        let RegistrationTerms { invoke, concurrency, .. } = terms;
        Self { invoke, concurrency, invocations: BTreeSet::new() }
    }

    /// Whether any callee that is free does.
    pub(crate) const fn is_plain(&self) -> bool {
        !matches!(self.invoke, InvokePolicy::Hash | InvokePolicy::Sticky)
    }
}

/// An invocation, as its callee knows it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) payload: Payload,
    pub(crate) mark: Mark,
    /// More parts follow.
    pub(crate) is_open: bool,
    /// Nobody waits for its answer.
    pub(crate) given_up: bool,
    /// The host could not send it, or not all of it.
    pub(crate) is_lost: bool,
}
