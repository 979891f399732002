//! Sends requests, and the messages that refer to a request later.

use cloverleaf_wamp::ids::{IdSequence, PublicationId, RequestId};
use cloverleaf_wamp::message::{Cancel, CancelMode, CancelOptions, ClientMessage};

use super::{OnAcknowledged, Session};
use crate::error::Error;
use crate::link::SendError;
use crate::pending::{PendingRequest, RequestKey};
use crate::sent_request::{AcknowledgementFuture, ended};

impl Session {
    /// Sends a request with the next request id and adds it to the pending ones.
    pub(crate) fn request(
        &self,
        pending: PendingRequest<OnAcknowledged>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<RequestKey, Error> {
        let mut ids = self.shared.ids.lock();
        self.request_with(&mut ids, pending, make)
    }

    /// [`Session::request`] for a caller that holds the lock of the request ids.
    pub(crate) fn request_with(
        &self,
        ids: &mut IdSequence,
        pending: PendingRequest<OnAcknowledged>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<RequestKey, Error> {
        let before = ids.clone();
        let request = ids.next_request();
        let key = {
            let mut state = self.shared.state.lock();
            if let Some(reason) = state.unusable() {
                let error = Error::Closed(reason.clone());
                *ids = before;
                return Err(error);
            }
            state.pending.insert(request, pending)
        };
        if let Err(error) = self.shared.link.send(make(request)) {
            // Request ids are sent without gaps.
            *ids = before;
            self.forget(key);
            return Err(error.into());
        }
        Ok(key)
    }

    /// Sends a request and returns the future of its acknowledgement.
    pub(crate) fn acknowledged(
        &self,
        pending: PendingRequest<OnAcknowledged>,
        make: impl FnOnce(RequestId) -> ClientMessage,
    ) -> AcknowledgementFuture {
        AcknowledgementFuture::new(self.clone(), self.request(pending, make))
    }

    /// Sends a request whose answer is ignored.
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

    /// Ignores the answer to a request.
    pub(crate) fn forget(&self, key: RequestKey) {
        let removed = self.shared.state.lock().pending.forget(key);
        drop(removed);
    }

    /// Ignores the answer to a request, but undoes what its acknowledgement grants.
    pub(crate) fn abandon(&self, key: RequestKey) {
        let removed = self.shared.state.lock().pending.abandon(key);
        drop(removed);
    }

    /// Removes a call whose future is dropped, and sends CANCEL if it is unanswered. The request
    /// ids are locked meanwhile, so that the connection is not replaced: CANCEL would end a call
    /// with the same id on the next one.
    pub(crate) fn cancel(&self, key: RequestKey, mode: CancelMode) {
        let ids = self.shared.ids.lock();
        let removed = self.shared.state.lock().pending.forget(key);
        if removed.is_some_and(|pending| pending.is_unanswered()) {
            self.send_cancel(key, mode);
        }
        drop(ids);
    }

    /// Sends CANCEL for an unanswered call. Its future stays and resolves to the answer.
    pub(crate) fn request_cancel(&self, key: RequestKey, mode: CancelMode) {
        let ids = self.shared.ids.lock();
        if self.shared.state.lock().pending.is_unanswered(key) {
            self.send_cancel(key, mode);
        }
        drop(ids);
    }

    fn send_cancel(&self, key: RequestKey, mode: CancelMode) {
        let options = CancelOptions { mode: Some(mode.into()) };
        let cancel = Cancel { request: key.request(), options };
        // A closed connection has ended all calls.
        let _ = self.shared.link.send(ClientMessage::Cancel(cancel));
    }

    /// Sends the next part of an unanswered progressive call. `Ok(false)` when the link is
    /// congested.
    pub(crate) fn continue_call(
        &self,
        key: RequestKey,
        part: ClientMessage,
    ) -> Result<bool, Error> {
        let ids = self.shared.ids.lock();
        {
            let state = self.shared.state.lock();
            if let Some(reason) = state.unusable() {
                return Err(Error::Closed(reason.clone()));
            }
            if !state.pending.is_unanswered(key) {
                return Err(ended());
            }
        }
        let sent = self.shared.link.send(part);
        drop(ids);
        was_accepted(sent)
    }

    /// Sends EVENT_RECEIVED: the application has taken the event.
    pub(crate) fn acknowledge_event(&self, publication: PublicationId) {
        // A closed connection has no recipient for it.
        let _ = self.shared.link.send(ClientMessage::EventReceived(publication));
    }
}

/// Whether the link has accepted a message. Congestion is no error.
pub(super) fn was_accepted(sent: Result<(), SendError>) -> Result<bool, Error> {
    match sent {
        Ok(()) => Ok(true),
        Err(SendError::Congested) => Ok(false),
        Err(closed) => Err(closed.into()),
    }
}
