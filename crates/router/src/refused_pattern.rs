//! Patterns that are refused although a permission has the same text: for the operator's log.
//!
//! SUBSCRIBE or REGISTER with `match` needs a permission that covers every URI of the pattern. With
//! Crossbar.io an exact permission of the same text is enough, so that who moves from there may
//! miss a right. Each such permission is reported once: there are at most as many reports as
//! permissions.

use std::collections::HashSet;

use cloverleaf_wamp::uri::{MatchPolicy, UncheckedUri};
use compact_str::CompactString;
use foldhash::fast::RandomState;

use crate::authorization::Action;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::SessionKey;

/// A pattern that was refused although a permission allows the action on the URI of the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPattern {
    /// The role that has the permission.
    pub role: CompactString,
    /// Subscribing or registering.
    pub action: Action,
    /// The text of the pattern and of the permission.
    pub uri: CompactString,
    /// How the pattern would have matched.
    pub policy: MatchPolicy,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct RefusedPatterns {
    /// The permissions that were reported: the place of the role and the URI.
    reported: HashSet<(usize, CompactString), RandomState>,
    /// What the host has not taken yet.
    reports: Vec<RefusedPattern>,
}

impl<O: Outbox> Realm<O> {
    /// The refused patterns since the last call, each permission once.
    pub fn take_refused_patterns(&mut self) -> Vec<RefusedPattern> {
        std::mem::take(&mut self.refused_patterns.reports)
    }

    /// Reports a refusal if a permission with the text of the pattern allows the action.
    #[cold]
    pub(crate) fn report_refused_pattern(
        &mut self,
        from: SessionKey,
        action: Action,
        uri: &UncheckedUri,
        policy: MatchPolicy,
        failure: &RequestFailure,
    ) {
        let Some(place) = self.sessions.at(from).map(|session| session.role) else { return };
        let Some(role) = self.settings.roles.get(place) else { return };
        let uri = CompactString::from(uri.as_str());
        if policy == MatchPolicy::Exact
            || !matches!(failure, RequestFailure::NotAuthorized(_))
            || !role.allows_exactly(action, &uri)
            || !self.refused_patterns.reported.insert((place, uri.clone()))
        {
            return;
        }
        let report = RefusedPattern { role: role.name().into(), action, uri, policy };
        self.refused_patterns.reports.push(report);
    }
}
