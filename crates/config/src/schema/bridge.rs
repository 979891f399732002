//! The HTTP bridge's services: callers and publishers.

use std::time::Duration;

use crate::fault::shortened;
use crate::field::Field;
use crate::names::LocatedName;
use crate::section::Section;
use crate::settings::{BridgeKey, BridgeOptions, BridgeService, InvalidNetwork, IpNetwork, Secret};

/// The longest body that may be configured, in bytes.
const MAX_POST_BODY_LIMIT: u32 = 1 << 20;

/// The longest distance between a timestamp and now, in seconds: a day.
const MAX_TIMESTAMP_DELTA_LIMIT: u64 = 86_400;

/// Reads a caller or publisher.
pub(super) fn service(mut section: Section<'_>, what: &'static str) -> Option<BridgeService> {
    section.call(what);
    let realm = section.required("realm").and_then(|field| LocatedName::of(&field));
    let role = section.required("role").and_then(|field| LocatedName::of(&field));
    let options = section.section("options", "bridge options").map(options);
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
    let origins = section.optional("allowed_origins").and_then(|field| field.texts());
    let (key, secret) = (section.optional("key"), section.optional("secret"));
    let is_signed = key.is_some() || secret.is_some();
    let options = BridgeOptions {
        debug: section.flag("debug", false),
        signed_with: signed_with(key, secret),
        post_body_limit: (body_limit > 0).then_some(body_limit),
        timestamp_delta_limit: (delta > 0).then(|| Duration::from_secs(delta)),
        refuse_replays: refuse_replays(&mut section, is_signed, delta > 0),
        require_ip: networks.iter().filter_map(network).collect(),
        require_tls: section.flag("require_tls", false),
        error_status: section.flag("error_status", false),
        allowed_origins: origins.unwrap_or(default.allowed_origins),
    };
    section.finish();
    options
}

/// `key` and `secret`: one without the other would either let nobody in or everybody.
fn signed_with(key: Option<Field<'_>>, secret: Option<Field<'_>>) -> Option<BridgeKey> {
    match (key, secret) {
        (None, None) => None,
        (Some(key), Some(secret)) => {
            let (key, secret) = (key.full_text(), secret.full_text());
            Some(BridgeKey { key: key?, secret: Secret::new(secret?) })
        }
        (Some(key), None) => key.report("'key' without 'secret'", both(), None),
        (None, Some(secret)) => secret.report("'secret' without 'key'", both(), None),
    }
}

fn both() -> Option<String> {
    Some("both of them or none".to_owned())
}

/// `refuse_replays`: without a signature anybody could use up nonces, and where timestamps never
/// expire each nonce would have to be remembered for good.
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
    let message = format!("'{}' is no network of IP addresses", shortened(&text));
    let expected = "one such as '1.2.3.4', '10.0.0.0/8' or '192.168.0.0/255.255.255.0'";
    field.report(message, Some(expected.to_owned()), meant.as_deref())
}
