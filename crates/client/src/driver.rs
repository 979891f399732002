//! Runs the procedures of a session, and sends what answers the router's messages.
//!
//! A future without a runtime of its own: whoever made the session polls it. A procedure that does
//! not wait is run to its end at once; others run side by side. A procedure that panics fails its
//! own call and nothing else.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, RequestId};
use cloverleaf_wamp::message::{
    ClientMessage, InvocationError, Unregister, Unsubscribe, Yield, YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, Abortable, CatchUnwind};
use futures_util::stream::{FuturesUnordered, Stream};

use crate::error::Failure;
use crate::inbox::Work;
use crate::procedure::{Invocation, Running, SharedProcedure};
use crate::session::{Session, Shared};

/// How many steps the driver takes before it lets others run.
const STEPS_PER_TURN: usize = 128;

type Guarded = CatchUnwind<AssertUnwindSafe<Running>>;

/// A procedure that did not finish at once.
struct Waiting {
    request: InvocationId,
    running: Abortable<Guarded>,
}

/// How a procedure ended; an aborted one has no outcome.
type Ended = (InvocationId, Option<Result<Payload, Failure>>);

impl Future for Waiting {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let request = self.request;
        self.running.poll_unpin(context).map(|ended| (request, ended.ok().map(outcome)))
    }
}

/// See the [module](self). Ends when the session has ended.
#[must_use = "procedures run only while the driver is polled"]
pub struct Driver {
    shared: Arc<Shared>,
    waiting: FuturesUnordered<Waiting>,
    handles: foldhash::HashMap<InvocationId, AbortHandle>,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, waiting: FuturesUnordered::new(), handles: foldhash::HashMap::default() }
    }

    fn work(&mut self, work: Work, context: &mut Context<'_>) -> Poll<()> {
        match work {
            Work::Invoke(procedure, invocation) => self.invoke(&procedure, *invocation, context),
            Work::Send(message) => self.send(*message),
            Work::Interrupt(request) => {
                if let Some(handle) = self.handles.remove(&request) {
                    handle.abort();
                    let failure = Failure::new(error_uri::CANCELED);
                    self.answer(request, Err(failure));
                }
            }
            Work::Unregister(registration, entry) => {
                self.notify(|request| {
                    ClientMessage::Unregister(Unregister { request, registration })
                });
                drop(entry);
            }
            Work::Unsubscribe(subscription) => self.notify(|request| {
                ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
            }),
            Work::Release(registrations) => drop(registrations),
            Work::Reset => self.give_up(),
            Work::Stop => {
                self.give_up();
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Drops every procedure that runs.
    fn give_up(&mut self) {
        self.waiting.clear();
        self.handles.clear();
    }

    fn invoke(
        &mut self,
        procedure: &SharedProcedure,
        invocation: Invocation,
        context: &mut Context<'_>,
    ) {
        let request = invocation.request;
        // The closure itself may panic before it returns its future.
        let started = std::panic::catch_unwind(AssertUnwindSafe(|| procedure.invoke(invocation)));
        let Ok(running) = started else { return self.answer(request, Err(panicked())) };
        let mut running = AssertUnwindSafe(running).catch_unwind();
        match running.poll_unpin(context) {
            Poll::Ready(ended) => self.answer(request, outcome(ended)),
            Poll::Pending => {
                let (handle, registration) = AbortHandle::new_pair();
                let running = Abortable::new(running, registration);
                self.handles.insert(request, handle);
                self.waiting.push(Waiting { request, running });
            }
        }
    }

    fn answer(&self, request: InvocationId, outcome: Result<Payload, Failure>) {
        self.send(match outcome {
            Ok(payload) => {
                ClientMessage::Yield(Yield { request, options: YieldOptions::default(), payload })
            }
            Err(failure) => {
                ClientMessage::Error(InvocationError::new(request, failure.uri, failure.payload))
            }
        });
    }

    fn send(&self, message: ClientMessage) {
        // When the link is gone the session is closed by whoever owns it.
        let _ = self.shared.link.send(message);
    }

    fn notify(&self, make: impl FnOnce(RequestId) -> ClientMessage) {
        // Likewise.
        let _ = Session::of(&self.shared).notify(make);
    }

    /// Collects procedures that have ended meanwhile.
    fn poll_waiting(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some((request, outcome))) =
            Pin::new(&mut self.waiting).poll_next(context)
        {
            if let (Some(_), Some(outcome)) = (self.handles.remove(&request), outcome) {
                self.answer(request, outcome);
            }
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        for _ in 0..STEPS_PER_TURN {
            let work = {
                let mut state = this.shared.state.lock();
                state.inbox.set_running(this.waiting.len());
                state.inbox.pop(context.waker())
            };
            match work {
                Some(work) => {
                    if this.work(work, context).is_ready() {
                        return Poll::Ready(());
                    }
                }
                None => {
                    if !this.waiting.is_empty() {
                        this.poll_waiting(context);
                    }
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// Procedures that wait may hold the session that holds them.
    fn drop(&mut self) {
        let work = self.shared.state.lock().inbox.take();
        drop(work);
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("waiting", &self.waiting.len()).finish()
    }
}

fn outcome(ended: std::thread::Result<Result<Payload, Failure>>) -> Result<Payload, Failure> {
    ended.unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Failure {
    Failure::runtime("the procedure panicked")
}
