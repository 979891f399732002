//! Permissions whose answer depends on which of several matching patterns counts.
//!
//! Here, as in Crossbar.io's code, an exact pattern counts before a wildcard, and a wildcard
//! before the longest prefix; among wildcards the one with the longest run of components before
//! each of its wildcards. Crossbar.io's manual says that the longest pattern counts. Where the
//! two differ, the author of a configuration is told. So is the author of a denial inside of a
//! pattern that is allowed, or of a part of it: who subscribes to or registers the whole pattern
//! needs nothing but the rule that covers it.

use std::cmp::Ordering;

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use crate::field::Field;
use crate::settings::{AllowedActions, PermissionConfig};

/// How many pairs of permissions of a role are compared: all of a hundred permissions. Roles in
/// use have a few dozen.
const MAX_PAIRS: usize = 10_000;

/// Warns about each permission that does not count for some URI although its pattern is the
/// longest one that matches, if what counts instead answers otherwise.
pub(crate) fn warn_shadowed(permissions: &[(&Field<'_>, PermissionConfig)]) {
    let pairs =
        permissions.iter().flat_map(|one| permissions.iter().map(move |other| (one, other)));
    for ((field, longer), (other, counting)) in pairs.take(MAX_PAIRS) {
        let answers_alike = longer.allow == counting.allow
            && longer.disclose == counting.disclose
            && longer.validate == counting.validate;
        if !answers_alike && surprises(&longer.pattern, &counting.pattern) {
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
                        "what this permission denies is still reached by who may {action} the \
                         whole pattern '{}' of line {}",
                        counting.pattern.as_str(),
                        other.mark().line,
                    ));
                }
            }
        }
    }
}

/// Whether some URI matches both patterns, of which the first counts for it. Then the second is
/// more than what the first leaves of it.
fn is_exception(part: &UriPattern, whole: &UriPattern) -> bool {
    match (whole.policy(), part.policy()) {
        (MatchPolicy::Exact, _) | (MatchPolicy::Wildcard, MatchPolicy::Prefix) => false,
        (MatchPolicy::Prefix, MatchPolicy::Wildcard) => overlap(whole, part),
        (MatchPolicy::Wildcard, MatchPolicy::Wildcard) => {
            overlap(whole, part) && rank(part, whole) == Ordering::Greater
        }
        (_, MatchPolicy::Exact) | (MatchPolicy::Prefix, MatchPolicy::Prefix) => {
            whole != part && whole.matches(part.as_str())
        }
    }
}

/// The actions on patterns that the part denies and the whole allows.
const fn gaps(part: AllowedActions, whole: AllowedActions) -> [(&'static str, bool); 2] {
    [
        ("subscribe to", whole.subscribe && !part.subscribe),
        ("register", whole.register && !part.register),
    ]
}

/// Whether some URI matches both patterns, of which the first is longer and the second counts.
fn surprises(longer: &UriPattern, counting: &UriPattern) -> bool {
    longer.as_str().len() > counting.as_str().len()
        && counting.policy() == MatchPolicy::Wildcard
        && match longer.policy() {
            MatchPolicy::Exact => false,
            MatchPolicy::Prefix => overlap(longer, counting),
            MatchPolicy::Wildcard => {
                overlap(longer, counting) && rank(longer, counting) == Ordering::Less
            }
        }
}

/// Whether some URI matches a prefix or wildcard and a wildcard.
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

/// Whether a pattern counts before another one where both match: exact, then the best wildcard,
/// then the longest prefix.
pub(crate) fn beats(one: &UriPattern, other: &UriPattern) -> bool {
    let order = |pattern: &UriPattern| match pattern.policy() {
        MatchPolicy::Exact => 2,
        MatchPolicy::Wildcard => 1,
        MatchPolicy::Prefix => 0,
    };
    let by_policy = order(one).cmp(&order(other));
    let by_text = || match one.policy() {
        MatchPolicy::Wildcard => rank(one, other),
        MatchPolicy::Exact | MatchPolicy::Prefix => one.as_str().len().cmp(&other.as_str().len()),
    };
    by_policy.then_with(by_text) == Ordering::Greater
}

/// Compares two wildcards by the lengths of their runs of components, from the beginning.
fn rank(one: &UriPattern, other: &UriPattern) -> Ordering {
    runs(one).cmp(&runs(other))
}

/// The number of components before each wildcard of a pattern, and after the last one.
fn runs(pattern: &UriPattern) -> Vec<usize> {
    let components: Vec<&str> = pattern.as_str().split('.').collect();
    components.split(|component| component.is_empty()).map(<[&str]>::len).collect()
}
