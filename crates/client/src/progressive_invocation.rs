//! Invocations with progressive results or progressive arguments.
//!
//! A progressive invocation begins with INVOCATION and ends when its procedure ends, in whatever
//! way. The application's handle ([`ProgressiveInvocation`]) may outlive it, in a task or thread of
//! its own, and then reports that the invocation is over. An invocation is therefore named by a
//! serial number beside its request id: the next connection reuses request ids.
//! Spec: advanced profile "Progressive Call Results", "Progressive Call Invocations".

use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::payload::Payload;
use foldhash::HashMap;

use crate::part_queue::{PartQueue, QueuedPart};
use crate::session::Session;

/// Names an exchange for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvocationKey {
    request: InvocationId,
    serial: u64,
}

impl InvocationKey {
    /// The number of its invocation.
    pub(crate) const fn request(self) -> InvocationId {
        self.request
    }
}

impl QueuedPart for Payload {
    fn size(&self) -> usize {
        self.size()
    }
}

#[derive(Debug)]
struct InvocationProgress {
    serial: u64,
    /// The parts of the call that the procedure has not taken.
    waiting: PartQueue<Payload>,
    /// The last part has arrived; of a call that does not come in parts, it is the first.
    is_complete: bool,
    waker: Option<Waker>,
}

/// The exchanges of one session.
#[derive(Debug, Default)]
pub(crate) struct ProgressiveInvocations {
    running: HashMap<InvocationId, InvocationProgress>,
    /// The highest number of a call in parts on this connection: whatever has a lower one is a part
    /// of a call, which may have ended.
    newest_in_parts: u64,
    last_serial: u64,
    /// Of all parts that wait.
    bytes: usize,
}

/// The procedure will not be told any more of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvocationOver;

impl ProgressiveInvocations {
    /// Whether an INVOCATION with this number belongs to a call that has begun.
    pub(crate) fn has_begun(&self, request: InvocationId) -> bool {
        request.number() <= self.newest_in_parts
    }

    /// How many bytes wait.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// An invocation has arrived during which more will be said.
    pub(crate) fn begin(&mut self, request: InvocationId, is_in_parts: bool) -> InvocationKey {
        self.last_serial += 1;
        if is_in_parts {
            self.newest_in_parts = self.newest_in_parts.max(request.number());
        }
        let (serial, waiting) = (self.last_serial, PartQueue::default());
        let running =
            InvocationProgress { serial, waiting, is_complete: !is_in_parts, waker: None };
        self.running.insert(request, running);
        InvocationKey { request, serial }
    }

    /// Another part of a call has arrived. Returns whom to wake. Without room for it the exchange
    /// is over: the call can only fail. A part of a call that has ended meanwhile is passed over,
    /// as the specification wants.
    pub(crate) fn add_part(
        &mut self,
        request: InvocationId,
        part: Payload,
        is_last: bool,
        has_room: bool,
    ) -> Result<Option<Waker>, EndedInvocations> {
        let Some(running) = self.running.get_mut(&request).filter(|call| !call.is_complete) else {
            return Ok(None);
        };
        running.is_complete = is_last;
        // An empty last one says no more than that no other one follows.
        if !(is_last && part.is_empty()) {
            let before = running.waiting.bytes();
            if !has_room || running.waiting.push(part).is_err() {
                return Err(self.end(request));
            }
            self.bytes += running.waiting.bytes() - before;
        }
        Ok(running.waker.take())
    }

    /// The next part of a call; none behind the last.
    fn poll_part(
        &mut self,
        key: InvocationKey,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, InvocationOver>> {
        let found = self.running.get_mut(&key.request);
        let Some(running) = found.filter(|running| running.serial == key.serial) else {
            return Poll::Ready(Err(InvocationOver));
        };
        if let Some(part) = running.waiting.pop() {
            self.bytes -= part.size();
            return Poll::Ready(Ok(Some(part)));
        }
        if running.is_complete {
            return Poll::Ready(Ok(None));
        }
        running.waker = Some(context.waker().clone());
        Poll::Pending
    }

    pub(crate) fn is_running(&self, key: InvocationKey) -> bool {
        self.running.get(&key.request).is_some_and(|running| running.serial == key.serial)
    }

    /// Ends the exchange of an invocation.
    pub(crate) fn end(&mut self, request: InvocationId) -> EndedInvocations {
        let running = self.running.remove(&request);
        self.bytes -= running.as_ref().map_or(0, |running| running.waiting.bytes());
        EndedInvocations(running.into_iter().collect())
    }

    /// Ends all of them, as does the connection.
    pub(crate) fn end_all(&mut self) -> EndedInvocations {
        (self.newest_in_parts, self.bytes) = (0, 0);
        EndedInvocations(self.running.drain().map(|(_, running)| running).collect())
    }
}

/// ProgressiveInvocations that have ended, to be dropped outside of any lock.
#[derive(Debug)]
#[must_use]
pub(crate) struct EndedInvocations(Vec<InvocationProgress>);

impl EndedInvocations {
    /// Wakes whoever waits for a part that will not come.
    pub(crate) fn wake(self) {
        self.0.into_iter().filter_map(|running| running.waker).for_each(wake);
    }
}

/// What an application holds of an exchange.
#[derive(Debug, Clone)]
pub(crate) struct ProgressiveInvocation {
    pub(crate) session: Session,
    pub(crate) key: InvocationKey,
}

impl ProgressiveInvocation {
    pub(crate) fn is_over(&self) -> bool {
        !self.session.shared().state.lock().inbox.progressive.is_running(self.key)
    }

    /// The next part of the call; none behind the last.
    pub(crate) fn poll_part(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, InvocationOver>> {
        self.session.shared().state.lock().inbox.progressive.poll_part(self.key, context)
    }
}

/// Ends its exchange when it is dropped: it stands beside the future of the procedure.
#[derive(Debug)]
pub(crate) struct InvocationGuard(pub(crate) ProgressiveInvocation);

impl Drop for InvocationGuard {
    fn drop(&mut self) {
        let ProgressiveInvocation { session, key } = &self.0;
        let ended = {
            let exchanges = &mut session.shared().state.lock().inbox.progressive;
            exchanges.is_running(*key).then(|| exchanges.end(key.request))
        };
        if let Some(ended) = ended {
            ended.wake();
        }
    }
}
