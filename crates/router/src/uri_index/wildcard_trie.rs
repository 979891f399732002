//! Wildcard patterns as a trie of components: an empty component is a node of its own kind.
//!
//! Trying the literal child before the wildcard child finds the pattern with the longest literal
//! run first, as the specification ranks them.

use std::collections::HashMap;

use compact_str::CompactString;
use foldhash::fast::RandomState;

#[derive(Debug)]
struct Node<V> {
    value: Option<V>,
    literal: HashMap<CompactString, Self, RandomState>,
    any: Option<Box<Self>>,
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self { value: None, literal: HashMap::default(), any: None }
    }
}

#[derive(Debug)]
pub(super) struct WildcardTrie<V> {
    root: Node<V>,
}

impl<V> Default for WildcardTrie<V> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<V> WildcardTrie<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_leaf() && self.root.value.is_none()
    }

    pub(super) fn at(&self, pattern: &str) -> Option<&V> {
        let mut node = &self.root;
        for component in pattern.split('.') {
            node = match component {
                "" => node.any.as_deref()?,
                literal => node.literal.get(literal)?,
            };
        }
        node.value.as_ref()
    }

    pub(super) fn insert(&mut self, pattern: &str, value: V) -> Option<V> {
        let mut node = &mut self.root;
        for component in pattern.split('.') {
            node = match component {
                "" => node.any.get_or_insert_default(),
                literal => node.literal.entry(literal.into()).or_default(),
            };
        }
        node.value.replace(value)
    }

    pub(super) fn remove(&mut self, pattern: &str) -> Option<V> {
        self.root.remove(&mut pattern.split('.'))
    }

    pub(super) fn all_matches(&self, uri: &str, found: &mut impl FnMut(&V)) {
        if !self.root.is_leaf() {
            self.root.all_matches(uri.split('.'), found);
        }
    }

    pub(super) fn best_match(&self, uri: &str) -> Option<&V> {
        if self.root.is_leaf() { None } else { self.root.best_match(uri.split('.')) }
    }
}

impl<V> Node<V> {
    fn is_leaf(&self) -> bool {
        self.literal.is_empty() && self.any.is_none()
    }

    fn children(&self, component: &str) -> impl Iterator<Item = &Self> {
        self.literal.get(component).into_iter().chain(self.any.as_deref())
    }

    /// The depth is the number of components of the longest pattern, at most half of
    /// [`cloverleaf_wamp::uri::MAX_URI_BYTES`].
    fn all_matches(&self, mut rest: std::str::Split<'_, char>, found: &mut impl FnMut(&V)) {
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

    fn best_match(&self, mut rest: std::str::Split<'_, char>) -> Option<&V> {
        match rest.next() {
            None => self.value.as_ref(),
            Some(component) => {
                self.children(component).find_map(|child| child.best_match(rest.clone()))
            }
        }
    }

    fn remove(&mut self, rest: &mut std::str::Split<'_, char>) -> Option<V> {
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
