//! Who answers what: `wamp.registration.*`.
//!
//! Spec: advanced profile "Registration Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, SessionId};
use cloverleaf_wamp::payload::{NumberList, Payload};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use serde::{Deserialize, Serialize};

use super::listing::{IdLists, ListingKind};
use super::{MetaCall, value};
use crate::dealer::RegistrationInfo;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::SessionKey;

/// RegistrationDetails of the specification.
#[derive(Serialize)]
pub(super) struct RegistrationDetails<'a> {
    id: u64,
    created: String,
    uri: &'a str,
    #[serde(rename = "match")]
    policy: &'static str,
    invoke: &'static str,
}

impl<'a> RegistrationDetails<'a> {
    pub(super) fn new(registration: RegistrationInfo<'a>) -> Self {
        Self {
            id: registration.id.number(),
            created: registration.created.text(),
            uri: registration.pattern.as_str(),
            policy: registration.pattern.policy().name(),
            invoke: registration.policy.name(),
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
    pub(super) fn list_registrations(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let of = self.listed(meta)?;
        self.list(meta, ListingKind::Registrations { of, after: None, lists: IdLists::default() })
    }

    /// The session whose registrations or subscriptions are to be listed, as in Crossbar.io; none
    /// for those of all.
    pub(super) fn listed(&self, meta: MetaCall<'_>) -> Result<Option<SessionKey>, RequestFailure> {
        if meta.argument("session_id")?.is_none() {
            return Ok(None);
        }
        let id = meta.id("session_id", SessionId::new)?;
        let session = self.sessions.with_id(id).ok_or(RequestFailure::NoSuchSession(id))?;
        Ok(Some(session.key))
    }

    pub(super) fn lookup_registration(
        &self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let pattern = self.looked_up(meta, "procedure")?;
        Ok(value(self.dealer.lookup(&pattern).map(u64::from)))
    }

    /// The pattern that a lookup of a registration or subscription names, with the argument `name`
    /// and its options.
    pub(super) fn looked_up(
        &self,
        meta: MetaCall<'_>,
        name: &str,
    ) -> Result<UriPattern, RequestFailure> {
        let uri: String = meta.required(name)?;
        let options: Option<LookupOptions> = meta.optional("options")?;
        let policy = match options.and_then(|options| options.policy) {
            Some(name) => MatchPolicy::from_name(&name)
                .ok_or_else(|| meta.refused("'match' must be 'exact', 'prefix' or 'wildcard'"))?,
            None => MatchPolicy::Exact,
        };
        UriPattern::new(uri, policy, self.settings.uri_rule).map_err(RequestFailure::InvalidUri)
    }

    pub(super) fn match_registration(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let procedure: String = meta.required("procedure")?;
        Ok(value(self.dealer.best_match(&procedure).map(u64::from)))
    }

    pub(super) fn get_registration(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        let details = self.dealer.details(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        Ok(value(RegistrationDetails::new(details)))
    }

    pub(super) fn list_callees(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let id = registration_id(meta)?;
        self.dealer.callee_count(id).ok_or(RequestFailure::UnknownRegistration(id))?;
        self.list(meta, ListingKind::Callees { id, next: 0, ids: NumberList::default() })
    }

    pub(super) fn count_callees(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = registration_id(meta)?;
        self.dealer.callee_count(id).map(value).ok_or(RequestFailure::UnknownRegistration(id))
    }

    /// Takes a registration away from one of its callees.
    pub(super) fn remove_callee(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let (id, callee) = (registration_id(meta)?, meta.id("callee_id", SessionId::new)?);
        let reason = meta.text("reason")?;
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
        self.publish_registration_changes(key, &changes, meta.now);
        Ok(value(()))
    }
}

fn registration_id(meta: MetaCall<'_>) -> Result<RegistrationId, RequestFailure> {
    meta.id("registration_id", RegistrationId::new)
}
