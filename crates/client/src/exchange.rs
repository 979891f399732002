//! Invocations during which more is said: whose procedure answers in parts, or whose call comes in
//! parts.
//!
//! An exchange begins with its invocation and ends with its procedure, whichever way. What an
//! application holds of it ([`Exchange`]) may live longer, in a task or a thread of its own, and
//! finds that it is over; on the next connection its number may be another invocation's.
//! Spec: advanced profile "Progressive Call Results", "Progressive Call Invocations".

use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::payload::Payload;
use foldhash::HashMap;

use crate::part_queue::{Part, PartQueue};
use crate::session::Session;

/// Names an exchange for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    request: InvocationId,
    serial: u64,
}

impl Key {
    /// The number of its invocation.
    pub(crate) const fn request(self) -> InvocationId {
        self.request
    }
}

impl Part for Payload {
    fn size(&self) -> usize {
        self.size()
    }
}

#[derive(Debug)]
struct Running {
    serial: u64,
    /// The parts of the call that the procedure has not taken.
    waiting: PartQueue<Payload>,
    /// The last part has arrived; of a call that does not come in parts, it is the first.
    is_complete: bool,
    waker: Option<Waker>,
}

/// The exchanges of one session.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    running: HashMap<InvocationId, Running>,
    /// The highest number of a call in parts on this connection: whatever has a lower one is a part
    /// of a call, which may have ended.
    newest_in_parts: u64,
    last_serial: u64,
    /// Of all parts that wait.
    bytes: usize,
}

/// The procedure will not be told any more of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over;

impl Exchanges {
    /// Whether an INVOCATION with this number belongs to a call that has begun.
    pub(crate) fn has_begun(&self, request: InvocationId) -> bool {
        request.number() <= self.newest_in_parts
    }

    /// How many bytes wait.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// An invocation has arrived during which more will be said.
    pub(crate) fn begin(&mut self, request: InvocationId, is_in_parts: bool) -> Key {
        self.last_serial += 1;
        if is_in_parts {
            self.newest_in_parts = self.newest_in_parts.max(request.number());
        }
        let (serial, waiting) = (self.last_serial, PartQueue::default());
        let running = Running { serial, waiting, is_complete: !is_in_parts, waker: None };
        self.running.insert(request, running);
        Key { request, serial }
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
    ) -> Result<Option<Waker>, Ended> {
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
        key: Key,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, Over>> {
        let found = self.running.get_mut(&key.request);
        let Some(running) = found.filter(|running| running.serial == key.serial) else {
            return Poll::Ready(Err(Over));
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

    pub(crate) fn is_running(&self, key: Key) -> bool {
        self.running.get(&key.request).is_some_and(|running| running.serial == key.serial)
    }

    /// Ends the exchange of an invocation.
    pub(crate) fn end(&mut self, request: InvocationId) -> Ended {
        let running = self.running.remove(&request);
        self.bytes -= running.as_ref().map_or(0, |running| running.waiting.bytes());
        Ended(running.into_iter().collect())
    }

    /// Ends all of them, as does the connection.
    pub(crate) fn end_all(&mut self) -> Ended {
        (self.newest_in_parts, self.bytes) = (0, 0);
        Ended(self.running.drain().map(|(_, running)| running).collect())
    }
}

/// Exchanges that have ended, to be dropped outside of any lock.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ended(Vec<Running>);

impl Ended {
    /// Wakes whoever waits for a part that will not come.
    pub(crate) fn wake(self) {
        self.0.into_iter().filter_map(|running| running.waker).for_each(wake);
    }
}

/// What an application holds of an exchange.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) session: Session,
    pub(crate) key: Key,
}

impl Exchange {
    pub(crate) fn is_over(&self) -> bool {
        !self.session.shared().state.lock().inbox.exchanges.is_running(self.key)
    }

    /// The next part of the call; none behind the last.
    pub(crate) fn poll_part(&self, context: &Context<'_>) -> Poll<Result<Option<Payload>, Over>> {
        self.session.shared().state.lock().inbox.exchanges.poll_part(self.key, context)
    }
}

/// Ends its exchange when it is dropped: it stands beside the future of the procedure.
#[derive(Debug)]
pub(crate) struct Lifetime(pub(crate) Exchange);

impl Drop for Lifetime {
    fn drop(&mut self) {
        let Exchange { session, key } = &self.0;
        let ended = {
            let exchanges = &mut session.shared().state.lock().inbox.exchanges;
            exchanges.is_running(*key).then(|| exchanges.end(key.request))
        };
        if let Some(ended) = ended {
            ended.wake();
        }
    }
}
