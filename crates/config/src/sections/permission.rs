//! Permissions of roles.

use cloverleaf_wamp::ids::MAX_ID;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use super::actions::{self, AllowedActions};
use super::payload_schemas::{self, PayloadSchemas, VALIDATE};
use super::uri_pattern::{self, WrittenPattern};
use crate::document::Value;
use crate::env;
use crate::field::Field;
use crate::options::{keys, options};
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static PERMISSION: SectionKeys =
    SectionKeys::closed("a permission", PermissionKeys::ALL).with(&[AllowedActions::KEYS]);

keys! {
    /// The keys of a permission, beside those of version 1.
    const KEYS: PermissionKeys =
        { uri, policy = "match", allow, disclose, cache, trustlevel, validate };
}

pub(crate) static DISCLOSE: SectionKeys =
    SectionKeys::closed("a permission's 'disclose'", DisclosureOptions::KEYS);

/// The permission of a role for the URIs of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionConfig {
    /// The URIs.
    pub pattern: UriPattern,
    /// The actions that are allowed.
    pub allow: AllowedActions,
    /// The identities that are disclosed.
    pub disclose: DisclosureOptions,
    /// The trust level of calls and publications; none: they have none.
    pub trustlevel: Option<u64>,
    /// The schemas that payloads are validated against.
    pub validate: PayloadSchemas,
    /// Whether a session may cache the decision. Static permissions need no cache.
    pub cache: bool,
}

impl PermissionConfig {
    /// The permission of all actions on all URIs.
    pub(crate) fn of_everything(trustlevel: Option<u64>) -> Option<Self> {
        let pattern = UriPattern::new("", MatchPolicy::Prefix, UriRule::Loose).ok()?;
        Some(Self {
            pattern,
            allow: AllowedActions::ALL,
            disclose: DisclosureOptions::default(),
            trustlevel,
            validate: PayloadSchemas::default(),
            cache: false,
        })
    }
}

/// When a permission discloses a caller or publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisclosurePolicy {
    /// `true`: always.
    Always,
    /// `false`: never. A request with `disclose_me` is refused if the realm's
    /// [`compatibility`](crate::settings::RealmOptions::compatibility) is `wamp`.
    Never,
    /// `"forbid"`: never. A request with `disclose_me` is refused.
    Forbid,
}

options! {
    /// The identities that a permission discloses. None: if the session asks with `disclose_me`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DisclosureOptions {
        /// The caller, to the callee.
        caller: Option<DisclosurePolicy> = None, policy;
        /// The publisher, to the subscribers.
        publisher: Option<DisclosurePolicy> = None, policy;
        /// The callee, to the callers: only if this is true.
        callee: bool = false, Section::flag;
    }
}

/// A permission as the file has it.
pub(crate) struct WrittenPermission<'f, 'a> {
    /// The value in the file.
    pub(crate) field: &'f Field<'a>,
    /// The text of the pattern, without the stars that stand for its policy.
    pub(crate) uri: String,
    /// The policy that the file names.
    pub(crate) policy: MatchPolicy,
    /// The actions that are allowed.
    pub(crate) allow: AllowedActions,
    /// The permission; none if its pattern matches no URI.
    pub(crate) permission: Option<PermissionConfig>,
}

/// Reads a permission of a role with this trust level.
pub(crate) fn permission<'f, 'a>(
    field: &'f Field<'a>,
    role_trust: Option<u64>,
) -> Option<WrittenPermission<'f, 'a>> {
    let mut section = Section::of(field, &PERMISSION)?;
    let pattern = uri_pattern::pattern(&mut section, KEYS.uri, KEYS.policy);
    let allow = actions::allowed_actions(&mut section, KEYS.allow);
    let disclose = section.optional(KEYS.disclose).and_then(|field| disclose(&field));
    let cache = section.flag(KEYS.cache, false);
    let trustlevel = trustlevel(&mut section, KEYS.trustlevel).or(role_trust);
    let validate = section.section(KEYS.validate, &VALIDATE);
    let validate = validate.map(|section| payload_schemas::read(section, allow));
    section.finish();
    let WrittenPattern { uri, policy, pattern } = pattern?;
    let disclose = disclose.unwrap_or_default();
    let validate = validate.unwrap_or_default();
    let permission = pattern.map(|pattern| PermissionConfig {
        pattern,
        allow,
        disclose,
        trustlevel,
        validate,
        cache,
    });
    Some(WrittenPermission { field, uri, policy, allow, permission })
}

/// Reads the trust level of a role or permission.
pub(crate) fn trustlevel(section: &mut Section<'_>, key: &'static str) -> Option<u64> {
    section.optional(key)?.number(&(0..=MAX_ID))
}

/// The word that refuses requests with `disclose_me` in every realm.
const FORBID: &str = "forbid";

/// The disclosed identities. `"forbid"` instead of a map stands for callers and publishers.
fn disclose(field: &Field<'_>) -> Option<DisclosureOptions> {
    if field.is(FORBID) {
        let forbid = Some(DisclosurePolicy::Forbid);
        return Some(DisclosureOptions { caller: forbid, publisher: forbid, callee: false });
    }
    let mut section = Section::of(field, &DISCLOSE)?;
    let options = DisclosureOptions::read(&mut section);
    section.finish();
    Some(options)
}

fn policy(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<DisclosurePolicy>,
) -> Option<DisclosurePolicy> {
    let field = section.optional(key)?;
    if field.is(FORBID) {
        return Some(DisclosurePolicy::Forbid);
    }
    let is_flag = matches!(field.node.yaml_1_1_value.as_deref(), Some(Value::Bool(_)));
    if !is_flag && field.raw_text().is_some_and(|text| !env::has_references(text)) {
        return field.expected("true, false or 'forbid'");
    }
    Some(if field.flag()? { DisclosurePolicy::Always } else { DisclosurePolicy::Never })
}
