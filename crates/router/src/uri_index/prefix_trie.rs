//! Prefixes as a trie of byte strings: a look-up walks along the URI once.

use std::collections::BTreeMap;

/// A node; the label is the text that it adds to its parent. Every node but the root has an entry
/// or at least two children.
#[derive(Debug)]
struct PrefixNode<V> {
    label: Box<[u8]>,
    value: Option<V>,
    /// By the first byte of the child's label.
    children: BTreeMap<u8, Self>,
}

#[derive(Debug)]
pub(super) struct PrefixTrie<V> {
    root: PrefixNode<V>,
}

impl<V> Default for PrefixTrie<V> {
    fn default() -> Self {
        Self { root: PrefixNode::new(b"", None) }
    }
}

impl<V> PrefixTrie<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.root.value.is_none() && self.root.children.is_empty()
    }

    pub(super) fn at(&self, prefix: &str) -> Option<&V> {
        let mut node = &self.root;
        let mut rest = prefix.as_bytes();
        while let Some(first) = rest.first() {
            node = node.children.get(first)?;
            rest = rest.strip_prefix(&*node.label)?;
        }
        node.value.as_ref()
    }

    pub(super) fn insert(&mut self, prefix: &str, value: V) -> Option<V> {
        self.root.insert(prefix.as_bytes(), value)
    }

    pub(super) fn remove(&mut self, prefix: &str) -> Option<V> {
        self.root.remove(prefix.as_bytes())
    }

    /// Every entry whose prefix the URI begins with, from short to long.
    pub(super) fn all_matches(&self, uri: &str, found: &mut impl FnMut(&V)) {
        self.walk(uri).for_each(|(value, _)| found(value));
    }

    /// The entry of the longest prefix.
    pub(super) fn longest_match(&self, uri: &str) -> Option<&V> {
        self.walk(uri).last().map(|(value, _)| value)
    }

    /// The entry of the longest prefix, and whether any prefix of the URI ends at the end of a
    /// component. Mostly the longest one does, and the others are not visited.
    pub(super) fn longest_match_and_whole(&self, uri: &str) -> Option<(&V, bool)> {
        let is_whole = |rest: &[u8]| {
            let matched = &uri.as_bytes()[..uri.len() - rest.len()];
            matches!(matched.last(), None | Some(b'.')) || matches!(rest.first(), None | Some(b'.'))
        };
        let (value, rest) = self.walk(uri).last()?;
        Some((value, is_whole(rest) || self.walk(uri).any(|(_, rest)| is_whole(rest))))
    }

    /// The entries along the URI, from the root down, each with the rest of the URI.
    fn walk<'t, 'u>(&'t self, uri: &'u str) -> impl Iterator<Item = (&'t V, &'u [u8])> {
        std::iter::successors(Some((&self.root, uri.as_bytes())), |(node, rest)| {
            let child = node.children.get(rest.first()?)?;
            Some((child, rest.strip_prefix(&*child.label)?))
        })
        .filter_map(|(node, rest)| Some((node.value.as_ref()?, rest)))
    }
}

impl<V> PrefixNode<V> {
    fn new(label: &[u8], value: Option<V>) -> Self {
        Self { label: label.into(), value, children: BTreeMap::new() }
    }

    fn insert(&mut self, rest: &[u8], value: V) -> Option<V> {
        let Some(first) = rest.first() else { return self.value.replace(value) };
        let Some(child) = self.children.get_mut(first) else {
            self.children.insert(*first, Self::new(rest, Some(value)));
            return None;
        };
        let shared = child.label.iter().zip(rest).take_while(|(a, b)| a == b).count();
        if shared < child.label.len() {
            child.split(shared);
        }
        child.insert(&rest[shared..], value)
    }

    /// Keeps the first `at` bytes of the label and moves all the rest into one child.
    fn split(&mut self, at: usize) {
        let mut tail = Self::new(&self.label[at..], self.value.take());
        std::mem::swap(&mut tail.children, &mut self.children);
        self.label = self.label[..at].into();
        self.children.insert(tail.label[0], tail);
    }

    fn remove(&mut self, rest: &[u8]) -> Option<V> {
        let Some(first) = rest.first() else { return self.value.take() };
        let child = self.children.get_mut(first)?;
        let rest = rest.strip_prefix(&*child.label)?;
        let removed = child.remove(rest)?;
        if child.value.is_none() {
            match child.children.len() {
                0 => {
                    self.children.remove(first);
                }
                1 => child.join_only_child(),
                _ => {}
            }
        }
        Some(removed)
    }

    fn join_only_child(&mut self) {
        if let Some((_, child)) = self.children.pop_first() {
            let label = [&*self.label, &*child.label].concat().into();
            *self = Self { label, ..child };
        }
    }
}
