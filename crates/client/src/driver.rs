//! Runs the procedures of a session and sends the answers to the router's messages.
//!
//! The driver is a future without a runtime of its own; the creator of the session polls it. A
//! procedure that does not wait runs to its end at once; others run concurrently. A panic of a
//! procedure fails its own call only.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloverleaf_wamp::ids::{InvocationId, RequestId};
use cloverleaf_wamp::message::{
    ClientMessage, ErrorDetails, InvocationError, Unregister, Unsubscribe, Yield, YieldOptions,
};
use cloverleaf_wamp::serializer::Serializer;
use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, Abortable, CatchUnwind};
use futures_util::stream::{FuturesUnordered, Stream};

use crate::answer::Answer;
use crate::error::Failure;
use crate::inbox::{DriverLoad, DriverWork};
use crate::link::Link;
use crate::procedure::{Invocation, ProcedureFuture, SharedProcedure};
use crate::progressive_invocation::InvocationHost;
use crate::queued_invocation::QueuedInvocation;
use crate::session::{Session, SessionInner, SessionState};
use crate::waiting_events::{InboundLimits, WaitingEvents};

/// Maximum number of steps per poll, so that other tasks of the thread can run.
const STEPS_PER_POLL: usize = 128;

type CatchingPanic = CatchUnwind<AssertUnwindSafe<ProcedureFuture>>;

/// A procedure that did not finish on its first poll.
struct PendingProcedure {
    request: InvocationId,
    /// Bytes of details and arguments.
    size: usize,
    running: Abortable<CatchingPanic>,
}

/// The request id, the bytes of details and arguments, and the outcome of a finished procedure. An
/// aborted one has no outcome.
type FinishedProcedure = (InvocationId, usize, Option<Result<Answer, Failure>>);

impl Future for PendingProcedure {
    type Output = FinishedProcedure;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<FinishedProcedure> {
        let Self { request, size, .. } = *self;
        self.running.poll_unpin(context).map(|ended| (request, size, ended.ok().map(outcome)))
    }
}

impl Session {
    /// Creates a session over a link, and its driver. The driver has to be polled if the session
    /// registers procedures. `serializer` is the format in which values are encoded.
    pub fn new(link: impl Link, serializer: Serializer) -> (Self, Driver) {
        Self::with_driver(link, serializer, SessionState::default())
    }

    /// Creates a session whose connection will be established later. The owner of the link reports
    /// when it has [joined](Self::joined) and when it has [finished](Self::finished).
    pub fn unjoined(link: impl Link, serializer: Serializer) -> (Self, Driver) {
        Self::with_driver(link, serializer, SessionState::unjoined())
    }

    /// Creates a session inside the router, which bounds what it accepts. The router sends to it
    /// with [`deliver`](Self::deliver).
    pub fn with_limits(
        link: impl Link,
        serializer: Serializer,
        limits: InboundLimits,
    ) -> (Self, Driver) {
        let waiting = Arc::new(WaitingEvents::new(limits));
        let session = Self::with_state(link, serializer, SessionState::default(), Some(waiting));
        let driver = Driver::new(Arc::clone(session.shared()));
        (session, driver)
    }

    fn with_driver(link: impl Link, serializer: Serializer, state: SessionState) -> (Self, Driver) {
        let session = Self::with_state(link, serializer, state, None);
        let driver = Driver::new(Arc::clone(session.shared()));
        (session, driver)
    }
}

/// The future that runs a session's procedures; see the [module](self). Ready when the session has
/// ended.
#[must_use = "procedures run only while the driver is polled"]
pub struct Driver {
    shared: Arc<SessionInner>,
    running: FuturesUnordered<PendingProcedure>,
    /// Bytes of details and arguments of all running procedures.
    running_bytes: usize,
    handles: foldhash::HashMap<InvocationId, AbortHandle>,
}

impl Driver {
    fn new(shared: Arc<SessionInner>) -> Self {
        let running = FuturesUnordered::new();
        Self { shared, running, running_bytes: 0, handles: foldhash::HashMap::default() }
    }

    fn work(&mut self, work: DriverWork, context: &mut Context<'_>) -> Poll<()> {
        match work {
            DriverWork::Invoke(procedure, queued) => self.invoke(&procedure, *queued, context),
            DriverWork::Send(message) => self.send(*message),
            DriverWork::StopProcedure(request, reason) => {
                if let Some(handle) = self.handles.remove(&request) {
                    handle.abort();
                    if let Some(failure) = reason.answer() {
                        self.answer(request, Err(failure));
                    }
                }
            }
            DriverWork::Unregister(registration, entry) => {
                self.notify(|request| {
                    ClientMessage::Unregister(Unregister { request, registration })
                });
                drop(entry);
            }
            DriverWork::Unsubscribe(subscription) => self.notify(|request| {
                ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
            }),
            DriverWork::ReportLoss => self.shared.link.events_lost(),
            DriverWork::Release(registrations) => drop(registrations),
            DriverWork::Reset => self.stop_all(),
            DriverWork::End => {
                self.stop_all();
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Drops all running procedures.
    fn stop_all(&mut self) {
        self.running.clear();
        self.running_bytes = 0;
        self.handles.clear();
    }

    fn invoke(
        &mut self,
        procedure: &SharedProcedure,
        queued: QueuedInvocation,
        context: &mut Context<'_>,
    ) {
        let request = queued.message.request;
        let size = queued.size;
        let host: Arc<dyn InvocationHost> = Arc::<SessionInner>::clone(&self.shared);
        let invocation = Invocation::new(host, queued);
        // The closure may panic before it returns its future.
        let started = std::panic::catch_unwind(AssertUnwindSafe(|| procedure.invoke(invocation)));
        let Ok(running) = started else { return self.answer(request, Err(panicked())) };
        let mut running = AssertUnwindSafe(running).catch_unwind();
        match running.poll_unpin(context) {
            Poll::Ready(ended) => self.answer(request, outcome(ended)),
            Poll::Pending => {
                let (handle, registration) = AbortHandle::new_pair();
                let running = Abortable::new(running, registration);
                self.handles.insert(request, handle);
                self.running.push(PendingProcedure { request, size, running });
                self.running_bytes += size;
            }
        }
    }

    fn answer(&self, request: InvocationId, outcome: Result<Answer, Failure>) {
        self.send(match outcome {
            Ok(Answer { payload, passthru }) => {
                let options = YieldOptions { progress: None, passthru };
                ClientMessage::Yield(Yield { request, options, payload })
            }
            Err(Failure { uri, payload, passthru }) => {
                let details = ErrorDetails { passthru };
                let error = uri.into();
                ClientMessage::Error(InvocationError { request, details, error, payload })
            }
        });
    }

    fn send(&self, message: ClientMessage) {
        // The owner of a closed link ends the session.
        let _ = self.shared.link.send(message);
    }

    fn notify(&self, make: impl FnOnce(RequestId) -> ClientMessage) {
        // As in `send`.
        let _ = Session::of(&self.shared).notify(make);
    }

    /// Polls the running procedures and answers the finished ones.
    fn poll_running(&mut self, context: &mut Context<'_>) {
        if self.running.is_empty() {
            return;
        }
        while let Poll::Ready(Some((request, size, outcome))) =
            Pin::new(&mut self.running).poll_next(context)
        {
            self.running_bytes -= size;
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
        for _ in 0..STEPS_PER_POLL {
            let work = {
                let mut state = this.shared.state.lock();
                let (invocations, bytes) = (this.running.len(), this.running_bytes);
                state.inbox.set_running(DriverLoad { invocations, bytes });
                state.inbox.pop(context)
            };
            match work {
                Some(work) => {
                    if this.work(work, context).is_ready() {
                        return Poll::Ready(());
                    }
                }
                None => {
                    this.poll_running(context);
                    return Poll::Pending;
                }
            }
        }
        // Running procedures make progress even if new work never stops arriving.
        this.poll_running(context);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    /// Breaks reference cycles: queued procedures may own the session that owns them.
    fn drop(&mut self) {
        let work = self.shared.state.lock().inbox.take();
        drop(work);
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("running", &self.running.len()).finish()
    }
}

fn outcome(ended: std::thread::Result<Result<Answer, Failure>>) -> Result<Answer, Failure> {
    ended.unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Failure {
    Failure::runtime("the procedure panicked")
}

#[cfg(test)]
mod tests {
    use std::future::{Future as _, poll_fn};
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::task::{Context, Poll, Waker};

    use cloverleaf_wamp::ids::{InvocationId, RegistrationId};
    use cloverleaf_wamp::message::{self, ClientMessage};
    use cloverleaf_wamp::payload::Payload;
    use cloverleaf_wamp::serializer::Serializer;
    use parking_lot::Mutex;

    use super::STEPS_PER_POLL;
    use crate::error::Failure;
    use crate::inbox::DriverWork;
    use crate::link::{Link, SendError};
    use crate::procedure::SharedProcedure;
    use crate::queued_invocation::QueuedInvocation;
    use crate::session::Session;

    /// A link that counts YIELD messages.
    struct YieldCounter(Arc<Mutex<usize>>);

    impl Link for YieldCounter {
        fn send(&self, message: ClientMessage) -> Result<(), SendError> {
            *self.0.lock() += usize::from(matches!(message, ClientMessage::Yield(_)));
            Ok(())
        }
    }

    /// The invocation of a procedure that waits until `may_go_on` is true.
    fn waiting(may_go_on: &Arc<AtomicBool>) -> DriverWork {
        let may_go_on = Arc::clone(may_go_on);
        let code = SharedProcedure::new(move || {
            let may_go_on = Arc::clone(&may_go_on);
            poll_fn(move |context| {
                if may_go_on.load(SeqCst) {
                    return Poll::Ready(Ok::<_, Failure>(1));
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
        });
        let invocation = message::Invocation {
            request: InvocationId::new(1).expect("a number"),
            registration: RegistrationId::new(1).expect("a number"),
            details: Default::default(),
            payload: Payload::default(),
        };
        DriverWork::Invoke(code, Box::new(QueuedInvocation::new(invocation, None)))
    }

    #[test]
    fn running_procedures_are_polled_while_the_inbox_is_never_empty() {
        let yields = Arc::new(Mutex::new(0));
        let (session, mut driver) =
            Session::new(YieldCounter(Arc::clone(&yields)), Serializer::Json);
        let may_go_on = Arc::new(AtomicBool::new(false));
        let push = |work| {
            let pushed = session.shared().state.lock().inbox.push(work);
            assert!(pushed.is_ok());
        };
        push(waiting(&may_go_on));
        for _ in 0..2 * STEPS_PER_POLL {
            push(DriverWork::Release(Vec::new()));
        }
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut driver).poll(&mut context).is_pending());
        assert_eq!(*yields.lock(), 0);
        may_go_on.store(true, SeqCst);
        push(DriverWork::Release(Vec::new()));
        assert!(Pin::new(&mut driver).poll(&mut context).is_pending());
        assert!(session.shared().state.lock().inbox.pop(&context).is_some());
        assert_eq!(*yields.lock(), 1);
    }
}
