//! Who may hear one publication: black and white lists and the publisher itself.
//!
//! Spec: advanced profile "Subscriber Black- and Whitelisting", "Publisher Exclusion". A list that
//! is present and empty makes nobody eligible; exclusion beats eligibility.

use std::collections::HashSet;

use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::PublishOptions;
use compact_str::CompactString;
use foldhash::fast::RandomState;

use crate::session::{Party, SessionKey};

type Set<'a, T> = Option<HashSet<&'a T, RandomState>>;

/// The receivers of one publication, as its options say.
#[derive(Debug)]
pub(super) struct Eligibility<'a> {
    excluded_publisher: Option<SessionKey>,
    /// Most publications have none.
    lists: Option<Lists<'a>>,
}

#[derive(Debug)]
struct Lists<'a> {
    exclude: Set<'a, SessionId>,
    exclude_authid: Set<'a, CompactString>,
    exclude_authrole: Set<'a, CompactString>,
    eligible: Set<'a, SessionId>,
    eligible_authid: Set<'a, CompactString>,
    eligible_authrole: Set<'a, CompactString>,
}

fn set<T: Eq + std::hash::Hash>(list: Option<&Vec<T>>) -> Set<'_, T> {
    list.map(|list| list.iter().collect())
}

impl<'a> Eligibility<'a> {
    pub(super) fn new(options: &'a PublishOptions, publisher: Option<SessionKey>) -> Self {
        Self {
            excluded_publisher: publisher.filter(|_| options.exclude_me.unwrap_or(true)),
            lists: is_listed(options).then(|| Lists::of(options)),
        }
    }

    /// Whether a session may hear it.
    pub(super) fn allows(&self, party: Party<'_>) -> bool {
        self.excluded_publisher != Some(party.key)
            && self.lists.as_ref().is_none_or(|lists| lists.allow(party))
    }
}

impl<'a> Lists<'a> {
    fn of(options: &'a PublishOptions) -> Self {
        Self {
            exclude: set(options.exclude.as_ref()),
            exclude_authid: set(options.exclude_authid.as_ref()),
            exclude_authrole: set(options.exclude_authrole.as_ref()),
            eligible: set(options.eligible.as_ref()),
            eligible_authid: set(options.eligible_authid.as_ref()),
            eligible_authrole: set(options.eligible_authrole.as_ref()),
        }
    }

    fn allow(&self, party: Party<'_>) -> bool {
        let id = party.key.id();
        let who = party.principal;
        !has(&self.exclude, &id, false)
            && !has(&self.exclude_authid, &who.authid, false)
            && !has(&self.exclude_authrole, &who.authrole, false)
            && has(&self.eligible, &id, true)
            && has(&self.eligible_authid, &who.authid, true)
            && has(&self.eligible_authrole, &who.authrole, true)
    }
}

fn has<T: Eq + std::hash::Hash>(set: &Set<'_, T>, entry: &T, when_absent: bool) -> bool {
    set.as_ref().map_or(when_absent, |set| set.contains(entry))
}

/// The lists of a publication, kept with an event; none when there are none.
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

/// Whether any list restricts who hears the publication.
pub(super) fn is_listed(options: &PublishOptions) -> bool {
    names_sessions(options)
        || options.exclude_authid.is_some()
        || options.exclude_authrole.is_some()
        || options.eligible_authid.is_some()
        || options.eligible_authrole.is_some()
}

/// Whether a list names sessions, which mean nothing once they are gone.
pub(super) fn names_sessions(options: &PublishOptions) -> bool {
    options.exclude.is_some() || options.eligible.is_some()
}
