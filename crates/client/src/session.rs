//! The handle of a session: what an application holds, and where the router's messages arrive.
//!
//! Lock order: `ids` (held while a request is sent, so that numbers go out in order), then whatever
//! the link takes, then `state`. The state is never locked while something is sent.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{IdSequence, InvocationId, RegistrationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, Goodbye, InvocationError, RequestKind, RouterMessage, Unregistered,
    Unsubscribed, Welcome,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use foldhash::HashMap;
use parking_lot::Mutex;

use crate::call::CallBuilder;
use crate::driver::Driver;
use crate::error::{Error, Failure};
use crate::inbox::{Inbox, Work};
use crate::link::{Link, LinkClosed};
use crate::pending::{Answer, Pending};
use crate::procedure::{Invocation, Procedure, SharedProcedure};
use crate::publish::PublishBuilder;
use crate::register::RegisterBuilder;
use crate::subscribe::{EventQueue, SubscribeBuilder};

/// A session with a router. Cheap to clone; all clones are the same session.
pub struct Session {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) link: Box<dyn Link>,
    pub(crate) serializer: Serializer,
    pub(crate) ids: Mutex<IdSequence>,
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) welcome: Option<Welcome>,
    pub(crate) pending: Pending<OnAnswer>,
    pub(crate) inbox: Inbox,
    pub(crate) procedures: HashMap<RegistrationId, SharedProcedure>,
    pub(crate) subscriptions: HashMap<SubscriptionId, Vec<Arc<EventQueue>>>,
    /// Why the session has ended.
    pub(crate) closed: Option<CompactString>,
    /// GOODBYE was sent; the answer ends the session.
    leaving: bool,
}

/// A future whose type is forgotten.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Forgets a request whose waiter is dropped, so that the table keeps nothing of it.
struct ForgetOnDrop<'a> {
    session: &'a Session,
    request: RequestId,
}

impl Drop for ForgetOnDrop<'_> {
    fn drop(&mut self) {
        self.session.shared.state.lock().pending.forget(self.request);
    }
}

/// What an acknowledgement puts into the tables before anything that follows it is handled.
#[derive(Debug)]
pub(crate) enum OnAnswer {
    Registered(SharedProcedure),
    Subscribed(Arc<EventQueue>),
}

impl Session {
    /// A session over a link. The driver runs its procedures and has to be polled, unless there
    /// are none. `serializer` is the format in which values are written.
    pub fn new(link: impl Link, serializer: Serializer) -> (Self, Driver) {
        let shared = Arc::new(Shared {
            link: Box::new(link),
            serializer,
            ids: Mutex::new(IdSequence::new()),
            state: Mutex::new(State::default()),
        });
        (Self { shared: Arc::clone(&shared) }, Driver::new(shared))
    }

    /// What the router said at the beginning, once it has.
    pub fn welcome(&self) -> Option<Welcome> {
        self.shared.state.lock().welcome.clone()
    }

    /// Calls a procedure: `session.call("com.example.add2").args((2, 3)).await?.value::<i64>()?`.
    pub fn call(&self, procedure: impl Into<CompactString>) -> CallBuilder {
        CallBuilder::new(self.clone(), procedure.into())
    }

    /// Publishes an event: `session.publish("com.example.news").args(("hello",)).await?`.
    pub fn publish(&self, topic: impl Into<CompactString>) -> PublishBuilder {
        PublishBuilder::new(self.clone(), topic.into())
    }

    /// Registers a procedure: `session.register("com.example.add2", add).await?`.
    pub fn register<M>(
        &self,
        procedure: impl Into<CompactString>,
        code: impl Procedure<M>,
    ) -> RegisterBuilder {
        RegisterBuilder::new(self.clone(), procedure.into(), SharedProcedure::new(code))
    }

    /// Subscribes to a topic: `session.subscribe("com.example.news").await?`.
    pub fn subscribe(&self, topic: impl Into<CompactString>) -> SubscribeBuilder {
        SubscribeBuilder::new(self.clone(), topic.into())
    }

    /// Says GOODBYE. The session has ended when the router has answered.
    pub fn leave(&self) -> Result<(), LinkClosed> {
        self.shared.state.lock().leaving = true;
        self.shared.link.send(ClientMessage::Goodbye(Goodbye::new(error_uri::CLOSE_NORMAL)))
    }

    /// Why the session has ended, if it has.
    pub fn closed(&self) -> Option<CompactString> {
        self.shared.state.lock().closed.clone()
    }

    /// The session is over: nothing is answered any more, and procedures that run are given up.
    pub fn close(&self, reason: &str) {
        let wakers = {
            let mut state = self.shared.state.lock();
            if state.closed.is_some() {
                return;
            }
            state.closed = Some(reason.into());
            state.procedures.clear();
            for queue in state.subscriptions.drain().flat_map(|(_, queues)| queues) {
                queue.close();
            }
            let mut wakers = state.pending.fail_all(&Error::Closed(reason.into()));
            wakers.extend(state.inbox.push(Work::Stop).ok().flatten());
            wakers
        };
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    /// Takes one message of the router. Never blocks, never sends (the driver does) and runs no
    /// code of the application, so a router may call it while it holds its own lock.
    pub fn handle_message(&self, message: RouterMessage) {
        match message {
            RouterMessage::Result(result) => self.complete(
                RequestKind::Call,
                result.request,
                Ok(Answer::Payload(result.payload)),
            ),
            RouterMessage::Invocation(invocation) => self.invoke(invocation),
            RouterMessage::Event(event) => {
                let state = self.shared.state.lock();
                for queue in state.subscriptions.get(&event.subscription).into_iter().flatten() {
                    queue.push(event.clone());
                }
            }
            RouterMessage::Error(error) => {
                let failure = Failure { uri: error.error, payload: error.payload };
                let outcome = Err(Error::Wamp(Box::new(failure)));
                self.complete(error.request.kind(), error.request.id(), outcome);
            }
            RouterMessage::Interrupt(interrupt) => {
                self.wake(Work::Interrupt(interrupt.request));
            }
            RouterMessage::Registered(answer) => {
                let number = answer.registration.number();
                self.acknowledge(RequestKind::Register, answer.request, number);
            }
            RouterMessage::Subscribed(answer) => {
                let number = answer.subscription.number();
                self.acknowledge(RequestKind::Subscribe, answer.request, number);
            }
            RouterMessage::Published(answer) => {
                let number = answer.publication.number();
                self.acknowledge(RequestKind::Publish, answer.request, number);
            }
            RouterMessage::Unregistered(Unregistered::Answer(request)) => {
                self.acknowledge(RequestKind::Unregister, request, 0);
            }
            RouterMessage::Unregistered(Unregistered::Revocation(details)) => {
                if let Some(id) = details.registration {
                    self.shared.state.lock().procedures.remove(&id);
                }
            }
            RouterMessage::Unsubscribed(Unsubscribed::Answer(request)) => {
                self.acknowledge(RequestKind::Unsubscribe, request, 0);
            }
            RouterMessage::Unsubscribed(Unsubscribed::Revocation(details)) => {
                if let Some(id) = details.subscription {
                    self.shared.state.lock().subscriptions.remove(&id);
                }
            }
            RouterMessage::Welcome(welcome) => self.shared.state.lock().welcome = Some(welcome),
            RouterMessage::Goodbye(goodbye) => self.goodbye(&goodbye),
            RouterMessage::Abort(abort) => {
                let message = abort.details.message.unwrap_or_default();
                self.close(&format!("{}: {message}", abort.reason));
            }
            // Anonymous clients are asked for nothing; a challenge can't be answered.
            RouterMessage::Challenge(challenge) => {
                self.close(&format!("the router asks for '{}'", challenge.authmethod));
            }
        }
    }

    /// The router ends the session, or answers that this side does.
    fn goodbye(&self, goodbye: &Goodbye) {
        let asked = self.shared.state.lock().leaving;
        if !asked {
            let answer = Goodbye::new(error_uri::GOODBYE_AND_OUT);
            self.wake(Work::Send(Box::new(ClientMessage::Goodbye(answer))));
        }
        self.close(&goodbye.reason);
    }

    fn acknowledge(&self, kind: RequestKind, request: RequestId, number: u64) {
        let waker = {
            let mut state = self.shared.state.lock();
            match state.pending.on_answer(request) {
                Some(OnAnswer::Registered(procedure)) => {
                    if let Some(id) = RegistrationId::new(number) {
                        state.procedures.insert(id, procedure);
                    }
                }
                Some(OnAnswer::Subscribed(queue)) => {
                    if let Some(id) = SubscriptionId::new(number) {
                        state.subscriptions.entry(id).or_default().push(queue);
                    }
                }
                None => {}
            }
            state.pending.complete(kind, request, Ok(Answer::Number(number)))
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn complete(&self, kind: RequestKind, request: RequestId, answer: Result<Answer, Error>) {
        let waker = self.shared.state.lock().pending.complete(kind, request, answer);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn invoke(&self, invocation: cloverleaf_wamp::message::Invocation) {
        let mut state = self.shared.state.lock();
        let request = invocation.request;
        let work = match state.procedures.get(&invocation.registration) {
            Some(procedure) => Work::Invoke(
                procedure.clone(),
                Box::new(Invocation {
                    request,
                    serializer: self.shared.serializer,
                    details: invocation.details,
                    payload: invocation.payload,
                }),
            ),
            // An invocation that crossed UNREGISTER.
            None => refusal(
                request,
                error_uri::NO_SUCH_PROCEDURE,
                "the procedure is not registered any more",
            ),
        };
        let waker = state.inbox.push(work).or_else(|_| {
            let text = "the callee has too many invocations at once";
            state.inbox.push(refusal(request, error_uri::UNAVAILABLE, text))
        });
        drop(state);
        if let Some(waker) = waker.ok().flatten() {
            waker.wake();
        }
    }

    fn wake(&self, work: Work) {
        let waker = self.shared.state.lock().inbox.push(work).ok().flatten();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sends a request with the next number and lets somebody wait for its answer.
    pub(crate) fn request(
        &self,
        kind: RequestKind,
        on_answer: Option<OnAnswer>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<RequestId, Error> {
        let mut ids = self.shared.ids.lock();
        let request = ids.next_request();
        {
            let mut state = self.shared.state.lock();
            if let Some(reason) = &state.closed {
                return Err(Error::Closed(reason.clone()));
            }
            state.pending.insert(request, kind, on_answer);
        }
        let sent = self.shared.link.send(make(request));
        drop(ids);
        if sent.is_err() {
            self.shared.state.lock().pending.forget(request);
        }
        sent.map_err(Error::from)?;
        Ok(request)
    }

    /// Sends a request that nobody waits for.
    pub(crate) fn notify(
        &self,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<(), Error> {
        let mut ids = self.shared.ids.lock();
        let message = make(ids.next_request());
        Ok(self.shared.link.send(message)?)
    }

    /// Sends a request and waits for the number in its acknowledgement.
    pub(crate) async fn acknowledged(
        &self,
        kind: RequestKind,
        on_answer: Option<OnAnswer>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<u64, Error> {
        let request = self.request(kind, on_answer, make)?;
        let _forget = ForgetOnDrop { session: self, request };
        let answer =
            std::future::poll_fn(|context| self.shared.state.lock().pending.poll(request, context));
        match answer.await {
            Some(Ok(Answer::Number(number))) => Ok(number),
            Some(Err(error)) => Err(error),
            Some(Ok(Answer::Payload(_))) | None => {
                Err(Error::Closed("the request has ended already".into()))
            }
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

fn refusal(request: InvocationId, uri: &str, text: &str) -> Work {
    let payload = Payload::from_text(text);
    let error = InvocationError { request, error: uri.into(), payload };
    Work::Send(Box::new(ClientMessage::Error(error)))
}

impl Clone for Session {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        let id = state.welcome.as_ref().map(|welcome| welcome.session);
        f.debug_struct("Session").field("id", &id).field("closed", &state.closed).finish()
    }
}
