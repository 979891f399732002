//! The parts that `wamp.registration.*` and `wamp.subscription.*` share.

use cloverleaf_wamp::ids::{RegistrationId, SessionId, SubscriptionId};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use serde::{Deserialize, Serialize};

use super::MetaCall;
use crate::broker::SubscriptionInfo;
use crate::dealer::RegistrationInfo;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::SessionKey;

/// `RegistrationDetails` or `SubscriptionDetails` of the specification.
#[derive(Serialize)]
pub(super) struct EntryDetails<'a> {
    id: u64,
    created: String,
    uri: &'a str,
    #[serde(rename = "match")]
    policy: &'static str,
    /// Of a registration only.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoke: Option<&'static str>,
}

impl<'a> EntryDetails<'a> {
    fn of_registration(registration: RegistrationInfo<'a>) -> Self {
        Self {
            id: registration.id.number(),
            created: registration.created.text(),
            uri: registration.pattern.as_str(),
            policy: registration.pattern.policy().name(),
            invoke: Some(registration.policy.name()),
        }
    }

    fn of_subscription(subscription: SubscriptionInfo<'a>) -> Self {
        Self {
            id: subscription.id.number(),
            created: subscription.created.text(),
            uri: subscription.pattern.as_str(),
            policy: subscription.pattern.policy().name(),
            invoke: None,
        }
    }
}

/// The options with which a pattern would be registered or subscribed.
#[derive(Deserialize)]
struct LookupOptions {
    #[serde(rename = "match")]
    policy: Option<String>,
}

/// The arguments of a call that removes a callee or subscriber.
pub(super) struct Removal {
    /// The session.
    pub(super) id: SessionId,
    /// The reason for the revocation that the session is sent.
    pub(super) reason: String,
}

impl Removal {
    /// Reads the arguments; `name` is that of the session.
    pub(super) fn read(
        meta: MetaCall<'_>,
        name: &str,
        default_reason: &str,
    ) -> Result<Self, RequestFailure> {
        let id = meta.id(name, SessionId::new)?;
        let reason = meta.text("reason")?.unwrap_or_else(|| default_reason.to_owned());
        Ok(Self { id, reason })
    }
}

impl<O: Outbox> Realm<O> {
    /// The details of a registration, if it exists.
    pub(super) fn registration_details(&self, id: RegistrationId) -> Option<EntryDetails<'_>> {
        self.dealer.details(id).map(EntryDetails::of_registration)
    }

    /// The details of a subscription, if it exists.
    pub(super) fn subscription_details(&self, id: SubscriptionId) -> Option<EntryDetails<'_>> {
        self.broker.details(id).map(EntryDetails::of_subscription)
    }

    /// The session whose entries are to be listed, as with Crossbar.io; none for all entries.
    pub(super) fn listed(&self, meta: MetaCall<'_>) -> Result<Option<SessionKey>, RequestFailure> {
        if meta.argument("session_id")?.is_none() {
            return Ok(None);
        }
        self.session_with(meta.id("session_id", SessionId::new)?).map(Some)
    }

    /// The open session with this id.
    ///
    /// # Errors
    /// [`RequestFailure::NoSuchSession`].
    pub(super) fn session_with(&self, id: SessionId) -> Result<SessionKey, RequestFailure> {
        let session = self.sessions.with_id(id).ok_or(RequestFailure::NoSuchSession(id))?;
        Ok(session.key)
    }

    /// The pattern that a lookup names with the argument `name` and its options.
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
}
