//! Why a client may not join, and the ABORT that says so.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::Abort;
use cloverleaf_wamp::uri::InvalidUri;
use compact_str::CompactString;
use thiserror::Error;

/// Why a client may not join. The client gets ABORT with this text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The name of the realm is not a URI.
    #[error("{0}")]
    InvalidRealm(InvalidUri),
    /// No realm can have this name.
    #[error("'{0:.100}' is no name of a realm")]
    NoRealmName(CompactString),
    /// The realm does not exist.
    #[error("no realm \"{0:.100}\" exists on this router")]
    NoSuchRealm(CompactString),
    /// The client requests no realm, and none is configured for it.
    #[error("no realm requested")]
    NoRealm,
    /// Clients with this authentication may join another realm only.
    #[error("realm \"{0:.100}\" can't be joined with this authentication")]
    OtherRealm(CompactString),
    /// A template could make the realm, but the limit of its realms is reached.
    #[error("realm \"{0:.100}\" is not there, and no further one can be made")]
    TooManyRealms(CompactString),
    /// The realm has no such role.
    #[error("realm \"{realm:.100}\" has no role \"{role:.100}\"")]
    NoSuchRole {
        /// The realm.
        realm: CompactString,
        /// The role that the client would have had.
        role: CompactString,
    },
    /// None of the offered methods can be used.
    #[error("cannot authenticate using any of the offered methods {0:?}")]
    NoMatchingAuthMethod(Vec<CompactString>),
    /// HELLO announces no role.
    #[error("HELLO.Details.roles must announce at least one role")]
    NoRoles,
    /// The proof of identity is wrong. The text does not say whether the authid exists.
    #[error("authentication denied")]
    AuthenticationDenied,
    /// The authenticator has failed, or has given up its ticket without a decision.
    #[error("the authenticator failed")]
    AuthenticationFailed,
    /// The client, or the authenticator that decides on it, has taken too long.
    #[error("joining took too long")]
    JoinTimedOut,
    /// The realm has reached its limit of sessions.
    #[error("realm \"{0:.100}\" has reached its largest number of sessions")]
    RealmFull(CompactString),
    /// The realm has not finished with sessions that have left.
    #[error("realm \"{0:.100}\" is busy with sessions that have left; try again later")]
    RealmBusy(CompactString),
    /// The realm has reached its limit of sessions that are joining.
    #[error("realm \"{0:.100}\" has too many sessions that are joining; try again later")]
    TooManyJoining(CompactString),
    /// The realm is closed.
    #[error("realm \"{0:.100}\" is closed")]
    RealmClosed(CompactString),
}

/// The reasons of ABORT in which Crossbar.io and the specification differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalUris {
    /// None of the offered authentication methods can be used.
    pub no_auth_method: &'static str,
    /// The proof of identity is wrong.
    pub denied: &'static str,
}

impl RefusalUris {
    /// The reasons that Crossbar.io gives.
    pub const CROSSBAR: Self =
        Self { no_auth_method: error_uri::NO_AUTH_METHOD, denied: error_uri::NOT_AUTHORIZED };

    /// The reasons of the specification (advanced profile, "Advanced Profile URIs").
    pub const WAMP: Self = Self {
        no_auth_method: error_uri::NO_MATCHING_AUTH_METHOD,
        denied: error_uri::AUTHENTICATION_DENIED,
    };
}

impl Refusal {
    /// The reason as a URI.
    pub fn reason(&self, uris: impl Into<RefusalUris>) -> &'static str {
        match self {
            Self::InvalidRealm(_) | Self::NoRealmName(_) => error_uri::INVALID_URI,
            // The name of the other realm is not disclosed.
            Self::NoSuchRealm(_) | Self::NoRealm | Self::OtherRealm(_) => error_uri::NO_SUCH_REALM,
            Self::NoSuchRole { .. } => error_uri::NO_SUCH_ROLE,
            Self::NoMatchingAuthMethod(_) => uris.into().no_auth_method,
            Self::NoRoles => error_uri::PROTOCOL_VIOLATION,
            Self::AuthenticationDenied => uris.into().denied,
            Self::AuthenticationFailed | Self::JoinTimedOut => error_uri::AUTHENTICATION_FAILED,
            Self::RealmFull(_) | Self::TooManyRealms(_) => error_uri::LIMIT_REACHED,
            Self::RealmBusy(_) | Self::TooManyJoining(_) => error_uri::UNAVAILABLE,
            Self::RealmClosed(_) => error_uri::SYSTEM_SHUTDOWN,
        }
    }

    /// The ABORT to the client.
    pub fn abort(&self, uris: impl Into<RefusalUris>) -> Abort {
        Abort::new(self.reason(uris), self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::error_uri;

    use super::{Refusal, RefusalUris};

    const PRESETS: [RefusalUris; 2] = [RefusalUris::CROSSBAR, RefusalUris::WAMP];

    #[test]
    fn preset_chooses_the_reasons_of_methods_and_wrong_secrets() {
        let reasons = |refusal: Refusal| PRESETS.map(|preset| refusal.reason(preset));
        assert_eq!(
            reasons(Refusal::NoMatchingAuthMethod(Vec::new())),
            ["wamp.error.no_auth_method", "wamp.error.no_matching_auth_method"]
        );
        assert_eq!(
            reasons(Refusal::AuthenticationDenied),
            ["wamp.error.not_authorized", "wamp.error.authentication_denied"]
        );
    }

    /// The URI is what Crossbar.io says of a realm that a client can't join.
    #[test]
    fn missing_forbidden_and_unnamed_realms_have_one_reason_in_both_presets() {
        let realm = || "realm1".into();
        for refusal in
            [Refusal::NoSuchRealm(realm()), Refusal::OtherRealm(realm()), Refusal::NoRealm]
        {
            for preset in PRESETS {
                assert_eq!(refusal.reason(preset), error_uri::NO_SUCH_REALM);
            }
        }
    }
}
