//! Who answers what: `wamp.registration.*`.
//!
//! Spec: advanced profile "Registration Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, SessionId};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{MetaCall, value};
use crate::dealer::RegistrationDetails;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::Session;
use crate::wall_clock::WallClock;

/// RegistrationDetails of the specification.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    id: u64,
    created: String,
    uri: &'a str,
    #[serde(rename = "match")]
    policy: &'static str,
    invoke: &'static str,
}

impl<'a> Told<'a> {
    pub(super) fn new(registration: RegistrationDetails<'a>, clock: WallClock) -> Self {
        Self {
            id: registration.id.number(),
            created: clock.at(registration.created).text(),
            uri: registration.pattern.as_str(),
            policy: registration.pattern.policy().name(),
            invoke: registration.policy.name(),
        }
    }
}

/// Ids by policy; the same for subscriptions.
#[derive(Serialize, Default)]
pub(super) struct Lists {
    exact: Vec<u64>,
    prefix: Vec<u64>,
    wildcard: Vec<u64>,
}

impl Lists {
    pub(super) fn push(&mut self, policy: MatchPolicy, id: u64) {
        match policy {
            MatchPolicy::Exact => self.exact.push(id),
            MatchPolicy::Prefix => self.prefix.push(id),
            MatchPolicy::Wildcard => self.wildcard.push(id),
        }
    }
}

/// The options with which a pattern would be registered or subscribed.
#[derive(Deserialize)]
struct LookupOptions {
    #[serde(rename = "match")]
    policy: Option<String>,
}

impl<O: Outbox> Realm<O> {
    pub(super) fn list_registrations(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let registrations = match self.listed(meta)? {
            Some(session) => self.dealer.list_of(&session.dealer),
            None => self.dealer.list(),
        };
        let mut lists = Lists::default();
        for registration in registrations {
            lists.push(registration.pattern.policy(), registration.id.number());
        }
        Ok(value(lists))
    }

    /// The session whose registrations or subscriptions are to be listed, as in Crossbar.io; none
    /// for those of all.
    pub(super) fn listed(&self, meta: MetaCall<'_>) -> Result<Option<&Session<O>>, RequestFailure> {
        if meta.optional::<IgnoredAny>(0)?.is_none() {
            return Ok(None);
        }
        let id = meta.id(0, SessionId::new, "session")?;
        self.sessions.with_id(id).map(Some).ok_or(RequestFailure::NoSuchSession(id))
    }

    pub(super) fn lookup_registration(
        &self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let pattern = self.looked_up(meta)?;
        Ok(value(self.dealer.lookup(&pattern).map(u64::from)))
    }

    /// The pattern that a lookup of a registration or subscription names.
    pub(super) fn looked_up(&self, meta: MetaCall<'_>) -> Result<UriPattern, RequestFailure> {
        let uri: String = meta.required(0, "URI")?;
        let options: Option<LookupOptions> = meta.optional(1)?;
        let policy = match options.and_then(|options| options.policy) {
            Some(name) => MatchPolicy::from_name(&name)
                .ok_or_else(|| meta.refused("'match' must be 'exact', 'prefix' or 'wildcard'"))?,
            None => MatchPolicy::Exact,
        };
        UriPattern::new(uri, policy, self.settings.uri_rule).map_err(RequestFailure::InvalidUri)
    }

    pub(super) fn match_registration(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let procedure: String = meta.required(0, "procedure")?;
        Ok(value(self.dealer.best_match(&procedure).map(u64::from)))
    }

    pub(super) fn get_registration(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        let details = self.dealer.details(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        Ok(value(Told::new(details, self.clock)))
    }

    pub(super) fn list_callees(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        let callees = self.dealer.callees(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        Ok(value(callees.iter().map(|key| key.id().number()).collect::<Vec<_>>()))
    }

    pub(super) fn count_callees(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        let callees = self.dealer.callees(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        Ok(value(callees.len()))
    }

    /// Takes a registration away from one of its callees.
    pub(super) fn remove_callee(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let (id, callee) = (registration_id(meta)?, meta.id(1, SessionId::new, "session")?);
        let reason: Option<String> = meta.optional(2)?;
        if self.dealer.details(id).is_none() {
            return Err(RequestFailure::UnknownRegistration(id));
        }
        let session = self.sessions.with_id(callee);
        let key = session.ok_or(RequestFailure::NoSuchSession(callee))?.key;
        let reason = reason.as_deref().unwrap_or(error_uri::UNREGISTERED);
        let (sessions, mut changes) = (&mut self.sessions, Vec::new());
        if !self.dealer.remove_callee(sessions, key, id, reason, &mut changes) {
            return Err(RequestFailure::NoCallee(callee, id));
        }
        self.tell_registrations(key, &changes, meta.now);
        Ok(value(()))
    }
}

fn registration_id(meta: MetaCall<'_>) -> Result<RegistrationId, RequestFailure> {
    meta.id(0, RegistrationId::new, "registration")
}
