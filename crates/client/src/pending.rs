//! The requests of one session that are not answered: who waits for which number.
//!
//! Every request ends here exactly once: by its answer, by the end of the session, or because
//! nobody waits any more.

use std::task::{Context, Poll, Waker};

use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::RequestKind;
use cloverleaf_wamp::payload::Payload;
use foldhash::HashMap;

use crate::error::Error;

/// What answers a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// RESULT, or the acknowledgement of anything but CALL, with the number in it.
    Number(u64),
    /// RESULT.
    Payload(Payload),
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    kind: RequestKind,
    /// What to do when the acknowledgement arrives, before anything that follows it.
    pub(crate) on_answer: Option<T>,
    answer: Option<Result<Answer, Error>>,
    waker: Option<Waker>,
}

#[derive(Debug)]
pub(crate) struct Pending<T> {
    slots: HashMap<RequestId, Slot<T>>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { slots: HashMap::default() }
    }
}

impl<T> Pending<T> {
    pub(crate) fn insert(&mut self, request: RequestId, kind: RequestKind, on_answer: Option<T>) {
        self.slots.insert(request, Slot { kind, on_answer, answer: None, waker: None });
    }

    /// Takes out what is to be done when this request is acknowledged.
    pub(crate) fn on_answer(&mut self, request: RequestId) -> Option<T> {
        self.slots.get_mut(&request)?.on_answer.take()
    }

    /// Answers a request; one that nobody waits for is passed over. Returns whom to wake.
    pub(crate) fn complete(
        &mut self,
        kind: RequestKind,
        request: RequestId,
        answer: Result<Answer, Error>,
    ) -> Option<Waker> {
        let slot = self.slots.get_mut(&request).filter(|slot| slot.kind == kind)?;
        slot.answer.get_or_insert(answer);
        slot.waker.take()
    }

    /// Ends every request that waits. Returns whom to wake.
    pub(crate) fn fail_all(&mut self, error: &Error) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for slot in self.slots.values_mut() {
            slot.answer.get_or_insert_with(|| Err(error.clone()));
            wakers.extend(slot.waker.take());
        }
        wakers
    }

    /// Whether the answer is here; takes it and ends the request.
    pub(crate) fn poll(
        &mut self,
        request: RequestId,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Answer, Error>>> {
        let Some(slot) = self.slots.get_mut(&request) else { return Poll::Ready(None) };
        if slot.answer.is_some() {
            return Poll::Ready(self.slots.remove(&request).and_then(|slot| slot.answer));
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(context.waker()),
            waker => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Forgets a request that nobody waits for any more. Returns whether it was still unanswered.
    pub(crate) fn forget(&mut self, request: RequestId) -> bool {
        self.slots.remove(&request).is_some_and(|slot| slot.answer.is_none())
    }
}
