//! Invocations with progressive results or progressive arguments.
//!
//! A progressive invocation begins with INVOCATION and ends when its procedure ends, in whatever
//! way. The application's handle ([`ProgressiveInvocation`]) may outlive it, in a task or thread of
//! its own, and then reports that the invocation is over. An invocation is therefore named by a
//! serial number beside its request id: the next connection reuses request ids.
//! Spec: advanced profile "Progressive Call Results", "Progressive Call Invocations".

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::{WakerSlot, wake};
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::CallTimeoutUnit;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use foldhash::HashMap;

use crate::answer::Answer;
use crate::error::Error;
use crate::part_queue::PartQueue;

/// Identifies a progressive invocation over all connections of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvocationKey {
    request: InvocationId,
    serial: u64,
}

impl InvocationKey {
    /// The request id on the wire.
    pub(crate) const fn request(self) -> InvocationId {
        self.request
    }
}

#[derive(Debug)]
struct InvocationProgress {
    serial: u64,
    /// Progressive arguments that the procedure has not taken.
    waiting: PartQueue<Payload>,
    /// The last arguments have arrived. True from the start for a call that is not progressive.
    is_complete: bool,
    waker: WakerSlot,
}

/// The progressive invocations of one session.
#[derive(Debug, Default)]
pub(crate) struct ProgressiveInvocations {
    running: HashMap<InvocationId, InvocationProgress>,
    /// The highest request id of a progressive call on this connection. An INVOCATION with this id
    /// or a lower one continues a call, which may have ended.
    newest_progressive_call: u64,
    last_serial: u64,
    /// Bytes of all queued arguments.
    bytes: usize,
}

/// The invocation has ended: its procedure gets no further arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvocationOver;

impl ProgressiveInvocations {
    /// Whether an INVOCATION with this request id continues an earlier one.
    pub(crate) fn has_begun(&self, request: InvocationId) -> bool {
        request.number() <= self.newest_progressive_call
    }

    /// Bytes of all queued arguments.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an invocation. `is_progressive_call` says that more arguments will follow.
    pub(crate) fn begin(
        &mut self,
        request: InvocationId,
        is_progressive_call: bool,
    ) -> InvocationKey {
        self.last_serial += 1;
        if is_progressive_call {
            self.newest_progressive_call = self.newest_progressive_call.max(request.number());
        }
        let (serial, waiting) = (self.last_serial, PartQueue::default());
        let is_complete = !is_progressive_call;
        let waker = WakerSlot::new();
        let progress = InvocationProgress { serial, waiting, is_complete, waker };
        self.running.insert(request, progress);
        InvocationKey { request, serial }
    }

    /// Adds progressive arguments and returns the waker of the procedure. If there is no room, the
    /// invocation ends: its call can only fail. Arguments of an ended invocation are ignored, as
    /// the specification demands.
    pub(crate) fn add_args(
        &mut self,
        request: InvocationId,
        args: Payload,
        is_last: bool,
        has_room: bool,
    ) -> Result<Option<Waker>, EndedInvocations> {
        let Some(running) = self.running.get_mut(&request).filter(|call| !call.is_complete) else {
            return Ok(None);
        };
        running.is_complete = is_last;
        // Empty last arguments only mark the end.
        if !(is_last && args.is_empty()) {
            let before = running.waiting.bytes();
            if !has_room || running.waiting.push(args).is_err() {
                return Err(self.end(request));
            }
            self.bytes += running.waiting.bytes() - before;
        }
        Ok(running.waker.take())
    }

    /// The next progressive arguments; none after the last ones.
    pub(crate) fn poll_args(
        &mut self,
        key: InvocationKey,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, InvocationOver>> {
        let found = self.running.get_mut(&key.request);
        let Some(running) = found.filter(|running| running.serial == key.serial) else {
            return Poll::Ready(Err(InvocationOver));
        };
        if let Some(args) = running.waiting.pop() {
            self.bytes -= args.size();
            return Poll::Ready(Ok(Some(args)));
        }
        if running.is_complete {
            return Poll::Ready(Ok(None));
        }
        running.waker.register(context);
        Poll::Pending
    }

    pub(crate) fn is_running(&self, key: InvocationKey) -> bool {
        self.running.get(&key.request).is_some_and(|running| running.serial == key.serial)
    }

    /// Ends the invocation with this request id.
    pub(crate) fn end(&mut self, request: InvocationId) -> EndedInvocations {
        let running = self.running.remove(&request);
        self.bytes -= running.as_ref().map_or(0, |running| running.waiting.bytes());
        EndedInvocations(running.into_iter().collect())
    }

    /// Ends all invocations when the connection ends.
    pub(crate) fn end_all(&mut self) -> EndedInvocations {
        (self.newest_progressive_call, self.bytes) = (0, 0);
        EndedInvocations(self.running.drain().map(|(_, running)| running).collect())
    }
}

/// Invocations that have ended, to be dropped outside of any lock.
#[derive(Debug)]
#[must_use]
pub(crate) struct EndedInvocations(Vec<InvocationProgress>);

impl EndedInvocations {
    /// Wakes the procedures that wait for arguments.
    pub(crate) fn wake(self) {
        self.0.into_iter().filter_map(|mut running| running.waker.take()).for_each(wake);
    }
}

/// The session of an invocation, as the invocation's parameters see it.
pub(crate) trait InvocationHost: fmt::Debug + Send + Sync {
    /// The format in which values are encoded.
    fn serializer(&self) -> Serializer;

    /// The unit of call timeouts on this connection.
    fn call_timeout_unit(&self) -> CallTimeoutUnit;

    /// Begins to track an invocation that is not progressive.
    fn begin(&self, request: InvocationId) -> InvocationKey;

    /// Whether the invocation has not ended.
    fn is_running(&self, key: InvocationKey) -> bool;

    /// Ends the invocation, if it is running.
    fn end(&self, key: InvocationKey);

    /// The next progressive arguments; none after the last ones.
    fn poll_args(
        &self,
        key: InvocationKey,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, InvocationOver>>;

    /// Sends a progressive result. `Ok(false)` when the link is congested; none when the invocation
    /// has ended.
    fn send_progress(&self, key: InvocationKey, result: Answer) -> Option<Result<bool, Error>>;

    /// Ready when the link may accept messages again.
    fn poll_room(&self, context: &Context<'_>) -> Poll<()>;
}

/// The application's handle of a progressive invocation.
#[derive(Debug, Clone)]
pub(crate) struct ProgressiveInvocation {
    pub(crate) host: Arc<dyn InvocationHost>,
    pub(crate) key: InvocationKey,
}

impl ProgressiveInvocation {
    pub(crate) fn is_over(&self) -> bool {
        !self.host.is_running(self.key)
    }

    /// The next progressive arguments; none after the last ones.
    pub(crate) fn poll_args(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, InvocationOver>> {
        self.host.poll_args(self.key, context)
    }
}

/// Ends its invocation when it is dropped together with the future of the procedure.
#[derive(Debug)]
pub(crate) struct InvocationGuard(pub(crate) ProgressiveInvocation);

impl Drop for InvocationGuard {
    fn drop(&mut self) {
        self.0.host.end(self.0.key);
    }
}
