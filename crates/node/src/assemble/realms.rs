//! Realms, roles and permissions.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cloverleaf_config::settings as config;
use cloverleaf_config::settings::{DisclosureOptions, StoreBackend};
use cloverleaf_realms::RealmHost;
use cloverleaf_realms::event_store::EventStoreFile;
use cloverleaf_realms::meter::StatsRule;
use cloverleaf_realms::settings::{
    CallQueue, CallTimes, Compatibility, DisclosedHeaders, Disclosure, HistorySettings, Permission,
    RealmSettings, RefusedPattern, RetentionSettings, Role, SessionLimits, SharedLimits, TimeOfDay,
    Timestamp, Validation,
};
use cloverleaf_transport::SlowConsumer;
use cloverleaf_wamp::excerpt::Excerpt;

use super::schemas;

/// The settings of a realm for the router.
pub(crate) fn settings(realm: &config::RealmConfig) -> RealmSettings {
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
        limits: realm_limits(&realm.limits),
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

/// The file of a realm's event store, if it has one.
pub(crate) fn store_file(realm: &config::RealmConfig) -> Option<EventStoreFile> {
    match &realm.store.as_ref()?.backend {
        StoreBackend::File { path, cache_bytes } => {
            Some(EventStoreFile { path: path.clone(), cache_bytes: *cache_bytes })
        }
        StoreBackend::Memory => None,
    }
}

/// A realm that is ready to run, with `settings` of it.
pub(crate) fn host(realm: &config::RealmConfig, settings: RealmSettings) -> RealmHost {
    RealmHost::new(settings)
        .with_slow_consumers(slow_consumers(realm))
        .with_report_of_refused(log_refused_pattern)
        .with_stats(stats(realm))
}

/// Gives a realm that runs other roles and limits.
pub(crate) fn change_rules(host: &RealmHost, realm: &config::RealmConfig) {
    let rules = |validation: &mut Validation| {
        realm.roles.iter().map(|role| self::role(realm, role, validation)).collect()
    };
    host.set_rules(rules, slow_consumers(realm));
    host.set_limits(realm_limits(&realm.limits));
}

/// The policies for slow consumers, of the roles that have one.
pub(crate) fn slow_consumers(realm: &config::RealmConfig) -> BTreeMap<String, SlowConsumer> {
    let said = realm.roles.iter().filter_map(|role| Some((role.name.clone(), role.slow_consumer?)));
    said.map(|(role, policy)| (role, slow_consumer(policy))).collect()
}

pub(crate) const fn slow_consumer(policy: config::SlowConsumerPolicy) -> SlowConsumer {
    match policy {
        config::SlowConsumerPolicy::DropEvents => SlowConsumer::DropEvents,
        config::SlowConsumerPolicy::Disconnect => SlowConsumer::Disconnect,
        config::SlowConsumerPolicy::BlockPublisher => SlowConsumer::BlockPublisher,
    }
}

pub(crate) const fn compatibility(preset: config::CompatibilityPreset) -> Compatibility {
    match preset {
        config::CompatibilityPreset::Crossbar => Compatibility::Crossbar,
        config::CompatibilityPreset::Wamp => Compatibility::Wamp,
    }
}

const fn disclosed_headers(disclosed: config::DiscloseHttpHeaders) -> DisclosedHeaders {
    match disclosed {
        config::DiscloseHttpHeaders::None => DisclosedHeaders::None,
        config::DiscloseHttpHeaders::WithoutCredentials => DisclosedHeaders::WithoutCredentials,
        config::DiscloseHttpHeaders::All => DisclosedHeaders::All,
    }
}

/// Tells the operator of a permission that allows less than with Crossbar.io.
pub(crate) fn log_refused_pattern(realm: &str, refused: &RefusedPattern) {
    let RefusedPattern { role, action, uri, policy } = refused;
    tracing::warn!(
        realm = %Excerpt::for_log(realm),
        role = %Excerpt::for_log(role),
        action = action.name(),
        uri = %Excerpt::for_log(uri),
        "match" = policy.name(),
        reason = "the permission for this URI covers no other URI of the pattern",
        "pattern refused"
    );
}

/// When the realm tells of its sessions' traffic.
pub(crate) fn stats(realm: &config::RealmConfig) -> Option<StatsRule> {
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

fn role(
    realm: &config::RealmConfig,
    role: &config::RoleConfig,
    validation: &mut Validation,
) -> Role {
    Role::new(
        role.name.as_str(),
        role.permissions.iter().map(|permission| {
            let DisclosureOptions { caller, publisher, callee } = permission.disclose;
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
    .with_limits(session_limits(&role.limits))
}

fn realm_limits(limits: &config::RealmLimits) -> SharedLimits {
    SharedLimits {
        max_sessions: limits.max_sessions,
        max_detached_sessions: limits.max_detached_sessions,
        max_joining_sessions: limits.max_joining_sessions,
        max_callees_per_registration: limits.max_callees_per_registration,
        max_queued_call_bytes_per_registration: limits.max_queued_call_bytes_per_registration,
        max_queued_call_bytes: limits.max_queued_call_bytes,
        max_held_call_bytes: limits.max_held_call_bytes,
        max_outgoing_bytes: limits.max_outgoing_bytes,
        max_outgoing_meta_bytes: limits.max_outgoing_meta_bytes,
        max_unacknowledged_events: limits.max_unacknowledged_events,
        acknowledgement_timeout_millis: millis(limits.acknowledgement_timeout),
        max_retained_per_topic: limits.max_retained_per_topic,
        max_testament_bytes: limits.max_testament_bytes,
        max_validated_bytes: limits.max_validated_bytes,
    }
}

const fn session_limits(limits: &config::RoleLimits) -> SessionLimits {
    SessionLimits {
        max_subscriptions: limits.max_subscriptions,
        max_pattern_subscriptions: limits.max_pattern_subscriptions,
        max_registrations: limits.max_registrations,
        max_pattern_registrations: limits.max_pattern_registrations,
        max_uri_bytes: limits.max_uri_bytes,
        max_calls_in_flight: limits.max_calls_in_flight,
        max_held_call_bytes: limits.max_held_call_bytes,
        max_outgoing_publications: limits.max_outgoing_publications,
        max_outgoing_bytes: limits.max_outgoing_bytes,
        max_unacknowledged_publications: limits.max_unacknowledged_publications,
        max_testaments: limits.max_testaments,
        max_testament_bytes: limits.max_testament_bytes,
    }
}

const fn disclosure(rule: Option<config::DisclosurePolicy>) -> Disclosure {
    match rule {
        Some(config::DisclosurePolicy::Always) => Disclosure::Always,
        Some(config::DisclosurePolicy::Never) => Disclosure::Never,
        Some(config::DisclosurePolicy::Forbid) => Disclosure::Forbidden,
        None => Disclosure::OnRequest,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloverleaf_config::settings as config;
    use cloverleaf_realms::settings::{SessionLimits, SharedLimits};

    use super::{realm_limits, session_limits};

    #[test]
    fn default_limits_of_the_configuration_are_those_of_the_router() {
        assert_eq!(realm_limits(&config::RealmLimits::default()), SharedLimits::DEFAULT);
        assert_eq!(session_limits(&config::RoleLimits::default()), SessionLimits::DEFAULT);
    }

    #[test]
    fn each_limit_of_a_realm_is_passed_on() {
        let configured = config::RealmLimits {
            max_sessions: 1,
            max_detached_sessions: 2,
            max_joining_sessions: 14,
            max_callees_per_registration: 3,
            max_queued_call_bytes_per_registration: 4,
            max_queued_call_bytes: 5,
            max_held_call_bytes: 6,
            max_outgoing_bytes: 7,
            max_outgoing_meta_bytes: 8,
            max_unacknowledged_events: 9,
            acknowledgement_timeout: Duration::from_millis(10),
            max_retained_per_topic: 11,
            max_testament_bytes: 12,
            max_validated_bytes: 13,
        };
        let expected = SharedLimits {
            max_sessions: 1,
            max_detached_sessions: 2,
            max_joining_sessions: 14,
            max_callees_per_registration: 3,
            max_queued_call_bytes_per_registration: 4,
            max_queued_call_bytes: 5,
            max_held_call_bytes: 6,
            max_outgoing_bytes: 7,
            max_outgoing_meta_bytes: 8,
            max_unacknowledged_events: 9,
            acknowledgement_timeout_millis: 10,
            max_retained_per_topic: 11,
            max_testament_bytes: 12,
            max_validated_bytes: 13,
        };
        assert_eq!(realm_limits(&configured), expected);
    }

    #[test]
    fn each_limit_of_a_role_is_passed_on() {
        let configured = config::RoleLimits {
            max_subscriptions: 1,
            max_pattern_subscriptions: 2,
            max_registrations: 3,
            max_pattern_registrations: 4,
            max_uri_bytes: 5,
            max_calls_in_flight: 6,
            max_held_call_bytes: 7,
            max_outgoing_publications: 8,
            max_outgoing_bytes: 9,
            max_unacknowledged_publications: 10,
            max_testaments: 11,
            max_testament_bytes: 12,
        };
        let expected = SessionLimits {
            max_subscriptions: 1,
            max_pattern_subscriptions: 2,
            max_registrations: 3,
            max_pattern_registrations: 4,
            max_uri_bytes: 5,
            max_calls_in_flight: 6,
            max_held_call_bytes: 7,
            max_outgoing_publications: 8,
            max_outgoing_bytes: 9,
            max_unacknowledged_publications: 10,
            max_testaments: 11,
            max_testament_bytes: 12,
        };
        assert_eq!(session_limits(&configured), expected);
    }
}
