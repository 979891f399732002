//! The eligible receivers of one publication: black and white lists and publisher exclusion.
//!
//! Spec: advanced profile "Subscriber Black- and Whitelisting", "Publisher Exclusion". An empty
//! list of eligible sessions excludes all sessions; exclusion beats eligibility.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash};

use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::PublishOptions;
use compact_str::CompactString;
use foldhash::fast::{FixedState, RandomState};

use crate::session::{Identity, SessionKey};

type ReceiverSet<T> = Option<HashSet<T, RandomState>>;

/// The eligible receivers according to the options of a publication. Built once for each
/// publication, and kept with a stored event.
#[derive(Debug, Clone)]
pub(super) struct Eligibility {
    excluded_publisher: Option<SessionKey>,
    /// `None` for most publications.
    lists: Option<Box<Lists>>,
}

#[derive(Debug, Clone)]
struct Lists {
    exclude: ReceiverSet<SessionId>,
    exclude_authid: ReceiverSet<CompactString>,
    exclude_authrole: ReceiverSet<CompactString>,
    eligible: ReceiverSet<SessionId>,
    eligible_authid: ReceiverSet<CompactString>,
    eligible_authrole: ReceiverSet<CompactString>,
    /// Equal for lists with the same entries.
    fingerprint: u64,
    /// Bytes that the sets hold.
    heap_size: usize,
}

fn set<T: Eq + Hash + Clone>(list: Option<&Vec<T>>) -> ReceiverSet<T> {
    list.map(|list| list.iter().cloned().collect())
}

impl Eligibility {
    /// `publisher` is the session that is excluded unless the options say otherwise.
    pub(super) fn new(options: &PublishOptions, publisher: Option<SessionKey>) -> Self {
        Self {
            excluded_publisher: publisher.filter(|_| options.exclude_me.unwrap_or(true)),
            lists: is_listed(options).then(|| Box::new(Lists::of(options))),
        }
    }

    /// Whether a session may receive the publication.
    #[inline]
    pub(super) fn allows(&self, identity: Identity<'_>) -> bool {
        self.excluded_publisher != Some(identity.key)
            && self.lists.as_ref().is_none_or(|lists| lists.allow(identity))
    }

    /// The publisher, if it is excluded.
    pub(super) const fn excluded_publisher(&self) -> Option<SessionKey> {
        self.excluded_publisher
    }

    /// Whether any list restricts the receivers.
    pub(super) const fn has_lists(&self) -> bool {
        self.lists.is_some()
    }

    /// Whether another publication has the same lists.
    pub(super) fn has_lists_of(&self, other: &Self) -> bool {
        match (&self.lists, &other.lists) {
            (None, None) => true,
            (Some(lists), Some(others)) => lists.is_same_as(others),
            _ => false,
        }
    }
}

impl HeapSize for Eligibility {
    fn heap_size(&self) -> usize {
        self.lists.heap_size()
    }
}

impl HeapSize for Lists {
    fn heap_size(&self) -> usize {
        self.heap_size
    }
}

impl Lists {
    fn of(options: &PublishOptions) -> Self {
        let mut lists = Self {
            exclude: set(options.exclude.as_ref()),
            exclude_authid: set(options.exclude_authid.as_ref()),
            exclude_authrole: set(options.exclude_authrole.as_ref()),
            eligible: set(options.eligible.as_ref()),
            eligible_authid: set(options.eligible_authid.as_ref()),
            eligible_authrole: set(options.eligible_authrole.as_ref()),
            fingerprint: 0,
            heap_size: 0,
        };
        let (mut fingerprint, mut size) = (0, 0);
        for (place, ids) in [&lists.exclude, &lists.eligible].into_iter().enumerate() {
            add(ids.as_ref(), place as u64, &mut fingerprint, &mut size, |_| 0);
        }
        let names = [
            &lists.exclude_authid,
            &lists.exclude_authrole,
            &lists.eligible_authid,
            &lists.eligible_authrole,
        ];
        for (place, names) in (2..).zip(names) {
            let outside =
                |name: &CompactString| if name.is_heap_allocated() { name.len() } else { 0 };
            add(names.as_ref(), place, &mut fingerprint, &mut size, outside);
        }
        (lists.fingerprint, lists.heap_size) = (fingerprint, size);
        lists
    }

    /// Large lists are compared only if they are most likely equal.
    fn is_same_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
            && self.exclude == other.exclude
            && self.exclude_authid == other.exclude_authid
            && self.exclude_authrole == other.exclude_authrole
            && self.eligible == other.eligible
            && self.eligible_authid == other.eligible_authid
            && self.eligible_authrole == other.eligible_authrole
    }

    fn allow(&self, identity: Identity<'_>) -> bool {
        let id = identity.key.id();
        let who = identity.principal;
        !has(&self.exclude, &id, false)
            && !has(&self.exclude_authid, &who.authid, false)
            && !has(&self.exclude_authrole, &who.authrole, false)
            && has(&self.eligible, &id, true)
            && has(&self.eligible_authid, &who.authid, true)
            && has(&self.eligible_authrole, &who.authrole, true)
    }
}

/// Adds a set to the fingerprint and the size of all sets. `outside` is the memory of an entry
/// outside of the set.
fn add<T: Hash>(
    set: Option<&HashSet<T, RandomState>>,
    place: u64,
    fingerprint: &mut u64,
    size: &mut usize,
    outside: impl Fn(&T) -> usize,
) {
    let Some(set) = set else { return };
    let hasher = FixedState::with_seed(place);
    *fingerprint = fingerprint.wrapping_add(hasher.hash_one(set.len()));
    for entry in set {
        *fingerprint = fingerprint.wrapping_add(hasher.hash_one(entry));
        *size += outside(entry);
    }
    *size += set.capacity() * (size_of::<T>() + 1);
}

fn has<T: Eq + Hash>(set: &ReceiverSet<T>, entry: &T, when_absent: bool) -> bool {
    set.as_ref().map_or(when_absent, |set| set.contains(entry))
}

/// The lists of a publication, to be stored with its event; `None` if it has none.
pub(super) fn lists(options: &PublishOptions) -> Option<Box<PublishOptions>> {
    let lists = PublishOptions {
        exclude_me: options.exclude_me,
        exclude: options.exclude.clone(),
        exclude_authid: options.exclude_authid.clone(),
        exclude_authrole: options.exclude_authrole.clone(),
        eligible: options.eligible.clone(),
        eligible_authid: options.eligible_authid.clone(),
        eligible_authrole: options.eligible_authrole.clone(),
        ..PublishOptions::default()
    };
    is_listed(options).then(|| Box::new(lists))
}

/// Whether any list restricts who receives the publication.
pub(super) fn is_listed(options: &PublishOptions) -> bool {
    names_sessions(options)
        || options.exclude_authid.is_some()
        || options.exclude_authrole.is_some()
        || options.eligible_authid.is_some()
        || options.eligible_authrole.is_some()
}

/// Whether a list names sessions, whose ids mean nothing once they have ended.
pub(super) fn names_sessions(options: &PublishOptions) -> bool {
    options.exclude.is_some() || options.eligible.is_some()
}
