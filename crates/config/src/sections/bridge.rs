//! The services of the HTTP bridge: callers and publishers.

use std::time::Duration;

use super::ids::TYPE_AND_ID;
use super::network::{InvalidNetwork, IpNetwork};
use super::secret::Secret;
use crate::fault::excerpt;
use crate::field::Field;
use crate::options::{keys, options};
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static CALLER: SectionKeys =
    SectionKeys::closed("a caller", ServiceKeys::ALL).with(&[TYPE_AND_ID]);

pub(crate) static PUBLISHER: SectionKeys =
    SectionKeys::closed("a publisher", ServiceKeys::ALL).with(&[TYPE_AND_ID]);

keys! {
    /// The keys of callers and publishers.
    const SERVICE: ServiceKeys = { realm, role, options };
}

pub(crate) static BRIDGE_OPTIONS: SectionKeys =
    SectionKeys::closed("bridge options", &[SECRET]).with(&[BridgeOptions::KEYS]);

const KEY: &str = "key";
const SECRET: &str = "secret";
const REFUSE_REPLAYS: &str = "refuse_replays";

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

options! {
    /// The options of a caller or publisher.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BridgeOptions {
        /// The longest body, in bytes; none (0 in the file): the bridge's default.
        post_body_limit: Option<u32> = None, post_body_limit;
        /// The longest distance of a signed request's timestamp from now; none (0 in the file):
        /// any.
        timestamp_delta_limit: Option<Duration> = Some(Duration::from_secs(300)),
            timestamp_delta_limit;
        /// The networks from which requests are accepted; empty: all.
        require_ip: Vec<IpNetwork> = Vec::new(), networks;
        /// The origins of web pages that may send requests and read the answers. `*` stands for
        /// any characters.
        allowed_origins: Vec<String> = vec!["*".to_owned()], Section::texts;
        /// The key that requests must be signed with (`key` and `secret`); none: unsigned requests
        /// are accepted.
        signed_with as KEY: Option<BridgeKey> = None, signed_with;
        /// Whether each request is logged in detail.
        debug: bool = false, Section::flag;
        /// Whether signed requests with a nonce that was used before are refused. Needs a key and a
        /// limit of timestamps.
        refuse_replays as REFUSE_REPLAYS: bool = false, Section::flag;
        /// The most nonces that are remembered for `refuse_replays`.
        max_nonces: usize = 1_000_000, max_nonces;
        /// Whether only requests over TLS are accepted.
        require_tls: bool = false, Section::flag;
        /// Whether WAMP errors have an HTTP status of their own instead of 200.
        error_status: bool = false, Section::flag;
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
    let realm = section.required(SERVICE.realm).and_then(|field| field.located_name());
    let role = section.required(SERVICE.role).and_then(|field| field.located_name());
    let options = section.section(SERVICE.options, &BRIDGE_OPTIONS).map(options);
    let context = section.context();
    section.finish();
    let realm = realm?;
    context.names.borrow_mut().refer(Some(realm.clone()), role.clone());
    let options = options.unwrap_or_default();
    Some(BridgeService { realm: realm.name, role: role?.name, options })
}

fn options(mut section: Section<'_>) -> BridgeOptions {
    let options = BridgeOptions::read(&mut section);
    check_refuse_replays(&mut section, &options);
    section.finish();
    options
}

fn post_body_limit(section: &mut Section<'_>, key: &'static str, _: Option<u32>) -> Option<u32> {
    Some(section.number(key, &(0..=MAX_POST_BODY_LIMIT), 0)).filter(|limit| *limit > 0)
}

fn timestamp_delta_limit(
    section: &mut Section<'_>,
    key: &'static str,
    default: Option<Duration>,
) -> Option<Duration> {
    let default = default.map_or(0, |limit| limit.as_secs());
    let seconds = section.number(key, &(0..=MAX_TIMESTAMP_DELTA_LIMIT), default);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn max_nonces(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &(1..=HIGHEST_MAX_NONCES), default)
}

/// `key` and `secret`. One without the other would refuse all requests or accept all.
fn signed_with(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<BridgeKey>,
) -> Option<BridgeKey> {
    match (section.optional(key), section.optional(SECRET)) {
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

/// Checks that `refuse_replays` can be relied on. Without a signature, any client could use up
/// nonces. If timestamps never expired, each nonce would have to be remembered forever.
fn check_refuse_replays(section: &mut Section<'_>, options: &BridgeOptions) {
    let is_signed = section.optional(KEY).is_some() || section.optional(SECRET).is_some();
    let field = section.optional(REFUSE_REPLAYS).filter(|_| options.refuse_replays);
    let Some(field) = field else { return };
    if !is_signed {
        let message = "'refuse_replays' without 'key' and 'secret'";
        let expected = "both of them, since only signed requests have a nonce to rely on";
        field.report::<()>(message, Some(expected.to_owned()), None);
    }
    if options.timestamp_delta_limit.is_none() {
        let message = "'refuse_replays' with a 'timestamp_delta_limit' of 0, which is no limit";
        let expected = format!("a limit from 1 to {MAX_TIMESTAMP_DELTA_LIMIT} seconds");
        field.report::<()>(message, Some(expected), None);
    }
}

fn networks(section: &mut Section<'_>, key: &'static str, _: Vec<IpNetwork>) -> Vec<IpNetwork> {
    section.items(key).iter().filter_map(network).collect()
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
