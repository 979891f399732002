//! Publications that match many subscriptions.

use std::thread;

use serde_json::Value;

use crate::attacked_node::{pipeline, start_default};
use crate::latency_probe::LatencyProbe;
use crate::support::RawPeer as _;

/// Number of wildcard subscriptions that match one topic, and how many of them each session holds.
const PATTERNS: usize = 4_000;
const PATTERNS_PER_SESSION: usize = 1_000;

/// Number of components of the topic. Each pattern leaves some of them empty.
const COMPONENTS: usize = 13;

#[test]
fn publications_matching_thousands_of_patterns_do_not_block_other_realms() {
    let node = start_default();
    let patterns = (1..=PATTERNS).map(|mask| {
        let component = |index| if mask >> index & 1 == 1 { "" } else { "a" };
        (0..COMPONENTS).map(component).collect::<Vec<_>>().join(".")
    });
    let patterns: Vec<String> = patterns.collect();
    let mut subscribers = Vec::new();
    for patterns in patterns.chunks(PATTERNS_PER_SESSION) {
        let mut subscriber = node.join();
        let subscriptions = patterns.iter().zip(1..).map(|(pattern, request)| {
            format!(r#"[32,{request},{{"match":"wildcard"}},"{pattern}"]"#)
        });
        pipeline(&mut subscriber, subscriptions);
        for _ in patterns {
            assert_eq!(subscriber.receive_json()[0], 33);
        }
        subscribers.push(subscriber);
    }
    let mut publisher = node.join();
    let topic = ["a"; COMPONENTS].join(".");
    let publications = 20;
    LatencyProbe::new(&node).assert_unblocked(|| {
        let all = (1..=publications).map(|request| {
            format!(r#"[16,{request},{{"acknowledge":true}},"{topic}",[{request}]]"#)
        });
        pipeline(&mut publisher, all);
        thread::scope(|scope| {
            for subscriber in &mut subscribers {
                scope.spawn(move || {
                    for number in 0..publications * PATTERNS_PER_SESSION {
                        let event = subscriber.receive_json();
                        assert_eq!(event[4][0], 1 + number / PATTERNS_PER_SESSION);
                    }
                });
            }
        });
        for request in 1..=publications {
            assert_eq!(publisher.receive_json()[1], request);
        }
    });
}

const SUBSCRIBERS: usize = 200;
const EVENTS: usize = 500;

#[test]
fn publications_to_hundreds_of_subscribers_do_not_block_other_realms() {
    let node = start_default();
    let mut subscribers: Vec<_> = (0..SUBSCRIBERS).map(|_| node.join()).collect();
    for subscriber in &mut subscribers {
        subscriber.obtain_id(r#"[32,1,{},"com.example.news"]"#);
    }
    let mut publisher = node.join();
    LatencyProbe::new(&node).assert_unblocked(|| {
        let all = (0..EVENTS)
            .map(|number| format!(r#"[16,{},{{}},"com.example.news",[{number}]]"#, number + 1));
        pipeline(&mut publisher, all);
        for number in 0..EVENTS {
            for subscriber in &mut subscribers {
                let event: Value = subscriber.receive_json();
                assert_eq!(event[4][0], number);
            }
        }
    });
}

/// Bytes of large messages of nested lists, and of large texts. Parsing the lists takes some ten
/// milliseconds in a debug build.
const LISTS: usize = 1024 * 1024;
const TEXT: usize = 3 * LISTS;

#[test]
fn large_messages_completed_at_once_do_not_block_other_realms() {
    let node = start_default();
    let lists = vec!["[[1]]"; LISTS / 6].join(",");
    let publish = format!(r#"[16,1,{{"acknowledge":true}},"com.example.large",[{lists}]]"#);
    let frame = [&(publish.len() as u32).to_be_bytes()[..], publish.as_bytes()].concat();
    let (begin, end) = frame.split_at(frame.len() - 10);
    let mut publishers: Vec<_> = (0..24).map(|_| node.join()).collect();
    let mut probe = LatencyProbe::new(&node);
    for publisher in &mut publishers {
        publisher.stream.send(begin);
    }
    probe.assert_unblocked(|| {
        for publisher in &mut publishers {
            publisher.stream.send(end);
        }
        for publisher in &mut publishers {
            assert_eq!(publisher.receive_json()[0], 17);
        }
    });
}

#[test]
fn large_events_to_many_subscribers_do_not_block_other_realms() {
    let node = start_default();
    let mut subscribers: Vec<_> = (0..20).map(|_| node.join()).collect();
    for subscriber in &mut subscribers {
        subscriber.obtain_id(r#"[32,1,{},"com.example.large"]"#);
    }
    let mut publisher = node.join();
    let text = "x".repeat(TEXT);
    LatencyProbe::new(&node).assert_unblocked(|| {
        publisher.send(&format!(r#"[16,1,{{}},"com.example.large",["{text}"]]"#));
        thread::scope(|scope| {
            for subscriber in &mut subscribers {
                scope.spawn(|| assert!(subscriber.receive_octets().len() > TEXT));
            }
        });
    });
}
