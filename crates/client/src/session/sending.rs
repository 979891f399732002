//! Requests with their numbers, and the messages that refer to them later.

use cloverleaf_wamp::ids::{IdSequence, PublicationId, RequestId};
use cloverleaf_wamp::message::{
    Cancel, CancelMode, CancelOptions, ClientMessage, Yield, YieldOptions,
};

use super::{OnAnswer, Session};
use crate::error::Error;
use crate::exchange::Key;
use crate::link::SendError;
use crate::pending::{Slot, Ticket};
use crate::procedure::Answer;
use crate::sent::{Acknowledging, ended};

impl Session {
    /// Sends a request with the next number and lets somebody wait for its answer.
    pub(crate) fn request(
        &self,
        slot: Slot<OnAnswer>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<Ticket, Error> {
        let mut ids = self.shared.ids.lock();
        self.request_with(&mut ids, slot, make)
    }

    /// The same for who has locked the numbers already.
    pub(crate) fn request_with(
        &self,
        ids: &mut IdSequence,
        slot: Slot<OnAnswer>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<Ticket, Error> {
        let before = ids.clone();
        let request = ids.next_request();
        let ticket = {
            let mut state = self.shared.state.lock();
            if let Some(reason) = state.unusable() {
                let error = Error::Closed(reason.clone());
                *ids = before;
                return Err(error);
            }
            state.pending.insert(request, slot)
        };
        if let Err(error) = self.shared.link.send(make(request)) {
            // Numbers go out without a gap.
            *ids = before;
            self.forget(ticket);
            return Err(error.into());
        }
        Ok(ticket)
    }

    /// Sends a request and waits for the number in its acknowledgement.
    pub(crate) fn acknowledged(
        &self,
        slot: Slot<OnAnswer>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Acknowledging {
        Acknowledging::new(self.clone(), self.request(slot, make))
    }

    /// Sends a request that nobody waits for.
    pub(crate) fn notify(
        &self,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<(), Error> {
        let mut ids = self.shared.ids.lock();
        let before = ids.clone();
        let sent = self.shared.link.send(make(ids.next_request()));
        if sent.is_err() {
            *ids = before;
        }
        Ok(sent?)
    }

    /// Nobody waits for this request.
    pub(crate) fn forget(&self, ticket: Ticket) {
        let slot = self.shared.state.lock().pending.forget(ticket);
        drop(slot);
    }

    /// Nobody waits for this request any more; what its answer grants is given back.
    pub(crate) fn abandon(&self, ticket: Ticket) {
        let slot = self.shared.state.lock().pending.abandon(ticket);
        drop(slot);
    }

    /// Gives a call up that nobody waits for any more, unless it is answered. The numbers are
    /// locked so that it is the call of this connection and not one with the same number on the
    /// next.
    pub(crate) fn cancel(&self, ticket: Ticket, mode: CancelMode) {
        let ids = self.shared.ids.lock();
        let slot = self.shared.state.lock().pending.forget(ticket);
        if slot.is_some_and(|slot| slot.is_unanswered()) {
            self.send_cancel(ticket, mode);
        }
        drop(ids);
    }

    /// Gives a call up whose answer is still waited for, unless it is here.
    pub(crate) fn ask_to_cancel(&self, ticket: Ticket, mode: CancelMode) {
        let ids = self.shared.ids.lock();
        if self.shared.state.lock().pending.is_unanswered(ticket) {
            self.send_cancel(ticket, mode);
        }
        drop(ids);
    }

    fn send_cancel(&self, ticket: Ticket, mode: CancelMode) {
        let options = CancelOptions { mode: Some(mode.into()) };
        let cancel = Cancel { request: ticket.request(), options };
        // A link that is gone has canceled everything.
        let _ = self.shared.link.send(ClientMessage::Cancel(cancel));
    }

    /// Sends the next part of a call that is not answered. Whether the link took it; one that did
    /// not will say when it has room.
    pub(crate) fn continue_call(&self, ticket: Ticket, part: ClientMessage) -> Result<bool, Error> {
        let ids = self.shared.ids.lock();
        {
            let state = self.shared.state.lock();
            if let Some(reason) = state.unusable() {
                return Err(Error::Closed(reason.clone()));
            }
            if !state.pending.is_unanswered(ticket) {
                return Err(ended());
            }
        }
        let sent = self.shared.link.send(part);
        drop(ids);
        was_taken(sent)
    }

    /// Sends a part of the result of an invocation that runs. Whether the link took it. None when
    /// the invocation runs no longer.
    pub(crate) fn yield_part(&self, key: Key, part: Answer) -> Option<Result<bool, Error>> {
        let Answer { payload, passthru } = part;
        let options = YieldOptions { progress: Some(true), passthru };
        let part = Yield { request: key.request(), options, payload };
        // As for `cancel`: with the numbers locked, this connection is not replaced.
        let ids = self.shared.ids.lock();
        if !self.shared.state.lock().inbox.exchanges.is_running(key) {
            return None;
        }
        let sent = self.shared.link.send(ClientMessage::Yield(part));
        drop(ids);
        Some(was_taken(sent))
    }

    /// Tells the publisher that an event has reached the application.
    pub(crate) fn acknowledge_event(&self, publication: PublicationId) {
        // A link that is gone has nobody to be told.
        let _ = self.shared.link.send(ClientMessage::EventReceived(publication));
    }
}

fn was_taken(sent: Result<(), SendError>) -> Result<bool, Error> {
    match sent {
        Ok(()) => Ok(true),
        Err(SendError::Congested) => Ok(false),
        Err(gone) => Err(gone.into()),
    }
}
