//! Handles each message of the router.

use std::sync::Arc;
use std::task::Waker;

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
use crate::link::DeliveryOutcome;
use crate::pending::RequestOutcome;
use crate::registration_entry::RegistrationEntry;
use crate::reply::Reply;
use crate::subscription_entry::{DeliveryReceipt, PushedEvent, SubscriptionEntry};

impl Session {
    /// Handles one message of the router.
    ///
    /// Never blocks, never sends a message (the driver does) and runs no code of the application.
    /// So a router in the same process may call it while it holds its own lock.
    pub fn handle_message(&self, message: RouterMessage) {
        let _ = self.receive(message, false);
    }

    /// Handles one message of the router. EVENT and INVOCATION may be dropped; `is_local` as in
    /// [`invoke`](Self::invoke).
    pub(super) fn receive(&self, message: RouterMessage, is_local: bool) -> DeliveryOutcome {
        match message {
            RouterMessage::Result(result) => self.result(result),
            RouterMessage::Invocation(invocation) => return self.invoke(invocation, is_local),
            RouterMessage::Event(event) => return self.event_or_close(&event),
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
        DeliveryOutcome::Accepted
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

    /// Handles EVENT. Closes the session if the policy for slow consumers asks for it.
    fn event_or_close(&self, event: &SharedEvent) -> DeliveryOutcome {
        let received = self.event(event);
        if received == DeliveryOutcome::Closed {
            // Without effect if the session has ended before.
            self.close(error_uri::SLOW_CONSUMER);
        }
        received
    }

    /// Adds an event to the streams of its subscription.
    fn event(&self, event: &SharedEvent) -> DeliveryOutcome {
        // All streams of the session share one receipt: the router expects one acknowledgement.
        let receipt =
            (event.details.x_acknowledged_delivery == Some(true)).then(DeliveryReceipt::default);
        let is_retained = event.details.retained == Some(true);
        let mut delivery = EventDelivery::default();
        let wakers: Vec<_> = {
            let mut guard = self.shared.state.lock();
            let state = &mut *guard;
            if state.closed.is_some() {
                return DeliveryOutcome::Closed;
            }
            let entries = state.subscriptions.get(&event.subscription).into_iter().flatten();
            let entries = entries.filter(|entry| !is_retained || entry.wants_retained());
            let pushed = entries.map(|entry| entry.push(event.clone(), receipt.clone()));
            let wakers = pushed.filter_map(|pushed| delivery.add(pushed));
            let mut wakers: Vec<_> = wakers.collect();
            if delivery.has_lost && self.is_first_loss() {
                wakers.extend(state.inbox.push(DriverWork::ReportLoss).ok().flatten());
            }
            wakers
        };
        wakers.into_iter().for_each(wake);
        delivery.outcome()
    }

    fn is_first_loss(&self) -> bool {
        self.shared.waiting_events.as_ref().is_some_and(|waiting| waiting.note_loss())
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

/// The outcome of an event over all streams of its subscription.
#[derive(Debug, Default)]
struct EventDelivery {
    is_accepted: bool,
    is_above_high_water: bool,
    is_closing: bool,
    has_lost: bool,
}

impl EventDelivery {
    /// Adds the outcome of one stream. Returns the waker of the stream.
    fn add(&mut self, pushed: PushedEvent) -> Option<Waker> {
        let PushedEvent { received, has_lost, waker } = pushed;
        self.is_accepted |=
            matches!(received, DeliveryOutcome::Accepted | DeliveryOutcome::AboveHighWater);
        self.is_above_high_water |= received == DeliveryOutcome::AboveHighWater;
        self.is_closing |= received == DeliveryOutcome::Closed;
        self.has_lost |= has_lost;
        waker
    }

    /// An event without a stream is accepted: the router sent it before it received UNSUBSCRIBE.
    const fn outcome(&self) -> DeliveryOutcome {
        match self {
            Self { is_closing: true, .. } => DeliveryOutcome::Closed,
            Self { is_above_high_water: true, .. } => DeliveryOutcome::AboveHighWater,
            Self { is_accepted: false, has_lost: true, .. } => DeliveryOutcome::Dropped,
            _ => DeliveryOutcome::Accepted,
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
