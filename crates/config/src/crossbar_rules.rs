//! Warnings about permissions that have another effect with Crossbar.io.
//!
//! Crossbar.io keeps the patterns without `..` in one trie and those with `..` in another.
//!
//! 1. In the first trie it takes the longest text that the URI begins with, and no other. So an
//!    exact rule hides the shorter prefixes of longer URIs. Of an exact and a prefix rule with the
//!    same text, the last one counts.
//! 2. Unless this rule is exact, it takes the pattern of the second trie with the longest text
//!    before `..`, and no other. A pattern of the second trie with other characters than `a-z`,
//!    `0-9`, `_` and `-` never matches.
//! 3. A wildcard without `..` is no wildcard.
//!
//! In this router, the exact rule counts, else the best wildcard, else the longest prefix
//! (`docs/decisions/precedence.md`).
//!
//! URIs that show a difference are found by trying URIs that match a rule or a pair of rules. In
//! the code, `ours` is the rule of this router, and `theirs` that of Crossbar.io.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::uri::{MatchPolicy, Uri, UriPattern, UriRule};

use crate::sections::actions::AllowedActions;
use crate::sections::permission::WrittenPermission;

/// The most comparisons of a URI with a rule, for one role: some milliseconds. Roles in use have a
/// few dozen rules, and each rule a few URIs.
const MAX_COMPARISONS: usize = 200_000;

/// Warns once about each rule that counts for a URI in this router or in Crossbar.io, if the other
/// one decides differently about this URI.
pub(crate) fn compare(rules: &[WrittenPermission<'_, '_>]) {
    for (named, uri) in differences(rules) {
        let (ours, theirs) = (counting(rules, &uri), crossbar(rules, &uri));
        rules[named].field.warn(difference(rules, &uri, named, ours, &theirs));
    }
}

/// The rules with another effect, each with a URI that shows it.
fn differences(rules: &[WrittenPermission<'_, '_>]) -> BTreeMap<usize, String> {
    let mut differences = BTreeMap::new();
    for uri in candidates(rules, MAX_COMPARISONS / rules.len().max(1)) {
        let (ours, theirs) = (counting(rules, &uri), crossbar(rules, &uri));
        let named = match (ours, &theirs) {
            (Some(ours), _) => ours,
            (None, CrossbarMatch::Rule(theirs)) => *theirs,
            (None, CrossbarMatch::Hidden(_) | CrossbarMatch::NoRule) => continue,
        };
        if !has_same_effect(rules, ours, &theirs) {
            differences.entry(named).or_insert(uri);
        }
    }
    differences
}

/// The rule of Crossbar.io for a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CrossbarMatch {
    /// No rule: everything is denied.
    NoRule,
    /// No rule: this exact rule hides those with shorter texts.
    Hidden(usize),
    /// The rule with this index.
    Rule(usize),
}

/// The index of the rule that counts for a URI in this router.
fn counting(rules: &[WrittenPermission<'_, '_>], uri: &str) -> Option<usize> {
    let mut best: Option<(usize, &UriPattern)> = None;
    for (index, rule) in rules.iter().enumerate() {
        let Some(pattern) = rule.permission.as_ref().map(|permission| &permission.pattern) else {
            continue;
        };
        // Of two rules with one pattern the last one counts.
        if pattern.matches(uri)
            && best.is_none_or(|(_, best)| best.cmp_for_permission(pattern) != Ordering::Greater)
        {
            best = Some((index, pattern));
        }
    }
    best.map(|(index, _)| index)
}

/// The rule that counts for a URI in Crossbar.io.
fn crossbar(rules: &[WrittenPermission<'_, '_>], uri: &str) -> CrossbarMatch {
    let first = longest(rules, |rule| {
        let is_first = !rule.uri.contains("..");
        (is_first && uri.starts_with(&rule.uri)).then_some(rule.uri.len())
    });
    let first = first.map_or(CrossbarMatch::NoRule, |index| match &rules[index] {
        rule if rule.policy == MatchPolicy::Prefix || rule.uri == uri => CrossbarMatch::Rule(index),
        _ => CrossbarMatch::Hidden(index),
    });
    if let CrossbarMatch::Rule(index) = first
        && rules[index].policy == MatchPolicy::Exact
    {
        return first;
    }
    let second = longest(rules, |rule| {
        let (before, _) = rule.uri.split_once("..")?;
        uri.starts_with(before).then_some(before.len())
    });
    match second {
        Some(index) if wildcard_matches(&rules[index].uri, uri) => CrossbarMatch::Rule(index),
        _ => first,
    }
}

/// The index of the rule with the largest `length`; the last one of several. Rules without a length
/// are skipped.
fn longest<'r, 'f: 'r, 'a: 'f>(
    rules: &'r [WrittenPermission<'f, 'a>],
    length: impl Fn(&'r WrittenPermission<'f, 'a>) -> Option<usize>,
) -> Option<usize> {
    let lengths = rules.iter().enumerate();
    let lengths = lengths.filter_map(|(index, rule)| Some((length(rule)?, index)));
    lengths.max().map(|(_, index)| index)
}

/// Whether a pattern with empty components matches a URI.
fn wildcard_matches(pattern: &str, uri: &str) -> bool {
    let mut components = uri.split('.');
    let every = pattern.split('.').all(|wanted| {
        let found = components.next();
        found.is_some_and(|found| {
            wanted.is_empty() || (wanted == found && is_plain_component(wanted))
        })
    });
    every && components.next().is_none()
}

/// Whether Crossbar.io accepts this component in a wildcard.
fn is_plain_component(text: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(first) && text.chars().all(|c| first(c) || c == '_' || c == '-')
}

/// Whether the rules of both routers have the same effect.
fn has_same_effect(
    rules: &[WrittenPermission<'_, '_>],
    ours: Option<usize>,
    theirs: &CrossbarMatch,
) -> bool {
    let theirs = match theirs {
        CrossbarMatch::Rule(index) => Some(*index),
        CrossbarMatch::Hidden(_) | CrossbarMatch::NoRule => None,
    };
    if ours == theirs {
        return true;
    }
    let allow = |index: Option<usize>| {
        index.map_or_else(AllowedActions::default, |index| rules[index].allow)
    };
    let rest = |index: Option<usize>| {
        let permission = rules[index?].permission.as_ref()?;
        Some((permission.disclose, &permission.validate))
    };
    let allowed = allow(ours);
    allowed == allow(theirs) && (allowed == AllowedActions::default() || rest(ours) == rest(theirs))
}

/// The message about a rule with another effect.
fn difference(
    rules: &[WrittenPermission<'_, '_>],
    uri: &str,
    named: usize,
    ours: Option<usize>,
    theirs: &CrossbarMatch,
) -> String {
    let line = |index: usize| rules[index].field.mark().line;
    let allows = |index: usize| allowed(rules[index].allow);
    let this = match ours {
        Some(here) => format!("here this permission counts, which {}", allows(here)),
        None => "here it does not match, and everything is denied".to_owned(),
    };
    let other = match *theirs {
        CrossbarMatch::Rule(index) if index == named => format!("there it {}", allows(index)),
        CrossbarMatch::Rule(index) => {
            format!("there the one of line {} counts, which {}", line(index), allows(index))
        }
        CrossbarMatch::Hidden(index) => {
            format!("there the one of line {} hides it, and everything is denied", line(index))
        }
        CrossbarMatch::NoRule => "there it does not match, and everything is denied".to_owned(),
    };
    format!("differs from Crossbar.io for URIs such as '{uri}': {this}; {other}")
}

/// The allowed actions, as the end of a sentence.
fn allowed(allow: AllowedActions) -> String {
    let actions = allow.names();
    match actions.is_empty() {
        true => "allows nothing".to_owned(),
        false => format!("allows {}", actions.join(", ")),
    }
}

/// URIs that match each rule, and each pair of a wildcard and another rule; the shortest ones
/// first.
fn candidates(rules: &[WrittenPermission<'_, '_>], most: usize) -> Vec<String> {
    let mut uris = BTreeSet::new();
    for rule in rules {
        uris.extend(examples(&rule.uri));
    }
    let wildcards = rules.iter().filter(|rule| is_wildcard(rule));
    let pairs = wildcards.flat_map(|one| rules.iter().map(move |other| (one, other)));
    for (one, other) in pairs.take(most) {
        uris.extend(examples(&meeting(&one.uri, &other.uri)));
    }
    let is_uri = |uri: &String| Uri::new(uri.as_str(), UriRule::Loose).is_ok();
    let mut uris: Vec<String> = uris.into_iter().filter(is_uri).collect();
    uris.sort_by_key(String::len);
    uris.truncate(most);
    uris
}

fn is_wildcard(rule: &WrittenPermission<'_, '_>) -> bool {
    rule.policy == MatchPolicy::Wildcard || rule.uri.contains("..")
}

/// The component that replaces empty components in examples.
const ANY: &str = "x";

/// The text of a pattern, with its empty components replaced, and longer URIs that begin with it.
fn examples(uri: &str) -> [String; 4] {
    let filled = filled(uri);
    let more = format!("{filled}.{ANY}");
    [uri.to_owned(), format!("{uri}{ANY}"), filled, more]
}

/// A pattern with its empty components replaced by [`ANY`].
fn filled(uri: &str) -> String {
    let components = uri.split('.').map(|part| if part.is_empty() { ANY } else { part });
    components.collect::<Vec<_>>().join(".")
}

/// A pattern with its empty components replaced by those of another pattern.
fn meeting(wildcard: &str, other: &str) -> String {
    let mut others = other.split('.');
    let components = wildcard.split('.').map(|part| {
        let other = others.next().unwrap_or_default();
        if part.is_empty() { other } else { part }
    });
    components.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cloverleaf_wamp::uri::MatchPolicy::{Exact, Prefix, Wildcard};
    use cloverleaf_wamp::uri::{UriPattern, UriRule};

    use super::{
        AllowedActions, CrossbarMatch, MatchPolicy, WrittenPermission, counting, crossbar,
        differences, has_same_effect,
    };
    use crate::document::{DocumentNode, Mark, Value};
    use crate::env::ProcessEnvironment;
    use crate::field::Field;
    use crate::load_context::LoadContext;
    use crate::sections::permission::PermissionConfig;
    use crate::settings::{DisclosureOptions, PayloadSchemas};

    /// The patterns of rules.
    type Rules<'t> = &'t [(&'t str, MatchPolicy)];

    /// URIs, each with the index of the rule that counts for it.
    type Answers<'t> = &'t [(&'t str, Option<usize>)];

    /// Runs `judge` with rules, the first of which allows calls, the second one not, and so on.
    fn with_rules<T>(
        rules: &[(&str, MatchPolicy)],
        judge: impl FnOnce(&[WrittenPermission<'_, '_>]) -> T,
    ) -> T {
        let context = LoadContext::new("config.json", Path::new(""), &ProcessEnvironment);
        let node = DocumentNode::new(Mark::START, Value::Null);
        let field = Field { context: &context, node: &node, path: String::new() };
        let rule = |(index, (uri, policy)): (usize, &(&str, MatchPolicy))| {
            let allow = AllowedActions { call: index % 2 == 0, ..AllowedActions::default() };
            let (disclose, validate) = (DisclosureOptions::default(), PayloadSchemas::default());
            let permission = UriPattern::new(*uri, *policy, UriRule::Loose).ok().map(|pattern| {
                PermissionConfig {
                    pattern,
                    allow,
                    disclose,
                    validate,
                    trustlevel: None,
                    cache: false,
                }
            });
            WrittenPermission {
                field: &field,
                uri: (*uri).to_owned(),
                policy: *policy,
                allow,
                permission,
            }
        };
        let rules: Vec<WrittenPermission<'_, '_>> = rules.iter().enumerate().map(rule).collect();
        judge(&rules)
    }

    /// The answers were taken from Crossbar.io's own tries and patterns (PyTrie 0.4,
    /// Autobahn|Python 26).
    #[test]
    fn the_rule_of_crossbar_is_that_of_its_own_code() {
        let table: [(Rules<'_>, Answers<'_>); 16] = [
            (
                &[("com.", Prefix), ("com.a", Exact)],
                &[
                    ("com.a", Some(1)),
                    ("com.a.b", None),
                    ("com.ab", None),
                    ("com.b", Some(0)),
                    ("org", None),
                ],
            ),
            (&[("com.a", Exact), ("com.a", Prefix)], &[("com.a", Some(1)), ("com.a.b", Some(1))]),
            (&[("com.a", Prefix), ("com.a", Exact)], &[("com.a", Some(1)), ("com.a.b", None)]),
            (&[("", Exact)], &[("com", None), ("com.a", None)]),
            (
                &[("", Prefix), ("com.", Exact)],
                &[("org", Some(0)), ("com", Some(0)), ("com.a", None)],
            ),
            (
                &[("", Prefix), (".add", Wildcard), ("com.", Wildcard)],
                &[("com.add", None), ("com.a", None)],
            ),
            (
                &[("com..add", Wildcard), ("com.", Prefix), ("com.a.add", Exact)],
                &[("com.a.add", Some(2)), ("com.b.add", Some(0)), ("com.b.sub", Some(1))],
            ),
            (&[("com..add", Exact)], &[("com.b.add", Some(0)), ("com.add", None)]),
            (&[("com..add", Prefix)], &[("com.b.add", Some(0)), ("com.b.add.c", None)]),
            (&[("com..Add", Wildcard), ("com.", Prefix)], &[("com.b.Add", Some(1))]),
            (
                &[("com..a", Wildcard), ("com..b", Wildcard)],
                &[("com.x.a", None), ("com.x.b", Some(1))],
            ),
            (
                &[("com.a..b", Wildcard), ("com..x.b", Wildcard)],
                &[("com.a.x.b", Some(0)), ("com.b.x.b", Some(1))],
            ),
            (&[("com.a..b", Wildcard), ("com..x.c", Wildcard)], &[("com.a.x.c", None)]),
            (
                &[("..a", Wildcard), ("a..b.", Wildcard)],
                &[("x.y.a", Some(0)), ("a.x.b.y", Some(1)), ("x.a", None)],
            ),
            (
                &[("com.a", Wildcard), ("com..", Wildcard)],
                &[("com.a", Some(0)), ("com.x.y", Some(1)), ("com.a.b", Some(1))],
            ),
            (&[("com", Wildcard), ("", Prefix)], &[("com", Some(0)), ("com.a", None)]),
        ];
        for (rules, uris) in table {
            for (uri, expected) in uris {
                let found = with_rules(rules, |rules| match crossbar(rules, uri) {
                    CrossbarMatch::Rule(index) => Some(index),
                    CrossbarMatch::Hidden(_) | CrossbarMatch::NoRule => None,
                });
                assert_eq!(found, *expected, "{uri} under {rules:?}");
            }
        }
    }

    /// A generator of pseudo-random numbers, the same in every run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            // The constants of Knuth's MMIX.
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % limit
        }

        fn uri(&mut self, components: &[&str]) -> String {
            let length = 1 + self.below(3);
            let components = (0..length).map(|_| components[self.below(components.len())]);
            components.collect::<Vec<_>>().join(".")
        }
    }

    #[test]
    fn every_rule_with_another_effect_is_found() {
        let mut numbers = Numbers(1);
        let short = ["a", "b", "ab", "x", "ax"];
        let mut uris: Vec<String> = short.map(str::to_owned).to_vec();
        for _ in 1..4 {
            let longer = uris.iter().flat_map(|uri| short.map(|part| format!("{uri}.{part}")));
            uris.extend(longer.collect::<Vec<_>>());
            uris.sort();
            uris.dedup();
        }
        for _ in 0..200 {
            let texts: Vec<(String, MatchPolicy)> = (0..1 + numbers.below(4))
                .map(|_| (numbers.uri(&["", "a", "b", "ab"]), MatchPolicy::ALL[numbers.below(3)]))
                .collect();
            let rules: Vec<(&str, MatchPolicy)> =
                texts.iter().map(|(text, policy)| (text.as_str(), *policy)).collect();
            with_rules(&rules, |rules| {
                let named = differences(rules);
                for uri in &uris {
                    let (ours, theirs) = (counting(rules, uri), crossbar(rules, uri));
                    let Some(ours) = ours else { continue };
                    let is_named = named.contains_key(&ours);
                    let alike = has_same_effect(rules, Some(ours), &theirs);
                    assert!(alike || is_named, "rule {ours} of {texts:?} for {uri}: {theirs:?}");
                }
            });
        }
    }
}
