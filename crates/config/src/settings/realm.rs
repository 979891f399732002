//! Realms, their roles and what these may do.

use std::time::Duration;

use cloverleaf_wamp::message::CallTimeoutUnit;
use cloverleaf_wamp::uri::{UriPattern, UriRule};

use super::store::{RetainedOptions, SlowConsumerPolicy, StatsOptions, Store};
use super::validate::PayloadSchemas;

/// A realm that a router worker hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmConfig {
    /// Its id, given or `realm001` and so on.
    pub id: String,
    /// Its name, by which sessions ask for it. No two realms of a node have the same.
    pub name: String,
    /// Its options.
    pub options: RealmOptions,
    /// The roles that sessions may have in it.
    pub roles: Vec<RoleConfig>,
    /// What it keeps, if anything.
    pub store: Option<Store>,
    /// When it tells how much sessions send and receive, if ever.
    pub stats: Option<StatsOptions>,
}

/// What realms are made from that nobody has named in the configuration: one begins with the first
/// session that asks for it and ends with the last one that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmTemplate {
    /// How many of them there may be at once.
    pub max_realms: usize,
    /// Their options.
    pub options: RealmOptions,
    /// The roles that sessions may have in them.
    pub roles: Vec<RoleConfig>,
    /// What they keep while they last, if anything.
    pub store: Option<Store>,
    /// When they tell how much sessions send and receive, if ever.
    pub stats: Option<StatsOptions>,
}

impl RealmTemplate {
    /// The realm of this name.
    pub fn named(&self, name: &str) -> RealmConfig {
        RealmConfig {
            id: name.to_owned(),
            name: name.to_owned(),
            options: self.options.clone(),
            roles: self.roles.clone(),
            store: self.store.clone(),
            stats: self.stats,
        }
    }
}

/// Which of the two a realm follows where the WAMP specification and Crossbar.io differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompatibilityPreset {
    /// What deployed clients of Crossbar.io know.
    Crossbar,
    /// What the specification says.
    Wamp,
}

/// Which header fields of the HTTP request that became a session the session meta API discloses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscloseHttpHeaders {
    /// None.
    None,
    /// All but those with the names of secrets, without secret parameters in their values.
    WithoutCredentials,
    /// All.
    All,
}

/// The options of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmOptions {
    /// The rule that URIs follow (`uri_check`). `loose` unless the file says `strict`.
    pub uri_check: UriRule,
    /// Which of the two it follows where the specification and Crossbar.io differ.
    pub compatibility: CompatibilityPreset,
    /// The unit of `CALL.Options.timeout`; none: as `compatibility` has it.
    pub call_timeout_unit: Option<CallTimeoutUnit>,
    /// Whether the numbers of requests must follow each other.
    pub strict_request_ids: bool,
    /// How long a call may take that does not say.
    pub call_timeout: Option<Duration>,
    /// The longest time that a call may take.
    pub max_call_timeout: Option<Duration>,
    /// How many events are kept for later subscribers.
    pub retained: RetainedOptions,
    /// Whether the meta API of sessions, registrations and subscriptions is offered.
    pub enable_meta_api: bool,
    /// Which header fields of a session's HTTP request the meta API discloses.
    pub disclose_http_headers: DiscloseHttpHeaders,
    /// Whether sessions get GOODBYE before the router ends their connections.
    pub shutdown_goodbye: bool,
    /// Whether the meta API is bridged to the node's own realm.
    pub bridge_meta_api: bool,
    /// How many subscribers are served in one turn of an event's fan-out.
    pub event_dispatching_chunk_size: u32,
}

impl Default for RealmOptions {
    fn default() -> Self {
        Self {
            uri_check: UriRule::Loose,
            compatibility: CompatibilityPreset::Crossbar,
            call_timeout_unit: None,
            strict_request_ids: false,
            call_timeout: None,
            max_call_timeout: None,
            retained: RetainedOptions::default(),
            enable_meta_api: true,
            disclose_http_headers: DiscloseHttpHeaders::WithoutCredentials,
            shutdown_goodbye: false,
            bridge_meta_api: false,
            event_dispatching_chunk_size: 100,
        }
    }
}

/// A role that sessions may have in a realm. What no permission allows is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConfig {
    /// Its id, given or `role001` and so on.
    pub id: String,
    /// Its name. No two roles of a realm have the same.
    pub name: String,
    /// What sessions with this role may do, in the order of the file.
    pub permissions: Vec<PermissionConfig>,
    /// What becomes of events for those that read slowly; none as their transport says.
    pub slow_consumer: Option<SlowConsumerPolicy>,
}

/// What a role may do with the URIs that match a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionConfig {
    /// The URIs that this is about.
    pub pattern: UriPattern,
    /// The actions that are allowed.
    pub allow: AllowedActions,
    /// Whose identity is disclosed.
    pub disclose: DisclosureOptions,
    /// How far calls and publications are trusted; none to say nothing about it.
    pub trustlevel: Option<u64>,
    /// What payloads are held against.
    pub validate: PayloadSchemas,
    /// Whether the answer may be remembered for the session. Static answers need no remembering.
    pub cache: bool,
}

/// The actions that a permission allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AllowedActions {
    /// Calling procedures.
    pub call: bool,
    /// Registering procedures.
    pub register: bool,
    /// Publishing to topics.
    pub publish: bool,
    /// Subscribing to topics.
    pub subscribe: bool,
}

impl AllowedActions {
    /// Every action.
    pub const ALL: Self = Self { call: true, register: true, publish: true, subscribe: true };
}

/// Whether a permission discloses a caller or publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisclosurePolicy {
    /// `true`: always.
    Always,
    /// `false`: never. A request with `disclose_me` is refused if the realm's
    /// [`compatibility`](RealmOptions::compatibility) is `wamp`.
    Never,
    /// `"forbid"`: never. A request with `disclose_me` is refused.
    Forbid,
}

/// Whose identity a permission discloses. Absent: as the session asks with `disclose_me`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisclosureOptions {
    /// The caller's to the callee.
    pub caller: Option<DisclosurePolicy>,
    /// The publisher's to the subscribers.
    pub publisher: Option<DisclosurePolicy>,
    /// The callee's to the callers. Only `true` discloses it.
    pub callee: bool,
}
