//! Who may hear one publication: black and white lists and the publisher itself.
//!
//! Spec: advanced profile "Subscriber Black- and Whitelisting", "Publisher Exclusion". A list that
//! is present and empty makes nobody eligible; exclusion beats eligibility.

use std::collections::HashSet;

use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::PublishOptions;
use compact_str::CompactString;
use foldhash::fast::RandomState;

use crate::session::{Session, SessionKey};

type Set<'a, T> = Option<HashSet<&'a T, RandomState>>;

/// The receivers of one publication, as its options say.
#[derive(Debug)]
pub(super) struct Eligibility<'a> {
    excluded_publisher: Option<SessionKey>,
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
    pub(super) fn new(options: &'a PublishOptions, publisher: SessionKey) -> Self {
        Self {
            excluded_publisher: options.exclude_me.unwrap_or(true).then_some(publisher),
            exclude: set(options.exclude.as_ref()),
            exclude_authid: set(options.exclude_authid.as_ref()),
            exclude_authrole: set(options.exclude_authrole.as_ref()),
            eligible: set(options.eligible.as_ref()),
            eligible_authid: set(options.eligible_authid.as_ref()),
            eligible_authrole: set(options.eligible_authrole.as_ref()),
        }
    }

    pub(super) fn allows<O>(&self, session: &Session<O>) -> bool {
        let id = session.key.id();
        let who = &session.principal;
        self.excluded_publisher != Some(session.key)
            && !has(&self.exclude, &id, false)
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
