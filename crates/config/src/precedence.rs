//! Warnings about permissions that do not have the effect that they seem to have, because another
//! matching pattern has precedence.
//!
//! Precedence is that of Crossbar.io's code: an exact pattern comes before a wildcard, and a
//! wildcard before the longest prefix. Of several wildcards, the one with the longest run of
//! components before each of its wildcards comes first. Crossbar.io's manual says instead that the
//! longest pattern has precedence. A warning names each permission for which the two differ.
//!
//! Another warning names each denial within an allowed pattern: a session that subscribes to or
//! registers the whole pattern needs only the permission that covers it.

use std::cmp::Ordering;

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use crate::field::Field;
use crate::sections::actions::AllowedActions;
use crate::sections::permission::PermissionConfig;

/// The most pairs of permissions that are compared for one role: all pairs of a hundred
/// permissions. Roles in use have a few dozen.
const MAX_PAIRS: usize = 10_000;

/// Warns about each permission that has the longest matching pattern for some URI, but is
/// overridden by another permission with a different effect.
pub(crate) fn warn_shadowed(permissions: &[(&Field<'_>, PermissionConfig)]) {
    let pairs =
        permissions.iter().flat_map(|one| permissions.iter().map(move |other| (one, other)));
    for ((field, longer), (other, counting)) in pairs.take(MAX_PAIRS) {
        let same_effect = longer.allow == counting.allow
            && longer.disclose == counting.disclose
            && longer.validate == counting.validate;
        if !same_effect && is_longer_and_overridden(&longer.pattern, &counting.pattern) {
            field.warn(format!(
                "the pattern '{}' is longer than '{}' of line {}, which counts before it where \
                 both match (exact, then wildcard, then the longest prefix)",
                longer.pattern.as_str(),
                counting.pattern.as_str(),
                other.mark().line,
            ));
        }
        if is_exception(&longer.pattern, &counting.pattern) {
            for (action, denied) in gaps(longer.allow, counting.allow) {
                if denied {
                    field.warn(format!(
                        "clients that may {action} the whole pattern '{}' of line {} still reach \
                         what this permission denies",
                        counting.pattern.as_str(),
                        other.mark().line,
                    ));
                }
            }
        }
    }
}

/// Whether some URI matches both patterns, and `part` has precedence for it.
fn is_exception(part: &UriPattern, whole: &UriPattern) -> bool {
    match (whole.policy(), part.policy()) {
        (MatchPolicy::Exact, _) | (MatchPolicy::Wildcard, MatchPolicy::Prefix) => false,
        (MatchPolicy::Prefix, MatchPolicy::Wildcard) => overlap(whole, part),
        (MatchPolicy::Wildcard, MatchPolicy::Wildcard) => {
            overlap(whole, part) && part.cmp_for_permission(whole) == Ordering::Greater
        }
        (_, MatchPolicy::Exact) | (MatchPolicy::Prefix, MatchPolicy::Prefix) => {
            whole != part && whole.matches(part.as_str())
        }
    }
}

/// For each action on patterns, whether the part denies it and the whole allows it.
const fn gaps(part: AllowedActions, whole: AllowedActions) -> [(&'static str, bool); 2] {
    [
        ("subscribe to", whole.subscribe && !part.subscribe),
        ("register", whole.register && !part.register),
    ]
}

/// Whether some URI matches both patterns, the first is longer and the second has precedence.
fn is_longer_and_overridden(longer: &UriPattern, counting: &UriPattern) -> bool {
    longer.as_str().len() > counting.as_str().len()
        && counting.policy() == MatchPolicy::Wildcard
        && match longer.policy() {
            MatchPolicy::Exact => false,
            MatchPolicy::Prefix => overlap(longer, counting),
            MatchPolicy::Wildcard => {
                overlap(longer, counting) && longer.cmp_for_permission(counting) == Ordering::Less
            }
        }
}

/// Whether some URI matches both `pattern`, a prefix or wildcard, and `wildcard`.
fn overlap(pattern: &UriPattern, wildcard: &UriPattern) -> bool {
    let parts: Vec<&str> = pattern.as_str().split('.').collect();
    let others: Vec<&str> = wildcard.as_str().split('.').collect();
    let meet = |(part, other): (&&str, &&str)| part.is_empty() || other.is_empty() || part == other;
    if pattern.policy() == MatchPolicy::Wildcard {
        return parts.len() == others.len() && parts.iter().zip(&others).all(meet);
    }
    let Some((last, before)) = parts.split_last() else { return false };
    let Some(end) = others.get(before.len()) else { return false };
    let before = before.iter().zip(&others).all(|(part, other)| other.is_empty() || part == other);
    before && (end.is_empty() || end.starts_with(last))
}
