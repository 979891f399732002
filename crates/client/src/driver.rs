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

use cloverleaf_wamp::ids::{InvocationId, RequestId};
use cloverleaf_wamp::message::{
    ClientMessage, ErrorDetails, InvocationError, Unregister, Unsubscribe, Yield, YieldOptions,
};
use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, Abortable, CatchUnwind};
use futures_util::stream::{FuturesUnordered, Stream};

use crate::error::Failure;
use crate::inbox::{Begun, Load, Work};
use crate::procedure::{Answer, Invocation, Running, SharedProcedure};
use crate::session::{Session, Shared};

/// How many steps the driver takes before it lets others run.
const STEPS_PER_TURN: usize = 128;

type Guarded = CatchUnwind<AssertUnwindSafe<Running>>;

/// A procedure that did not finish at once.
struct Waiting {
    request: InvocationId,
    /// Of its arguments, in bytes.
    size: usize,
    running: Abortable<Guarded>,
}

/// Which procedure ended, how many bytes it was given, and how; an aborted one has no outcome.
type Ended = (InvocationId, usize, Option<Result<Answer, Failure>>);

impl Future for Waiting {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let Self { request, size, .. } = *self;
        self.running.poll_unpin(context).map(|ended| (request, size, ended.ok().map(outcome)))
    }
}

/// See the [module](self). Ends when the session has ended.
#[must_use = "procedures run only while the driver is polled"]
pub struct Driver {
    shared: Arc<Shared>,
    waiting: FuturesUnordered<Waiting>,
    /// Of the details and arguments of all that wait.
    waiting_bytes: usize,
    handles: foldhash::HashMap<InvocationId, AbortHandle>,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let waiting = FuturesUnordered::new();
        Self { shared, waiting, waiting_bytes: 0, handles: foldhash::HashMap::default() }
    }

    fn work(&mut self, work: Work, context: &mut Context<'_>) -> Poll<()> {
        match work {
            Work::Invoke(procedure, begun) => self.invoke(&procedure, *begun, context),
            Work::Send(message) => self.send(*message),
            Work::GiveUp(request, reason) => {
                if let Some(handle) = self.handles.remove(&request) {
                    handle.abort();
                    if let Some(failure) = reason.answer() {
                        self.answer(request, Err(failure));
                    }
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
        self.waiting_bytes = 0;
        self.handles.clear();
    }

    fn invoke(&mut self, procedure: &SharedProcedure, begun: Begun, context: &mut Context<'_>) {
        let request = begun.invocation.request;
        let size = begun.size;
        let invocation = Invocation::new(Session::of(&self.shared), begun);
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
                self.waiting.push(Waiting { request, size, running });
                self.waiting_bytes += size;
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
        // When the link is gone the session is closed by whoever owns it.
        let _ = self.shared.link.send(message);
    }

    fn notify(&self, make: impl FnOnce(RequestId) -> ClientMessage) {
        // Likewise.
        let _ = Session::of(&self.shared).notify(make);
    }

    /// Collects procedures that have ended meanwhile.
    fn poll_waiting(&mut self, context: &mut Context<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        while let Poll::Ready(Some((request, size, outcome))) =
            Pin::new(&mut self.waiting).poll_next(context)
        {
            self.waiting_bytes -= size;
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
                let (invocations, bytes) = (this.waiting.len(), this.waiting_bytes);
                state.inbox.set_running(Load { invocations, bytes });
                state.inbox.pop(context.waker())
            };
            match work {
                Some(work) => {
                    if this.work(work, context).is_ready() {
                        return Poll::Ready(());
                    }
                }
                None => {
                    this.poll_waiting(context);
                    return Poll::Pending;
                }
            }
        }
        // What waits has its turn even when work arrives without end.
        this.poll_waiting(context);
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

    use super::STEPS_PER_TURN;
    use crate::error::Failure;
    use crate::inbox::{Begun, Work};
    use crate::link::{Link, SendError};
    use crate::procedure::SharedProcedure;
    use crate::session::Session;

    /// Counts the YIELDs.
    struct Yields(Arc<Mutex<usize>>);

    impl Link for Yields {
        fn send(&self, message: ClientMessage) -> Result<(), SendError> {
            *self.0.lock() += usize::from(matches!(message, ClientMessage::Yield(_)));
            Ok(())
        }
    }

    /// The invocation of a procedure that waits until it may go on.
    fn waiting(may_go_on: &Arc<AtomicBool>) -> Work {
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
        Work::Invoke(code, Box::new(Begun::new(invocation, None)))
    }

    #[test]
    fn a_procedure_that_waits_has_its_turn_while_the_inbox_is_never_empty() {
        let yields = Arc::new(Mutex::new(0));
        let (session, mut driver) = Session::new(Yields(Arc::clone(&yields)), Serializer::Json);
        let may_go_on = Arc::new(AtomicBool::new(false));
        let push = |work| {
            let pushed = session.shared().state.lock().inbox.push(work);
            assert!(pushed.is_ok());
        };
        push(waiting(&may_go_on));
        for _ in 0..2 * STEPS_PER_TURN {
            push(Work::Release(Vec::new()));
        }
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut driver).poll(&mut context).is_pending());
        assert_eq!(*yields.lock(), 0);
        may_go_on.store(true, SeqCst);
        push(Work::Release(Vec::new()));
        assert!(Pin::new(&mut driver).poll(&mut context).is_pending());
        assert!(session.shared().state.lock().inbox.pop(Waker::noop()).is_some());
        assert_eq!(*yields.lock(), 1);
    }
}
