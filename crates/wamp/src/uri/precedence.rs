//! Which of several matching patterns takes precedence.
//!
//! Calls and permissions rank policies differently. Spec: advanced profile, "Pattern-based
//! Registrations".

use std::cmp::Ordering;

use super::{MatchPolicy, UriPattern};

impl UriPattern {
    /// Compares two patterns that match the same URI of a call. The greater one gets the call:
    /// exact before the longest prefix before the wildcard with the longest literal runs.
    ///
    /// `prefix_is_whole`: at least one matching prefix ends at the end of a component. Otherwise
    /// wildcards precede prefixes.
    pub fn cmp_for_call(&self, other: &Self, prefix_is_whole: bool) -> Ordering {
        let rank = |pattern: &Self| match pattern.policy {
            MatchPolicy::Exact => 3,
            MatchPolicy::Prefix if prefix_is_whole => 2,
            MatchPolicy::Wildcard => 1,
            MatchPolicy::Prefix => 0,
        };
        rank(self).cmp(&rank(other)).then_with(|| self.cmp_within_policy(other))
    }

    /// Compares two patterns of permissions that match the same URI. The greater one decides: exact
    /// before the wildcard with the longest literal runs before the longest prefix.
    pub fn cmp_for_permission(&self, other: &Self) -> Ordering {
        let rank = |pattern: &Self| match pattern.policy {
            MatchPolicy::Exact => 2,
            MatchPolicy::Wildcard => 1,
            MatchPolicy::Prefix => 0,
        };
        rank(self).cmp(&rank(other)).then_with(|| self.cmp_within_policy(other))
    }

    /// Compares two patterns of one policy: prefixes by their length, wildcards by their literal
    /// components from the left.
    fn cmp_within_policy(&self, other: &Self) -> Ordering {
        match self.policy {
            MatchPolicy::Exact | MatchPolicy::Prefix => self.text.len().cmp(&other.text.len()),
            MatchPolicy::Wildcard => self.literal_components().cmp(other.literal_components()),
        }
    }

    /// For each component, whether it is literal.
    fn literal_components(&self) -> impl Iterator<Item = bool> {
        self.text.split('.').map(|component| !component.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use crate::uri::{MatchPolicy, UriPattern, UriRule};

    fn pattern(text: &str, policy: MatchPolicy) -> UriPattern {
        UriPattern::new(text, policy, UriRule::Loose).unwrap()
    }

    /// All match `a.b.c`.
    fn matching() -> [UriPattern; 5] {
        [
            pattern("a.b.c", MatchPolicy::Exact),
            pattern("a.b.", MatchPolicy::Prefix),
            pattern("a.", MatchPolicy::Prefix),
            pattern("a..c", MatchPolicy::Wildcard),
            pattern(".b.c", MatchPolicy::Wildcard),
        ]
    }

    fn best_first(order: impl Fn(&UriPattern, &UriPattern) -> Ordering) -> Vec<String> {
        let mut patterns = matching();
        patterns.sort_by(|one, other| order(other, one));
        patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()
    }

    #[test]
    fn a_call_prefers_whole_prefixes_to_wildcards() {
        let order = best_first(|one, other| one.cmp_for_call(other, true));
        assert_eq!(order, ["a.b.c", "a.b.", "a.", "a..c", ".b.c"]);
    }

    #[test]
    fn a_call_prefers_wildcards_to_prefixes_that_end_inside_a_component() {
        let order = best_first(|one, other| one.cmp_for_call(other, false));
        assert_eq!(order, ["a.b.c", "a..c", ".b.c", "a.b.", "a."]);
    }

    #[test]
    fn a_permission_prefers_wildcards_to_prefixes() {
        let order = best_first(UriPattern::cmp_for_permission);
        assert_eq!(order, ["a.b.c", "a..c", ".b.c", "a.b.", "a."]);
    }
}
