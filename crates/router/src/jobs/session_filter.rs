//! Filters of sessions for the session meta API: all sessions, those of some roles, those of one
//! authid.
//!
//! Each session is checked with one look-up, however long the argument is. Spec: advanced profile
//! "Session Meta API".

use std::fmt;

use cloverleaf_wamp::heap_size::HeapSize;
use compact_str::CompactString;
use foldhash::HashSet;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use crate::limits::MAX_FILTER_ROLES;
use crate::session::Principal;

/// Selects sessions by their principals.
#[derive(Debug)]
pub(crate) enum SessionFilter {
    /// All sessions.
    All,
    /// Sessions whose authrole is in the set.
    Roles(Roles),
    /// Sessions with this authid.
    Authid(CompactString),
    /// Sessions with this authrole.
    Authrole(CompactString),
}

impl HeapSize for SessionFilter {
    fn heap_size(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Roles(Roles(roles)) => {
                let names = roles.iter().map(|role| role.len()).sum::<usize>();
                names + roles.capacity() * (size_of::<CompactString>() + 1)
            }
            Self::Authid(name) | Self::Authrole(name) => name.len(),
        }
    }
}

impl SessionFilter {
    /// Whether the filter selects the sessions of a principal.
    pub(crate) fn selects(&self, principal: &Principal) -> bool {
        match self {
            Self::All => true,
            Self::Roles(Roles(roles)) => roles.contains(principal.authrole.as_str()),
            Self::Authid(authid) => principal.authid == *authid,
            Self::Authrole(authrole) => principal.authrole == *authrole,
        }
    }
}

/// A set of authroles, read from a list of at most [`MAX_FILTER_ROLES`] entries.
#[derive(Debug, Default)]
pub(crate) struct Roles(HashSet<CompactString>);

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RolesVisitor)
    }
}

struct RolesVisitor;

impl<'de> Visitor<'de> for RolesVisitor {
    type Value = Roles;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_FILTER_ROLES} roles")
    }

    /// Stops at the first entry beyond the limit.
    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Roles, A::Error> {
        let mut roles = Roles::default();
        let mut count = 0;
        while let Some(role) = entries.next_element::<String>()? {
            count += 1;
            if count > MAX_FILTER_ROLES {
                return Err(A::Error::invalid_length(count, &self));
            }
            roles.0.insert(role.into());
        }
        Ok(roles)
    }
}
