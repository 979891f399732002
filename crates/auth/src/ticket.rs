//! Answers that are given later, by another task or thread.
//!
//! [`late_answer`] makes a pair: the ticket belongs to the decider, the pending answer to the
//! client that waits. The end of either half is seen by the other one, so that neither waits in
//! vain. A short lock guards the state that both share; wakers are called after it is released.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The state that a ticket shares with its pending decision.
#[derive(Debug)]
enum TicketState<A> {
    /// Not answered. Holds the tasks of the client and of the decider.
    Open { client: Option<Waker>, decider: Option<Waker> },
    /// Answered, and not read by the client.
    Decided(A),
    /// One of the halves is gone, or the answer was read.
    Closed,
}

type SharedTicket<A> = Arc<Mutex<TicketState<A>>>;

/// The right to answer once. Dropping it without an answer ends the wait of the client.
#[derive(Debug)]
#[must_use = "a ticket that is dropped refuses the client"]
pub struct AnswerTicket<A>(SharedTicket<A>);

/// The answer that a ticket gives. Dropping it cancels the ticket.
#[derive(Debug)]
pub struct PendingAnswer<A>(SharedTicket<A>);

/// A ticket, and the answer that it gives.
pub fn late_answer<A>() -> (AnswerTicket<A>, PendingAnswer<A>) {
    let shared = Arc::new(Mutex::new(TicketState::Open { client: None, decider: None }));
    (AnswerTicket(Arc::clone(&shared)), PendingAnswer(shared))
}

/// Locks the state. Nothing panics while it is locked, so a poisoned lock is usable.
fn lock<A>(shared: &SharedTicket<A>) -> MutexGuard<'_, TicketState<A>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A> AnswerTicket<A> {
    /// Answers. Returns whether the client still waits. Wakes the task of the client at once, so it
    /// must not be called under a lock that this task takes, such as that of a realm.
    pub fn decide(self, answer: A) -> bool {
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

impl<A> Drop for AnswerTicket<A> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        let TicketState::Open { client, .. } = &mut *state else { return };
        let client = client.take();
        *state = TicketState::Closed;
        drop(state);
        client.into_iter().for_each(Waker::wake);
    }
}

impl<A> PendingAnswer<A> {
    /// Ready with the answer, which is read once. None: the ticket was dropped.
    pub fn poll(&mut self, context: &Context<'_>) -> Poll<Option<A>> {
        let mut state = lock(&self.0);
        match std::mem::replace(&mut *state, TicketState::Closed) {
            TicketState::Open { decider, .. } => {
                *state = TicketState::Open { client: Some(context.waker().clone()), decider };
                Poll::Pending
            }
            TicketState::Decided(answer) => Poll::Ready(Some(answer)),
            TicketState::Closed => Poll::Ready(None),
        }
    }
}

impl<A> Drop for PendingAnswer<A> {
    fn drop(&mut self) {
        let previous = std::mem::replace(&mut *lock(&self.0), TicketState::Closed);
        if let TicketState::Open { decider: Some(decider), .. } = previous {
            decider.wake();
        }
    }
}
