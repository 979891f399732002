//! Roles and their permissions.

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::ids::MAX_ID;
use cloverleaf_wamp::uri::{MatchPolicy, Uri, UriPattern, UriRule};

use super::ids::Ids;
use super::store::slow_consumer;
use super::validate;
use crate::fault::shortened;
use crate::field::Field;
use crate::older;
use crate::precedence;
use crate::section::Section;
use crate::settings::{Allow, Disclose, Permission, Role};

/// Reads the roles of a realm, and their names if all of them are known.
pub(super) fn roles(fields: &[Field<'_>]) -> (Vec<Role>, Option<BTreeSet<String>>) {
    let mut ids = Ids::new("role");
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    let mut complete = true;
    let mut roles = Vec::new();
    for field in fields {
        let Some(role) = role(field, &mut ids) else {
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

fn role(field: &Field<'_>, ids: &mut Ids) -> Option<Role> {
    let mut section = field.section("a role")?;
    let id = ids.of(&mut section);
    let name = section.required("name").and_then(|field| role_name(&field));
    let (trust, slow_consumer) = (trustlevel(&mut section), slow_consumer(&mut section));
    let fields = section.items("permissions");
    let located: Vec<(&Field<'_>, Permission)> =
        fields.iter().filter_map(|field| Some((field, permission(field, trust)?))).collect();
    section.unsupported(&["authorizer"]);
    if fields.is_empty() {
        section.warn("this role has no permissions, so that everything is denied to it");
    }
    section.finish();
    let located = without_repeated(located);
    precedence::point_out(&located);
    let permissions = located.into_iter().map(|(_, permission)| permission).collect();
    Some(Role { id, name: name?, permissions, slow_consumer })
}

fn role_name(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    if Uri::new(name.as_str(), UriRule::Loose).is_ok() {
        return Some(name);
    }
    let expected = "a name without spaces and '#', whose parts between '.' are not empty";
    let message = format!("'{}' is no name of a role", shortened(&name));
    field.report(message, Some(expected.to_owned()), None)
}

/// How far a role or permission is trusted.
fn trustlevel(section: &mut Section<'_>) -> Option<u64> {
    section.optional("trustlevel")?.number(&(0..=MAX_ID))
}

fn permission(field: &Field<'_>, role_trust: Option<u64>) -> Option<Permission> {
    let mut section = field.section("a permission")?;
    let pattern = pattern(&mut section);
    let flat = older::flat_permission(&mut section);
    let field = section.optional("allow");
    if let (Some(field), Some(_)) = (&field, flat) {
        field.fault("'allow' beside the actions of the older form");
    }
    let allow = field.and_then(|field| allow(&field));
    let disclose = section.section("disclose", "a permission's 'disclose'").map(disclose);
    let cache = section.flag("cache", false);
    let trustlevel = trustlevel(&mut section).or(role_trust);
    let allow = allow.or(flat).unwrap_or_default();
    let validate = section.section("validate", "a permission's 'validate'");
    let validate = validate.map(|section| validate::validate(section, allow)).unwrap_or_default();
    section.finish();
    Some(Permission {
        pattern: pattern?,
        allow,
        disclose: disclose.unwrap_or_default(),
        trustlevel,
        validate,
        cache,
    })
}

/// The pattern of `uri` and `match`; without the latter, stars in the former tell the policy.
fn pattern(section: &mut Section<'_>) -> Option<UriPattern> {
    let uri = section.required("uri");
    let policy = section.optional("match").map(|field| policy(&field));
    let field = uri?;
    let uri = field.text()?;
    let pattern = match policy {
        Some(policy) => {
            let policy = policy?;
            if uri.contains('*') {
                field.warn("with 'match', a '*' in 'uri' stands for itself");
            }
            UriPattern::new(uri, policy, UriRule::Loose)
        }
        None => UriPattern::from_starred(&uri),
    };
    pattern.map_err(|fault| field.fault(fault.to_string())).ok()
}

fn policy(field: &Field<'_>) -> Option<MatchPolicy> {
    let policies = MatchPolicy::ALL.map(|policy| (policy.name(), policy));
    field.choice("match policy", &policies, &[])
}

fn allow(field: &Field<'_>) -> Option<Allow> {
    let mut section = field.section("a permission's 'allow'")?;
    let allow = Allow {
        call: section.flag("call", false),
        register: section.flag("register", false),
        publish: section.flag("publish", false),
        subscribe: section.flag("subscribe", false),
    };
    section.finish();
    Some(allow)
}

fn disclose(mut section: Section<'_>) -> Disclose {
    let disclose = Disclose {
        caller: section.optional("caller").and_then(|field| field.flag()),
        publisher: section.optional("publisher").and_then(|field| field.flag()),
        callee: section.flag("callee", false),
    };
    section.finish();
    disclose
}

/// The permissions without those whose pattern comes again later: as with Crossbar.io, the last
/// one counts.
fn without_repeated<'f, 'a>(
    located: Vec<(&'f Field<'a>, Permission)>,
) -> Vec<(&'f Field<'a>, Permission)> {
    let mut last = BTreeMap::new();
    for (index, (_, permission)) in located.iter().enumerate() {
        last.insert(permission.pattern.clone(), index);
    }
    let lines: Vec<u32> = located.iter().map(|(field, _)| field.mark().line).collect();
    let counts = |(index, (field, permission)): (usize, (&'f Field<'a>, Permission))| {
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
