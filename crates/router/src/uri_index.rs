//! Finds the entries whose pattern matches a URI: an exact map, a prefix trie and a wildcard trie.
//!
//! The broker needs all matches, the dealer the best one, authorization the best one in another
//! order. A look-up costs one hash and two walks along the URI, however many patterns there are.
//! Tested against the definitions: [`UriPattern::matches`], and for the best match
//! [`UriPattern::cmp_for_call`] and [`UriPattern::cmp_for_permission`].

use std::collections::HashMap;

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use compact_str::CompactString;
use foldhash::fast::RandomState;

mod prefix_trie;
mod wildcard_trie;

use prefix_trie::PrefixTrie;
use wildcard_trie::WildcardTrie;

/// How far [`UriIndex::next_matches`] has come. It stays valid while entries come and go: entries
/// before it are not found again, entries behind it are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatchCursor(CursorStage);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum CursorStage {
    /// Nothing has been found.
    #[default]
    Start,
    /// The walk goes on in the wildcard trie, at this node.
    Wildcards(wildcard_trie::Path),
    /// Everything has been found.
    End,
}

impl MatchCursor {
    /// Whether everything has been found.
    pub const fn is_at_end(self) -> bool {
        matches!(self.0, CursorStage::End)
    }
}

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

    /// The entry of exactly this URI.
    pub fn exact(&self, uri: &str) -> Option<&V> {
        self.exact.get(uri)
    }

    /// Adds an entry under a pattern. Returns the entry that it replaces.
    pub fn insert(&mut self, pattern: &UriPattern, value: V) -> Option<V> {
        match pattern.policy() {
            MatchPolicy::Exact => self.exact.insert(pattern.as_str().into(), value),
            MatchPolicy::Prefix => self.prefix.insert(pattern.as_str(), value),
            MatchPolicy::Wildcard => self.wildcard.insert(pattern.as_str(), value),
        }
    }

    /// Removes the entry of exactly this pattern, with every node that only it needed.
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

    /// Calls `found` with further entries that match, in the order of [`UriIndex::all_matches`],
    /// and moves the cursor past them. Visits about `visits` nodes and returns their number: a URI
    /// of n components can match 2^n wildcards, so they are not all visited at once.
    pub fn next_matches(
        &self,
        uri: &str,
        cursor: &mut MatchCursor,
        visits: u32,
        mut found: impl FnMut(&V),
    ) -> u32 {
        let mut visited = 0;
        let mut path = wildcard_trie::Path::default();
        match cursor.0 {
            CursorStage::Start => {
                if let Some(value) = self.exact.get(uri) {
                    found(value);
                }
                // At most one for each byte of the URI.
                self.prefix.all_matches(uri, &mut |value| {
                    visited += 1;
                    found(value);
                });
            }
            CursorStage::Wildcards(reached) => path = reached,
            CursorStage::End => return 0,
        }
        let walked = self.wildcard.next_matches(uri, path, visits, &mut found);
        cursor.0 = walked.stopped_at.map_or(CursorStage::End, CursorStage::Wildcards);
        visited + walked.visited
    }

    /// The entry that a call goes to: exact before the longest prefix before the wildcard with the
    /// longest literal runs (advanced profile, "Pattern-based Registrations").
    ///
    /// The specification lets `a.b` match `a.bc.d`, but in its table of precedence such a prefix
    /// does not stand in the way of a wildcard: prefixes are ranked by whole components. So a
    /// wildcard is preferred where every prefix that matches ends inside a component.
    pub fn best_match(&self, uri: &str) -> Option<&V> {
        if let Some(value) = self.exact.get(uri) {
            return Some(value);
        }
        match self.prefix.longest_match_and_whole(uri) {
            Some((value, true)) => Some(value),
            Some((prefix, false)) => self.wildcard.best_match(uri).or(Some(prefix)),
            None => self.wildcard.best_match(uri),
        }
    }

    /// The entry that a permission is taken from: exact before wildcard before the longest prefix,
    /// as in existing configurations.
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
            // Without an empty component it matches its own text only.
            MatchPolicy::Wildcard if !has_empty_component(text) => self.best_rule(text),
            // Longer URIs match a prefix, so nothing but a prefix covers it.
            MatchPolicy::Prefix => self.prefix.longest_match(text),
            // An empty component is covered by an empty component only; a prefix covers every
            // pattern that begins with it.
            MatchPolicy::Wildcard => {
                self.wildcard.best_match(text).or_else(|| self.prefix.longest_match(text))
            }
        }
    }
}

fn has_empty_component(pattern: &str) -> bool {
    pattern.split('.').any(str::is_empty)
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
    use proptest::prelude::{Strategy, prop_oneof, proptest};

    use super::{MatchCursor, UriIndex};

    fn pattern(text: &str, policy: MatchPolicy) -> UriPattern {
        UriPattern::new(text, policy, UriRule::Loose).unwrap()
    }

    /// `docs/decisions/traps.md#f5`: the table of the advanced profile, "Pattern-based
    /// Registrations".
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

    /// `docs/decisions/traps.md#f5`: permissions have the opposite order of calls.
    #[test]
    fn a_permission_prefers_a_wildcard_to_a_prefix() {
        let mut index = UriIndex::default();
        index.insert(&pattern("com.example.", MatchPolicy::Prefix), "prefix");
        index.insert(&pattern("com..add", MatchPolicy::Wildcard), "wildcard");
        assert_eq!(index.best_rule("com.example.add"), Some(&"wildcard"));
        assert_eq!(index.best_match("com.example.add"), Some(&"prefix"));
    }

    #[test]
    fn the_longest_of_several_prefixes_gets_a_call() {
        let mut index = UriIndex::default();
        index.insert(&pattern("com.", MatchPolicy::Prefix), "com.");
        index.insert(&pattern("com.p", MatchPolicy::Prefix), "com.p");
        assert_eq!(index.best_match("com.pq"), Some(&"com.p"));
        assert_eq!(index.best_match("com.p.q"), Some(&"com.p"));
        assert_eq!(index.best_match("com.q"), Some(&"com."));
    }

    #[test]
    fn a_wildcard_is_preferred_where_every_prefix_ends_inside_a_component() {
        let mut index = UriIndex::default();
        index.insert(&pattern("com.a.b", MatchPolicy::Prefix), "prefix");
        assert_eq!(index.best_match("com.a.bc"), Some(&"prefix"));
        index.insert(&pattern("com..bc", MatchPolicy::Wildcard), "wildcard");
        assert_eq!(index.best_match("com.a.bc"), Some(&"wildcard"));
        assert_eq!(index.best_match("com.a.b.c"), Some(&"prefix"));
        index.insert(&pattern("com.a.", MatchPolicy::Prefix), "component");
        assert_eq!(index.best_match("com.a.bc"), Some(&"prefix"), "the longest of both prefixes");
        assert_eq!(index.best_match("com.a.c"), Some(&"component"));
    }

    /// Whether a prefix that matches a URI ends at the end of a component.
    fn is_whole(pattern: &UriPattern, uri: &str) -> bool {
        let text = pattern.as_str();
        let rest = &uri[text.len()..];
        text.is_empty() || text.ends_with('.') || rest.is_empty() || rest.starts_with('.')
    }

    /// All entries that match, found in steps of `visits` visits. `between` changes the index after
    /// each step.
    fn in_steps(
        index: &mut UriIndex<UriPattern>,
        uri: &str,
        visits: u32,
        mut between: impl FnMut(&mut UriIndex<UriPattern>),
    ) -> Vec<UriPattern> {
        let (mut cursor, mut all) = (MatchCursor::default(), Vec::new());
        while !cursor.is_at_end() {
            let before = cursor;
            let visited = index.next_matches(uri, &mut cursor, visits, |p| all.push(p.clone()));
            assert_ne!(cursor, before, "each step goes on");
            assert!(visited as usize <= uri.len() + 1 + visits.max(2) as usize);
            between(index);
        }
        all
    }

    #[test]
    fn steps_find_every_match_once_while_others_come_and_go() {
        let mut index = UriIndex::default();
        for number in 0..32 {
            let components = |bit| if number >> bit & 1 == 1 { "" } else { "a" };
            let text = [0, 1, 2, 3, 4].map(components).join(".");
            let pattern = pattern(&text, MatchPolicy::Wildcard);
            index.insert(&pattern, pattern.clone());
        }
        let uri = "a.a.a.a.a";
        let mut expected = Vec::new();
        index.all_matches(uri, |pattern| expected.push(pattern.clone()));
        for visits in 0..70 {
            assert_eq!(in_steps(&mut index, uri, visits, |_| {}), expected, "{visits}");
        }
        // An entry that is removed before its turn is not found; an entry that was found is not
        // found again.
        let removed = pattern("a....a", MatchPolicy::Wildcard);
        let mut is_first = true;
        let found = in_steps(&mut index, uri, 7, |index| {
            index.remove(&removed);
            if std::mem::take(&mut is_first) {
                let first = expected[0].clone();
                index.remove(&first);
                index.insert(&first, first.clone());
            }
        });
        let left: Vec<_> = expected.iter().filter(|p| **p != removed).cloned().collect();
        assert_eq!(found, left);
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
                for visits in [0, 3, 1_000] {
                    assert_eq!(in_steps(&mut index, &uri, visits, |_| {}), all);
                }
                all.sort();
                let mut expected: Vec<_> =
                    oracle.iter().filter(|pattern| pattern.matches(&uri)).cloned().collect();
                expected.sort();
                assert_eq!(all, expected);
                let prefixes = expected.iter().filter(|p| p.policy() == MatchPolicy::Prefix);
                let ends_whole = prefixes.clone().any(|prefix| is_whole(prefix, &uri));
                let best = expected.iter().max_by(|one, other| one.cmp_for_call(other, ends_whole));
                assert_eq!(index.best_match(&uri), best);
                let rule = expected.iter().max_by(|one, other| one.cmp_for_permission(other));
                assert_eq!(index.best_rule(&uri), rule);
            }
            for pattern in &oracle {
                index.remove(pattern);
            }
            assert!(index.is_empty());
        }
    }
}
