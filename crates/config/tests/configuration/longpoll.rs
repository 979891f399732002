//! Long-poll services of web transports.

use std::time::Duration;

use cloverleaf_config::settings::{
    Anonymous, Auth, LongPollOptions, LongPollService, SlowConsumer, WebService, WebSocketService,
};
use cloverleaf_wamp::serializer::Serializer;

use crate::given::{json, paths, sentences, the_path, warnings};

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
fn a_longpoll_service_has_everything_that_the_file_says() {
    let expected = LongPollService {
        serializers: vec![Serializer::Cbor],
        options: LongPollOptions {
            request_timeout: Duration::from_secs(1),
            session_timeout: Duration::from_secs(3_600),
            queue_limit_bytes: 8_388_608,
            queue_limit_messages: 65_536,
            max_message_size: Some(1_024),
            allowed_origins: vec!["https://*.example.com".to_owned()],
            allow_null_origin: false,
        },
        auth: Auth {
            anonymous: Anonymous { role: "anonymous".to_owned(), ..Anonymous::default() },
        },
        slow_consumer: SlowConsumer::BlockPublisher,
    };
    let keys = r#", "slow_consumer": "block-publisher", "serializers": ["cbor"], "auth": {"anonymous": {"role": "anonymous"}},
        "options": {"request_timeout": 1, "session_timeout": 3600, "debug": true,
        "queue_limit_bytes": 8388608, "queue_limit_messages": 65536, "max_message_size": 1024,
        "allowed_origins": ["https://*.example.com"], "allow_null_origin": false}"#;
    assert_eq!(service(keys), expected);
}

#[test]
fn a_longpoll_service_has_the_defaults_of_crossbar_io() {
    let default = LongPollService {
        serializers: Serializer::DEFAULT.to_vec(),
        options: LongPollOptions {
            request_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(30),
            queue_limit_bytes: 131_072,
            queue_limit_messages: 100,
            max_message_size: None,
            allowed_origins: vec!["*".to_owned()],
            allow_null_origin: true,
        },
        slow_consumer: SlowConsumer::DropEvents,
        auth: WebSocketService::default().auth,
    };
    assert_eq!(service(""), default);
    assert_eq!(service(r#", "options": {}"#), default);
}

#[test]
fn wrong_options_of_a_longpoll_service_are_refused_all_at_once() {
    let below = "workers[0].transports[0].paths.lp";
    let number = |key: &str, most: u32| {
        format!(
            "{below}.options.{key}: found the number 0; expected a whole number from 1 to {most}"
        )
    };
    let keys = r#", "realm": "realm1", "options": {"request_timeout": 0, "session_timeout": 0,
        "queue_limit_bytes": 0, "queue_limit_messages": 0, "max_message_size": 0,
        "debug_transport_id": 7, "requesttimeout": 10}"#;
    let expected = [
        number("request_timeout", 600),
        number("session_timeout", 3_600),
        number("queue_limit_bytes", 8_388_608),
        number("queue_limit_messages", 65_536),
        number("max_message_size", 67_108_864),
    ];
    let faults = sentences(&text(keys));
    for fault in &expected {
        assert!(faults.contains(fault), "'{fault}' in {faults:#?}");
    }
    let others: Vec<&String> = faults.iter().filter(|fault| !expected.contains(fault)).collect();
    assert_eq!(
        others,
        [
            &format!(
                "{below}.realm: unknown key 'realm' in a longpoll service; expected one of type, \
                 id, options, serializers, auth, slow_consumer"
            ),
            &format!("{below}.options.debug_transport_id: found the number 7; expected a string"),
            &format!(
                "{below}.options.requesttimeout: unknown key 'requesttimeout' in longpoll options; \
                 expected one of debug, allowed_origins, max_message_size, request_timeout, \
                 session_timeout, queue_limit_bytes, queue_limit_messages, allow_null_origin, \
                 debug_transport_id"
            ),
        ]
    );
}

#[test]
fn a_transport_id_that_anybody_could_guess_has_no_effect() {
    let loaded = json(&text(r#", "options": {"debug_transport_id": "kjmd3sBLOUnb3Fyr"}"#));
    let expected =
        ".paths.lp.options.debug_transport_id: this option has no effect in this version";
    let warnings = warnings(&loaded);
    assert!(warnings.len() == 1 && warnings[0].ends_with(expected), "{warnings:?}");
}
