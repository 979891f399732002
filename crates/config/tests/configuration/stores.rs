//! Stores, statistics and slow-consumer policies of realms.

use std::time::Duration;

use cloverleaf_config::settings::{
    CallQueueRule, HistoryRule, SlowConsumerPolicy, StatsOptions, Store, StoreBackend,
};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use crate::fixtures::{json, role, router, sentences, the_realm, warnings};

fn realm(keys: &str) -> String {
    router(&format!(
        r#""realms": [{{"name": "realm1", {keys}, "roles":
           [{{"name": "anonymous", "permissions": [{{"uri": "*"}}]}}]}}]"#
    ))
}

fn rule(text: &str, policy: MatchPolicy, limit: usize) -> CallQueueRule {
    let pattern = UriPattern::new(text, policy, UriRule::Loose).expect(text);
    CallQueueRule { pattern, limit }
}

fn history(text: &str, policy: MatchPolicy, limit: usize, max_bytes: usize) -> HistoryRule {
    let pattern = UriPattern::new(text, policy, UriRule::Loose).expect(text);
    HistoryRule { pattern, limit, max_bytes }
}

#[test]
fn rules_of_a_store_in_memory_have_limits() {
    let text = realm(
        r#""store": {"type": "memory", "limit": 1000,
             "event-history": [{"uri": "com.a", "limit": 7, "max_bytes": 5000000},
                               {"uri": "com.", "match": "prefix"}],
             "call-queue": [{"uri": "com..b", "match": "wildcard", "limit": 3}]}"#,
    );
    let loaded = json(&text);
    let expected = Store {
        backend: StoreBackend::Memory,
        event_history: vec![
            history("com.a", MatchPolicy::Exact, 7, 5_000_000),
            history("com.", MatchPolicy::Prefix, 1000, 64 << 20),
        ],
        call_queue: vec![rule("com..b", MatchPolicy::Wildcard, 3)],
    };
    assert_eq!(the_realm(&loaded.settings).store, Some(expected));
    assert_eq!(warnings(&loaded), [""; 0]);
}

#[test]
fn without_call_queue_the_calls_of_all_procedures_are_queued() {
    let queue = |keys: &str| {
        let loaded = json(&realm(&format!(r#""store": {{"type": "memory"{keys}}}"#)));
        assert_eq!(warnings(&loaded), [""; 0]);
        the_realm(&loaded.settings).store.clone().expect("a store").call_queue
    };
    assert_eq!(queue(""), [rule("", MatchPolicy::Prefix, 10_000)]);
    assert_eq!(queue(r#", "limit": 50"#), [rule("", MatchPolicy::Prefix, 50)]);
    assert_eq!(queue(r#", "call-queue": []"#), []);
    let one = r#", "limit": 50, "call-queue": [{"uri": "com.a"}]"#;
    assert_eq!(queue(one), [rule("com.a", MatchPolicy::Exact, 50)]);
}

#[test]
fn the_path_of_a_store_is_resolved_against_the_node_directory() {
    let text = realm(r#""store": {"type": "redb", "path": "events.redb"}"#);
    let store = the_realm(&json(&text).settings).store.clone().expect("a store");
    let file = |path: &str, cache_bytes| StoreBackend::File { path: path.into(), cache_bytes };
    assert_eq!(store.backend, file("/node/events.redb", 64 << 20));
    let limited = realm(
        r#""store": {"type": "redb", "path": "e.redb", "cache_bytes": 2000000, "max_bytes": 3000000,
             "event-history": [{"uri": "com.a"}, {"uri": "com.b", "max_bytes": 4000000}]}"#,
    );
    let store = the_realm(&json(&limited).settings).store.clone().expect("a store");
    assert_eq!(store.backend, file("/node/e.redb", 2_000_000));
    assert_eq!(
        store.event_history[..],
        [
            history("com.a", MatchPolicy::Exact, 100, 3_000_000),
            history("com.b", MatchPolicy::Exact, 100, 4_000_000),
        ]
    );
    let missing = realm(r#""store": {"type": "redb"}"#);
    assert_eq!(
        sentences(&missing),
        ["workers[0].realms[0].store: missing key 'path' in a realm's store"]
    );
}

#[test]
fn a_cfxdb_store_uses_a_file_of_our_own_with_a_warning() {
    let text = realm(r#""store": {"type": "cfxdb", "path": ".db", "maxsize": 1000}"#);
    let loaded = json(&text);
    let store = the_realm(&loaded.settings).store.clone().expect("a store");
    let cache_bytes = 64 << 20;
    assert_eq!(store.backend, StoreBackend::File { path: "/node/.db".into(), cache_bytes });
    let warnings = warnings(&loaded);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().any(|text| text.contains("has no effect in this version")));
    assert!(warnings.iter().any(|text| text.contains("existing cfxdb are not taken over")));
}

#[test]
fn faults_of_a_store_have_their_location() {
    let text = realm(
        r#""store": {"type": "memory", "event-history":
             [{"uri": "com. a", "limit": -1}, {"match": "regex", "uri": "com.b"}]}"#,
    );
    assert_eq!(
        sentences(&text),
        [
            "workers[0].realms[0].store.event-history[0].uri: 'com. a' is not a valid URI",
            "workers[0].realms[0].store.event-history[0].limit: found the number -1; expected a \
             whole number from 0 to 1000000",
            "workers[0].realms[0].store.event-history[1].match: unknown match policy 'regex'; \
             expected 'exact', 'prefix' or 'wildcard'",
        ]
    );
}

#[test]
fn statistics_have_the_defaults_of_crossbar() {
    let stats = |keys: &str| {
        let text = realm(&format!(r#""stats": {{{keys}}}"#));
        the_realm(&json(&text).settings).stats.expect("statistics")
    };
    let default = StatsOptions {
        rated_message_size: 512,
        trigger_after_rated_messages: 0,
        trigger_after_duration: Duration::ZERO,
        trigger_on_join: false,
        trigger_on_leave: true,
    };
    assert_eq!(stats(""), default);
    let expected = StatsOptions {
        rated_message_size: 1024,
        trigger_after_rated_messages: 100,
        trigger_after_duration: Duration::from_secs(5),
        trigger_on_join: true,
        trigger_on_leave: false,
    };
    let text = r#""rated_message_size": 1024, "trigger_after_rated_messages": 100,
        "trigger_after_duration": 5000, "trigger_on_join": true, "trigger_on_leave": false"#;
    assert_eq!(stats(text), expected);
}

#[test]
fn slow_consumer_and_trustlevel_of_a_role_are_read() {
    let text = role(
        r#"{"name": "anonymous", "slow_consumer": "disconnect", "trustlevel": 3, "permissions":
           [{"uri": "com.a"}, {"uri": "com.b", "trustlevel": 5}]}"#,
    );
    let loaded = json(&text);
    let role = &the_realm(&loaded.settings).roles[0];
    assert_eq!(role.slow_consumer, Some(SlowConsumerPolicy::Disconnect));
    let trust: Vec<_> = role.permissions.iter().map(|permission| permission.trustlevel).collect();
    assert_eq!(trust, [Some(3), Some(5)]);
    let wrong = r#"{"name": "one", "slow_consumer": "drop", "permissions": [{"uri": "*"}]}"#;
    assert_eq!(
        sentences(&crate::fixtures::role(wrong)),
        ["workers[0].realms[0].roles[0].slow_consumer: unknown policy for slow consumers 'drop'; \
          expected 'drop-events', 'disconnect' or 'block-publisher'"]
    );
}
