//! The method `anonymous`: clients that prove nothing.

use compact_str::CompactString;

use crate::method::{AuthMethod, AuthRequest, MethodAnswer};
use crate::principal::Principal;
use crate::refusal::Refusal;

/// The name of the method, and of the role that it gives by default.
pub const ANONYMOUS: &str = "anonymous";

/// The identity of anonymous clients.
#[derive(Debug, Clone, Default)]
pub struct Anonymous {
    /// The only realm that they may join, also if they request none. Any realm if absent.
    pub realm: Option<CompactString>,
    /// Their role; `anonymous` if absent.
    pub role: Option<CompactString>,
    /// Their name; random if absent.
    pub authid: Option<CompactString>,
}

impl AuthMethod for Anonymous {
    fn name(&self) -> &str {
        ANONYMOUS
    }

    fn realm_for(&self, requested: &str) -> Result<CompactString, Refusal> {
        match &self.realm {
            None if requested.is_empty() => Err(Refusal::NoRealm),
            None => Ok(requested.into()),
            Some(realm) if requested.is_empty() || realm == requested => Ok(realm.clone()),
            Some(_) => Err(Refusal::OtherRealm(requested.into())),
        }
    }

    fn begin(&self, request: &AuthRequest<'_>) -> MethodAnswer {
        MethodAnswer::Accept(Principal {
            authid: self.authid.clone().unwrap_or_else(|| random_authid(request.random)),
            authrole: self.role.clone().unwrap_or_else(|| ANONYMOUS.into()),
            authmethod: ANONYMOUS.into(),
            authprovider: "static".into(),
        })
    }
}

/// A name of 120 random bits that people can read aloud: `X7QK-3MHD-9PRW-A4TE-6NVG-C5YU`.
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
    use super::random_authid;

    #[test]
    fn random_authid_has_six_groups_of_four() {
        let text = random_authid([u64::MAX, u64::MAX]);
        assert_eq!(text, "9999-9999-9999-9999-9999-9999");
    }
}
