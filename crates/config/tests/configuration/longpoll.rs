//! Long-poll services of web transports.

use std::time::Duration;

use cloverleaf_config::settings::{
    AnonymousAuth, Auth, LongPollOptions, LongPollService, SlowConsumerPolicy, WebService,
    WebSocketService,
};
use cloverleaf_wamp::serializer::Serializer;

use crate::fixtures::{json, paths, sentences, the_path, warnings};

fn text(keys: &str) -> String {
    paths(&format!(r#""lp": {{"type": "longpoll"{keys}}}"#))
}

fn service(keys: &str) -> LongPollService {
    match &the_path(&json(&text(keys)).settings).service {
        WebService::LongPoll(service) => service.clone(),
        other => panic!("no longpoll: {other:?}"),
    }
}

#[test]
fn all_keys_of_a_longpoll_service_are_read() {
    let expected = LongPollService {
        serializers: vec![Serializer::Cbor],
        options: LongPollOptions {
            request_timeout: Duration::from_secs(1),
            session_timeout: Duration::from_secs(3_600),
            queue_limit_bytes: 8_388_608,
            queue_limit_messages: 65_536,
            max_sessions: 7,
            max_message_size: Some(1_024),
            allowed_origins: vec!["https://*.example.com".to_owned()],
            allow_null_origin: false,
        },
        auth: Auth {
            anonymous: AnonymousAuth { role: "anonymous".to_owned(), ..AnonymousAuth::default() },
        },
        slow_consumer: SlowConsumerPolicy::BlockPublisher,
    };
    let keys = r#", "slow_consumer": "block-publisher", "serializers": ["cbor"], "auth": {"anonymous": {"role": "anonymous"}},
        "options": {"request_timeout": 1, "session_timeout": 3600, "debug": true,
        "queue_limit_bytes": 8388608, "queue_limit_messages": 65536, "max_sessions": 7, "max_message_size": 1024,
        "allowed_origins": ["https://*.example.com"], "allow_null_origin": false}"#;
    assert_eq!(service(keys), expected);
}

#[test]
fn longpoll_defaults_are_those_of_crossbar() {
    let default = LongPollService {
        serializers: Serializer::DEFAULT.to_vec(),
        options: LongPollOptions {
            request_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(30),
            queue_limit_bytes: 131_072,
            queue_limit_messages: 100,
            max_sessions: 8_192,
            max_message_size: None,
            allowed_origins: vec!["*".to_owned()],
            allow_null_origin: true,
        },
        slow_consumer: SlowConsumerPolicy::DropEvents,
        auth: WebSocketService::default().auth,
    };
    assert_eq!(service(""), default);
    assert_eq!(service(r#", "options": {}"#), default);
}

#[test]
fn all_invalid_options_of_a_longpoll_service_are_reported() {
    let below = "workers[0].transports[0].paths.lp";
    let keys = r#", "realm": "realm1", "options": {"request_timeout": -1, "queue_limit_bytes": "1",
        "max_sessions": 0, "max_message_size": 0, "debug_transport_id": 7, "requesttimeout": 10}"#;
    let expected = [
        format!(
            "{below}.realm: unknown key 'realm' in a longpoll service; expected one of type, id, \
             options, serializers, auth, slow_consumer"
        ),
        format!(
            "{below}.options.request_timeout: found the number -1; expected a whole number from 0 \
             to 600"
        ),
        format!(
            "{below}.options.queue_limit_bytes: found the string '1'; expected a whole number from \
             0 to 8388608"
        ),
        format!(
            "{below}.options.max_sessions: found the number 0; expected a whole number from 1 to \
             1000000"
        ),
        format!(
            "{below}.options.max_message_size: found the number 0; expected a whole number from 1 \
             to 67108864"
        ),
        format!("{below}.options.debug_transport_id: found the number 7; expected a string"),
        format!(
            "{below}.options.requesttimeout: unknown key 'requesttimeout' in longpoll options; \
             expected one of debug, request_timeout, session_timeout, queue_limit_bytes, \
             queue_limit_messages, max_sessions, max_message_size, allowed_origins, \
             allow_null_origin, debug_transport_id"
        ),
    ];
    assert_eq!(sentences(&text(keys)), expected);
}

#[test]
fn zero_and_numbers_above_our_limits_mean_the_limits() {
    let highest = LongPollOptions {
        request_timeout: Duration::from_secs(600),
        session_timeout: Duration::from_secs(3_600),
        queue_limit_bytes: 8_388_608,
        queue_limit_messages: 65_536,
        ..LongPollOptions::default()
    };
    let with = |value: &str| {
        let loaded = json(&text(&format!(
            r#", "options": {{"request_timeout": {value}, "session_timeout": {value},
            "queue_limit_bytes": {value}, "queue_limit_messages": {value}}}"#
        )));
        let WebService::LongPoll(service) = &the_path(&loaded.settings).service else {
            panic!("no longpoll: {loaded:?}")
        };
        assert_eq!(service.options, highest, "{value}");
        loaded.warnings.into_iter().map(|warning| warning.message).collect::<Vec<_>>()
    };
    let limits = ["600", "3600", "8388608", "65536"];
    let zero = limits.map(|limit| {
        format!("0 is no limit of its own: that of this version holds, which is {limit}")
    });
    assert_eq!(with("0"), zero);
    let above = limits
        .map(|limit| format!("9999999 is above the most that this version takes: {limit} is used"));
    assert_eq!(with("9999999"), above);
}

#[test]
fn debug_transport_id_has_no_effect() {
    let loaded = json(&text(r#", "options": {"debug_transport_id": "kjmd3sBLOUnb3Fyr"}"#));
    let expected =
        ".paths.lp.options.debug_transport_id: this option has no effect in this version";
    let warnings = warnings(&loaded);
    assert!(warnings.len() == 1 && warnings[0].ends_with(expected), "{warnings:?}");
}
