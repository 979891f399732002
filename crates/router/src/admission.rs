//! Admission: from HELLO to the right to join a realm, or a refusal.
//!
//! A listener's rules are a value ([`Admission`]); the host knows which realms exist. The only
//! method so far is `anonymous`; a method with a challenge adds a state in between. Spec: basic
//! profile "Session Establishment"; advanced profile "Authentication Methods".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::excerpt::Excerpt;
use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::message::{Abort, Hello};
use cloverleaf_wamp::uri::{InvalidUri, UriRule};
use compact_str::{CompactString, ToCompactString as _};
use thiserror::Error;

use crate::compatibility::Compatibility;
use crate::session::{Principal, TransportDetails};

/// The name of the anonymous method, and of its default role.
pub const ANONYMOUS: &str = "anonymous";

/// Offered methods that a refusal lists: enough to see the mistake, and no long answer to a long
/// HELLO.
const MAX_METHODS_IN_REFUSAL: usize = 10;

/// The clients that a listener admits.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// Clients without authentication; refused when absent.
    pub anonymous: Option<Anonymous>,
}

impl Admission {
    /// The rules of a listener without `auth`: anonymous clients with the role of that name.
    pub fn open() -> Self {
        Self { anonymous: Some(Anonymous::default()) }
    }
}

/// The session of an anonymous client.
#[derive(Debug, Clone, Default)]
pub struct Anonymous {
    /// The only realm that it may join, also where HELLO names none; any realm when absent.
    pub realm: Option<CompactString>,
    /// The role; `anonymous` when absent.
    pub role: Option<CompactString>,
    /// The authid; random when absent.
    pub authid: Option<CompactString>,
}

/// A client that may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The realm to join.
    pub realm: CompactString,
    /// The authenticated identity.
    pub principal: Principal,
    /// The announced roles and features.
    pub roles: ClientRoles,
    /// The connection, for the meta API; none for a session of this process.
    pub transport: Option<Box<TransportDetails>>,
    /// The session belongs to the router itself: the meta API can't end it, and it can't pause.
    pub is_internal: bool,
    /// The requests of the session have no order among each other, as those of the HTTP bridge:
    /// none waits behind another one for the decision of the authorizer, and the realm does not
    /// check that their ids follow each other.
    pub has_independent_requests: bool,
    /// WELCOME tells the router's name and version.
    pub tells_agent: bool,
}

/// Why a client may not join. It gets ABORT with this text.
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
    /// HELLO names no realm, and none is configured for the client.
    #[error("no realm requested")]
    NoRealm,
    /// With this authentication the client may join another realm only.
    #[error("realm \"{0:.100}\" can't be joined with this authentication")]
    OtherRealm(CompactString),
    /// The realm would exceed the largest number of realms.
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
    /// No offered method can be used.
    #[error("cannot authenticate using any of the offered methods {0:?}")]
    NoMatchingAuthMethod(Vec<CompactString>),
    /// HELLO announces no role.
    #[error("HELLO.Details.roles must announce at least one role")]
    NoRoles,
    /// The realm has its largest number of sessions.
    #[error("realm \"{0:.100}\" has reached its largest number of sessions")]
    RealmFull(CompactString),
    /// Too many sessions that have left are still being removed from the realm.
    #[error("realm \"{0:.100}\" is busy with sessions that have left; try again later")]
    RealmBusy(CompactString),
    /// The realm is closed: the router is shutting down.
    #[error("realm \"{0:.100}\" is closed")]
    RealmClosed(CompactString),
}

impl Refusal {
    /// The reason URI of ABORT, according to the preset of the realm.
    pub const fn reason(&self, compatibility: Compatibility) -> &'static str {
        match self {
            Self::InvalidRealm(_) | Self::NoRealmName(_) => error_uri::INVALID_URI,
            // The name of the realm that the client may join is not disclosed.
            Self::NoSuchRealm(_) | Self::NoRealm | Self::OtherRealm(_) => error_uri::NO_SUCH_REALM,
            Self::NoSuchRole { .. } => error_uri::NO_SUCH_ROLE,
            Self::NoMatchingAuthMethod(_) => compatibility.no_auth_method_reason(),
            Self::NoRoles => error_uri::PROTOCOL_VIOLATION,
            Self::RealmFull(_) | Self::TooManyRealms(_) => error_uri::LIMIT_REACHED,
            Self::RealmBusy(_) => error_uri::UNAVAILABLE,
            Self::RealmClosed(_) => error_uri::SYSTEM_SHUTDOWN,
        }
    }

    /// The ABORT for the client, according to the preset of the realm.
    pub fn abort(&self, compatibility: Compatibility) -> Abort {
        Abort::new(self.reason(compatibility), self.to_string())
    }
}

impl Admitted {
    /// A client with these properties and defaults for all others.
    pub fn new(realm: impl Into<CompactString>, principal: Principal, roles: ClientRoles) -> Self {
        Self {
            realm: realm.into(),
            principal,
            roles,
            transport: None,
            is_internal: false,
            has_independent_requests: false,
            tells_agent: true,
        }
    }
}

impl Admission {
    /// Decides on a HELLO. `random` is for the authid of a client that has none.
    pub fn admit(&self, hello: &Hello, random: [u64; 2]) -> Result<Admitted, Refusal> {
        let roles = hello.details.roles.unwrap_or_default();
        if !roles.any() {
            return Err(Refusal::NoRoles);
        }
        if !hello.realm.as_str().is_empty() {
            hello.realm.validate(UriRule::Loose).map_err(Refusal::InvalidRealm)?;
        }
        let offered = hello.details.authmethods.as_deref().unwrap_or_default();
        let wants_anonymous =
            offered.is_empty() || offered.iter().any(|method| method == ANONYMOUS);
        match &self.anonymous {
            Some(anonymous) if wants_anonymous => {
                let realm = anonymous.realm_for(hello.realm.as_str())?;
                let principal = Principal {
                    authid: anonymous.authid.clone().unwrap_or_else(|| random_authid(random)),
                    authrole: anonymous.role.clone().unwrap_or_else(|| ANONYMOUS.into()),
                    authmethod: ANONYMOUS.into(),
                    authprovider: "static".into(),
                };
                Ok(Admitted::new(realm, principal, roles))
            }
            _ => {
                let told = offered.iter().take(MAX_METHODS_IN_REFUSAL);
                let cut = |method: &CompactString| Excerpt::new(method, 100).to_compact_string();
                Err(Refusal::NoMatchingAuthMethod(told.map(cut).collect()))
            }
        }
    }
}

impl Anonymous {
    /// The realm to join for a client that asks for `asked`, which is empty where HELLO names none.
    fn realm_for(&self, asked: &str) -> Result<CompactString, Refusal> {
        match &self.realm {
            None if asked.is_empty() => Err(Refusal::NoRealm),
            None => Ok(asked.into()),
            Some(realm) if asked.is_empty() || realm == asked => Ok(realm.clone()),
            Some(_) => Err(Refusal::OtherRealm(asked.into())),
        }
    }
}

/// An authid of random bits that can be read aloud: `X7QK-3MHD-9PRW-A4TE-6NVG-C5YU`.
pub fn random_authid(random: [u64; 2]) -> CompactString {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    const GROUPS: usize = 6;
    let mut bits = u128::from(random[0]) << 64 | u128::from(random[1]);
    let mut text = CompactString::with_capacity(GROUPS * 5);
    for group in 0..GROUPS {
        if group > 0 {
            text.push('-');
        }
        for _ in 0..4 {
            text.push(char::from(LETTERS[(bits & 31) as usize]));
            bits >>= 5;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::error_uri;
    use cloverleaf_wamp::features::CLIENT;
    use cloverleaf_wamp::message::{Hello, HelloDetails};

    use super::{Admission, Anonymous, Compatibility, Refusal, random_authid};

    const PRESETS: [Compatibility; 2] = [Compatibility::Crossbar, Compatibility::Wamp];

    fn hello(authmethods: &[&str]) -> Hello {
        let authmethods = authmethods.iter().map(|method| (*method).into()).collect();
        let details = HelloDetails {
            roles: Some(CLIENT),
            authmethods: Some(authmethods),
            ..HelloDetails::default()
        };
        Hello { realm: "realm1".into(), details }
    }

    #[test]
    fn listener_without_auth_admits_clients_as_anonymous() {
        let admitted = Admission::open().admit(&hello(&[]), [1, 2]).unwrap();
        assert_eq!(admitted.realm, "realm1");
        assert_eq!(admitted.principal.authrole, "anonymous");
        assert_eq!(admitted.principal.authid, random_authid([1, 2]));
    }

    #[test]
    fn a_listener_can_choose_realm_role_and_name() {
        let anonymous = Anonymous {
            realm: Some("public".into()),
            role: Some("guest".into()),
            authid: Some("nobody".into()),
        };
        let admission = Admission { anonymous: Some(anonymous) };
        for asked in ["public", ""] {
            let hello = Hello { realm: asked.into(), ..hello(&["ticket", "anonymous"]) };
            let admitted = admission.admit(&hello, [0, 0]).unwrap();
            assert_eq!(admitted.realm, "public");
            assert_eq!(admitted.principal.authrole, "guest");
            assert_eq!(admitted.principal.authid, "nobody");
        }
    }

    /// The URI is that of Crossbar.io for a realm that a client can't join.
    #[test]
    fn a_client_that_asks_for_another_realm_than_the_configured_one_is_refused() {
        let anonymous = Anonymous { realm: Some("secret".into()), ..Anonymous::default() };
        let admission = Admission { anonymous: Some(anonymous) };
        let refusal = admission.admit(&hello(&[]), [0, 0]).unwrap_err();
        assert_eq!(refusal, Refusal::OtherRealm("realm1".into()));
        for preset in PRESETS {
            assert_eq!(refusal.reason(preset), error_uri::NO_SUCH_REALM);
        }
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }

    #[test]
    fn a_client_that_asks_for_no_realm_is_refused_where_none_is_configured() {
        let hello = Hello { realm: "".into(), ..hello(&[]) };
        let refusal = Admission::open().admit(&hello, [0, 0]).unwrap_err();
        assert_eq!(refusal, Refusal::NoRealm);
        for preset in PRESETS {
            assert_eq!(refusal.reason(preset), error_uri::NO_SUCH_REALM);
        }
    }

    #[test]
    fn the_preset_names_the_reason_that_no_method_can_be_used() {
        let refusal = Admission::open().admit(&hello(&["ticket"]), [0, 0]).unwrap_err();
        let reasons = PRESETS.map(|preset| refusal.reason(preset));
        assert_eq!(reasons, ["wamp.error.no_auth_method", "wamp.error.no_matching_auth_method"]);
    }

    #[test]
    fn methods_that_are_not_offered_are_refused() {
        let refusal = Refusal::NoMatchingAuthMethod(vec!["ticket".into()]);
        assert_eq!(Admission::open().admit(&hello(&["ticket"]), [0, 0]), Err(refusal));
        let refusal = Refusal::NoMatchingAuthMethod(Vec::new());
        assert_eq!(Admission::default().admit(&hello(&[]), [0, 0]), Err(refusal));
    }

    #[test]
    fn refusal_of_a_long_hello_is_short() {
        let long = "x".repeat(1_000);
        let refusals = [
            Admission::open().admit(&hello(&vec![long.as_str(); 50]), [0, 0]).unwrap_err(),
            Refusal::NoSuchRealm(long.as_str().into()),
            Refusal::NoSuchRole { realm: long.as_str().into(), role: long.as_str().into() },
        ];
        let lengths = refusals.map(|refusal| refusal.to_string().len());
        assert!(lengths.iter().all(|length| *length < 1_200), "{lengths:?}");
        assert!(lengths[1] < 150 && lengths[2] < 250, "{lengths:?}");
    }

    #[test]
    fn realm_name_that_is_not_a_uri_is_refused() {
        let hello = Hello { realm: "realm 1".into(), ..hello(&[]) };
        let refusal = Admission::open().admit(&hello, [0, 0]).unwrap_err();
        assert_eq!(refusal.reason(Compatibility::Crossbar), error_uri::INVALID_URI);
        assert_eq!(refusal.to_string(), "'realm 1' is not a valid URI");
    }

    #[test]
    fn a_client_without_a_role_is_refused() {
        let hello = Hello { realm: "realm1".into(), details: HelloDetails::default() };
        assert_eq!(Admission::open().admit(&hello, [0, 0]), Err(Refusal::NoRoles));
    }

    #[test]
    fn random_authid_has_six_groups_of_four() {
        let text = random_authid([u64::MAX, u64::MAX]);
        assert_eq!(text, "9999-9999-9999-9999-9999-9999");
    }
}
