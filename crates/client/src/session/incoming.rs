//! Handles each message of the router.

use std::sync::Arc;

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    CallResult, ClientMessage, Goodbye, RequestKind, RouterMessage, SharedEvent, Unregistered,
    Unsubscribed,
};

use super::{OnAcknowledged, Session, SessionState};
use crate::error::{Error, Failure};
use crate::inbox::{DriverWork, StopReason};
use crate::pending::RequestOutcome;
use crate::registration_entry::RegistrationEntry;
use crate::reply::Reply;
use crate::subscription_entry::{DeliveryReceipt, SubscriptionEntry};

impl Session {
    /// Handles one message of the router.
    ///
    /// Never blocks, never sends a message (the driver does) and runs no code of the application.
    /// So a router in the same process may call it while it holds its own lock.
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
                self.queue_work(DriverWork::StopProcedure(
                    interrupt.request,
                    StopReason::Interrupted,
                ));
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
            // This client joins anonymously and cannot answer a challenge.
            RouterMessage::Challenge(challenge) => {
                self.close(&format!("the router asks for '{}'", challenge.authmethod));
            }
        }
    }

    /// Handles RESULT, progressive or final.
    fn result(&self, result: CallResult) {
        let CallResult { request, details, payload } = result;
        if details.progress != Some(true) {
            let answer = Ok(RequestOutcome::Reply(Reply::new(payload, details)));
            return self.complete(RequestKind::Call, request, answer);
        }
        let result = Reply::new(payload, details);
        let waker = self.shared.state.lock().pending.add_result(request, result);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    fn event(&self, event: &SharedEvent) {
        // All streams of the session share one receipt: the router expects one acknowledgement.
        let receipt =
            (event.details.x_acknowledged_delivery == Some(true)).then(DeliveryReceipt::default);
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
                self.queue_work(DriverWork::Release(vec![removed]));
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

    /// Handles GOODBYE: the router ends the session, or answers the GOODBYE of this session.
    fn goodbye(&self, goodbye: &Goodbye) {
        let asked = self.shared.state.lock().leaving;
        if !asked {
            let answer = Goodbye::new(error_uri::GOODBYE_AND_OUT);
            self.queue_work(DriverWork::Send(Box::new(ClientMessage::Goodbye(answer))));
        }
        self.close(&goodbye.reason);
    }

    fn acknowledge(&self, kind: RequestKind, request: RequestId, number: u64) {
        let (undo, ended) = {
            let mut state = self.shared.state.lock();
            let on_answer = state.pending.on_answer(kind, request);
            let undo = on_answer.and_then(|(grant, wanted)| state.grant(grant, wanted, number));
            let undo = undo.and_then(|undo| state.inbox.push(undo).ok().flatten());
            (undo, state.pending.complete(kind, request, Ok(RequestOutcome::Number(number))))
        };
        if let Some(waker) = undo {
            wake(waker);
        }
        ended.wake();
    }

    /// Fails a request.
    pub(crate) fn fail(&self, kind: RequestKind, request: RequestId, failure: Failure) {
        self.complete(kind, request, Err(Error::Wamp(Box::new(failure))));
    }

    fn complete(
        &self,
        kind: RequestKind,
        request: RequestId,
        answer: Result<RequestOutcome, Error>,
    ) {
        let ended = self.shared.state.lock().pending.complete(kind, request, answer);
        ended.wake();
    }

    /// Queues work for the driver and wakes it.
    pub(crate) fn queue_work(&self, work: DriverWork) {
        let pushed = self.shared.state.lock().inbox.push(work);
        if let Ok(Some(waker)) = pushed {
            wake(waker);
        }
    }
}

impl SessionState {
    /// Adds what an acknowledgement grants to the tables. If the request's future was dropped
    /// (`wanted` is false), returns the work that undoes the grant.
    fn grant(&mut self, grant: OnAcknowledged, wanted: bool, number: u64) -> Option<DriverWork> {
        match grant {
            OnAcknowledged::Registered(entry) => self.registered(entry, wanted, number),
            OnAcknowledged::RegisteredAgain(entry) => {
                let wanted = self.to_restore.remove_registration(&entry);
                self.registered(entry, wanted, number)
            }
            OnAcknowledged::Subscribed(entry) => self.subscribed(entry, wanted, number),
            OnAcknowledged::SubscribedAgain(entry) => {
                let wanted = self.to_restore.remove_subscription(&entry);
                self.subscribed(entry, wanted, number)
            }
        }
    }

    fn registered(
        &mut self,
        entry: Arc<RegistrationEntry>,
        wanted: bool,
        number: u64,
    ) -> Option<DriverWork> {
        let Some(id) = RegistrationId::new(number) else {
            // The procedure is dropped by the driver, not here under the lock.
            return Some(DriverWork::Release(vec![entry]));
        };
        if !wanted {
            return Some(DriverWork::Unregister(id, entry));
        }
        entry.set_id(id);
        let replaced = self.procedures.insert(id, entry);
        replaced.map(|replaced| DriverWork::Release(vec![replaced]))
    }

    fn subscribed(
        &mut self,
        entry: Arc<SubscriptionEntry>,
        wanted: bool,
        number: u64,
    ) -> Option<DriverWork> {
        let id = SubscriptionId::new(number)?;
        if !wanted {
            return (!self.subscriptions.contains_key(&id)).then_some(DriverWork::Unsubscribe(id));
        }
        entry.set_id(id);
        self.subscriptions.entry(id).or_default().push(entry);
        None
    }
}
