//! The options of realms.

use std::time::Duration;

use cloverleaf_wamp::message::CallTimeoutUnit;
use cloverleaf_wamp::uri::UriRule;

use super::retained::{RETAINED, RetainedOptions};
use super::times::milliseconds;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static REALM_OPTIONS: SectionKeys =
    SectionKeys::closed("realm options", RealmOptions::KEYS);

options! {
    /// The options of a realm.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RealmOptions {
        /// The rule that URIs follow: `loose` or `strict`.
        uri_check: UriRule = UriRule::Loose, uri_check;
        /// The behaviour where the WAMP specification and Crossbar.io differ.
        compatibility: CompatibilityPreset = CompatibilityPreset::Crossbar, compatibility;
        /// The unit of `CALL.Options.timeout`; none: that of `compatibility`.
        call_timeout_unit: Option<CallTimeoutUnit> = None, call_timeout_unit;
        /// Whether the request ids of a session must be consecutive.
        strict_request_ids: bool = false, Section::flag;
        /// The timeout of calls that have none of their own.
        call_timeout: Option<Duration> = None, milliseconds;
        /// The longest timeout of calls.
        max_call_timeout: Option<Duration> = None, milliseconds;
        /// The limits of retained events.
        retained: RetainedOptions = RetainedOptions::default(), retained;
        /// Whether the meta API of sessions, registrations and subscriptions is offered.
        enable_meta_api: bool = true, Section::flag;
        /// The header fields of a session's HTTP request that the meta API discloses.
        disclose_http_headers: DiscloseHttpHeaders = DiscloseHttpHeaders::WithoutCredentials,
            disclose_http_headers;
        /// Whether sessions get GOODBYE before the router ends their connections.
        shutdown_goodbye: bool = false, Section::flag;
        /// Whether the meta API is bridged to the node's own realm.
        bridge_meta_api: bool = false, Section::flag_without_effect;
        /// The number of subscribers that are served in one turn of an event's fan-out.
        event_dispatching_chunk_size: u32 = 100, chunk_size;
    }
}

/// The behaviour of a realm where the WAMP specification and Crossbar.io differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompatibilityPreset {
    /// The behaviour that deployed clients of Crossbar.io expect.
    Crossbar,
    /// The behaviour of the specification.
    Wamp,
}

/// The header fields of a session's HTTP request that the session meta API discloses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscloseHttpHeaders {
    /// None.
    None,
    /// All except those with the names of secrets, without secret parameters in their values.
    WithoutCredentials,
    /// All.
    All,
}

fn uri_check(section: &mut Section<'_>, key: &'static str, default: UriRule) -> UriRule {
    let rules = [("loose", UriRule::Loose), ("strict", UriRule::Strict)];
    section.choice(key, "URI check", &rules, default)
}

fn compatibility(
    section: &mut Section<'_>,
    key: &'static str,
    default: CompatibilityPreset,
) -> CompatibilityPreset {
    let presets =
        [("crossbar", CompatibilityPreset::Crossbar), ("wamp", CompatibilityPreset::Wamp)];
    section.choice(key, "compatibility preset", &presets, default)
}

fn call_timeout_unit(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<CallTimeoutUnit>,
) -> Option<CallTimeoutUnit> {
    let units = [CallTimeoutUnit::Seconds, CallTimeoutUnit::Milliseconds];
    let units = units.map(|unit| (unit.name(), unit));
    section.optional(key)?.choice("unit of call timeouts", &units, &[])
}

fn retained(section: &mut Section<'_>, key: &'static str, _: RetainedOptions) -> RetainedOptions {
    section.options(key, &RETAINED)
}

fn disclose_http_headers(
    section: &mut Section<'_>,
    key: &'static str,
    default: DiscloseHttpHeaders,
) -> DiscloseHttpHeaders {
    let disclosed = [
        ("none", DiscloseHttpHeaders::None),
        ("without_credentials", DiscloseHttpHeaders::WithoutCredentials),
        ("all", DiscloseHttpHeaders::All),
    ];
    section.choice(key, "choice of header fields", &disclosed, default)
}

fn chunk_size(section: &mut Section<'_>, key: &'static str, default: u32) -> u32 {
    let size = section.number_up_to(key, &(1..=u32::MAX), default);
    section.has_no_effect(key, size != default);
    size
}
