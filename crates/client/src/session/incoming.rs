//! What becomes of each message of the router.

use std::sync::Arc;

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, Goodbye, InvocationError, RequestKind, RouterMessage, SharedEvent, Unregistered,
    Unsubscribed,
};
use cloverleaf_wamp::payload::Payload;

use super::{OnAnswer, Session, State};
use crate::error::{Error, Failure};
use crate::inbox::Work;
use crate::pending::Answer;
use crate::procedure::Invocation;
use crate::register::RegistrationEntry;
use crate::subscribe::SubscriptionEntry;

impl Session {
    /// Takes one message of the router. Never blocks, never sends (the driver does) and runs no
    /// code of the application, so a router may call it while it holds its own lock.
    pub fn handle_message(&self, message: RouterMessage) {
        match message {
            RouterMessage::Result(result) => {
                let answer = Ok(Answer::Payload(result.payload));
                self.complete(RequestKind::Call, result.request, answer);
            }
            RouterMessage::Invocation(invocation) => self.invoke(invocation),
            RouterMessage::Event(event) => self.event(&event),
            RouterMessage::Error(error) => {
                let failure = Failure { uri: error.error, payload: error.payload };
                self.fail(error.request.kind(), error.request.id(), failure);
            }
            RouterMessage::Interrupt(interrupt) => self.wake(Work::Interrupt(interrupt.request)),
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
            RouterMessage::Unregistered(message) => self.unregistered(&message),
            RouterMessage::Unsubscribed(message) => self.unsubscribed(&message),
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

    fn event(&self, event: &SharedEvent) {
        let wakers: Vec<_> = {
            let state = self.shared.state.lock();
            let entries = state.subscriptions.get(&event.subscription).into_iter().flatten();
            entries.filter_map(|entry| entry.push(event.clone())).collect()
        };
        wakers.into_iter().for_each(wake);
    }

    fn unregistered(&self, message: &Unregistered) {
        match message {
            Unregistered::Answer(request) => {
                self.acknowledge(RequestKind::Unregister, *request, 0);
            }
            Unregistered::Revocation(details) => {
                let Some(id) = details.registration else { return };
                let removed = self.shared.state.lock().procedures.remove(&id);
                if let Some(removed) = removed {
                    self.wake(Work::Release(vec![removed]));
                }
            }
        }
    }

    fn unsubscribed(&self, message: &Unsubscribed) {
        match message {
            Unsubscribed::Answer(request) => {
                self.acknowledge(RequestKind::Unsubscribe, *request, 0);
            }
            Unsubscribed::Revocation(details) => {
                let Some(id) = details.subscription else { return };
                let entries = self.shared.state.lock().subscriptions.remove(&id);
                for waker in entries.into_iter().flatten().filter_map(|entry| entry.close()) {
                    wake(waker);
                }
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
        let (undo, ended) = {
            let mut state = self.shared.state.lock();
            let on_answer = state.pending.on_answer(kind, request);
            let undo = on_answer.and_then(|(grant, wanted)| state.grant(grant, wanted, number));
            let undo = undo.and_then(|undo| state.inbox.push(undo).ok().flatten());
            (undo, state.pending.complete(kind, request, Ok(Answer::Number(number))))
        };
        if let Some(waker) = undo {
            wake(waker);
        }
        ended.wake();
    }

    /// Ends a request with a failure.
    pub(crate) fn fail(&self, kind: RequestKind, request: RequestId, failure: Failure) {
        self.complete(kind, request, Err(Error::Wamp(Box::new(failure))));
    }

    fn complete(&self, kind: RequestKind, request: RequestId, answer: Result<Answer, Error>) {
        let ended = self.shared.state.lock().pending.complete(kind, request, answer);
        ended.wake();
    }

    fn invoke(&self, invocation: cloverleaf_wamp::message::Invocation) {
        let mut state = self.shared.state.lock();
        let request = invocation.request;
        let work = match state.procedures.get(&invocation.registration) {
            Some(entry) => Work::Invoke(
                entry.code.clone(),
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
        let pushed = state.inbox.push(work).or_else(|_| {
            let text = "the callee has too many invocations at once";
            state.inbox.push(refusal(request, error_uri::UNAVAILABLE, text))
        });
        drop(state);
        if let Ok(Some(waker)) = pushed {
            wake(waker);
        }
    }

    fn wake(&self, work: Work) {
        let pushed = self.shared.state.lock().inbox.push(work);
        if let Ok(Some(waker)) = pushed {
            wake(waker);
        }
    }
}

impl State {
    /// Puts what an acknowledgement grants into the tables. What nobody wants any more is given
    /// back by the driver.
    fn grant(&mut self, grant: OnAnswer, wanted: bool, number: u64) -> Option<Work> {
        match grant {
            OnAnswer::Registered(entry) => self.registered(entry, wanted, number),
            OnAnswer::RegisteredAgain(entry) => {
                let wanted = self.unrestored.remove_registration(&entry);
                self.registered(entry, wanted, number)
            }
            OnAnswer::Subscribed(entry) => self.subscribed(entry, wanted, number),
            OnAnswer::SubscribedAgain(entry) => {
                let wanted = self.unrestored.remove_subscription(&entry);
                self.subscribed(entry, wanted, number)
            }
        }
    }

    fn registered(
        &mut self,
        entry: Arc<RegistrationEntry>,
        wanted: bool,
        number: u64,
    ) -> Option<Work> {
        let Some(id) = RegistrationId::new(number) else {
            // The application's code is not dropped here, under the lock.
            return Some(Work::Release(vec![entry]));
        };
        if !wanted {
            return Some(Work::Unregister(id, entry));
        }
        entry.set_id(id);
        let replaced = self.procedures.insert(id, entry);
        replaced.map(|replaced| Work::Release(vec![replaced]))
    }

    fn subscribed(
        &mut self,
        entry: Arc<SubscriptionEntry>,
        wanted: bool,
        number: u64,
    ) -> Option<Work> {
        let id = SubscriptionId::new(number)?;
        if !wanted {
            return (!self.subscriptions.contains_key(&id)).then_some(Work::Unsubscribe(id));
        }
        entry.set_id(id);
        self.subscriptions.entry(id).or_default().push(entry);
        None
    }
}

fn refusal(request: InvocationId, uri: &str, text: &str) -> Work {
    let payload = Payload::from_text(text);
    let error = InvocationError::new(request, uri, payload);
    Work::Send(Box::new(ClientMessage::Error(error)))
}
