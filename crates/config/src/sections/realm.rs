//! Realms and realm templates.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use cloverleaf_wamp::realm_name::is_realm_name;

use super::ids::{ID, Ids};
use super::limits::{REALM_LIMITS, RealmLimits};
use super::realm_options::{REALM_OPTIONS, RealmOptions};
use super::role::{self, RoleConfig};
use super::statistics::{self, StatsOptions};
use super::store::{self, Store, StoreBackend};
use crate::fault::excerpt;
use crate::field::Field;
use crate::names::{LocatedName, RealmConflict};
use crate::options::keys;
use crate::section::{Section, SectionKeys};
use crate::unsupported;

pub(crate) static REALM: SectionKeys = SectionKeys::open("a realm", RealmKeys::ALL)
    .with(&[&[ID], RuleKeys::ALL])
    .with_unsupported(unsupported::REALM_KEYS);

pub(crate) static TEMPLATE: SectionKeys =
    SectionKeys::closed("a template of realms", TemplateKeys::ALL).with(&[RuleKeys::ALL]);

keys! {
    /// The keys of a realm.
    const REALM_KEYS: RealmKeys = { name, inventory };
}

keys! {
    /// The keys of a template.
    const TEMPLATE_KEYS: TemplateKeys = { max_realms };
}

keys! {
    /// The keys that realms and templates have in common.
    const RULES: RuleKeys = { options, limits, roles, store, stats };
}

/// A realm that a router worker hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmConfig {
    /// The id, given or generated (`realm001` …).
    pub id: String,
    /// The name, by which sessions ask for the realm. It is unique in the node.
    pub name: String,
    /// The options.
    pub options: RealmOptions,
    /// The limits.
    pub limits: RealmLimits,
    /// The roles of sessions in the realm.
    pub roles: Vec<RoleConfig>,
    /// The store, if the realm has one.
    pub store: Option<Store>,
    /// When the realm publishes statistics of sessions; none: never.
    pub stats: Option<StatsOptions>,
}

/// The template of realms that the configuration does not name. Such a realm starts with the first
/// session that asks for it and ends with its last session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmTemplate {
    /// The most realms at the same time.
    pub max_realms: usize,
    /// The options of each realm.
    pub options: RealmOptions,
    /// The limits of each realm.
    pub limits: RealmLimits,
    /// The roles of sessions in each realm.
    pub roles: Vec<RoleConfig>,
    /// The store of each realm, if it has one.
    pub store: Option<Store>,
    /// When each realm publishes statistics of sessions; none: never.
    pub stats: Option<StatsOptions>,
}

impl RealmTemplate {
    /// The realm with this name.
    pub fn named(&self, name: &str) -> RealmConfig {
        RealmConfig {
            id: name.to_owned(),
            name: name.to_owned(),
            options: self.options.clone(),
            limits: self.limits,
            roles: self.roles.clone(),
            store: self.store.clone(),
            stats: self.stats,
        }
    }
}

/// The numbers of realms that a template may make. Each realm has tables of its own.
const MAX_REALMS: RangeInclusive<usize> = 1..=1_000_000;

/// The default limit of a template's realms: enough for a site with some tenants, and too few to
/// fill the memory.
const DEFAULT_MAX_REALMS: usize = 1_000;

/// Reads a realm.
pub(crate) fn realm(field: &Field<'_>, ids: &mut Ids) -> Option<RealmConfig> {
    let context = field.context;
    let Some(mut section) = Section::of(field, &REALM) else {
        context.names.borrow_mut().incomplete = true;
        return None;
    };
    let id = ids.of_unchecked(&mut section);
    let name = section.required(REALM_KEYS.name).and_then(|field| realm_name(&field));
    let (rules, names) = RealmRules::of(&mut section);
    section
        .ignored(&[REALM_KEYS.inventory], "'validate' of a permission takes JSON Schemas instead");
    section.refuse_unsupported();
    section.finish();
    let Some(name) = name else {
        context.names.borrow_mut().incomplete = true;
        return None;
    };
    let declared = context.names.borrow_mut().declare_realm(&name, names);
    if let Err(other) = declared {
        report_conflict(field, &name.name, &other);
    }
    let RealmRules { options, limits, roles, store, stats } = rules;
    Some(RealmConfig { id, name: name.name, options, limits, roles, store, stats })
}

/// Records the fault that another realm has this name. With Crossbar.io, each router worker has
/// realms of its own.
fn report_conflict(field: &Field<'_>, name: &str, other: &RealmConflict) {
    let line = other.location.line;
    let message = format!("the realm '{name}' is already there in line {line}");
    if other.same_worker {
        return field.fault(message);
    }
    let message = format!(
        "{message}: all workers share the realms of the node, so remove this one, or give it \
         another name"
    );
    field.report_unsupported_as::<()>(unsupported::REALM_OF_A_WORKER, message, None);
}

/// Reads a realm template.
pub(crate) fn template(field: &Field<'_>) -> Option<RealmTemplate> {
    let mut section = Section::of(field, &TEMPLATE)?;
    let max_realms = section.number(TEMPLATE_KEYS.max_realms, &MAX_REALMS, DEFAULT_MAX_REALMS);
    let (RealmRules { options, limits, roles, store, stats }, names) = RealmRules::of(&mut section);
    if let Some(StoreBackend::File { .. }) = store.as_ref().map(|store| &store.backend) {
        field.fault("realms of a template can't share a file: let their store be of type 'memory'");
    }
    section.finish();
    let declared = field.context.names.borrow_mut().declare_template(field.location(), names);
    if let Err(other) = declared {
        let message = format!("another router has a template of realms, in line {}", other.line);
        field.fault(message);
    }
    Some(RealmTemplate { max_realms, options, limits, roles, store, stats })
}

/// The keys that realms and templates have in common.
struct RealmRules {
    options: RealmOptions,
    limits: RealmLimits,
    roles: Vec<RoleConfig>,
    store: Option<Store>,
    stats: Option<StatsOptions>,
}

impl RealmRules {
    /// Reads the keys. The second value is the names of the roles, if all of them are known.
    fn of(section: &mut Section<'_>) -> (Self, Option<BTreeSet<String>>) {
        let options: RealmOptions = section.options(RULES.options, &REALM_OPTIONS);
        let limits = section.options(RULES.limits, &REALM_LIMITS);
        let fields = section.items(RULES.roles);
        let (roles, names) = role::roles(&fields, options.compatibility);
        if fields.is_empty() {
            section.warn("this realm has no roles, so that no client can join it");
        }
        let (store, stats) =
            (store::store(section, RULES.store), statistics::statistics(section, RULES.stats));
        (Self { options, limits, roles, store, stats }, names)
    }
}

fn realm_name(field: &Field<'_>) -> Option<LocatedName> {
    let name = field.text()?;
    if is_realm_name(&name) {
        return Some(LocatedName { name, location: field.location() });
    }
    let expected = "3 to 255 of A-Z, a-z, 0-9, '_', '-', '@' and '.', a letter first";
    let message = format!("'{}' is no name of a realm", excerpt(&name));
    field.report(message, Some(expected.to_owned()), None)
}
