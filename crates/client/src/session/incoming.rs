//! What becomes of each message of the router.

use std::sync::Arc;

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    CallResult, ClientMessage, Goodbye, RequestKind, RouterMessage, SharedEvent, Unregistered,
    Unsubscribed,
};

use super::{OnAnswer, Session, State};
use crate::call::Reply;
use crate::error::{Error, Failure};
use crate::inbox::{Reason, Work};
use crate::pending::Answer;
use crate::register::RegistrationEntry;
use crate::subscribe::{Receipt, SubscriptionEntry};

impl Session {
    /// Takes one message of the router. Never blocks, never sends (the driver does) and runs no
    /// code of the application, so a router may call it while it holds its own lock.
    pub fn handle_message(&self, message: RouterMessage) {
        match message {
            RouterMessage::Result(result) => self.result(result),
            RouterMessage::Invocation(invocation) => self.invoke(invocation),
            RouterMessage::Event(event) => self.event(&event),
            RouterMessage::Error(error) => {
                let passthru = error.details.passthru;
                let failure = Failure { uri: error.error, payload: error.payload, passthru };
                self.fail(error.request.kind(), error.request.id(), failure);
            }
            RouterMessage::Interrupt(interrupt) => {
                self.wake(Work::GiveUp(interrupt.request, Reason::Interrupted));
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

    /// RESULT ends a call, unless it is a part of the result.
    fn result(&self, result: CallResult) {
        let CallResult { request, details, payload } = result;
        if details.progress != Some(true) {
            let answer = Ok(Answer::Reply(Reply::new(payload, details)));
            return self.complete(RequestKind::Call, request, answer);
        }
        let part = Reply::new(payload, details);
        let waker = self.shared.state.lock().pending.add_part(request, part);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    fn event(&self, event: &SharedEvent) {
        // One for all streams of this session, since the router counts one answer.
        let receipt = (event.details.x_acknowledged_delivery == Some(true)).then(Receipt::default);
        let is_retained = event.details.retained == Some(true);
        let wakers: Vec<_> = {
            let state = self.shared.state.lock();
            let entries = state.subscriptions.get(&event.subscription).into_iter().flatten();
            let entries = entries.filter(|entry| !is_retained || entry.wants_retained());
            entries.filter_map(|entry| entry.push(event.clone(), receipt.clone())).collect()
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
                let (removed, watchers) = {
                    let mut state = self.shared.state.lock();
                    let Some(removed) = state.procedures.remove(&id) else { return };
                    removed.revoke(details.reason.as_deref());
                    (removed, state.watchers.all().collect::<Vec<_>>())
                };
                self.wake(Work::Release(vec![removed]));
                watchers.into_iter().for_each(wake);
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
                let reason = details.reason.as_deref();
                let entries = entries.into_iter().flatten();
                entries.filter_map(|entry| entry.revoke(reason)).for_each(wake);
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

    /// Hands work to the driver.
    pub(crate) fn wake(&self, work: Work) {
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
