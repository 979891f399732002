//! Roles.

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::uri::{Uri, UriRule};

use super::ids::{ID, Ids};
use super::limits::{ROLE_LIMITS, RoleLimits};
use super::permission::{self, PermissionConfig, WrittenPermission};
use super::realm_options::CompatibilityPreset;
use super::slow_consumer::{SlowConsumerPolicy, optional_slow_consumer};
use crate::crossbar_rules;
use crate::fault::excerpt;
use crate::field::Field;
use crate::options::keys;
use crate::precedence;
use crate::section::{Section, SectionKeys};
use crate::unsupported::{self, AUTHORIZER};

pub(crate) static ROLE: SectionKeys = SectionKeys::open("a role", RoleKeys::ALL)
    .with(&[&[ID]])
    .with_unsupported(unsupported::ROLE_KEYS);

keys! {
    /// The keys of a role.
    const KEYS: RoleKeys = {
        name,
        permissions,
        allow_by_default = "allow-by-default",
        trustlevel,
        slow_consumer,
        limits,
    };
}

/// A role of sessions in a realm. Actions that no permission allows are denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConfig {
    /// The id, given or generated (`role001` …).
    pub id: String,
    /// The name, which is unique in the realm.
    pub name: String,
    /// The permissions of sessions with this role, in the order of the file.
    pub permissions: Vec<PermissionConfig>,
    /// What happens to events for slow consumers with this role; none: the transport's policy.
    pub slow_consumer: Option<SlowConsumerPolicy>,
    /// The limits of each session with this role.
    pub limits: RoleLimits,
}

/// Reads the roles of a realm. The second value is their names, if all of them are known.
pub(crate) fn roles(
    fields: &[Field<'_>],
    compatibility: CompatibilityPreset,
) -> (Vec<RoleConfig>, Option<BTreeSet<String>>) {
    let mut ids = Ids::new("role");
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    let mut complete = true;
    let mut roles = Vec::new();
    for field in fields {
        let Some(role) = role(field, &mut ids, compatibility) else {
            complete = false;
            continue;
        };
        if let Some(line) = lines.insert(role.name.clone(), field.mark().line) {
            field.fault(format!("the role '{}' is already there in line {line}", role.name));
        }
        roles.push(role);
    }
    (roles, complete.then(|| lines.into_keys().collect()))
}

fn role(
    field: &Field<'_>,
    ids: &mut Ids,
    compatibility: CompatibilityPreset,
) -> Option<RoleConfig> {
    let mut section = Section::of(field, &ROLE)?;
    let id = ids.of_unchecked(&mut section);
    let name = section.required(KEYS.name).and_then(|field| role_name(&field));
    let trust = permission::trustlevel(&mut section, KEYS.trustlevel);
    let slow_consumer = optional_slow_consumer(&mut section, KEYS.slow_consumer);
    let limits = section.options(KEYS.limits, &ROLE_LIMITS);
    let fields = section.items(KEYS.permissions);
    let written: Vec<WrittenPermission<'_, '_>> =
        fields.iter().filter_map(|field| permission::permission(field, trust)).collect();
    section.refuse_unsupported();
    let default = allow_by_default(&mut section, trust);
    if fields.is_empty() && default.is_none() {
        section.warn("this role has no permissions, so that everything is denied to it");
    }
    section.finish();
    if compatibility == CompatibilityPreset::Crossbar {
        crossbar_rules::compare(&written);
    }
    let located = written.into_iter().filter_map(|rule| Some((rule.field, rule.permission?)));
    let located = without_repeated(located.collect());
    precedence::warn_shadowed(&located);
    let permissions = located.into_iter().map(|(_, permission)| permission).chain(default);
    Some(RoleConfig { id, name: name?, permissions: permissions.collect(), slow_consumer, limits })
}

/// The permission for `allow-by-default` of Crossbar.io: it allows everything to a role without
/// permissions and authorizer.
fn allow_by_default(role: &mut Section<'_>, trustlevel: Option<u64>) -> Option<PermissionConfig> {
    let field = role.optional(KEYS.allow_by_default).filter(|field| field.flag() == Some(true))?;
    if role.optional(KEYS.permissions).is_some() || role.optional(AUTHORIZER).is_some() {
        field.warn("'allow-by-default' has no effect beside 'permissions' or 'authorizer'");
        return None;
    }
    field.warn(
        "'allow-by-default' allows everything to this role; write it as a permission with \
         \"uri\": \"\" and \"match\": \"prefix\"",
    );
    PermissionConfig::of_everything(trustlevel)
}

fn role_name(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    if Uri::new(name.as_str(), UriRule::Loose).is_ok() {
        return Some(name);
    }
    if name.is_empty() || name.chars().any(char::is_control) {
        let expected = "a name that is not empty and has no control characters";
        let message = format!("'{}' is no name of a role", excerpt(&name));
        return field.report(message, Some(expected.to_owned()), None);
    }
    field.warn(format!(
        "'{}' is taken as the name of a role, although it is no URI: better are names without \
         spaces and '#', whose parts between '.' are not empty",
        excerpt(&name)
    ));
    Some(name)
}

/// Drops each permission whose pattern is repeated later. As with Crossbar.io, the last one counts.
fn without_repeated<'f, 'a>(
    located: Vec<(&'f Field<'a>, PermissionConfig)>,
) -> Vec<(&'f Field<'a>, PermissionConfig)> {
    let mut last = BTreeMap::new();
    for (index, (_, permission)) in located.iter().enumerate() {
        last.insert(permission.pattern.clone(), index);
    }
    let lines: Vec<u32> = located.iter().map(|(field, _)| field.mark().line).collect();
    let counts = |(index, (field, permission)): (usize, (&'f Field<'a>, PermissionConfig))| {
        let counting = last[&permission.pattern];
        if counting == index {
            return Some((field, permission));
        }
        let line = lines[counting];
        field.warn(format!("no effect: the permission in line {line} has the same pattern"));
        None
    };
    located.into_iter().enumerate().filter_map(counts).collect()
}
