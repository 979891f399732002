//! The rights of a role: static rules, compiled when the configuration is loaded.
//!
//! Precedence is decided in `docs/decisions/precedence.md`: exact, then wildcard, then the longest
//! prefix, then deny. A role without rules leaves its decisions to the realm's
//! [`Authorizer`](crate::Authorizer). Spec: advanced profile "Authorization".

use cloverleaf_wamp::uri::UriPattern;
use compact_str::CompactString;

pub use crate::action::Action;
use crate::compatibility::Compatibility;
use crate::limits::{LARGEST_HELD_CALL_LIMIT, SessionLimits};
use crate::uri_index::UriIndex;
use crate::validation::SchemasId;

/// Whether a caller or publisher is disclosed to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disclosure {
    /// If the session requests it with `disclose_me`.
    #[default]
    OnRequest,
    /// Always.
    Always,
    /// Never. A request is ignored or refused, according to the realm's [`Compatibility`].
    Never,
    /// Never. A request is refused.
    Forbidden,
}

/// Whether a caller or publisher is disclosed to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disclosed {
    /// By rule or on request.
    Yes,
    /// Not requested by the session; the other side may request it.
    NotRequested,
    /// Not even if the other side requests it.
    Never,
}

impl Disclosure {
    /// Decides on disclosure; `None` if a request has to be refused.
    pub(crate) const fn decide(
        self,
        wish: Option<bool>,
        compatibility: Compatibility,
    ) -> Option<Disclosed> {
        match (self, wish) {
            (Self::Always, _) | (Self::OnRequest, Some(true)) => Some(Disclosed::Yes),
            (Self::OnRequest, _) => Some(Disclosed::NotRequested),
            (Self::Never, Some(true)) if !compatibility.ignores_disclose_me() => None,
            (Self::Forbidden, Some(true)) => None,
            (Self::Never | Self::Forbidden, _) => Some(Disclosed::Never),
        }
    }
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent rights, named as in the file")]
pub struct Permission {
    /// CALL is allowed.
    pub call: bool,
    /// REGISTER is allowed.
    pub register: bool,
    /// PUBLISH is allowed.
    pub publish: bool,
    /// SUBSCRIBE is allowed.
    pub subscribe: bool,
    /// Whether callers are disclosed to callees.
    pub disclose_caller: Disclosure,
    /// Whether publishers are disclosed to subscribers.
    pub disclose_publisher: Disclosure,
    /// Whether the callee is disclosed to callers; decided by the permission of the callee.
    pub disclose_callee: bool,
    /// The trust level of calls and publications; omitted when absent.
    pub trustlevel: Option<u64>,
    /// The schemas that payloads are validated against, if any.
    pub schemas: Option<SchemasId>,
}

impl Permission {
    /// Every action, with disclosure on request.
    pub const ALL: Self = Self {
        call: true,
        register: true,
        publish: true,
        subscribe: true,
        disclose_caller: Disclosure::OnRequest,
        disclose_publisher: Disclosure::OnRequest,
        disclose_callee: false,
        trustlevel: None,
        schemas: None,
    };

    pub(crate) const fn allows(self, action: Action) -> bool {
        match action {
            Action::Call => self.call,
            Action::Register => self.register,
            Action::Publish => self.publish,
            Action::Subscribe => self.subscribe,
        }
    }
}

/// The answer of an authorizer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is allowed under this permission.
    Allow(Permission),
    /// It is not allowed.
    Deny,
    /// The decision comes later: the request is parked.
    Ask,
}

/// The name of the role for internal sessions that an embedding program opens. It has every right,
/// also in the reserved namespace.
pub const TRUSTED: &str = "trusted";

/// A role with its rules.
#[derive(Debug)]
pub struct Role {
    name: CompactString,
    rules: Rules,
    limits: SessionLimits,
    /// It allows nothing any more, and no session joins with it.
    is_removed: bool,
}

#[derive(Debug)]
enum Rules {
    Trusted,
    Static(UriIndex<Permission>),
    Authorizer,
}

impl Role {
    /// A role with these rules. Of two rules for the same pattern the later one counts.
    pub fn new(
        name: impl Into<CompactString>,
        rules: impl IntoIterator<Item = (UriPattern, Permission)>,
    ) -> Self {
        let mut index = UriIndex::default();
        for (pattern, permission) in rules {
            index.insert(&pattern, permission);
        }
        Self::of(name.into(), Rules::Static(index))
    }

    /// A role without rules: the realm's [`Authorizer`](crate::Authorizer) decides on each request.
    /// In a realm without one everything is denied.
    pub fn with_authorizer(name: impl Into<CompactString>) -> Self {
        Self::of(name.into(), Rules::Authorizer)
    }

    /// The built-in role for components inside the router.
    pub(crate) fn trusted() -> Self {
        Self::of(TRUSTED.into(), Rules::Trusted)
    }

    fn of(name: CompactString, rules: Rules) -> Self {
        Self { name, rules, limits: SessionLimits::DEFAULT, is_removed: false }
    }

    /// The same role with other limits of its sessions.
    pub fn with_limits(self, limits: SessionLimits) -> Self {
        let max_held_call_bytes = limits.max_held_call_bytes.min(LARGEST_HELD_CALL_LIMIT);
        Self { limits: SessionLimits { max_held_call_bytes, ..limits }, ..self }
    }

    /// The limits of each session with the role.
    pub(crate) const fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// The role's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Removes the role.
    pub(crate) fn remove(&mut self) {
        self.rules = Rules::Static(UriIndex::default());
        self.is_removed = true;
    }

    /// Whether the role was removed.
    pub(crate) const fn is_removed(&self) -> bool {
        self.is_removed
    }

    /// Whether the role may use the namespace of the router.
    pub(crate) const fn is_trusted(&self) -> bool {
        matches!(self.rules, Rules::Trusted)
    }

    /// Whether the authorizer decides on the requests of this role.
    pub(crate) const fn has_authorizer(&self) -> bool {
        matches!(self.rules, Rules::Authorizer)
    }

    /// The rule that allows an action on every URI that the pattern matches. None if there is no
    /// such rule: then the action is denied, unless the role [has an
    /// authorizer](Self::has_authorizer). The right to one URI is no right to a prefix of the same
    /// text.
    pub(crate) fn permission_for_pattern(
        &self,
        action: Action,
        pattern: &UriPattern,
    ) -> Option<Permission> {
        match &self.rules {
            Rules::Trusted => Some(Permission::ALL),
            Rules::Static(index) => index
                .best_rule_covering(pattern)
                .copied()
                .filter(|permission| permission.allows(action)),
            Rules::Authorizer => None,
        }
    }

    /// Whether a rule for exactly this URI allows the action.
    pub(crate) fn allows_exactly(&self, action: Action, uri: &str) -> bool {
        match &self.rules {
            Rules::Trusted => true,
            Rules::Static(index) => {
                index.exact(uri).is_some_and(|permission| permission.allows(action))
            }
            Rules::Authorizer => false,
        }
    }

    /// The rule that allows an action on one URI; none as with
    /// [`permission_for_pattern`](Self::permission_for_pattern).
    pub(crate) fn permission(&self, action: Action, uri: &str) -> Option<Permission> {
        match &self.rules {
            Rules::Trusted => Some(Permission::ALL),
            Rules::Static(index) => {
                index.best_rule(uri).copied().filter(|permission| permission.allows(action))
            }
            Rules::Authorizer => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

    use super::{Action, Compatibility, Disclosed, Disclosure, Permission, Role};

    fn role(rules: &[(&str, bool)]) -> Role {
        let rules = rules.iter().map(|(uri, call)| {
            let permission = Permission { call: *call, ..Permission::default() };
            (UriPattern::from_starred(uri).unwrap(), permission)
        });
        Role::new("test", rules)
    }

    fn may_call(role: &Role, uri: &str) -> bool {
        role.permission(Action::Call, uri).is_some()
    }

    #[test]
    fn request_without_a_matching_rule_is_denied() {
        assert!(!may_call(&role(&[]), "com.a"));
        assert!(!may_call(&role(&[("com.b", true)]), "com.a"));
    }

    #[test]
    fn exact_rules_precede_wildcards_and_wildcards_precede_prefixes() {
        let role = role(&[
            ("*", true),
            ("com.*", true),
            ("com.a.*", false),
            ("com.*.open", true),
            ("com.b.open", false),
        ]);
        assert!(may_call(&role, "org.x"));
        assert!(!may_call(&role, "com.a.x"));
        assert!(may_call(&role, "com.a.open"));
        assert!(!may_call(&role, "com.b.open"));
    }

    #[test]
    fn exact_rule_does_not_hide_a_prefix_rule() {
        let role = role(&[("com.a", false), ("com.*", true)]);
        assert!(may_call(&role, "com.ab"));
        assert!(!may_call(&role, "com.a"));
    }

    #[test]
    fn wildcards_with_the_same_beginning_stand_side_by_side() {
        let role = role(&[("com.*.a", true), ("com.*.b", false)]);
        assert!(may_call(&role, "com.x.a"));
        assert!(!may_call(&role, "com.x.b"));
    }

    #[test]
    fn exact_permission_does_not_cover_a_pattern_of_the_same_text() {
        let role = role(&[("com.a", true), ("com.*.x", true), ("org.*", true)]);
        let may = |text: &str, policy| {
            let pattern = UriPattern::new(text, policy, UriRule::Loose).unwrap();
            role.permission_for_pattern(Action::Call, &pattern).is_some()
        };
        assert!(may("com.a", MatchPolicy::Exact));
        assert!(!may("com.a", MatchPolicy::Prefix));
        assert!(may("com..x", MatchPolicy::Wildcard));
        assert!(may("com.b.x", MatchPolicy::Exact));
        assert!(!may("com..", MatchPolicy::Wildcard));
        assert!(!may("..x", MatchPolicy::Wildcard));
        assert!(may("com.a", MatchPolicy::Wildcard), "without an empty component it is the URI");
        assert!(!may("com.b", MatchPolicy::Wildcard));
        assert!(may("org.", MatchPolicy::Prefix));
        assert!(may("org.b.", MatchPolicy::Prefix));
        assert!(may("org..b", MatchPolicy::Wildcard));
        assert!(!may("or", MatchPolicy::Prefix));
    }

    #[test]
    fn disclose_me_is_refused_only_if_the_rule_forbids_it() {
        for preset in [Compatibility::Crossbar, Compatibility::Wamp] {
            let decide = |rule: Disclosure, wish| rule.decide(wish, preset);
            assert_eq!(decide(Disclosure::OnRequest, None), Some(Disclosed::NotRequested));
            assert_eq!(decide(Disclosure::OnRequest, Some(true)), Some(Disclosed::Yes));
            assert_eq!(decide(Disclosure::Always, Some(false)), Some(Disclosed::Yes));
            assert_eq!(decide(Disclosure::Never, None), Some(Disclosed::Never));
            assert_eq!(decide(Disclosure::Forbidden, None), Some(Disclosed::Never));
            assert_eq!(decide(Disclosure::Forbidden, Some(true)), None);
        }
        let wish = |preset| Disclosure::Never.decide(Some(true), preset);
        assert_eq!(wish(Compatibility::Wamp), None);
        assert_eq!(wish(Compatibility::Crossbar), Some(Disclosed::Never));
    }
}
