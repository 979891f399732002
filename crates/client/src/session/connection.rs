//! For whoever owns the link of a session and replaces its connection: joined, lost, joined again.
//!
//! ```text
//! unjoined ──joined──▶ connected ──lost──▶ lost ──joined──▶ connected … ──close──▶ ended
//! ```
//!
//! Request ids count from 1 on each connection; what was registered and subscribed keeps its handle
//! and gets a new number.

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::IdSequence;
use cloverleaf_wamp::message::{RequestKind, Welcome};
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use futures_util::future::{join, join_all};

use super::{OnAcknowledged, Session, SessionState};
use crate::driver::Driver;
use crate::error::Error;
use crate::link::Link;
use crate::pending::{EndedRequest, PendingRequest};

impl Session {
    /// A session whose connection is still to be made, and is closed by somebody who says when
    /// that has [finished](Self::finished).
    pub fn unjoined(link: impl Link, serializer: Serializer) -> (Self, Driver) {
        let lost = Some("it has not joined its realm yet".into());
        Self::with_state(
            link,
            serializer,
            SessionState { lost, closing: true, ..SessionState::default() },
        )
    }

    /// The router has opened the session on a new connection, which `attach` puts in place: from
    /// here on messages go there, numbered from 1.
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

    /// The connection is lost and another one will be made. What waits for an answer fails, and
    /// procedures that run are given up: nobody waits for what they return.
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
        state.to_restore.take_in(&mut state.procedures, &mut state.subscriptions);
        let ended = state.pending.fail_all(&Error::Closed(reason.into()));
        let (waker, outdated, exchanges) = state.inbox.reset();
        drop(guard);
        drop(outdated);
        exchanges.wake();
        ended.into_iter().for_each(EndedRequest::wake);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    /// Registers and subscribes again what the lost connection had. Says what the router refused;
    /// that can be tried again.
    pub async fn restore(&self) -> Vec<(CompactString, Error)> {
        let (registrations, subscriptions) = {
            let state = self.shared.state.lock();
            (state.to_restore.registrations.clone(), state.to_restore.subscriptions.clone())
        };
        let registered = join_all(registrations.iter().map(|entry| async move {
            let grant = OnAcknowledged::RegisteredAgain(entry.clone());
            let slot = PendingRequest::granting(RequestKind::Register, grant);
            let answer = self.acknowledged(slot, entry.request()).await;
            Some((entry.procedure().into(), answer.err()?))
        }));
        let subscribed = join_all(subscriptions.iter().map(|entry| async move {
            let grant = OnAcknowledged::SubscribedAgain(entry.clone());
            let slot = PendingRequest::granting(RequestKind::Subscribe, grant);
            let answer = self.acknowledged(slot, entry.request()).await;
            Some((entry.topic().into(), answer.err()?))
        }));
        let (registered, subscribed) = join(registered, subscribed).await;
        registered.into_iter().chain(subscribed).flatten().collect()
    }

    /// The connection of the ended session is closed.
    pub fn finished(&self) {
        let watchers: Vec<_> = {
            let mut state = self.shared.state.lock();
            state.closing = false;
            state.watchers.all().collect()
        };
        watchers.into_iter().for_each(wake);
    }
}
