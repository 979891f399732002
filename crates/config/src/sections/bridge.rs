//! The services of the HTTP bridge: callers and publishers.

use std::time::Duration;

use super::network::{InvalidNetwork, IpNetwork};
use super::secret::Secret;
use crate::fault::excerpt;
use crate::field::Field;
use crate::section::{Section, SectionKeys};

pub(crate) static CALLER: SectionKeys = SectionKeys::closed("a caller", SERVICE_KEYS);

pub(crate) static PUBLISHER: SectionKeys = SectionKeys::closed("a publisher", SERVICE_KEYS);

const SERVICE_KEYS: &[&str] = &["type", "id", "realm", "role", "options"];

pub(crate) static BRIDGE_OPTIONS: SectionKeys = SectionKeys::closed(
    "bridge options",
    &[
        "debug",
        "key",
        "secret",
        "post_body_limit",
        "timestamp_delta_limit",
        "require_ip",
        "require_tls",
        "refuse_replays",
        "max_nonces",
        "error_status",
        "allowed_origins",
    ],
);

/// A service of type `caller` or `publisher`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeService {
    /// The realm that its session joins.
    pub realm: String,
    /// The role of its session in the realm.
    pub role: String,
    /// The options.
    pub options: BridgeOptions,
}

/// The options of a caller or publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeOptions {
    /// Whether each request is logged in detail.
    pub debug: bool,
    /// The key that requests must be signed with (`key` and `secret`); none: unsigned requests are
    /// accepted.
    pub signed_with: Option<BridgeKey>,
    /// The longest body, in bytes; none (0 in the file): the bridge's default.
    pub post_body_limit: Option<u32>,
    /// The longest distance of a signed request's timestamp from now; none (0 in the file): any.
    pub timestamp_delta_limit: Option<Duration>,
    /// Whether signed requests with a nonce that was used before are refused. Needs a key and a
    /// limit of timestamps.
    pub refuse_replays: bool,
    /// The most nonces that are remembered for `refuse_replays`.
    pub max_nonces: usize,
    /// The networks from which requests are accepted; empty: all.
    pub require_ip: Vec<IpNetwork>,
    /// Whether only requests over TLS are accepted.
    pub require_tls: bool,
    /// Whether WAMP errors have an HTTP status of their own instead of 200.
    pub error_status: bool,
    /// The origins of web pages that may send requests and read the answers. `*` stands for any
    /// characters.
    pub allowed_origins: Vec<String>,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self {
            debug: false,
            signed_with: None,
            post_body_limit: None,
            timestamp_delta_limit: Some(Duration::from_secs(300)),
            refuse_replays: false,
            max_nonces: 1_000_000,
            require_ip: Vec::new(),
            require_tls: false,
            error_status: false,
            allowed_origins: vec!["*".to_owned()],
        }
    }
}

/// The key that requests to the bridge are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeKey {
    /// The name of the secret, which requests carry.
    pub key: String,
    /// The secret, which requests do not carry.
    pub secret: Secret,
}

/// The longest body that may be configured, in bytes.
const MAX_POST_BODY_LIMIT: u32 = 1 << 20;

/// The highest number of nonces that may be configured. Each takes up to 200 bytes.
const HIGHEST_MAX_NONCES: usize = 10_000_000;

/// The longest distance of timestamps that may be configured, in seconds: a day.
const MAX_TIMESTAMP_DELTA_LIMIT: u64 = 86_400;

/// Reads a caller or publisher, whose keys are `declared`.
pub(crate) fn service(
    mut section: Section<'_>,
    declared: &'static SectionKeys,
) -> Option<BridgeService> {
    section.narrow(declared);
    let realm = section.required("realm").and_then(|field| field.located_name());
    let role = section.required("role").and_then(|field| field.located_name());
    let options = section.section("options", &BRIDGE_OPTIONS).map(options);
    let context = section.context();
    section.finish();
    let realm = realm?;
    context.names.borrow_mut().refer(Some(realm.clone()), role.clone());
    let options = options.unwrap_or_default();
    Some(BridgeService { realm: realm.name, role: role?.name, options })
}

fn options(mut section: Section<'_>) -> BridgeOptions {
    let default = BridgeOptions::default();
    let body_limit = section.number("post_body_limit", &(0..=MAX_POST_BODY_LIMIT), 0);
    let delta = default.timestamp_delta_limit.map_or(0, |limit| limit.as_secs());
    let delta = section.number("timestamp_delta_limit", &(0..=MAX_TIMESTAMP_DELTA_LIMIT), delta);
    let networks = section.items("require_ip");
    let allowed_origins = section.texts("allowed_origins", default.allowed_origins);
    let (key, secret) = (section.optional("key"), section.optional("secret"));
    let is_signed = key.is_some() || secret.is_some();
    let options = BridgeOptions {
        debug: section.flag("debug", default.debug),
        signed_with: signed_with(key, secret),
        post_body_limit: (body_limit > 0).then_some(body_limit),
        timestamp_delta_limit: (delta > 0).then(|| Duration::from_secs(delta)),
        refuse_replays: refuse_replays(&mut section, is_signed, delta > 0),
        max_nonces: section.number("max_nonces", &(1..=HIGHEST_MAX_NONCES), default.max_nonces),
        require_ip: networks.iter().filter_map(network).collect(),
        require_tls: section.flag("require_tls", default.require_tls),
        error_status: section.flag("error_status", default.error_status),
        allowed_origins,
    };
    section.finish();
    options
}

/// `key` and `secret`. One without the other would refuse all requests or accept all.
fn signed_with(key: Option<Field<'_>>, secret: Option<Field<'_>>) -> Option<BridgeKey> {
    match (key, secret) {
        (None, None) => None,
        (Some(key), Some(secret)) => {
            let (key, secret) = (key.non_empty_text(), secret.non_empty_text());
            Some(BridgeKey { key: key?, secret: Secret::new(secret?) })
        }
        (Some(key), None) => key.report("'key' without 'secret'", both(), None),
        (None, Some(secret)) => secret.report("'secret' without 'key'", both(), None),
    }
}

fn both() -> Option<String> {
    Some("both of them or none".to_owned())
}

/// `refuse_replays`. Without a signature, any client could use up nonces. If timestamps never
/// expired, each nonce would have to be remembered forever.
fn refuse_replays(section: &mut Section<'_>, is_signed: bool, expires: bool) -> bool {
    let Some(field) = section.optional("refuse_replays") else { return false };
    let refuses = field.flag().unwrap_or(false);
    if refuses && !is_signed {
        let message = "'refuse_replays' without 'key' and 'secret'";
        let expected = "both of them, since only signed requests have a nonce to rely on";
        field.report::<()>(message, Some(expected.to_owned()), None);
    }
    if refuses && !expires {
        let message = "'refuse_replays' with a 'timestamp_delta_limit' of 0, which is no limit";
        let expected = format!("a limit from 1 to {MAX_TIMESTAMP_DELTA_LIMIT} seconds");
        field.report::<()>(message, Some(expected), None);
    }
    refuses
}

fn network(field: &Field<'_>) -> Option<IpNetwork> {
    let text = field.text()?;
    let fault = match text.parse() {
        Ok(network) => return Some(network),
        Err(fault) => fault,
    };
    let meant = match fault {
        InvalidNetwork::HostBits(network) => Some(network.to_string()),
        InvalidNetwork::NotANetwork => None,
    };
    let message = format!("'{}' is no network of IP addresses", excerpt(&text));
    let expected = "one such as '1.2.3.4', '10.0.0.0/8' or '192.168.0.0/255.255.255.0'";
    field.report(message, Some(expected.to_owned()), meant.as_deref())
}
