//! The unanswered requests of one session.
//!
//! Each request is removed exactly once: by its answer, by the end of the connection, or when its
//! future is dropped.

use std::hash::{Hash, Hasher};
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::{WakerSlot, wake};
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{CallOptions, RequestKind};
use foldhash::HashMap;

use crate::error::Error;
use crate::part_queue::PartQueue;
use crate::reply::Reply;

/// Identifies a request over all connections of a session. Request ids alone are ambiguous: each
/// connection counts them from 1 again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKey {
    connection: u32,
    request: RequestId,
}

impl RequestKey {
    /// The request id on the wire.
    pub(crate) const fn request(self) -> RequestId {
        self.request
    }
}

impl Hash for RequestKey {
    /// Hashes the request id alone: nearly all keys belong to the same connection.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.request.hash(state);
    }
}

/// The successful answer to a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    /// The acknowledgement of a request other than CALL, with the id that it contains.
    Number(u64),
    /// RESULT.
    Reply(Reply),
}

/// A request whose answer has not been taken by its future.
#[derive(Debug)]
pub(crate) struct PendingRequest<T> {
    kind: RequestKind,
    /// Applied when the acknowledgement arrives, before any later message is handled.
    on_answer: Option<T>,
    answer: Option<Result<RequestOutcome, Error>>,
    waker: WakerSlot,
    /// The future was dropped. The entry stays to undo what the acknowledgement grants.
    abandoned: bool,
    /// CALL was sent with `progress`.
    is_progressive: bool,
    /// Progressive results, if the caller asked for them.
    results: Option<Box<ReceivedResults>>,
}

/// Progressive results that the application has not taken.
#[derive(Debug, Default)]
struct ReceivedResults {
    waiting: PartQueue<Reply>,
    /// A result was dropped because the queue was full.
    overflowed: bool,
}

/// The next step of a call with progressive results.
#[derive(Debug)]
pub(crate) enum NextResult {
    /// A progressive result.
    Progressive(Reply),
    /// The call has succeeded; the final result can be taken.
    Final,
    /// The call has failed. Its entry is removed.
    Failed(Error),
    /// Results are missing: they arrived faster than the application took them.
    Overflowed,
}

/// A waker to call and an entry to drop, both outside of any lock.
#[derive(Debug)]
pub(crate) struct EndedRequest<T> {
    waker: Option<Waker>,
    _entry: Option<PendingRequest<T>>,
}

impl<T> EndedRequest<T> {
    pub(crate) fn wake(self) {
        if let Some(waker) = self.waker {
            wake(waker);
        }
    }
}

/// The table of unanswered requests. `T` is applied when an acknowledgement arrives.
#[derive(Debug)]
pub(crate) struct PendingRequests<T> {
    entries: HashMap<RequestKey, PendingRequest<T>>,
    /// The number of the current connection.
    connection: u32,
}

impl<T> Default for PendingRequests<T> {
    fn default() -> Self {
        Self { entries: HashMap::default(), connection: 0 }
    }
}

impl<T> PendingRequests<T> {
    pub(crate) fn insert(&mut self, request: RequestId, entry: PendingRequest<T>) -> RequestKey {
        let key = self.key(request);
        self.entries.insert(key, entry);
        key
    }

    /// The key of a request on the current connection.
    const fn key(&self, request: RequestId) -> RequestKey {
        RequestKey { connection: self.connection, request }
    }

    /// Takes the action for the acknowledgement of this request, if the request is of this kind.
    /// The flag says whether the request's future still exists.
    pub(crate) fn on_answer(&mut self, kind: RequestKind, request: RequestId) -> Option<(T, bool)> {
        let key = self.key(request);
        let entry = self.entries.get_mut(&key).filter(|entry| entry.kind == kind)?;
        Some((entry.on_answer.take()?, !entry.abandoned))
    }

    /// Whether an unanswered request has an action for which `matches` is true.
    pub(crate) fn awaits(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.entries.values().any(|entry| entry.on_answer.as_ref().is_some_and(&matches))
    }

    /// Answers a request. Ignores answers to unknown requests and to requests of another kind.
    pub(crate) fn complete(
        &mut self,
        kind: RequestKind,
        request: RequestId,
        answer: Result<RequestOutcome, Error>,
    ) -> EndedRequest<T> {
        let key = self.key(request);
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.kind == kind) else {
            return EndedRequest { waker: None, _entry: None };
        };
        if entry.abandoned {
            return EndedRequest { waker: None, _entry: self.entries.remove(&key) };
        }
        entry.answer.get_or_insert(answer);
        EndedRequest { waker: entry.waker.take(), _entry: None }
    }

    /// Adds a progressive result and returns the waker of the call. Ignores a result that the
    /// caller did not ask for, and one of a call that has ended.
    pub(crate) fn add_result(&mut self, request: RequestId, result: Reply) -> Option<Waker> {
        let key = self.key(request);
        let entry = self.entries.get_mut(&key).filter(|entry| entry.answer.is_none())?;
        let received = entry.results.as_deref_mut().filter(|received| !received.overflowed)?;
        received.overflowed = received.waiting.push(result).is_err();
        entry.waker.take()
    }

    /// The next progressive result, or the end of the call.
    pub(crate) fn poll_result(
        &mut self,
        key: RequestKey,
        context: &Context<'_>,
    ) -> Poll<NextResult> {
        let Some(entry) = self.entries.get_mut(&key) else {
            return Poll::Ready(NextResult::Final);
        };
        let Some(received) = entry.results.as_deref_mut() else {
            return Poll::Ready(NextResult::Final);
        };
        if let Some(result) = received.waiting.pop() {
            return Poll::Ready(NextResult::Progressive(result));
        }
        if received.overflowed {
            return Poll::Ready(NextResult::Overflowed);
        }
        if let Some(Err(error)) = entry.answer.take_if(|answer| answer.is_err()) {
            self.entries.remove(&key);
            return Poll::Ready(NextResult::Failed(error));
        }
        if entry.answer.is_some() {
            return Poll::Ready(NextResult::Final);
        }
        entry.waker.register(context);
        Poll::Pending
    }

    /// Discards all progressive results of a call from now on. Returns the queued ones, to be
    /// dropped outside of any lock.
    pub(crate) fn discard_results(&mut self, key: RequestKey) -> Option<impl Sized + use<T>> {
        self.entries.get_mut(&key)?.results.take()
    }

    /// Fails all unanswered requests when the connection ends. Abandoned ones are removed.
    pub(crate) fn fail_all(&mut self, error: &Error) -> Vec<EndedRequest<T>> {
        self.connection = self.connection.wrapping_add(1);
        let abandoned = self.entries.extract_if(|_, entry| entry.abandoned);
        let mut ended: Vec<_> =
            abandoned.map(|(_, entry)| EndedRequest { waker: None, _entry: Some(entry) }).collect();
        for entry in self.entries.values_mut() {
            entry.answer.get_or_insert_with(|| Err(error.clone()));
            ended.push(EndedRequest { waker: entry.waker.take(), _entry: None });
        }
        ended
    }

    /// Takes the answer, which removes the request. Ready with none for an unknown request.
    pub(crate) fn poll(
        &mut self,
        key: RequestKey,
        context: &Context<'_>,
    ) -> Poll<Option<Result<RequestOutcome, Error>>> {
        let Some(entry) = self.entries.get_mut(&key) else { return Poll::Ready(None) };
        if entry.answer.is_some() {
            return Poll::Ready(self.entries.remove(&key).and_then(|entry| entry.answer));
        }
        entry.waker.register(context);
        Poll::Pending
    }

    /// Whether a request exists and has no answer yet.
    pub(crate) fn is_unanswered(&self, key: RequestKey) -> bool {
        self.entries.get(&key).is_some_and(PendingRequest::is_unanswered)
    }

    /// Whether a request is a progressive call.
    pub(crate) fn is_progressive(&self, request: RequestId) -> bool {
        self.entries.get(&self.key(request)).is_some_and(|entry| entry.is_progressive)
    }

    /// Removes a request at once.
    pub(crate) fn forget(&mut self, key: RequestKey) -> Option<PendingRequest<T>> {
        self.entries.remove(&key)
    }

    /// Removes a request whose future was dropped. A request whose acknowledgement grants something
    /// stays until the acknowledgement arrives.
    pub(crate) fn abandon(&mut self, key: RequestKey) -> Option<PendingRequest<T>> {
        match self.entries.get_mut(&key) {
            Some(entry) if entry.answer.is_none() && entry.on_answer.is_some() => {
                entry.abandoned = true;
                drop(entry.waker.take());
                None
            }
            _ => self.entries.remove(&key),
        }
    }
}

impl<T> PendingRequest<T> {
    /// A request without an action for its acknowledgement.
    pub(crate) const fn new(kind: RequestKind) -> Self {
        Self {
            kind,
            on_answer: None,
            answer: None,
            waker: WakerSlot::new(),
            abandoned: false,
            is_progressive: false,
            results: None,
        }
    }

    /// A request whose acknowledgement applies `grant`.
    pub(crate) fn granting(kind: RequestKind, grant: T) -> Self {
        Self { on_answer: Some(grant), ..Self::new(kind) }
    }

    /// A call, with progressive arguments or results where its options say so.
    pub(crate) fn of_call(options: &CallOptions) -> Self {
        let results = options.receive_progress.map(|_| Box::default());
        let is_progressive = options.progress.is_some();
        Self { is_progressive, results, ..Self::new(RequestKind::Call) }
    }

    pub(crate) const fn is_unanswered(&self) -> bool {
        self.answer.is_none()
    }
}
