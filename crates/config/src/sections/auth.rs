//! Authentication over a transport.

use crate::field::Field;
use crate::options::keys;
use crate::section::{Section, SectionKeys};
use crate::unsupported;

pub(crate) static AUTH: SectionKeys =
    SectionKeys::closed("an auth", &[ANONYMOUS_KEY]).with_unsupported(unsupported::METHODS);

pub(crate) static ANONYMOUS: SectionKeys =
    SectionKeys::closed("an anonymous auth", AnonymousKeys::ALL);

const ANONYMOUS_KEY: &str = "anonymous";

keys! {
    /// The keys of the method `anonymous`.
    const KEYS: AnonymousKeys = { kind = "type", realm, role, authid };
}

/// The authentication methods of a transport.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// The method `anonymous`: sessions without credentials.
    pub anonymous: AnonymousAuth,
}

/// The identity of anonymous sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousAuth {
    /// The realm that they join; none: the realm that they ask for.
    pub realm: Option<String>,
    /// Their role.
    pub role: String,
    /// Their authid; none: a random one for each session.
    pub authid: Option<String>,
}

impl AnonymousAuth {
    /// The default role of anonymous sessions.
    pub const DEFAULT_ROLE: &str = "anonymous";
}

impl Default for AnonymousAuth {
    fn default() -> Self {
        Self { realm: None, role: Self::DEFAULT_ROLE.to_owned(), authid: None }
    }
}

/// Reads the methods of a transport. By default, all clients may join as `anonymous`.
pub(crate) fn auth(transport: &mut Section<'_>, key: &'static str, default: Auth) -> Auth {
    let Some(field) = transport.optional(key) else { return default };
    let Some(mut section) = Section::of(&field, &AUTH) else { return default };
    if section.is_empty() {
        field.warn("no method is named, so that every client may join as anonymous");
    }
    let anonymous = section.optional(ANONYMOUS_KEY);
    section.refuse_unsupported();
    section.finish();
    let anonymous = anonymous.and_then(|field| anonymous_auth(&field));
    Auth { anonymous: anonymous.unwrap_or_default() }
}

fn anonymous_auth(field: &Field<'_>) -> Option<AnonymousAuth> {
    let mut section = Section::of(field, &ANONYMOUS)?;
    if let Some(kind) = section.optional(KEYS.kind) {
        kind.choice("kind of authentication", &[("static", ())], unsupported::AUTHENTICATORS)?;
    }
    let realm = section.optional(KEYS.realm).and_then(|field| field.located_name());
    let role = section.optional(KEYS.role).and_then(|field| field.located_name());
    let authid = section.optional(KEYS.authid).and_then(|field| field.non_empty_text());
    section.finish();
    field.context.names.borrow_mut().refer(realm.clone(), role.clone());
    Some(AnonymousAuth {
        realm: realm.map(|realm| realm.name),
        role: role.map_or_else(|| AnonymousAuth::DEFAULT_ROLE.to_owned(), |role| role.name),
        authid,
    })
}
