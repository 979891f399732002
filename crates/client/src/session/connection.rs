//! The connection of a session, for the owner of the link: joined, lost, joined again.
//!
//! ```text
//! unjoined ──joined──▶ connected ──lost──▶ lost ──joined──▶ connected … ──close──▶ ended
//! ```
//!
//! Request ids count from 1 on each connection. Registrations and subscriptions keep their handles
//! and get new ids.

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::IdSequence;
use cloverleaf_wamp::message::{RequestKind, Welcome};
use compact_str::CompactString;
use futures_util::future::{join, join_all};

use super::{OnAcknowledged, Session, SessionState};
use crate::error::Error;
use crate::pending::{EndedRequest, PendingRequest};

impl SessionState {
    /// The state of a session that has not joined. The owner of the link has to report that it has
    /// [finished](Session::finished).
    pub(crate) fn unjoined() -> Self {
        let lost = Some("it has not joined its realm yet".into());
        Self { lost, closing: true, ..Self::default() }
    }
}

impl Session {
    /// Reports that the router has sent WELCOME on a new connection. `attach` makes the link use
    /// that connection; request ids count from 1 on it.
    pub fn joined(&self, welcome: Welcome, attach: impl FnOnce()) {
        let mut ids = self.shared.ids.lock();
        *ids = IdSequence::new();
        attach();
        let watchers: Vec<_> = {
            let mut state = self.shared.state.lock();
            state.welcome = Some(welcome);
            state.lost = None;
            state.watchers.all().collect()
        };
        drop(ids);
        watchers.into_iter().for_each(wake);
    }

    /// Reports that the connection is lost and will be replaced. Unanswered requests fail. Running
    /// procedures are stopped: their answers cannot reach the callers.
    pub fn lost(&self, reason: &str) {
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        if state.unusable().is_some() {
            return;
        }
        if state.leaving {
            drop(guard);
            return self.close(error_uri::CLOSE_NORMAL);
        }
        state.lost = Some(reason.into());
        state.to_restore.take_from(&mut state.procedures, &mut state.subscriptions);
        let ended = state.pending.fail_all(&Error::Closed(reason.into()));
        let (waker, outdated, invocations) = state.inbox.reset();
        drop(guard);
        drop(outdated);
        invocations.wake();
        ended.into_iter().for_each(EndedRequest::wake);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    /// Registers and subscribes again after a reconnect. Returns the URIs that the router refused,
    /// with the errors; a later call tries those again.
    pub async fn restore(&self) -> Vec<(CompactString, Error)> {
        let (registrations, subscriptions) = {
            let state = self.shared.state.lock();
            (state.to_restore.registrations.clone(), state.to_restore.subscriptions.clone())
        };
        let registered = join_all(registrations.iter().map(|entry| async move {
            let grant = OnAcknowledged::RegisteredAgain(entry.clone());
            let pending = PendingRequest::granting(RequestKind::Register, grant);
            let answer = self.acknowledged(pending, entry.request()).await;
            Some((entry.procedure().into(), answer.err()?))
        }));
        let subscribed = join_all(subscriptions.iter().map(|entry| async move {
            let grant = OnAcknowledged::SubscribedAgain(entry.clone());
            let pending = PendingRequest::granting(RequestKind::Subscribe, grant);
            let answer = self.acknowledged(pending, entry.request()).await;
            Some((entry.topic().into(), answer.err()?))
        }));
        let (registered, subscribed) = join(registered, subscribed).await;
        registered.into_iter().chain(subscribed).flatten().collect()
    }

    /// Reports that the connection of the ended session is closed.
    pub fn finished(&self) {
        let watchers: Vec<_> = {
            let mut state = self.shared.state.lock();
            state.closing = false;
            state.watchers.all().collect()
        };
        watchers.into_iter().for_each(wake);
    }
}
