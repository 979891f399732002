//! Decisions that are made later, by another task or thread.
//!
//! [`late_decision`] makes a pair: the ticket belongs to the decider, the pending decision to the
//! client that waits. The end of either half is seen by the other one, so that neither waits in
//! vain. A short lock guards the state that both share; wakers are called after it is released.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::method::MethodAnswer;
use crate::refusal::Refusal;

/// The state that a ticket shares with its pending decision.
#[derive(Debug)]
enum TicketState {
    /// Not decided. Holds the tasks of the client and of the decider.
    Open { client: Option<Waker>, decider: Option<Waker> },
    /// Decided, and not read by the client.
    Decided(MethodAnswer),
    /// One of the halves is gone, or the decision was read.
    Closed,
}

type SharedTicket = Arc<Mutex<TicketState>>;

/// The right to decide on one client, once. Dropping it without a decision refuses the client with
/// [`Refusal::AuthenticationFailed`].
#[derive(Debug)]
#[must_use = "a ticket that is dropped refuses the client"]
pub struct AdmissionTicket(SharedTicket);

/// The decision on a client, which its ticket makes. Dropping it cancels the ticket.
#[derive(Debug)]
pub struct PendingDecision(SharedTicket);

/// A ticket, and the decision that it makes.
pub fn late_decision() -> (AdmissionTicket, PendingDecision) {
    let shared = Arc::new(Mutex::new(TicketState::Open { client: None, decider: None }));
    (AdmissionTicket(Arc::clone(&shared)), PendingDecision(shared))
}

/// Locks the state. Nothing panics while it is locked, so a poisoned lock is usable.
fn lock(shared: &SharedTicket) -> MutexGuard<'_, TicketState> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AdmissionTicket {
    /// Decides. Returns whether the client still waits.
    pub fn decide(self, answer: MethodAnswer) -> bool {
        let mut state = lock(&self.0);
        let TicketState::Open { client, .. } = &mut *state else { return false };
        let client = client.take();
        *state = TicketState::Decided(answer);
        drop(state);
        client.into_iter().for_each(Waker::wake);
        true
    }

    /// Whether the client no longer waits: it has left, or its time is over.
    pub fn is_cancelled(&self) -> bool {
        !matches!(*lock(&self.0), TicketState::Open { .. })
    }

    /// Ready when the client no longer waits.
    pub fn poll_cancelled(&mut self, context: &Context<'_>) -> Poll<()> {
        match &mut *lock(&self.0) {
            TicketState::Open { decider, .. } => {
                *decider = Some(context.waker().clone());
                Poll::Pending
            }
            TicketState::Decided(_) | TicketState::Closed => Poll::Ready(()),
        }
    }
}

impl Drop for AdmissionTicket {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        let TicketState::Open { client, .. } = &mut *state else { return };
        let client = client.take();
        *state = TicketState::Closed;
        drop(state);
        client.into_iter().for_each(Waker::wake);
    }
}

impl PendingDecision {
    /// Ready with the decision. It is read once.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<MethodAnswer> {
        let mut state = lock(&self.0);
        match std::mem::replace(&mut *state, TicketState::Closed) {
            TicketState::Open { decider, .. } => {
                *state = TicketState::Open { client: Some(context.waker().clone()), decider };
                Poll::Pending
            }
            TicketState::Decided(answer) => Poll::Ready(answer),
            TicketState::Closed => Poll::Ready(MethodAnswer::Deny(Refusal::AuthenticationFailed)),
        }
    }
}

impl Drop for PendingDecision {
    fn drop(&mut self) {
        let previous = std::mem::replace(&mut *lock(&self.0), TicketState::Closed);
        if let TicketState::Open { decider: Some(decider), .. } = previous {
            decider.wake();
        }
    }
}
