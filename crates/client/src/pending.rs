//! The requests of one session that are not answered: who waits for which number.
//!
//! Every request ends here exactly once: by its answer, by the end of the session, or because
//! nobody waits any more.

use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::RequestKind;
use cloverleaf_wamp::payload::Payload;
use foldhash::HashMap;

use crate::error::Error;

/// What answers a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The acknowledgement of anything but CALL, with the number in it.
    Number(u64),
    /// RESULT.
    Payload(Payload),
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    kind: RequestKind,
    /// What to do when the acknowledgement arrives, before anything that follows it.
    on_answer: Option<T>,
    answer: Option<Result<Answer, Error>>,
    waker: Option<Waker>,
    /// Nobody waits, but what the acknowledgement grants has to be given back.
    abandoned: bool,
}

/// Whom to wake and what to drop, outside of any lock.
#[derive(Debug)]
pub(crate) struct Ended<T> {
    waker: Option<Waker>,
    _slot: Option<Slot<T>>,
}

impl<T> Ended<T> {
    pub(crate) fn wake(self) {
        if let Some(waker) = self.waker {
            wake(waker);
        }
    }
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
        let slot = Slot { kind, on_answer, answer: None, waker: None, abandoned: false };
        self.slots.insert(request, slot);
    }

    /// Takes out what is to be done when this request, if it is of this kind, is acknowledged, and
    /// whether somebody still waits for that.
    pub(crate) fn on_answer(&mut self, kind: RequestKind, request: RequestId) -> Option<(T, bool)> {
        let slot = self.slots.get_mut(&request).filter(|slot| slot.kind == kind)?;
        Some((slot.on_answer.take()?, !slot.abandoned))
    }

    /// Whether an acknowledgement is on its way that grants something like this.
    pub(crate) fn awaits(&self, is_like: impl Fn(&T) -> bool) -> bool {
        self.slots.values().any(|slot| slot.on_answer.as_ref().is_some_and(&is_like))
    }

    /// Answers a request; one that nobody waits for is passed over.
    pub(crate) fn complete(
        &mut self,
        kind: RequestKind,
        request: RequestId,
        answer: Result<Answer, Error>,
    ) -> Ended<T> {
        let Some(slot) = self.slots.get_mut(&request).filter(|slot| slot.kind == kind) else {
            return Ended { waker: None, _slot: None };
        };
        if slot.abandoned {
            return Ended { waker: None, _slot: self.slots.remove(&request) };
        }
        slot.answer.get_or_insert(answer);
        Ended { waker: slot.waker.take(), _slot: None }
    }

    /// Ends every request that waits.
    pub(crate) fn fail_all(&mut self, error: &Error) -> Vec<Ended<T>> {
        let abandoned = self.slots.extract_if(|_, slot| slot.abandoned);
        let mut ended: Vec<_> =
            abandoned.map(|(_, slot)| Ended { waker: None, _slot: Some(slot) }).collect();
        for slot in self.slots.values_mut() {
            slot.answer.get_or_insert_with(|| Err(error.clone()));
            ended.push(Ended { waker: slot.waker.take(), _slot: None });
        }
        ended
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

    /// Forgets a request that nobody waits for any more.
    pub(crate) fn forget(&mut self, request: RequestId) -> Option<Slot<T>> {
        self.slots.remove(&request)
    }

    /// Nobody waits for this request any more. One whose acknowledgement grants something stays
    /// until that is here.
    pub(crate) fn abandon(&mut self, request: RequestId) -> Option<Slot<T>> {
        match self.slots.get_mut(&request) {
            Some(slot) if slot.answer.is_none() && slot.on_answer.is_some() => {
                slot.abandoned = true;
                slot.waker = None;
                None
            }
            _ => self.slots.remove(&request),
        }
    }
}

impl<T> Slot<T> {
    pub(crate) const fn is_unanswered(&self) -> bool {
        self.answer.is_none()
    }
}
