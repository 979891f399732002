//! Patterns that are refused although a permission has the same text, for the operator's log.
//!
//! SUBSCRIBE or REGISTER with `match` needs a permission that covers every URI of the pattern. With
//! Crossbar.io an exact permission of the same text is enough, so that a migrated configuration may
//! miss a right. Each such permission is reported once: there are at most as many reports as
//! permissions.

use std::collections::HashSet;

use cloverleaf_wamp::uri::MatchPolicy;
use compact_str::CompactString;
use foldhash::fast::RandomState;

use crate::authorization::{Action, Role};

/// A pattern that was refused although a permission allows the action on the URI of the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPattern {
    /// The role that has the permission.
    pub role: CompactString,
    /// SUBSCRIBE or REGISTER.
    pub action: Action,
    /// The text of the pattern and of the permission.
    pub uri: CompactString,
    /// The match policy of the pattern.
    pub policy: MatchPolicy,
}

/// The refused patterns of a realm that are reported to its host.
#[derive(Debug, Default)]
pub(crate) struct RefusedPatterns {
    /// The permissions that were reported: the index of the role and the URI.
    reported: HashSet<(usize, CompactString), RandomState>,
    /// Reports that the host has not taken.
    reports: Vec<RefusedPattern>,
}

impl RefusedPatterns {
    /// Takes the reports since the last call.
    pub(crate) fn take(&mut self) -> Vec<RefusedPattern> {
        std::mem::take(&mut self.reports)
    }

    /// Reports a refusal if a permission of the role with the text of the pattern allows the
    /// action. `place` is that of the role in the settings of the realm.
    pub(crate) fn report(
        &mut self,
        (place, role): (usize, &Role),
        action: Action,
        uri: &str,
        policy: MatchPolicy,
    ) {
        if policy != MatchPolicy::Exact
            && role.allows_exactly(action, uri)
            && self.reported.insert((place, uri.into()))
        {
            let role = role.name().into();
            self.reports.push(RefusedPattern { role, action, uri: uri.into(), policy });
        }
    }
}
