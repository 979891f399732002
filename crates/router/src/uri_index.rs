//! Which entries match a URI: an exact map, a prefix trie and a wildcard trie.
//!
//! The broker wants all matches, the dealer the best one, authorization the best one in its own
//! order. A look-up costs one hash and two walks along the URI, however many patterns there are.
//! Tested against the definition, [`UriPattern::matches`].

use std::collections::HashMap;

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use compact_str::CompactString;
use foldhash::fast::RandomState;

mod prefix_trie;
mod wildcard_trie;

use prefix_trie::PrefixTrie;
use wildcard_trie::WildcardTrie;

/// Entries by pattern, at most one for each pattern.
#[derive(Debug)]
pub struct UriIndex<V> {
    exact: HashMap<CompactString, V, RandomState>,
    prefix: PrefixTrie<V>,
    wildcard: WildcardTrie<V>,
}

impl<V> Default for UriIndex<V> {
    fn default() -> Self {
        Self {
            exact: HashMap::default(),
            prefix: PrefixTrie::default(),
            wildcard: WildcardTrie::default(),
        }
    }
}

impl<V> UriIndex<V> {
    /// The entry of exactly this pattern.
    pub fn at(&self, pattern: &UriPattern) -> Option<&V> {
        match pattern.policy() {
            MatchPolicy::Exact => self.exact.get(pattern.as_str()),
            MatchPolicy::Prefix => self.prefix.at(pattern.as_str()),
            MatchPolicy::Wildcard => self.wildcard.at(pattern.as_str()),
        }
    }

    /// Puts an entry under a pattern; returns the one that it replaces.
    pub fn insert(&mut self, pattern: &UriPattern, value: V) -> Option<V> {
        match pattern.policy() {
            MatchPolicy::Exact => self.exact.insert(pattern.as_str().into(), value),
            MatchPolicy::Prefix => self.prefix.insert(pattern.as_str(), value),
            MatchPolicy::Wildcard => self.wildcard.insert(pattern.as_str(), value),
        }
    }

    /// Takes the entry of exactly this pattern out, and with it every node that only it needed.
    pub fn remove(&mut self, pattern: &UriPattern) -> Option<V> {
        match pattern.policy() {
            MatchPolicy::Exact => self.exact.remove(pattern.as_str()),
            MatchPolicy::Prefix => self.prefix.remove(pattern.as_str()),
            MatchPolicy::Wildcard => self.wildcard.remove(pattern.as_str()),
        }
    }

    /// Whether there is no entry and no node.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefix.is_empty() && self.wildcard.is_empty()
    }

    /// Calls `found` with every entry that matches: exact, then prefixes from short to long, then
    /// wildcards, those with the longer literal run first.
    pub fn all_matches(&self, uri: &str, mut found: impl FnMut(&V)) {
        if let Some(value) = self.exact.get(uri) {
            found(value);
        }
        self.prefix.all_matches(uri, &mut found);
        self.wildcard.all_matches(uri, &mut found);
    }

    /// The entry that a call goes to: exact before the longest prefix before the wildcard with the
    /// longest literal runs (advanced profile, "Pattern-based Registrations").
    ///
    /// The specification lets `a.b` match `a.bc.d`, but in its table of precedence such a prefix
    /// does not stand in the way of a wildcard: prefixes are ranked by whole components. So one
    /// that ends inside a component comes last.
    pub fn best_match(&self, uri: &str) -> Option<&V> {
        self.exact
            .get(uri)
            .or_else(|| self.prefix.longest_match_of_components(uri))
            .or_else(|| self.wildcard.best_match(uri))
            .or_else(|| self.prefix.longest_match(uri))
    }

    /// The entry that a permission is taken from: exact before wildcard before the longest prefix,
    /// as existing configurations mean it.
    pub fn best_rule(&self, uri: &str) -> Option<&V> {
        self.exact
            .get(uri)
            .or_else(|| self.wildcard.best_match(uri))
            .or_else(|| self.prefix.longest_match(uri))
    }
}

impl<V> UriIndex<V> {
    /// The entry that a permission for a whole pattern is taken from: one whose own pattern covers
    /// every URI that `pattern` matches, in the order of [`UriIndex::best_rule`].
    pub fn best_rule_covering(&self, pattern: &UriPattern) -> Option<&V> {
        let text = pattern.as_str();
        match pattern.policy() {
            MatchPolicy::Exact => self.best_rule(text),
            // Longer URIs match a prefix, so nothing but a prefix covers it.
            MatchPolicy::Prefix => self.prefix.longest_match(text),
            // An empty component is covered by an empty component only; a prefix covers what begins
            // as it does.
            MatchPolicy::Wildcard => {
                self.wildcard.best_match(text).or_else(|| self.prefix.longest_match(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
    use proptest::prelude::{Strategy, prop_oneof, proptest};

    use super::UriIndex;

    fn pattern(text: &str, policy: MatchPolicy) -> UriPattern {
        UriPattern::new(text, policy, UriRule::Loose).unwrap()
    }

    /// Decisions F5: the table of the advanced profile, "Pattern-based Registrations".
    #[test]
    fn calls_find_the_registration_that_the_specification_says() {
        let mut index = UriIndex::default();
        for (number, policy, text) in [
            (1, MatchPolicy::Exact, "a1.b2.c3.d4.e55"),
            (2, MatchPolicy::Prefix, "a1.b2.c3"),
            (3, MatchPolicy::Prefix, "a1.b2.c3.d4"),
            (4, MatchPolicy::Wildcard, "a1.b2..d4.e5"),
            (5, MatchPolicy::Wildcard, "a1.b2.c33..e5"),
            (6, MatchPolicy::Wildcard, "a1.b2..d4.e5..g7"),
            (7, MatchPolicy::Wildcard, "a1.b2..d4..f6.g7"),
        ] {
            assert_eq!(index.insert(&pattern(text, policy), number), None);
        }
        let found = |uri| index.best_match(uri).copied();
        assert_eq!(found("a1.b2.c3.d4.e55"), Some(1));
        assert_eq!(found("a1.b2.c3.d98.e74"), Some(2));
        assert_eq!(found("a1.b2.c3.d4.e325"), Some(3));
        assert_eq!(found("a1.b2.c55.d4.e5"), Some(4));
        assert_eq!(found("a1.b2.c33.d4.e5"), Some(5));
        assert_eq!(found("a1.b2.c88.d4.e5.f6.g7"), Some(6));
        assert_eq!(found("a2.b2.c2.d2.e2"), None);
    }

    /// Decisions F5: the other way round than calls.
    #[test]
    fn a_permission_prefers_a_wildcard_to_a_prefix() {
        let mut index = UriIndex::default();
        index.insert(&pattern("com.example.", MatchPolicy::Prefix), "prefix");
        index.insert(&pattern("com..add", MatchPolicy::Wildcard), "wildcard");
        assert_eq!(index.best_rule("com.example.add"), Some(&"wildcard"));
        assert_eq!(index.best_match("com.example.add"), Some(&"prefix"));
    }

    #[test]
    fn a_prefix_that_ends_inside_a_component_comes_after_wildcards() {
        let mut index = UriIndex::default();
        index.insert(&pattern("com.a.b", MatchPolicy::Prefix), "prefix");
        assert_eq!(index.best_match("com.a.bc"), Some(&"prefix"));
        index.insert(&pattern("com..bc", MatchPolicy::Wildcard), "wildcard");
        assert_eq!(index.best_match("com.a.bc"), Some(&"wildcard"));
        index.insert(&pattern("com.a.", MatchPolicy::Prefix), "component");
        assert_eq!(index.best_match("com.a.bc"), Some(&"component"));
        assert_eq!(index.best_match("com.a.b.c"), Some(&"prefix"));
    }

    /// How good a match is, by the letter of the specification: larger is better.
    fn rank(pattern: &UriPattern, uri: &str) -> (u8, usize, Vec<bool>) {
        let text = pattern.as_str();
        match pattern.policy() {
            MatchPolicy::Exact => (3, 0, Vec::new()),
            MatchPolicy::Prefix => {
                let rest = &uri[text.len()..];
                let whole = text.is_empty()
                    || text.ends_with('.')
                    || rest.is_empty()
                    || rest.starts_with('.');
                (if whole { 2 } else { 0 }, text.len(), Vec::new())
            }
            MatchPolicy::Wildcard => {
                (1, 0, text.split('.').map(|component| !component.is_empty()).collect())
            }
        }
    }

    fn policies() -> impl Strategy<Value = MatchPolicy> {
        prop_oneof![
            proptest::strategy::Just(MatchPolicy::Exact),
            proptest::strategy::Just(MatchPolicy::Prefix),
            proptest::strategy::Just(MatchPolicy::Wildcard),
        ]
    }

    proptest! {
        #[test]
        fn the_index_agrees_with_the_definition(
            entries in proptest::collection::vec((policies(), "[ab]{0,2}(\\.[ab]{0,2}){0,3}"), 0..24),
            removed in proptest::collection::vec(proptest::bool::ANY, 24),
            uris in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 8),
        ) {
            let mut index = UriIndex::default();
            let mut oracle: Vec<UriPattern> = Vec::new();
            for (policy, text) in entries {
                let Ok(pattern) = UriPattern::new(text, policy, UriRule::Loose) else { continue };
                if index.insert(&pattern, pattern.clone()).is_none() {
                    oracle.push(pattern);
                }
            }
            let mut removed = removed.into_iter();
            oracle.retain(|pattern| {
                let keep = removed.next().unwrap_or(true);
                if !keep {
                    assert_eq!(index.remove(pattern).as_ref(), Some(pattern));
                }
                keep
            });
            for pattern in &oracle {
                assert_eq!(index.at(pattern), Some(pattern));
            }
            for uri in uris {
                let mut all = Vec::new();
                index.all_matches(&uri, |pattern| all.push(pattern.clone()));
                all.sort();
                let mut expected: Vec<_> =
                    oracle.iter().filter(|pattern| pattern.matches(&uri)).cloned().collect();
                expected.sort();
                assert_eq!(all, expected);
                let best = expected.iter().max_by_key(|pattern| rank(pattern, &uri));
                assert_eq!(index.best_match(&uri), best);
            }
            for pattern in &oracle {
                index.remove(pattern);
            }
            assert!(index.is_empty());
        }
    }
}
