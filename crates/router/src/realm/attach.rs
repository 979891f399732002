//! Opens a session: from the reserved id and the admission to WELCOME.
//!
//! Spec: basic profile "Session Establishment", "IDs".

use std::cell::Cell;

use cloverleaf_auth::{Admitted, Refusal};
use cloverleaf_wamp::ids::{IdSequence, SessionId};
use cloverleaf_wamp::message::{RouterMessage, Welcome, WelcomeDetails};
use cloverleaf_wamp::payload::Encoded;

use super::Realm;
use crate::authorization::Role;
use crate::deadline::Moment;

use crate::outbox::Outbox;
use crate::session::{Principal, Session, SessionKey};
use crate::work::Work;

impl<O: Outbox> Realm<O> {
    /// Reserves the id of a session that is joining. It counts as a session until
    /// [`Self::attach`] or [`Self::release_session_id`].
    ///
    /// # Errors
    /// The realm is closed, full, or busy with sessions that join or have left.
    pub fn reserve_session_id(&mut self) -> Result<SessionId, Refusal> {
        if self.closed {
            return Err(Refusal::RealmClosed(self.settings.name.clone()));
        }
        self.check_room(false)?;
        if self.sessions.reserved() >= self.settings.limits.max_joining_sessions {
            return Err(Refusal::TooManyJoining(self.settings.name.clone()));
        }
        let id = self.fresh_session_id();
        self.sessions.reserve(id);
        Ok(id)
    }

    /// Releases a reserved id whose session does not join. An id that is not reserved is ignored.
    pub fn release_session_id(&mut self, id: SessionId) {
        self.sessions.release(id);
    }

    /// The number of reserved session ids.
    pub fn joining_count(&self) -> usize {
        self.sessions.reserved()
    }

    /// Whether one more session has room.
    fn check_room(&self, is_internal: bool) -> Result<(), Refusal> {
        if self.sessions.len() + self.sessions.reserved() + self.detached
            >= self.settings.limits.max_sessions
        {
            return Err(Refusal::RealmFull(self.settings.name.clone()));
        }
        if self.detached >= self.settings.limits.max_detached_sessions && !is_internal {
            return Err(Refusal::RealmBusy(self.settings.name.clone()));
        }
        Ok(())
    }

    /// Opens a session and sends WELCOME. The host detaches it when its connection ends, unless
    /// [`SessionFlow`](super::SessionFlow) has said that it is over. An id that was reserved for
    /// the session is no longer reserved afterwards, also after an error.
    ///
    /// # Errors
    /// The realm is closed, does not have the role, or has no room for a session without a reserved
    /// id.
    pub fn attach(
        &mut self,
        admitted: Admitted,
        outbox: O,
        now: Moment,
    ) -> Result<SessionKey, Refusal> {
        self.work = Work::message();
        let Admitted { realm, principal, roles, transport, is_internal, .. } = admitted;
        let Admitted { has_independent_requests, tells_agent, session, .. } = admitted;
        let reserved = session.filter(|id| self.sessions.release(*id));
        if self.closed {
            return Err(Refusal::RealmClosed(realm));
        }
        let is_asked = |role: &Role| role.name() == principal.authrole && !role.is_removed();
        let role = self.settings.roles.iter().position(is_asked);
        let Some(role) = role else {
            return Err(Refusal::NoSuchRole { realm, role: principal.authrole });
        };
        if reserved.is_none() {
            self.check_room(is_internal)?;
        }
        let id = reserved.unwrap_or_else(|| self.fresh_session_id());
        let mut welcome = self.welcome(id, &principal, tells_agent);
        let unit = self.settings.call_timeout_unit(is_internal);
        welcome.details.x_call_timeout_unit = Some(unit.name().into());
        let _ = outbox.send(RouterMessage::Welcome(welcome));
        let key = self.sessions.insert(id, |key| Session {
            key,
            principal,
            roles,
            role,
            transport,
            is_internal,
            has_independent_requests,
            outbox,
            is_closing: false,
            broker: Default::default(),
            dealer: Default::default(),
            testaments: None,
            is_slow: Cell::new(false),
            requests: IdSequence::new(),
            listings: 0,
            reading_paused: false,
        });
        self.publish_joined(key, now);
        Ok(key)
    }

    fn fresh_session_id(&mut self) -> SessionId {
        loop {
            let id = SessionId::from_random(self.random.bits());
            // A peer that reads another format must notice that in WELCOME
            // (docs/decisions/ubjson.md).
            if id.shows_byte_order() && !self.sessions.has_id(id) {
                return id;
            }
        }
    }

    fn welcome(&self, session: SessionId, principal: &Principal, tells_agent: bool) -> Welcome {
        let details = WelcomeDetails {
            roles: Some(self.announced),
            agent: self.settings.agent.clone().filter(|_| tells_agent),
            realm: Some(self.settings.name.clone()),
            authid: Some(principal.authid.clone()),
            authrole: Some(principal.authrole.clone()),
            authmethod: Some(principal.authmethod.clone()),
            authprovider: Some(principal.authprovider.clone()),
            authextra: Some(Encoded::EMPTY_DICTIONARY),
            x_call_timeout_unit: None,
        };
        Welcome { session, details: Box::new(details) }
    }
}
