//! The settings of a realm. Where they come from is the host's business.

use std::borrow::Cow;
use std::fmt;

use cloverleaf_wamp::features::{Feature, Features, ROUTER, ROUTER_META_API, RouterRoles};
use cloverleaf_wamp::message::CallTimeoutUnit;
use cloverleaf_wamp::secrets::{is_secret_name, redact_secrets};
use cloverleaf_wamp::uri::UriRule;
use compact_str::CompactString;

use crate::authorization::Role;
use crate::authorizer::Authorizer;
use crate::broker::{EventStore, HistorySettings, RetentionSettings};
use crate::compatibility::Compatibility;
use crate::dealer::{CallQueue, CallTimes};
use crate::limits::SharedLimits;
use crate::validation::Validation;
use crate::wall_clock::TimeOfDay;

/// A source of random bits, provided by the host.
pub struct Random(Box<dyn FnMut() -> u64 + Send>);

impl Random {
    /// A source that calls `bits` for 64 random bits at a time.
    pub fn new(bits: impl FnMut() -> u64 + Send + 'static) -> Self {
        Self(Box::new(bits))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

/// The header fields of a session's HTTP request that the session meta API discloses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DisclosedHeaders {
    /// None.
    None,
    /// All but those with the names of secrets, without secret parameters in their values.
    #[default]
    WithoutCredentials,
    /// All.
    All,
}

impl DisclosedHeaders {
    /// Whether a field with this name is disclosed.
    pub(crate) fn discloses(self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::WithoutCredentials => !is_secret_name(name),
            Self::All => true,
        }
    }

    /// The value of a disclosed field, without secrets unless all fields are disclosed.
    pub(crate) fn value(self, value: &str) -> Cow<'_, str> {
        /// The delimiters of parameters in URLs and header fields.
        const SEPARATORS: [char; 4] = ['?', '&', ';', '#'];
        match self {
            Self::All => value.into(),
            Self::None | Self::WithoutCredentials => redact_secrets(value, &SEPARATORS),
        }
    }
}

/// The settings of a realm.
#[derive(Debug)]
pub struct RealmSettings {
    /// Its name.
    pub name: CompactString,
    /// The rule for URIs.
    pub uri_rule: UriRule,
    /// The preset: Crossbar.io's behaviour or the specification's, where they differ.
    pub compatibility: Compatibility,
    /// The unit of call timeouts on the wire; that of the preset when absent.
    pub call_timeout_unit: Option<CallTimeoutUnit>,
    /// Whether request ids must follow each other.
    pub strict_request_ids: bool,
    /// The roles. A role named `trusted` is built in unless given here.
    pub roles: Vec<Role>,
    /// The limits of what its sessions share.
    pub limits: SharedLimits,
    /// The schemas that its permissions name.
    pub validation: Validation,
    /// The router's name in WELCOME, such as `Cloverleaf-0.1.0`; omitted when absent.
    pub agent: Option<CompactString>,
    /// Whether the realm has the meta API: `wamp.session.*`, `wamp.registration.*`,
    /// `wamp.subscription.*`.
    pub meta_api: bool,
    /// The header fields of a session's HTTP request that the meta API discloses.
    pub disclosed_headers: DisclosedHeaders,
    /// Whether sessions get GOODBYE before the router ends their connections: at its shutdown, and
    /// when they read too slowly. Clients such as Autobahn|JS and wampy.js don't connect again
    /// after one.
    pub shutdown_goodbye: bool,
    /// The timeouts of calls.
    pub call_times: CallTimes,
    /// The queues of calls that wait for a free callee.
    pub call_queues: Vec<CallQueue>,
    /// The bounds of retained events.
    pub retention: RetentionSettings,
    /// The patterns whose events are stored.
    pub histories: Vec<HistorySettings>,
    /// The store of these events; they are in memory when absent.
    pub event_store: Option<Box<dyn EventStore>>,
    /// Decides on requests of roles that are made with [`Role::with_authorizer`].
    pub authorizer: Option<Box<dyn Authorizer>>,
    /// The clock for the time of day.
    pub time_of_day: TimeOfDay,
}

impl RealmSettings {
    /// A realm without roles, with the defaults of a node without a configuration file.
    pub fn named(name: impl Into<CompactString>) -> Self {
        Self {
            name: name.into(),
            uri_rule: UriRule::Loose,
            compatibility: Compatibility::default(),
            call_timeout_unit: None,
            strict_request_ids: false,
            roles: Vec::new(),
            limits: SharedLimits::DEFAULT,
            validation: Validation::default(),
            agent: None,
            meta_api: true,
            disclosed_headers: DisclosedHeaders::default(),
            shutdown_goodbye: false,
            call_times: CallTimes::default(),
            call_queues: Vec::new(),
            retention: RetentionSettings::default(),
            histories: Vec::new(),
            event_store: None,
            authorizer: None,
            time_of_day: TimeOfDay::default(),
        }
    }

    /// The unit of call timeouts in a session: the realm's, or milliseconds for internal sessions.
    pub(super) fn call_timeout_unit(&self, is_internal: bool) -> CallTimeoutUnit {
        if is_internal {
            return CallTimeoutUnit::Milliseconds;
        }
        self.call_timeout_unit.unwrap_or_else(|| self.compatibility.call_timeout_unit())
    }

    /// The roles and features of the router in WELCOME.
    pub(super) fn announced(&self) -> RouterRoles {
        let roles = if self.meta_api { ROUTER.with(ROUTER_META_API) } else { ROUTER };
        if self.histories.is_empty() || !self.meta_api {
            return roles;
        }
        let history = Features::of(&[Feature::EventHistory]);
        roles.with(RouterRoles { broker: Some(history), dealer: None })
    }
}
