//! Wildcard patterns as a trie of components: an empty component is a node of its own kind.
//!
//! Trying the literal child before the wildcard child finds the pattern with the longest literal
//! run first, as the specification ranks them.

use std::collections::HashMap;

use cloverleaf_wamp::uri::MAX_WILDCARD_COMPONENTS;
use compact_str::CompactString;
use foldhash::fast::RandomState;

/// The path from the root to a node along the components of one URI: for each component whether the
/// wildcard child was taken (1) or the literal one (0), the first in the highest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Path {
    choices: u32,
    depth: u8,
}

/// A pattern has no more components than a [`Path`] has bits.
const _: () = assert!(MAX_WILDCARD_COMPONENTS <= u32::BITS as usize);

impl Path {
    const fn below(self, takes_wildcard: bool) -> Self {
        let bit = (takes_wildcard as u32) << (u32::BITS - 1 - self.depth as u32);
        Self { choices: self.choices | bit, depth: self.depth + 1 }
    }

    /// Whether the wildcard child is taken below the node at this depth.
    const fn takes_wildcard_at(self, depth: u8) -> bool {
        self.choices & (1 << (u32::BITS - 1 - depth as u32)) != 0
    }
}

/// The result of a bounded walk.
pub(super) struct Walked {
    /// The first node that was not visited; none when all were.
    pub(super) stopped_at: Option<Path>,
    pub(super) visited: u32,
}

/// A walk along the components of one URI.
struct Walk<'a, F> {
    /// Nodes before this one in the order of the walk were visited earlier.
    from: Path,
    visits_left: u32,
    stopped_at: Option<Path>,
    components: &'a [&'a str],
    found: F,
}

#[derive(Debug)]
struct WildcardNode<V> {
    value: Option<V>,
    literal: HashMap<CompactString, Self, RandomState>,
    any: Option<Box<Self>>,
}

impl<V> Default for WildcardNode<V> {
    fn default() -> Self {
        Self { value: None, literal: HashMap::default(), any: None }
    }
}

#[derive(Debug)]
pub(super) struct WildcardTrie<V> {
    root: WildcardNode<V>,
}

impl<V> Default for WildcardTrie<V> {
    fn default() -> Self {
        Self { root: WildcardNode::default() }
    }
}

impl<V> WildcardTrie<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_leaf() && self.root.value.is_none()
    }

    pub(super) fn at(&self, pattern: &str) -> Option<&V> {
        let mut node = &self.root;
        for component in components_of(pattern) {
            node = match component {
                "" => node.any.as_deref()?,
                literal => node.literal.get(literal)?,
            };
        }
        node.value.as_ref()
    }

    pub(super) fn insert(&mut self, pattern: &str, value: V) -> Option<V> {
        let mut node = &mut self.root;
        for component in components_of(pattern) {
            node = match component {
                "" => node.any.get_or_insert_default(),
                literal => node.literal.entry(literal.into()).or_default(),
            };
        }
        node.value.replace(value)
    }

    pub(super) fn remove(&mut self, pattern: &str) -> Option<V> {
        self.root.remove(&mut components_of(pattern))
    }

    pub(super) fn all_matches(&self, uri: &str, found: &mut impl FnMut(&V)) {
        if !self.root.is_leaf() {
            self.root.all_matches(components_of(uri), found);
        }
    }

    /// Visits nodes from `from` on, in the order of [`Self::all_matches`], and about `visits` of
    /// them.
    pub(super) fn next_matches(
        &self,
        uri: &str,
        from: Path,
        visits: u32,
        found: &mut impl FnMut(&V),
    ) -> Walked {
        if self.root.is_leaf() {
            return Walked { stopped_at: None, visited: 0 };
        }
        let mut components = [""; MAX_WILDCARD_COMPONENTS];
        let mut count = 0;
        for component in components_of(uri) {
            let Some(place) = components.get_mut(count) else {
                return Walked { stopped_at: None, visited: 0 };
            };
            *place = component;
            count += 1;
        }
        let components = &components[..count];
        // At least the root and one node below it, so that every walk goes on.
        let visits = visits.max(2);
        let mut walk = Walk { from, visits_left: visits, stopped_at: None, components, found };
        walk.visit(&self.root, Path::default(), from.depth > 0);
        Walked { stopped_at: walk.stopped_at, visited: visits - walk.visits_left }
    }

    pub(super) fn best_match(&self, uri: &str) -> Option<&V> {
        if self.root.is_leaf() { None } else { self.root.best_match(components_of(uri)) }
    }
}

/// The parts of a URI between its dots.
#[derive(Debug, Clone)]
struct UriComponents<'a>(Option<&'a str>);

fn components_of(uri: &str) -> UriComponents<'_> {
    UriComponents(Some(uri))
}

impl<'a> Iterator for UriComponents<'a> {
    type Item = &'a str;

    /// URI components are short, so a loop over their bytes is faster than a search for the dot.
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let Some(dot) = rest.bytes().position(|byte| byte == b'.') else { return self.0.take() };
        let (component, rest) = (&rest[..dot], &rest[dot + 1..]);
        self.0 = Some(rest);
        Some(component)
    }
}

impl<F> Walk<'_, F> {
    /// Visits a node and those below it. `is_on_way` tells whether the node that the walk begins
    /// with stands below this one, so that some children were visited earlier.
    fn visit<V>(&mut self, node: &WildcardNode<V>, at: Path, is_on_way: bool)
    where
        F: FnMut(&V),
    {
        if !is_on_way {
            // The nodes on the way cost nothing: there are as many as components.
            if self.visits_left == 0 {
                self.stopped_at = Some(at);
                return;
            }
            self.visits_left -= 1;
        }
        let Some(component) = self.components.get(at.depth as usize) else {
            if let Some(value) = &node.value {
                (self.found)(value);
            }
            return;
        };
        let skips_literal = is_on_way && self.from.takes_wildcard_at(at.depth);
        if !skips_literal && let Some(child) = node.literal.get(*component) {
            let below = at.below(false);
            self.visit(child, below, is_on_way && below.depth < self.from.depth);
            if self.stopped_at.is_some() {
                return;
            }
        }
        if let Some(child) = &node.any {
            let below = at.below(true);
            self.visit(child, below, skips_literal && below.depth < self.from.depth);
        }
    }
}

impl<V> WildcardNode<V> {
    fn is_leaf(&self) -> bool {
        self.literal.is_empty() && self.any.is_none()
    }

    fn children(&self, component: &str) -> impl Iterator<Item = &Self> {
        self.literal.get(component).into_iter().chain(self.any.as_deref())
    }

    /// The depth is the number of components of the longest pattern, at most half of
    /// [`cloverleaf_wamp::uri::MAX_URI_BYTES`].
    fn all_matches(&self, mut rest: UriComponents<'_>, found: &mut impl FnMut(&V)) {
        let Some(component) = rest.next() else {
            if let Some(value) = &self.value {
                found(value);
            }
            return;
        };
        for child in self.children(component) {
            child.all_matches(rest.clone(), found);
        }
    }

    fn best_match(&self, mut rest: UriComponents<'_>) -> Option<&V> {
        match rest.next() {
            None => self.value.as_ref(),
            Some(component) => {
                self.children(component).find_map(|child| child.best_match(rest.clone()))
            }
        }
    }

    fn remove(&mut self, rest: &mut UriComponents<'_>) -> Option<V> {
        let Some(component) = rest.next() else { return self.value.take() };
        let child = match component {
            "" => self.any.as_deref_mut()?,
            literal => self.literal.get_mut(literal)?,
        };
        let removed = child.remove(rest)?;
        if child.value.is_none() && child.is_leaf() {
            match component {
                "" => self.any = None,
                literal => {
                    self.literal.remove(literal);
                }
            }
        }
        Some(removed)
    }
}
