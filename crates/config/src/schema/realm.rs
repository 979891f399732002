//! Realms, and what realms are made from that nobody has named.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use cloverleaf_wamp::message::CallTimeoutUnit;
use cloverleaf_wamp::uri::UriRule;

use super::ids::Ids;
use super::{role, store};
use crate::fault::shortened;
use crate::field::Field;
use crate::names::{LocatedName, RealmConflict};
use crate::section::Section;
use crate::settings::{
    CompatibilityPreset, DiscloseHttpHeaders, RealmConfig, RealmOptions, RealmTemplate, RoleConfig,
    StatsOptions, Store, StoreBackend,
};
use crate::unsupported;

/// How many realms a template may make; each has tables of its own.
const MAX_REALMS: RangeInclusive<usize> = 1..=1_000_000;

/// What a template makes where it does not say: enough for a site with some tenants, and too few to
/// fill the memory.
const DEFAULT_MAX_REALMS: usize = 1_000;

/// Reads a realm.
pub(super) fn realm(field: &Field<'_>, ids: &mut Ids) -> Option<RealmConfig> {
    let context = field.context;
    let Some(mut section) = field.section("a realm") else {
        context.names.borrow_mut().incomplete = true;
        return None;
    };
    let id = ids.of_unchecked(&mut section);
    let name = section.required("name").and_then(|field| realm_name(&field));
    let (rules, names) = Rules::of(&mut section);
    section.ignored(&["inventory"], "'validate' of a permission takes JSON Schemas instead");
    section.unsupported(unsupported::REALM_KEYS);
    section.finish();
    let Some(name) = name else {
        context.names.borrow_mut().incomplete = true;
        return None;
    };
    let declared = context.names.borrow_mut().declare_realm(&name, names);
    if let Err(other) = declared {
        report_other(field, &name.name, &other);
    }
    let Rules { options, roles, store, stats } = rules;
    Some(RealmConfig { id, name: name.name, options, roles, store, stats })
}

/// Reports that another realm has this name. Each router worker of Crossbar.io has realms of its
/// own.
fn report_other(field: &Field<'_>, name: &str, other: &RealmConflict) {
    let line = other.location.line;
    let message = format!("the realm '{name}' is already there in line {line}");
    if other.same_worker {
        return field.fault(message);
    }
    let message = format!(
        "{message}: all workers share the realms of the node, so remove this one, or give it \
         another name"
    );
    field.report_without::<()>(unsupported::REALM_OF_A_WORKER, message, None);
}

/// Reads what realms are made from that nobody has named.
pub(super) fn template(field: &Field<'_>) -> Option<RealmTemplate> {
    let mut section = field.section("a template of realms")?;
    let max_realms = section.number("max_realms", &MAX_REALMS, DEFAULT_MAX_REALMS);
    let (Rules { options, roles, store, stats }, names) = Rules::of(&mut section);
    if let Some(StoreBackend::File { .. }) = store.as_ref().map(|store| &store.backend) {
        field.fault("realms of a template can't share a file: let their store be of type 'memory'");
    }
    section.finish();
    let declared = field.context.names.borrow_mut().declare_template(field.location(), names);
    if let Err(other) = declared {
        let message = format!("another router has a template of realms, in line {}", other.line);
        field.fault(message);
    }
    Some(RealmTemplate { max_realms, options, roles, store, stats })
}

/// What a realm has beside its name.
struct Rules {
    options: RealmOptions,
    roles: Vec<RoleConfig>,
    store: Option<Store>,
    stats: Option<StatsOptions>,
}

impl Rules {
    /// Reads them, and the names of the roles if all of them are known.
    fn of(section: &mut Section<'_>) -> (Self, Option<BTreeSet<String>>) {
        let options = section.section("options", "realm options").map(options).unwrap_or_default();
        let fields = section.items("roles");
        let (roles, names) = role::roles(&fields, options.compatibility);
        if fields.is_empty() {
            section.warn("this realm has no roles, so that nobody can join it");
        }
        let (store, stats) = (store::store(section), store::stats(section));
        (Self { options, roles, store, stats }, names)
    }
}

fn options(mut section: Section<'_>) -> RealmOptions {
    let default = RealmOptions::default();
    let rules = [("loose", UriRule::Loose), ("strict", UriRule::Strict)];
    let uri_check =
        section.optional("uri_check").and_then(|field| field.choice("URI check", &rules, &[]));
    let presets =
        [("crossbar", CompatibilityPreset::Crossbar), ("wamp", CompatibilityPreset::Wamp)];
    let compatibility = section
        .optional("compatibility")
        .and_then(|field| field.choice("compatibility preset", &presets, &[]));
    let disclosed = [
        ("none", DiscloseHttpHeaders::None),
        ("without_credentials", DiscloseHttpHeaders::WithoutCredentials),
        ("all", DiscloseHttpHeaders::All),
    ];
    let disclose_http_headers = section
        .optional("disclose_http_headers")
        .and_then(|field| field.choice("choice of header fields", &disclosed, &[]));
    let units = [CallTimeoutUnit::Seconds, CallTimeoutUnit::Milliseconds];
    let call_timeout_unit = section.optional("call_timeout_unit").and_then(|field| {
        field.choice("unit of call timeouts", &units.map(|unit| (unit.name(), unit)), &[])
    });
    let chunk_size = default.event_dispatching_chunk_size;
    let options = RealmOptions {
        uri_check: uri_check.unwrap_or(default.uri_check),
        compatibility: compatibility.unwrap_or(default.compatibility),
        call_timeout_unit,
        strict_request_ids: section.flag("strict_request_ids", default.strict_request_ids),
        call_timeout: store::milliseconds(&mut section, "call_timeout"),
        max_call_timeout: store::milliseconds(&mut section, "max_call_timeout"),
        retained: store::retained(&mut section),
        enable_meta_api: section.flag("enable_meta_api", default.enable_meta_api),
        disclose_http_headers: disclose_http_headers.unwrap_or(default.disclose_http_headers),
        shutdown_goodbye: section.flag("shutdown_goodbye", default.shutdown_goodbye),
        bridge_meta_api: section.flag("bridge_meta_api", default.bridge_meta_api),
        event_dispatching_chunk_size: section.number_up_to(
            "event_dispatching_chunk_size",
            &(1..=u32::MAX),
            chunk_size,
        ),
    };
    section.has_no_effect("bridge_meta_api", options.bridge_meta_api);
    let is_set = options.event_dispatching_chunk_size != chunk_size;
    section.has_no_effect("event_dispatching_chunk_size", is_set);
    section.finish();
    options
}

/// Whether a realm may have this name: as with Crossbar.io, 3 to 255 of `A-Z`, `a-z`, `0-9`, `_`,
/// `-`, `@` and `.`, a letter first; or `0x` and 40 hexadecimal digits.
pub fn is_realm_name(name: &str) -> bool {
    let letter_first = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '@' | '.');
    let plain = (3..=255).contains(&name.len()) && letter_first && name.chars().all(allowed);
    let address = name.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 40 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    });
    plain || address
}

/// The name of a realm, which must be one.
fn realm_name(field: &Field<'_>) -> Option<LocatedName> {
    let name = field.text()?;
    if is_realm_name(&name) {
        return Some(LocatedName { name, location: field.location() });
    }
    let expected = "3 to 255 of A-Z, a-z, 0-9, '_', '-', '@' and '.', a letter first";
    let message = format!("'{}' is no name of a realm", shortened(&name));
    field.report(message, Some(expected.to_owned()), None)
}
