//! Leaving, the end of a session, and futures that wait for either.

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{ClientMessage, Goodbye};
use compact_str::CompactString;

use super::{Session, SessionState};
use crate::error::Error;
use crate::inbox::DriverWork;
use crate::link::SendError;
use crate::pending::EndedRequest;
use crate::state_watch::StateWatch;

impl Session {
    /// Sends GOODBYE. The session ends when the router answers. Without a connection it ends at
    /// once.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn leave(&self) -> Result<(), SendError> {
        let ids = self.shared.ids.lock();
        let is_connected = {
            let mut state = self.shared.state.lock();
            state.leaving = true;
            state.unusable().is_none()
        };
        let goodbye = ClientMessage::Goodbye(Goodbye::new(error_uri::CLOSE_NORMAL));
        let sent = if is_connected { self.shared.link.send(goodbye) } else { Ok(()) };
        drop(ids);
        if !is_connected {
            self.close(error_uri::CLOSE_NORMAL);
        }
        sent
    }

    /// Whether the session has joined its realm and its connection is not known to be lost.
    pub fn is_connected(&self) -> bool {
        self.shared.state.lock().unusable().is_none()
    }

    /// Waits until the session has joined. Returns at once unless the connection is being replaced.
    ///
    /// # Errors
    /// [`Error::Closed`] when the session has ended.
    pub async fn connected(&self) -> Result<(), Error> {
        let look = |state: &SessionState| match (&state.closed, &state.lost) {
            (Some(reason), _) => Some(Err(Error::Closed(reason.clone()))),
            (None, None) => Some(Ok(())),
            (None, Some(_)) => None,
        };
        StateWatch::new(self, look).await
    }

    /// Waits until the session has ended and its connection is closed. Returns the reason.
    pub async fn ended(&self) -> CompactString {
        let look = |state: &SessionState| state.closed.clone().filter(|_| !state.closing);
        StateWatch::new(self, look).await
    }

    /// The reason why the session has ended, if it has.
    pub fn closed(&self) -> Option<CompactString> {
        self.shared.state.lock().closed.clone()
    }

    /// Ends the session: unanswered requests fail, and running procedures are stopped.
    pub fn close(&self, reason: &str) {
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(reason.into());
        state.to_restore.take_from(&mut state.procedures, &mut state.subscriptions);
        let released = std::mem::take(&mut state.to_restore);
        let ended = state.pending.fail_all(&Error::Closed(reason.into()));
        let registrations = released.registrations.into();
        let release = state.inbox.push(DriverWork::Release(registrations)).ok().flatten();
        let end = state.inbox.push(DriverWork::End).ok().flatten();
        let watchers: Vec<_> = state.watchers.all().collect();
        drop(guard);
        if let Some(waiting) = &self.shared().waiting_events {
            waiting.close().into_iter().for_each(wake);
        }
        let streams = released.subscriptions.iter().filter_map(|entry| entry.close());
        streams.chain(release).chain(end).chain(watchers).for_each(wake);
        ended.into_iter().for_each(EndedRequest::wake);
    }
}
