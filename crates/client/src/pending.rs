//! The requests of one session that are not answered: who waits for which number.
//!
//! Every request ends here exactly once: by its answer, by the end of the session, or because
//! nobody waits any more.

use std::hash::{Hash, Hasher};
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{CallOptions, RequestKind};
use foldhash::HashMap;

use crate::call::Reply;
use crate::error::Error;
use crate::part_queue::PartQueue;

/// Names a request for ever, where its number counts from 1 again on each connection: an answer
/// that is fetched late must not be that of another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKey {
    connection: u32,
    request: RequestId,
}

impl RequestKey {
    /// The number on the wire.
    pub(crate) const fn request(self) -> RequestId {
        self.request
    }
}

impl Hash for RequestKey {
    /// Nearly all are of one connection.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.request.hash(state);
    }
}

/// What answers a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// The acknowledgement of anything but CALL, with the number in it.
    Number(u64),
    /// RESULT.
    Reply(Reply),
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct PendingRequest<T> {
    kind: RequestKind,
    /// What to do when the acknowledgement arrives, before anything that follows it.
    on_answer: Option<T>,
    answer: Option<Result<RequestOutcome, Error>>,
    waker: Option<Waker>,
    /// Nobody waits, but what the acknowledgement grants has to be given back.
    abandoned: bool,
    /// The call itself comes in parts.
    in_parts: bool,
    /// The parts of the result, where the caller takes them.
    parts: Option<Box<ReceivedResults>>,
}

/// ProgressiveArgs of a result.
#[derive(Debug, Default)]
struct ReceivedResults {
    waiting: PartQueue<Reply>,
    /// There was no room for one.
    overflowed: bool,
}

/// What comes next of a result in parts.
#[derive(Debug)]
pub(crate) enum NextResult {
    Partial(Reply),
    /// The call has succeeded; its last word can be taken.
    Last,
    /// The call has failed, and has ended with that.
    Failed(Error),
    /// ProgressiveArgs are missing: they came faster than they were taken.
    Overflowed,
}

/// Whom to wake and what to drop, outside of any lock.
#[derive(Debug)]
pub(crate) struct EndedRequest<T> {
    waker: Option<Waker>,
    _slot: Option<PendingRequest<T>>,
}

impl<T> EndedRequest<T> {
    pub(crate) fn wake(self) {
        if let Some(waker) = self.waker {
            wake(waker);
        }
    }
}

#[derive(Debug)]
pub(crate) struct PendingRequests<T> {
    slots: HashMap<RequestKey, PendingRequest<T>>,
    /// Which connection the requests are sent on.
    connection: u32,
}

impl<T> Default for PendingRequests<T> {
    fn default() -> Self {
        Self { slots: HashMap::default(), connection: 0 }
    }
}

impl<T> PendingRequests<T> {
    pub(crate) fn insert(&mut self, request: RequestId, slot: PendingRequest<T>) -> RequestKey {
        let key = self.key(request);
        self.slots.insert(key, slot);
        key
    }

    /// The request with this number on the connection of now.
    const fn key(&self, request: RequestId) -> RequestKey {
        RequestKey { connection: self.connection, request }
    }

    /// Takes out what is to be done when this request, if it is of this kind, is acknowledged, and
    /// whether somebody still waits for that.
    pub(crate) fn on_answer(&mut self, kind: RequestKind, request: RequestId) -> Option<(T, bool)> {
        let key = self.key(request);
        let slot = self.slots.get_mut(&key).filter(|slot| slot.kind == kind)?;
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
        answer: Result<RequestOutcome, Error>,
    ) -> EndedRequest<T> {
        let key = self.key(request);
        let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.kind == kind) else {
            return EndedRequest { waker: None, _slot: None };
        };
        if slot.abandoned {
            return EndedRequest { waker: None, _slot: self.slots.remove(&key) };
        }
        slot.answer.get_or_insert(answer);
        EndedRequest { waker: slot.waker.take(), _slot: None }
    }

    /// Adds a part of a result, and says whom to wake. One that nobody asked for, or whose call has
    /// ended, is passed over.
    pub(crate) fn add_part(&mut self, request: RequestId, part: Reply) -> Option<Waker> {
        let key = self.key(request);
        let slot = self.slots.get_mut(&key).filter(|slot| slot.answer.is_none())?;
        let received = slot.parts.as_deref_mut().filter(|received| !received.overflowed)?;
        received.overflowed = received.waiting.push(part).is_err();
        slot.waker.take()
    }

    /// The next part of a result, or how the call has ended.
    pub(crate) fn poll_part(&mut self, key: RequestKey, context: &Context<'_>) -> Poll<NextResult> {
        let Some(slot) = self.slots.get_mut(&key) else { return Poll::Ready(NextResult::Last) };
        let Some(received) = slot.parts.as_deref_mut() else {
            return Poll::Ready(NextResult::Last);
        };
        if let Some(part) = received.waiting.pop() {
            return Poll::Ready(NextResult::Partial(part));
        }
        if received.overflowed {
            return Poll::Ready(NextResult::Overflowed);
        }
        if let Some(Err(error)) = slot.answer.take_if(|answer| answer.is_err()) {
            self.slots.remove(&key);
            return Poll::Ready(NextResult::Failed(error));
        }
        if slot.answer.is_some() {
            return Poll::Ready(NextResult::Last);
        }
        remember(&mut slot.waker, context);
        Poll::Pending
    }

    /// No further part of a result is wanted. Returns those that wait, to be dropped outside of any
    /// lock.
    pub(crate) fn refuse_parts(&mut self, key: RequestKey) -> Option<impl Sized + use<T>> {
        self.slots.get_mut(&key)?.parts.take()
    }

    /// Ends every request that waits, as does the connection.
    pub(crate) fn fail_all(&mut self, error: &Error) -> Vec<EndedRequest<T>> {
        self.connection = self.connection.wrapping_add(1);
        let abandoned = self.slots.extract_if(|_, slot| slot.abandoned);
        let mut ended: Vec<_> =
            abandoned.map(|(_, slot)| EndedRequest { waker: None, _slot: Some(slot) }).collect();
        for slot in self.slots.values_mut() {
            slot.answer.get_or_insert_with(|| Err(error.clone()));
            ended.push(EndedRequest { waker: slot.waker.take(), _slot: None });
        }
        ended
    }

    /// Whether the answer is here; takes it and ends the request.
    pub(crate) fn poll(
        &mut self,
        key: RequestKey,
        context: &Context<'_>,
    ) -> Poll<Option<Result<RequestOutcome, Error>>> {
        let Some(slot) = self.slots.get_mut(&key) else { return Poll::Ready(None) };
        if slot.answer.is_some() {
            return Poll::Ready(self.slots.remove(&key).and_then(|slot| slot.answer));
        }
        remember(&mut slot.waker, context);
        Poll::Pending
    }

    /// Whether a request waits for its answer.
    pub(crate) fn is_unanswered(&self, key: RequestKey) -> bool {
        self.slots.get(&key).is_some_and(PendingRequest::is_unanswered)
    }

    /// Whether a call comes in parts.
    pub(crate) fn is_in_parts(&self, request: RequestId) -> bool {
        self.slots.get(&self.key(request)).is_some_and(|slot| slot.in_parts)
    }

    /// Forgets a request that nobody waits for any more.
    pub(crate) fn forget(&mut self, key: RequestKey) -> Option<PendingRequest<T>> {
        self.slots.remove(&key)
    }

    /// Nobody waits for this request any more. One whose acknowledgement grants something stays
    /// until that is here.
    pub(crate) fn abandon(&mut self, key: RequestKey) -> Option<PendingRequest<T>> {
        match self.slots.get_mut(&key) {
            Some(slot) if slot.answer.is_none() && slot.on_answer.is_some() => {
                slot.abandoned = true;
                slot.waker = None;
                None
            }
            _ => self.slots.remove(&key),
        }
    }
}

impl<T> PendingRequest<T> {
    /// A request that waits for its answer and nothing else.
    pub(crate) const fn new(kind: RequestKind) -> Self {
        let (on_answer, answer, waker, parts) = (None, None, None, None);
        Self { kind, on_answer, answer, waker, abandoned: false, in_parts: false, parts }
    }

    /// A request whose acknowledgement grants something.
    pub(crate) fn granting(kind: RequestKind, grant: T) -> Self {
        Self { on_answer: Some(grant), ..Self::new(kind) }
    }

    /// A call, perhaps in parts, perhaps with a result in parts.
    pub(crate) fn of_call(options: &CallOptions) -> Self {
        let parts = options.receive_progress.map(|_| Box::default());
        Self { in_parts: options.progress.is_some(), parts, ..Self::new(RequestKind::Call) }
    }

    pub(crate) const fn is_unanswered(&self) -> bool {
        self.answer.is_none()
    }
}

fn remember(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(context.waker()),
        none => *none = Some(context.waker().clone()),
    }
}
