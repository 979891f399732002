//! Opening a session: from the right to join, which `admission` gives, to WELCOME.
//!
//! Spec: basic profile "Session Establishment", "IDs".

use std::cell::Cell;

use cloverleaf_wamp::ids::{IdSequence, SessionId};
use cloverleaf_wamp::message::{RouterMessage, Welcome, WelcomeDetails};
use cloverleaf_wamp::payload::Encoded;

use super::Realm;
use crate::admission::{Admitted, Refusal};
use crate::authorization::Role;
use crate::deadline::Moment;
use crate::outbox::Outbox;
use crate::session::{Principal, Session, SessionKey};
use crate::work::Work;

impl<O: Outbox> Realm<O> {
    /// Opens a session and sends WELCOME. The host detaches the session when its connection ends,
    /// unless [`SessionFlow`](super::SessionFlow) has said that the session is over.
    pub fn attach(
        &mut self,
        admitted: Admitted,
        outbox: O,
        now: Moment,
    ) -> Result<SessionKey, Refusal> {
        self.work = Work::message();
        let Admitted { realm, principal, roles, transport, is_internal, .. } = admitted;
        let Admitted { has_independent_requests, tells_agent, .. } = admitted;
        if self.closed {
            return Err(Refusal::RealmClosed(realm));
        }
        let is_asked = |role: &Role| role.name() == principal.authrole && !role.is_removed();
        let role = self.settings.roles.iter().position(is_asked);
        let Some(role) = role else {
            return Err(Refusal::NoSuchRole { realm, role: principal.authrole });
        };
        if self.sessions.len() + self.detached >= self.settings.limits.max_sessions {
            return Err(Refusal::RealmFull(realm));
        }
        if self.detached >= self.settings.limits.max_detached_sessions && !is_internal {
            return Err(Refusal::RealmBusy(realm));
        }
        let id = self.fresh_session_id();
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
