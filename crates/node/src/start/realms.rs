//! From a realm of the configuration to what makes one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cloverleaf_config::settings as config;
use cloverleaf_config::settings::Disclose;
use cloverleaf_router::{
    CallQueue, CallTimes, Compatibility, DisclosedHeaders, Disclosure, HistorySettings, Permission,
    RealmSettings, RefusedPattern, RetentionSettings, Role, TimeOfDay, Timestamp, Validation,
};
use cloverleaf_transport::SlowConsumer;

use crate::log::Quoted;
use crate::meter::StatsRule;
use crate::schemas;

pub(super) fn settings(realm: &config::Realm) -> RealmSettings {
    let options = &realm.options;
    let (histories, queues) = match &realm.store {
        Some(store) => (store.event_history.as_slice(), store.call_queue.as_slice()),
        None => Default::default(),
    };
    let mut validation = Validation::default();
    let roles = realm.roles.iter().map(|role| self::role(realm, role, &mut validation)).collect();
    RealmSettings {
        uri_rule: options.uri_check,
        compatibility: compatibility(options.compatibility),
        call_timeout_unit: options.call_timeout_unit,
        strict_request_ids: options.strict_request_ids,
        roles,
        validation,
        agent: Some(concat!("Cloverleaf-", env!("CARGO_PKG_VERSION")).into()),
        meta_api: options.enable_meta_api,
        disclosed_headers: disclosed_headers(options.disclose_http_headers),
        call_times: CallTimes {
            default: options.call_timeout.map(millis),
            max: options.max_call_timeout.map(millis),
        },
        call_queues: queues
            .iter()
            .map(|rule| CallQueue { pattern: rule.pattern.clone(), limit: rule.limit })
            .collect(),
        retention: RetentionSettings {
            max_events: options.retained.max_events,
            max_bytes: options.retained.max_bytes,
            ttl: options.retained.ttl.map(millis),
        },
        histories: histories
            .iter()
            .map(|rule| HistorySettings {
                pattern: rule.pattern.clone(),
                max_events: rule.limit,
                max_bytes: rule.max_bytes,
            })
            .collect(),
        shutdown_goodbye: options.shutdown_goodbye,
        time_of_day: TimeOfDay::new(time_of_day),
        ..RealmSettings::named(realm.name.as_str())
    }
}

/// What becomes of events for slow consumers with the roles that say so.
pub(super) fn slow_consumers(realm: &config::Realm) -> BTreeMap<String, SlowConsumer> {
    let said = realm.roles.iter().filter_map(|role| Some((role.name.clone(), role.slow_consumer?)));
    said.map(|(role, policy)| (role, slow_consumer(policy))).collect()
}

pub(super) const fn slow_consumer(policy: config::SlowConsumer) -> SlowConsumer {
    match policy {
        config::SlowConsumer::DropEvents => SlowConsumer::DropEvents,
        config::SlowConsumer::Disconnect => SlowConsumer::Disconnect,
        config::SlowConsumer::BlockPublisher => SlowConsumer::BlockPublisher,
    }
}

pub(super) const fn compatibility(preset: config::Compatibility) -> Compatibility {
    match preset {
        config::Compatibility::Crossbar => Compatibility::Crossbar,
        config::Compatibility::Wamp => Compatibility::Wamp,
    }
}

const fn disclosed_headers(disclosed: config::DisclosedHeaders) -> DisclosedHeaders {
    match disclosed {
        config::DisclosedHeaders::None => DisclosedHeaders::None,
        config::DisclosedHeaders::WithoutCredentials => DisclosedHeaders::WithoutCredentials,
        config::DisclosedHeaders::All => DisclosedHeaders::All,
    }
}

/// Tells the operator of a permission that allows less than with Crossbar.io.
pub(super) fn log_refused_pattern(realm: &str, refused: &RefusedPattern) {
    let RefusedPattern { role, action, uri, policy } = refused;
    tracing::warn!(
        realm = %Quoted(realm),
        role = %Quoted(role),
        action = action.name(),
        uri = %Quoted(uri),
        "match" = policy.name(),
        reason = "the permission for this URI covers no other URI of the pattern",
        "pattern refused"
    );
}

/// When the realm tells of its sessions' traffic.
pub(super) fn stats(realm: &config::Realm) -> Option<StatsRule> {
    realm.stats.map(|stats| StatsRule {
        rated_message_size: stats.rated_message_size,
        after_rated_messages: Some(stats.trigger_after_rated_messages).filter(|count| *count > 0),
        after_duration: Some(stats.trigger_after_duration).filter(|time| !time.is_zero()),
        on_join: stats.trigger_on_join,
        on_leave: stats.trigger_on_leave,
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The time of day, as the system's clock has it now.
fn time_of_day() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::default().plus(since_1970.unwrap_or_default())
}

fn role(realm: &config::Realm, role: &config::Role, validation: &mut Validation) -> Role {
    Role::new(
        role.name.as_str(),
        role.permissions.iter().map(|permission| {
            let Disclose { caller, publisher, callee } = permission.disclose;
            let allow = permission.allow;
            let uri = permission.pattern.as_str();
            let whose = format!("realm '{}', role '{}', '{uri}'", realm.name, role.name);
            let schemas = schemas::of(&permission.validate, &whose);
            let rights = Permission {
                call: allow.call,
                register: allow.register,
                publish: allow.publish,
                subscribe: allow.subscribe,
                disclose_caller: disclosure(caller),
                disclose_publisher: disclosure(publisher),
                disclose_callee: callee,
                trustlevel: permission.trustlevel,
                schemas: schemas.map(|schemas| validation.add(schemas)),
            };
            (permission.pattern.clone(), rights)
        }),
    )
}

const fn disclosure(rule: Option<config::Disclosure>) -> Disclosure {
    match rule {
        Some(config::Disclosure::Always) => Disclosure::Always,
        Some(config::Disclosure::Never) => Disclosure::Never,
        Some(config::Disclosure::Forbid) => Disclosure::Forbidden,
        None => Disclosure::OnRequest,
    }
}
