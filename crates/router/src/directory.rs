//! Directories of registrations and subscriptions: entries by id and by pattern, with their ids in
//! order for the meta API, and the limits of what one session holds of them.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::ops::Bound;

use cloverleaf_wamp::ids::IdSequence;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use foldhash::HashMap;

use crate::failure::RequestFailure;
use crate::uri_index::UriIndex;

/// A registration or subscription.
pub(crate) trait DirectoryEntry {
    /// Identifies it on the wire.
    type Id: Copy + Ord + Hash;

    /// The next id of a sequence.
    fn next_id(ids: &mut IdSequence) -> Self::Id;

    /// Its pattern. No two entries of a directory have the same.
    fn pattern(&self) -> &UriPattern;
}

/// All registrations or subscriptions of a realm.
#[derive(Debug)]
pub(crate) struct Directory<E: DirectoryEntry> {
    entries: HashMap<E::Id, E>,
    ids_in_order: BTreeMap<E::Id, MatchPolicy>,
    index: UriIndex<E::Id>,
    ids: IdSequence,
}

impl<E: DirectoryEntry> Default for Directory<E> {
    fn default() -> Self {
        Self {
            entries: HashMap::default(),
            ids_in_order: BTreeMap::new(),
            index: UriIndex::default(),
            ids: IdSequence::default(),
        }
    }
}

impl<E: DirectoryEntry> Directory<E> {
    /// Adds an entry under a fresh id.
    pub(crate) fn insert(&mut self, entry: E) -> E::Id {
        let mut id = E::next_id(&mut self.ids);
        while self.entries.contains_key(&id) {
            id = E::next_id(&mut self.ids);
        }
        self.index.insert(entry.pattern(), id);
        self.ids_in_order.insert(id, entry.pattern().policy());
        self.entries.insert(id, entry);
        id
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, id: E::Id) {
        if let Some(entry) = self.entries.remove(&id) {
            self.index.remove(entry.pattern());
            self.ids_in_order.remove(&id);
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: E::Id) -> Option<&E> {
        self.entries.get(&id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: E::Id) -> Option<&mut E> {
        self.entries.get_mut(&id)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &E> {
        self.entries.values()
    }

    /// The entries by pattern.
    #[inline]
    pub(crate) const fn index(&self) -> &UriIndex<E::Id> {
        &self.index
    }

    /// The entry of exactly this pattern.
    pub(crate) fn at(&self, pattern: &UriPattern) -> Option<E::Id> {
        self.index.at(pattern).copied()
    }

    /// The ids above `after` in their order, each with the match policy of its entry.
    pub(crate) fn ids_after(
        &self,
        after: Option<E::Id>,
    ) -> impl Iterator<Item = (E::Id, MatchPolicy)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.ids_in_order.range((from, Bound::Unbounded));
        range.map(|(id, policy)| (*id, *policy))
    }

    /// Those of some ids that have an entry, each with its match policy.
    pub(crate) fn with_policies(
        &self,
        ids: impl Iterator<Item = E::Id>,
    ) -> impl Iterator<Item = (E::Id, MatchPolicy)> {
        ids.filter_map(|id| Some((id, *self.ids_in_order.get(&id)?)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ids_in_order.is_empty() && self.index.is_empty()
    }
}

/// The limits of what one session holds of a directory, each with its name for the ERROR.
#[derive(Debug)]
pub(crate) struct HoldingLimits {
    pub(crate) entries: (usize, &'static str),
    /// Entries with a prefix or a wildcard.
    pub(crate) patterns: (usize, &'static str),
    pub(crate) uri_bytes: (usize, &'static str),
}

/// The share of one session in a directory, besides the ids.
#[derive(Debug, Default)]
pub(crate) struct HeldPatterns {
    /// Entries with a prefix or a wildcard.
    patterns: usize,
    /// Bytes of all patterns, and of the names that the session gave with them.
    uri_bytes: usize,
}

impl HeldPatterns {
    /// Checks that a session that holds `count` entries may have one more.
    ///
    /// # Errors
    /// [`RequestFailure::LimitReached`].
    pub(crate) fn check_entry(
        &self,
        limits: &HoldingLimits,
        count: usize,
        pattern: &UriPattern,
        name_bytes: usize,
    ) -> Result<(), RequestFailure> {
        if count >= limits.entries.0 {
            return Err(RequestFailure::LimitReached(limits.entries.1));
        }
        if is_pattern(pattern) && self.patterns >= limits.patterns.0 {
            return Err(RequestFailure::LimitReached(limits.patterns.1));
        }
        self.check_bytes(limits, pattern.as_str().len() + name_bytes)
    }

    /// Checks that a session may hold so many more bytes.
    ///
    /// # Errors
    /// [`RequestFailure::LimitReached`].
    pub(crate) const fn check_bytes(
        &self,
        limits: &HoldingLimits,
        more: usize,
    ) -> Result<(), RequestFailure> {
        if self.uri_bytes + more > limits.uri_bytes.0 {
            return Err(RequestFailure::LimitReached(limits.uri_bytes.1));
        }
        Ok(())
    }

    /// Counts an entry.
    pub(crate) fn add(&mut self, pattern: &UriPattern) {
        self.patterns += usize::from(is_pattern(pattern));
        self.uri_bytes += pattern.as_str().len();
    }

    /// No longer counts an entry.
    pub(crate) fn remove(&mut self, pattern: &UriPattern) {
        self.patterns -= usize::from(is_pattern(pattern));
        self.uri_bytes -= pattern.as_str().len();
    }

    /// Counts the bytes of a name in the place of those of the name before.
    pub(crate) fn replace_name(&mut self, before: u8, after: u8) {
        self.uri_bytes += usize::from(after);
        self.uri_bytes -= usize::from(before);
    }
}

fn is_pattern(pattern: &UriPattern) -> bool {
    pattern.policy() != MatchPolicy::Exact
}
