//! The limits of realms, roles and transports.

use std::time::Duration;

use cloverleaf_config::settings::{ListenerLimits, RealmLimits, RoleLimits};

use crate::fixtures::{
    REALM, json, paths, role, router, sentences, the_realm, the_router, the_transport, transport,
};

/// A configuration with a realm that has these limits.
fn realm_limits(limits: &str) -> String {
    let limits = format!(r#"{{"limits": {{{limits}}}, "#);
    router(&format!(r#""realms": [{}]"#, REALM.replacen('{', &limits, 1)))
}

/// A configuration with a role that has these limits.
fn role_limits(limits: &str) -> String {
    role(&format!(r#"{{"name": "anonymous", "permissions": [], "limits": {{{limits}}}}}"#))
}

/// A configuration with a transport that has these limits.
fn listener_limits(kind: &str, limits: &str) -> String {
    transport(&format!(
        r#"{{"type": "{kind}", "endpoint": {{"type": "tcp", "port": 8080}},
            "limits": {{{limits}}}, "paths": {{}}, "rawsocket": {{}}}}"#
    ))
}

#[test]
fn all_limits_of_a_realm_are_read() {
    let loaded = json(&realm_limits(
        r#""max_sessions": 1, "max_detached_sessions": 2, "max_joining_sessions": 9,
        "max_callees_per_registration": 3,
        "max_queued_call_bytes_per_registration": 65536, "max_queued_call_bytes": 65537,
        "max_held_call_bytes": 65538, "max_outgoing_bytes": 65539,
        "max_outgoing_meta_bytes": 65540, "max_unacknowledged_events": 4,
        "acknowledgement_timeout": 1000, "max_retained_per_topic": 5,
        "max_testament_bytes": 65541, "max_validated_bytes": 1024"#,
    ));
    let expected = RealmLimits {
        max_sessions: 1,
        max_detached_sessions: 2,
        max_joining_sessions: 9,
        max_callees_per_registration: 3,
        max_queued_call_bytes_per_registration: 65_536,
        max_queued_call_bytes: 65_537,
        max_held_call_bytes: 65_538,
        max_outgoing_bytes: 65_539,
        max_outgoing_meta_bytes: 65_540,
        max_unacknowledged_events: 4,
        acknowledgement_timeout: Duration::from_secs(1),
        max_retained_per_topic: 5,
        max_testament_bytes: 65_541,
        max_validated_bytes: 1_024,
    };
    assert_eq!(the_realm(&loaded.settings).limits, expected);
}

#[test]
fn all_limits_of_a_role_are_read() {
    let loaded = json(&role_limits(
        r#""max_subscriptions": 1, "max_pattern_subscriptions": 2, "max_registrations": 3,
        "max_pattern_registrations": 4, "max_uri_bytes": 65536, "max_calls_in_flight": 5,
        "max_held_call_bytes": 65537, "max_outgoing_publications": 6,
        "max_outgoing_bytes": 65538, "max_unacknowledged_publications": 7,
        "max_testaments": 8, "max_testament_bytes": 65539"#,
    ));
    let expected = RoleLimits {
        max_subscriptions: 1,
        max_pattern_subscriptions: 2,
        max_registrations: 3,
        max_pattern_registrations: 4,
        max_uri_bytes: 65_536,
        max_calls_in_flight: 5,
        max_held_call_bytes: 65_537,
        max_outgoing_publications: 6,
        max_outgoing_bytes: 65_538,
        max_unacknowledged_publications: 7,
        max_testaments: 8,
        max_testament_bytes: 65_539,
    };
    assert_eq!(the_realm(&loaded.settings).roles[0].limits, expected);
}

#[test]
fn all_limits_of_a_transport_are_read() {
    let limits = r#""max_connections": 1, "opening_timeout": 2000, "closing_timeout": 100,
        "stall_timeout": 3000, "message_timeout": 4000, "max_queue_bytes": 65536,
        "max_queue_messages": 16"#;
    let expected = ListenerLimits {
        max_connections: Some(1),
        opening_timeout: Duration::from_secs(2),
        closing_timeout: Duration::from_millis(100),
        stall_timeout: Duration::from_secs(3),
        message_timeout: Duration::from_secs(4),
        max_queue_bytes: 65_536,
        max_queue_messages: 16,
    };
    let universal = listener_limits("universal", limits).replace(r#""paths": {}, "#, "");
    let web = listener_limits("web", limits).replace(r#", "rawsocket": {}"#, "");
    let plain = |kind| {
        let text = listener_limits(kind, limits);
        text.replace(r#", "paths": {}, "rawsocket": {}"#, "")
    };
    for text in [universal, web, plain("rawsocket"), plain("websocket")] {
        assert_eq!(the_transport(&json(&text).settings).limits(), expected, "{text}");
    }
}

#[test]
fn limits_have_defaults() {
    let loaded = json(&paths(""));
    let realm = the_realm(&loaded.settings);
    assert_eq!(realm.limits, RealmLimits::default());
    assert_eq!(realm.roles[0].limits, RoleLimits::default());
    assert_eq!(the_transport(&loaded.settings).limits(), ListenerLimits::default());
}

#[test]
fn realms_of_a_template_have_its_limits() {
    let text = router(
        r#""realm_template": {"limits": {"max_sessions": 7}, "roles": [{"name": "anonymous",
        "permissions": []}]}"#,
    );
    let loaded = json(&text);
    let template = the_router(&loaded.settings).realm_template.as_ref().expect("a template");
    assert_eq!(template.named("realm7").limits.max_sessions, 7);
}

#[test]
fn limits_out_of_range_are_refused() {
    let below = "workers[0].realms[0].limits";
    for (key, value, range) in [
        ("max_sessions", "0", "1 to 10000000"),
        ("max_sessions", "10000001", "1 to 10000000"),
        ("max_outgoing_bytes", "65535", "65536 to 1099511627776"),
        ("acknowledgement_timeout", "999", "1000 to 600000"),
        ("max_retained_per_topic", "1025", "1 to 1024"),
        ("max_validated_bytes", "16777217", "1024 to 16777216"),
    ] {
        let faults = sentences(&realm_limits(&format!(r#""{key}": {value}"#)));
        let expected = format!(
            "{below}.{key}: found the number {value}; expected a whole number from {range}"
        );
        assert_eq!(faults, [expected]);
    }
    let faults = sentences(&role_limits(r#""max_pattern_subscriptions": 100001"#));
    assert_eq!(
        faults,
        ["workers[0].realms[0].roles[0].limits.max_pattern_subscriptions: found the number \
          100001; expected a whole number from 1 to 100000"]
    );
    let faults = sentences(&role_limits(r#""max_held_call_bytes": 2147483649"#));
    assert_eq!(
        faults,
        ["workers[0].realms[0].roles[0].limits.max_held_call_bytes: found the number 2147483649; \
          expected a whole number from 65536 to 2147483648"]
    );
    let faults = sentences(
        &listener_limits(
            "rawsocket",
            r#""closing_timeout": 60001, "max_connections": 0, "max_queue_bytes": 67108865,
            "max_queue_messages": 1048577"#,
        )
        .replace(r#", "paths": {}, "rawsocket": {}"#, ""),
    );
    assert_eq!(
        faults,
        [
            "workers[0].transports[0].limits.closing_timeout: found the number 60001; expected a \
             whole number from 100 to 60000",
            "workers[0].transports[0].limits.max_connections: found the number 0; expected a whole \
             number from 1 to 10000000",
            "workers[0].transports[0].limits.max_queue_bytes: found the number 67108865; expected \
             a whole number from 65536 to 67108864",
            "workers[0].transports[0].limits.max_queue_messages: found the number 1048577; \
             expected a whole number from 16 to 1048576",
        ]
    );
}

#[test]
fn unknown_limits_are_refused() {
    let faults = sentences(&role_limits(r#""max_subscription": 1"#));
    assert_eq!(
        faults,
        ["workers[0].realms[0].roles[0].limits.max_subscription: unknown key 'max_subscription' \
          in the limits of a role; did you mean 'max_subscriptions'?"]
    );
}
