//! What a realm keeps: its store, the events for later subscribers, its statistics.

use std::ops::RangeInclusive;
use std::time::Duration;

use cloverleaf_wamp::uri::UriRule;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use crate::field::Field;
use crate::section::Section;
use crate::settings::{RetainedOptions, SlowConsumer, Stats, Store, StorePlace, StoreRule};

/// How many events or calls may be kept of one pattern; each holds memory.
const LIMITS: RangeInclusive<usize> = 1..=1_000_000;

/// What Crossbar.io keeps where a rule does not say.
const DEFAULT_LIMIT: usize = 100;

/// The longest time that may be configured, in milliseconds: a hundred years.
pub(super) const MILLISECONDS: RangeInclusive<u64> = 0..=3_155_760_000_000;

#[derive(Clone, Copy)]
enum Kind {
    Memory,
    Redb,
    Cfxdb,
}

/// Reads the key `store` of a realm.
pub(super) fn store(realm: &mut Section<'_>) -> Option<Store> {
    let mut section = realm.section("store", "a realm's store")?;
    let kinds = [("memory", Kind::Memory), ("redb", Kind::Redb), ("cfxdb", Kind::Cfxdb)];
    let kind = section.kind("store type", &kinds, &[]);
    let place = kind.and_then(|kind| match kind {
        Kind::Memory => Some(StorePlace::Memory),
        Kind::Redb => path(&mut section),
        Kind::Cfxdb => {
            section.has_no_effect("maxsize", true);
            section.warn(
                "events are kept in a file of this router's own (as with 'redb'); those of an \
                 existing cfxdb are not taken over",
            );
            path(&mut section)
        }
    });
    let limit = section.number("limit", &LIMITS, DEFAULT_LIMIT);
    let event_history = rules(&mut section, "event-history", limit);
    let call_queue = rules(&mut section, "call-queue", limit);
    if kind.is_some() {
        section.finish();
    }
    Some(Store { place: place?, event_history, call_queue })
}

/// The file of a store; one in the directory that the file names, where Crossbar.io had one.
fn path(section: &mut Section<'_>) -> Option<StorePlace> {
    let field = section.required("path")?;
    let path = field.full_text()?;
    Some(StorePlace::File(field.reading.resolve(&path)))
}

fn rules(store: &mut Section<'_>, key: &'static str, limit: usize) -> Vec<StoreRule> {
    store.items(key).iter().filter_map(|field| rule(field, limit)).collect()
}

fn rule(field: &Field<'_>, default: usize) -> Option<StoreRule> {
    let mut section = field.section("a rule of a store")?;
    let uri = section.required("uri").and_then(|field| Some((field.text()?, field)));
    let policies = MatchPolicy::ALL.map(|policy| (policy.name(), policy));
    let policy = section
        .optional("match")
        .and_then(|field| field.choice("match policy", &policies, &[]))
        .unwrap_or_default();
    let limit = section.number("limit", &LIMITS, default);
    section.finish();
    let (uri, field) = uri?;
    let pattern = UriPattern::new(uri, policy, UriRule::Loose);
    let pattern = pattern.map_err(|fault| field.fault(fault.to_string())).ok()?;
    Some(StoreRule { pattern, limit })
}

/// Reads the key `retained` of a realm's options.
pub(super) fn retained(options: &mut Section<'_>) -> RetainedOptions {
    let default = RetainedOptions::default();
    let Some(mut section) = options.section("retained", "the options of retained events") else {
        return default;
    };
    let retained = RetainedOptions {
        max_events: section.number("max_events", &(0..=10_000_000), default.max_events),
        max_bytes: section.number("max_bytes", &(0..=1 << 40), default.max_bytes),
        ttl: milliseconds(&mut section, "ttl"),
    };
    section.finish();
    retained
}

/// A time in milliseconds; 0 is none.
pub(super) fn milliseconds(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    let millis = section.number(key, &MILLISECONDS, 0);
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// Reads the key `stats` of a realm.
pub(super) fn stats(realm: &mut Section<'_>) -> Option<Stats> {
    let mut section = realm.section("stats", "a realm's statistics")?;
    let stats = Stats {
        rated_message_size: section.number("rated_message_size", &(128..=1 << 20), 512),
        trigger_after_rated_messages: section.number(
            "trigger_after_rated_messages",
            &(0..=1_000_000_000),
            0,
        ),
        trigger_after_duration: milliseconds(&mut section, "trigger_after_duration")
            .unwrap_or_default(),
        trigger_on_join: section.flag("trigger_on_join", false),
        trigger_on_leave: section.flag("trigger_on_leave", true),
    };
    section.finish();
    Some(stats)
}

/// Reads the key `slow_consumer` of a transport or role.
pub(super) fn slow_consumer(section: &mut Section<'_>) -> Option<SlowConsumer> {
    let policies = [
        ("drop-events", SlowConsumer::DropEvents),
        ("disconnect", SlowConsumer::Disconnect),
        ("block-publisher", SlowConsumer::BlockPublisher),
    ];
    section.optional("slow_consumer")?.choice("policy for slow consumers", &policies, &[])
}
