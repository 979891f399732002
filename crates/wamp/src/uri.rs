//! URI validation and the three match policies of patterns.
//!
//! A [`Uri`] is valid. An [`UncheckedUri`] is text of a peer that is not validated yet. Spec: basic
//! profile "URIs"; advanced profile "Pattern-based Registrations" and "Pattern-based Subscription".

use std::fmt;

use compact_str::CompactString;
use thiserror::Error;

use crate::excerpt::Excerpt;
use crate::heap_size::HeapSize;

mod precedence;

/// The maximum length of a URI or pattern, in bytes. The specification sets none; this one is far
/// above URIs in use and keeps index entries and log lines of a hostile peer small.
pub const MAX_URI_BYTES: usize = 2_048;

/// The maximum number of components of a wildcard pattern. Applications use less than ten. Each one
/// costs an index node, and a look-up may try two branches at each.
pub const MAX_WILDCARD_COMPONENTS: usize = 32;

/// The characters that a realm allows in URIs (basic profile, "URIs").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UriRule {
    /// All characters but white space, `.` and `#`.
    #[default]
    Loose,
    /// Only `0-9`, `a-z` and `_`.
    Strict,
}

/// The classes of a byte in a URI. Bits, so that one test at the end covers all bytes.
type ByteClasses = u8;

/// Part of a component.
const COMPONENT: ByteClasses = 0;
/// The separator of components.
const DOT: ByteClasses = 1;
/// Not allowed in a URI.
const FORBIDDEN: ByteClasses = 2;
/// Part of a character outside of ASCII, which needs a look-up in Unicode.
const UNICODE: ByteClasses = 4;

const LOOSE: [ByteClasses; 256] = {
    let mut classes = [COMPONENT; 256];
    // White space in ASCII: tab to carriage return, and the space.
    let mut byte = 0x09;
    while byte <= 0x0d {
        classes[byte] = FORBIDDEN;
        byte += 1;
    }
    classes[b' ' as usize] = FORBIDDEN;
    classes[b'#' as usize] = FORBIDDEN;
    classes[b'.' as usize] = DOT;
    let mut byte = 0x80;
    while byte < 256 {
        classes[byte] = UNICODE;
        byte += 1;
    }
    classes
};

const STRICT: [ByteClasses; 256] = {
    let mut classes = [FORBIDDEN; 256];
    let mut byte = 0;
    while byte < 128 {
        if matches!(byte as u8, b'0'..=b'9' | b'a'..=b'z' | b'_') {
            classes[byte] = COMPONENT;
        }
        byte += 1;
    }
    classes[b'.' as usize] = DOT;
    classes
};

impl UriRule {
    /// Whether the text consists of non-empty components of allowed characters, separated by dots.
    ///
    /// Hot: runs for each CALL and PUBLISH. A table look-up per byte, without branches.
    fn allows(self, text: &str) -> bool {
        let classes = match self {
            Self::Loose => &LOOSE,
            Self::Strict => &STRICT,
        };
        // `repeated` contains DOT if two adjacent bytes are dots: the component between them is
        // empty.
        let (mut found, mut repeated, mut before) = (COMPONENT, COMPONENT, DOT);
        for byte in text.bytes() {
            let class = classes[usize::from(byte)];
            found |= class;
            repeated |= before & class;
            before = class;
        }
        if found & UNICODE != 0 {
            return text.split('.').all(is_loose_component);
        }
        found & FORBIDDEN == 0 && repeated & DOT == 0 && before != DOT
    }
}

fn is_loose_component(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c == '#' || c.is_whitespace())
}

/// Which components of a URI may be empty.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EmptyComponents {
    Never,
    Last,
    Anywhere,
}

/// Characters of an invalid URI that an error message shows.
const MAX_SHOWN_CHARS: usize = 100;

/// The text is not a valid URI under the rule of its realm.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{text}' is not a valid {what}")]
pub struct InvalidUri {
    /// The beginning of the offending text.
    text: String,
    what: &'static str,
}

impl InvalidUri {
    fn new(text: &str, what: &'static str) -> Self {
        Self { text: Excerpt::new(text, MAX_SHOWN_CHARS).to_string(), what }
    }
}

/// Text in the position of a URI, as the peer sent it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct UncheckedUri(CompactString);

impl UncheckedUri {
    /// Wraps text without checking it.
    pub fn new(text: impl Into<CompactString>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks whether the text is a URI.
    #[inline]
    pub fn validate(&self, rule: UriRule) -> Result<(), InvalidUri> {
        check(&self.0, rule, EmptyComponents::Never, "URI")
    }

    /// Converts to a URI.
    pub fn check(&self, rule: UriRule) -> Result<Uri, InvalidUri> {
        self.validate(rule).map(|()| Uri(self.0.clone()))
    }

    /// Converts to a pattern with this policy.
    pub fn check_pattern(
        &self,
        policy: MatchPolicy,
        rule: UriRule,
    ) -> Result<UriPattern, InvalidUri> {
        UriPattern::new(self.0.clone(), policy, rule)
    }
}

/// Counts the length of the text even if it is stored inline.
impl HeapSize for UncheckedUri {
    fn heap_size(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for UncheckedUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for UncheckedUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<T: Into<CompactString>> From<T> for UncheckedUri {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// A valid URI of a procedure, topic, error or realm.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(CompactString);

impl Uri {
    /// Validates text.
    pub fn new(text: impl Into<CompactString>, rule: UriRule) -> Result<Self, InvalidUri> {
        UncheckedUri::new(text).check(rule)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Uri> for UncheckedUri {
    fn from(uri: Uri) -> Self {
        Self(uri.0)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether only the router may use URIs of this namespace: the first component is `wamp` (basic
/// profile, "URIs") or `cloverleaf` for additions of this router.
pub fn is_reserved(text: &str) -> bool {
    begins_with(text, "wamp") || begins_with(text, "cloverleaf")
}

/// Whether the text begins with this component.
fn begins_with(text: &str, component: &str) -> bool {
    text.strip_prefix(component).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The match policy of a pattern (`match` of REGISTER and SUBSCRIBE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MatchPolicy {
    /// Matches only the URI itself.
    #[default]
    Exact,
    /// Matches every URI that begins with the pattern, character by character.
    Prefix,
    /// Matches every URI with the same number of components. An empty component of the pattern
    /// matches any component.
    Wildcard,
}

impl MatchPolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Exact, Self::Prefix, Self::Wildcard];

    /// The name on the wire and in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
            Self::Wildcard => "wildcard",
        }
    }

    /// The policy with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

impl HeapSize for MatchPolicy {
    fn heap_size(&self) -> usize {
        0
    }
}

/// A valid pattern with its policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UriPattern {
    policy: MatchPolicy,
    text: CompactString,
}

impl UriPattern {
    /// Validates text for its policy. The last component of a prefix may be empty, and any
    /// component of a wildcard. Both may be empty as a whole.
    pub fn new(
        text: impl Into<CompactString>,
        policy: MatchPolicy,
        rule: UriRule,
    ) -> Result<Self, InvalidUri> {
        let text = text.into();
        let (empty, what) = match policy {
            MatchPolicy::Exact => (EmptyComponents::Never, "URI"),
            MatchPolicy::Prefix => (EmptyComponents::Last, "prefix pattern"),
            MatchPolicy::Wildcard => (EmptyComponents::Anywhere, "wildcard pattern"),
        };
        let components = || text.bytes().filter(|byte| *byte == b'.').count() + 1;
        if policy == MatchPolicy::Wildcard && components() > MAX_WILDCARD_COMPONENTS {
            return Err(InvalidUri::new(&text, "wildcard pattern of at most 32 components"));
        }
        check(&text, rule, empty, what).map(|()| Self { policy, text })
    }

    /// Parses a URI with stars, as in permissions. No star: exact. One star at the end: prefix.
    /// Stars as whole components: wildcard.
    pub fn from_starred(text: &str) -> Result<Self, InvalidUri> {
        if !text.contains('*') {
            return Self::new(text, MatchPolicy::Exact, UriRule::Loose);
        }
        match text.strip_suffix('*') {
            Some(prefix) if !prefix.contains('*') => {
                Self::new(prefix, MatchPolicy::Prefix, UriRule::Loose)
            }
            _ => {
                let components: Vec<&str> =
                    text.split('.').map(|part| if part == "*" { "" } else { part }).collect();
                if components.iter().any(|part| part.contains('*')) {
                    return Err(InvalidUri::new(text, "starred URI"));
                }
                Self::new(components.join("."), MatchPolicy::Wildcard, UriRule::Loose)
            }
        }
    }

    /// The match policy.
    pub const fn policy(&self) -> MatchPolicy {
        self.policy
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a URI matches. This is the definition; the router's index is tested against it.
    pub fn matches(&self, uri: &str) -> bool {
        match self.policy {
            MatchPolicy::Exact => self.text == uri,
            MatchPolicy::Prefix => uri.starts_with(self.text.as_str()),
            MatchPolicy::Wildcard => {
                let mut components = uri.split('.');
                let every = self.text.split('.').all(|wanted| {
                    components.next().is_some_and(|found| wanted.is_empty() || wanted == found)
                });
                every && components.next().is_none()
            }
        }
    }
}

fn check(
    text: &str,
    rule: UriRule,
    empty: EmptyComponents,
    what: &'static str,
) -> Result<(), InvalidUri> {
    let is_allowed = text.len() <= MAX_URI_BYTES
        && match empty {
            EmptyComponents::Never => rule.allows(text),
            EmptyComponents::Last => {
                text.is_empty() || rule.allows(text.strip_suffix('.').unwrap_or(text))
            }
            EmptyComponents::Anywhere => {
                text.split('.').all(|part| part.is_empty() || rule.allows(part))
            }
        };
    if is_allowed { Ok(()) } else { Err(InvalidUri::new(text, what)) }
}

#[cfg(test)]
mod tests {
    use super::{
        MAX_URI_BYTES, MAX_WILDCARD_COMPONENTS, MatchPolicy, Uri, UriPattern, UriRule, is_reserved,
    };

    fn valid(text: &str, rule: UriRule) -> bool {
        Uri::new(text, rule).is_ok()
    }

    #[test]
    fn the_loose_rule_forbids_white_space_hash_and_empty_components() {
        for good in ["a", "com.example.Add-2", "com.ex@mple.ü", "0.1"] {
            assert!(valid(good, UriRule::Loose), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a#b", "##", "a.\u{a0}b"] {
            assert!(!valid(bad, UriRule::Loose), "{bad}");
        }
    }

    #[test]
    fn the_strict_rule_knows_digits_small_letters_and_the_underscore() {
        assert!(valid("com.my_app.add2", UriRule::Strict));
        for bad in ["com.Example", "com.my-app", "--", "com.ü", "com..a"] {
            assert!(!valid(bad, UriRule::Strict), "{bad}");
        }
    }

    #[test]
    fn the_ascii_table_agrees_with_unicode() {
        for c in '\0'..='\x7f' {
            let expected = c != '#' && !c.is_whitespace() && c != '.';
            assert_eq!(valid(&c.to_string(), UriRule::Loose), expected, "{c:?}");
            assert_eq!(valid(&format!("ü{c}ü"), UriRule::Loose), expected || c == '.', "{c:?}");
        }
    }

    #[test]
    fn the_length_of_a_uri_is_limited() {
        assert!(valid(&"a".repeat(MAX_URI_BYTES), UriRule::Loose));
        assert!(!valid(&"a".repeat(MAX_URI_BYTES + 1), UriRule::Loose));
    }

    #[test]
    fn patterns_may_be_empty_where_their_policy_says() {
        let ok = |text, policy| UriPattern::new(text, policy, UriRule::Strict).is_ok();
        assert!(ok("", MatchPolicy::Prefix));
        assert!(ok("com.a.", MatchPolicy::Prefix));
        assert!(!ok("com..a", MatchPolicy::Prefix));
        assert!(!ok("com..", MatchPolicy::Prefix));
        assert!(!ok(".", MatchPolicy::Prefix));
        assert!(ok("com..a.", MatchPolicy::Wildcard));
        assert!(ok("", MatchPolicy::Wildcard));
        assert!(!ok("com.a.", MatchPolicy::Exact));
    }

    #[test]
    fn a_prefix_matches_characters_not_components() {
        let pattern =
            UriPattern::new("com.myapp.myobject1", MatchPolicy::Prefix, UriRule::Loose).unwrap();
        assert!(pattern.matches("com.myapp.myobject1.sub"));
        assert!(pattern.matches("com.myapp.myobject1-mysub"));
        assert!(!pattern.matches("com.myapp.myobject2"));
    }

    #[test]
    fn a_wildcard_matches_one_component_for_each_empty_one() {
        let pattern =
            UriPattern::new("com.myapp..update", MatchPolicy::Wildcard, UriRule::Loose).unwrap();
        assert!(pattern.matches("com.myapp.a.update"));
        assert!(!pattern.matches("com.myapp.a.b.update"));
        assert!(!pattern.matches("com.myapp.update"));
        assert!(!pattern.matches("com.myapp.a.update.c"));
    }

    #[test]
    fn the_components_of_a_wildcard_are_limited() {
        let wildcard = |components: usize| {
            let text = vec!["a"; components].join(".");
            UriPattern::new(text, MatchPolicy::Wildcard, UriRule::Loose)
        };
        assert!(wildcard(MAX_WILDCARD_COMPONENTS).is_ok());
        let error = wildcard(MAX_WILDCARD_COMPONENTS + 1).unwrap_err().to_string();
        assert!(error.ends_with("of at most 32 components"), "{error}");
    }

    #[test]
    fn stars_become_the_three_policies() {
        let pattern = |text| UriPattern::from_starred(text).ok().map(|p| (p.policy, p.text.into()));
        assert_eq!(pattern("com.foo"), Some((MatchPolicy::Exact, String::from("com.foo"))));
        assert_eq!(pattern("com.foo.*"), Some((MatchPolicy::Prefix, String::from("com.foo."))));
        assert_eq!(pattern("*"), Some((MatchPolicy::Prefix, String::new())));
        assert_eq!(pattern("com.*.b"), Some((MatchPolicy::Wildcard, String::from("com..b"))));
        assert_eq!(pattern("com.*.b.*"), Some((MatchPolicy::Wildcard, String::from("com..b."))));
        assert_eq!(pattern("com.a*.b"), None);
    }

    #[test]
    fn the_first_components_wamp_and_cloverleaf_are_reserved() {
        for reserved in ["wamp.session.count", "wamp", "cloverleaf.session.a", "cloverleaf"] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for free in ["", "wampum.a", "wam", "cloverleafs.a", "clover", "com.cloverleaf.a"] {
            assert!(!is_reserved(free), "{free}");
        }
    }
}
