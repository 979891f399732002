//! Roles and their permissions.

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::ids::MAX_ID;
use cloverleaf_wamp::uri::{MatchPolicy, Uri, UriPattern, UriRule};

use super::ids::Ids;
use super::store::slow_consumer;
use super::uri_pattern::{self, WrittenPattern};
use super::validate;
use crate::crossbar_rules::{self, Rule};
use crate::document::Value;
use crate::env;
use crate::fault::shortened;
use crate::field::Field;
use crate::precedence;
use crate::section::Section;
use crate::settings::{
    AllowedActions, CompatibilityPreset, DisclosureOptions, DisclosurePolicy, PayloadSchemas,
    PermissionConfig, RoleConfig,
};
use crate::unsupported;
use crate::v1;

/// What refuses `disclose_me` in every realm.
const FORBID: &str = "forbid";

/// Reads the roles of a realm, and their names if all of them are known.
pub(super) fn roles(
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
    let mut section = field.section("a role")?;
    let id = ids.of_unchecked(&mut section);
    let name = section.required("name").and_then(|field| role_name(&field));
    let (trust, slow_consumer) = (trustlevel(&mut section), slow_consumer(&mut section));
    let fields = section.items("permissions");
    let rules: Vec<Rule<'_, '_>> =
        fields.iter().filter_map(|field| permission(field, trust)).collect();
    section.unsupported(unsupported::ROLE_KEYS);
    let default = allow_by_default(&mut section, trust);
    if fields.is_empty() && default.is_none() {
        section.warn("this role has no permissions, so that everything is denied to it");
    }
    section.finish();
    if compatibility == CompatibilityPreset::Crossbar {
        crossbar_rules::compare(&rules);
    }
    let located = rules.into_iter().filter_map(|rule| Some((rule.field, rule.permission?)));
    let located = without_repeated(located.collect());
    precedence::warn_shadowed(&located);
    let permissions = located.into_iter().map(|(_, permission)| permission).chain(default);
    Some(RoleConfig { id, name: name?, permissions: permissions.collect(), slow_consumer })
}

/// The permission that `allow-by-default` of Crossbar.io stands for: it allows everything to a role
/// that has neither permissions nor an authorizer.
fn allow_by_default(role: &mut Section<'_>, trustlevel: Option<u64>) -> Option<PermissionConfig> {
    let field = role.optional("allow-by-default").filter(|field| field.flag() == Some(true))?;
    if role.optional("permissions").is_some() || role.optional("authorizer").is_some() {
        field.warn("'allow-by-default' has no effect beside 'permissions' or 'authorizer'");
        return None;
    }
    field.warn(
        "'allow-by-default' allows everything to this role; write it as a permission with \
         \"uri\": \"\" and \"match\": \"prefix\"",
    );
    let pattern = UriPattern::new("", MatchPolicy::Prefix, UriRule::Loose).ok()?;
    Some(PermissionConfig {
        pattern,
        allow: AllowedActions::ALL,
        disclose: DisclosureOptions::default(),
        trustlevel,
        validate: PayloadSchemas::default(),
        cache: false,
    })
}

fn role_name(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    if Uri::new(name.as_str(), UriRule::Loose).is_ok() {
        return Some(name);
    }
    if name.is_empty() || name.chars().any(char::is_control) {
        let expected = "a name that is not empty and has no control characters";
        let message = format!("'{}' is no name of a role", shortened(&name));
        return field.report(message, Some(expected.to_owned()), None);
    }
    field.warn(format!(
        "'{}' is taken as the name of a role, although it is no URI: better are names without \
         spaces and '#', whose parts between '.' are not empty",
        shortened(&name)
    ));
    Some(name)
}

/// How far a role or permission is trusted.
fn trustlevel(section: &mut Section<'_>) -> Option<u64> {
    section.optional("trustlevel")?.number(&(0..=MAX_ID))
}

fn permission<'f, 'a>(field: &'f Field<'a>, role_trust: Option<u64>) -> Option<Rule<'f, 'a>> {
    let mut section = field.section("a permission")?;
    let pattern = uri_pattern::pattern(&mut section);
    let flat = v1::flat_permission(&mut section);
    let allowed = section.optional("allow");
    if let (Some(field), Some(_)) = (&allowed, flat) {
        field.fault("'allow' beside the actions of the older form");
    }
    let allow = allowed.and_then(|field| allow(&field));
    let disclose = section.optional("disclose").and_then(|field| disclose(&field));
    let cache = section.flag("cache", false);
    let trustlevel = trustlevel(&mut section).or(role_trust);
    let allow = allow.or(flat).unwrap_or_default();
    let validate = section.section("validate", "a permission's 'validate'");
    let validate = validate.map(|section| validate::validate(section, allow)).unwrap_or_default();
    section.finish();
    let WrittenPattern { uri, policy, pattern } = pattern?;
    let disclose = disclose.unwrap_or_default();
    let permission = pattern.map(|pattern| PermissionConfig {
        pattern,
        allow,
        disclose,
        trustlevel,
        validate,
        cache,
    });
    Some(Rule { field, uri, policy, allow, permission })
}

fn allow(field: &Field<'_>) -> Option<AllowedActions> {
    let mut section = field.section("a permission's 'allow'")?;
    let allow = AllowedActions {
        call: section.flag("call", false),
        register: section.flag("register", false),
        publish: section.flag("publish", false),
        subscribe: section.flag("subscribe", false),
    };
    section.finish();
    Some(allow)
}

/// Who is disclosed; `"forbid"` alone stands for callers and publishers.
fn disclose(field: &Field<'_>) -> Option<DisclosureOptions> {
    if field.is(FORBID) {
        let forbid = Some(DisclosurePolicy::Forbid);
        return Some(DisclosureOptions { caller: forbid, publisher: forbid, callee: false });
    }
    let mut section = field.section("a permission's 'disclose'")?;
    let disclose = DisclosureOptions {
        caller: section.optional("caller").and_then(|field| disclosure(&field)),
        publisher: section.optional("publisher").and_then(|field| disclosure(&field)),
        callee: section.flag("callee", false),
    };
    section.finish();
    Some(disclose)
}

fn disclosure(field: &Field<'_>) -> Option<DisclosurePolicy> {
    if field.is(FORBID) {
        return Some(DisclosurePolicy::Forbid);
    }
    let is_flag = matches!(field.node.yaml_1_1_value.as_deref(), Some(Value::Bool(_)));
    if !is_flag && field.raw_text().is_some_and(|text| !env::refers(text)) {
        return field.expected("true, false or 'forbid'");
    }
    Some(if field.flag()? { DisclosurePolicy::Always } else { DisclosurePolicy::Never })
}

/// The permissions without those whose pattern comes again later: as with Crossbar.io, the last
/// one counts.
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
