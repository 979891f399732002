//! What a realm keeps: its store, the events for later subscribers, its statistics.

use std::ops::RangeInclusive;
use std::time::Duration;

use cloverleaf_wamp::uri::UriRule;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use crate::field::Field;
use crate::section::Section;
use crate::settings::{
    CallQueueRule, HistoryRule, RetainedOptions, SlowConsumerPolicy, StatsOptions, Store,
    StoreBackend,
};

/// How many events or calls may be kept of one pattern; each holds memory. 0 keeps none.
const LIMITS: RangeInclusive<usize> = 0..=1_000_000;

/// How many bytes the events of a rule may hold, or the cache of a file.
const BYTES: RangeInclusive<usize> = 1 << 20..=1 << 40;

/// The bytes of the events of a rule in memory, where nothing is said.
const DEFAULT_BYTES_IN_MEMORY: usize = 64 << 20;

/// The bytes of the events of a rule in a file, where nothing is said.
const DEFAULT_BYTES_IN_FILE: usize = 1 << 30;

/// The bytes of a file that are kept in memory, where nothing is said.
const DEFAULT_CACHE_BYTES: usize = 64 << 20;

/// What Crossbar.io keeps where a rule does not say.
const DEFAULT_LIMIT: usize = 100;

/// How many calls of a procedure may wait in a realm whose store says neither `call-queue` nor
/// `limit`. Crossbar.io has no limit then; the router's limit in bytes holds beside this one.
const DEFAULT_CALL_QUEUE: usize = 10_000;

/// The longest time that may be configured, in milliseconds: a hundred years.
pub(super) const MILLISECONDS: RangeInclusive<u64> = 0..=3_155_760_000_000;

/// The sizes of a rated message, in bytes.
const RATED_SIZES: RangeInclusive<usize> = 128..=1 << 20;

/// The size of a rated message where the file does not say, as with Crossbar.io.
const DEFAULT_RATED_SIZE: usize = 512;

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
    let backend = kind.and_then(|kind| match kind {
        Kind::Memory => Some(StoreBackend::Memory),
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
    let limit = section.optional("limit").and_then(|field| field.number_up_to(&LIMITS));
    let default = limit.unwrap_or(DEFAULT_LIMIT);
    let bytes = match backend {
        Some(StoreBackend::File { .. }) => DEFAULT_BYTES_IN_FILE,
        _ => DEFAULT_BYTES_IN_MEMORY,
    };
    let bytes = section.number("max_bytes", &BYTES, bytes);
    let event_history = histories(&section.items("event-history"), default, bytes);
    let call_queue = match section.optional("call-queue") {
        Some(field) => rules(&field.list().unwrap_or_default(), default),
        None => every_procedure(limit.unwrap_or(DEFAULT_CALL_QUEUE)),
    };
    if kind.is_some() {
        section.finish();
    }
    Some(Store { backend: backend?, event_history, call_queue })
}

/// The file of a store; one in the directory that the file names, where Crossbar.io had one.
fn path(section: &mut Section<'_>) -> Option<StoreBackend> {
    let field = section.required("path")?;
    let path = field.context.resolve(&field.full_text()?);
    let context = field.context;
    if !context.names.borrow().disabled {
        let resolved = match context.environment().check_store(&path) {
            Ok(resolved) => resolved,
            Err(sentence) => return field.report(sentence, None, None),
        };
        let declared = context.names.borrow_mut().declare_store(resolved, field.location());
        if let Err(other) = declared {
            let message = format!("the store in line {} has this file already", other.line);
            return field.report(message, Some("a file for each realm".to_owned()), None);
        }
    }
    let cache_bytes = section.number("cache_bytes", &BYTES, DEFAULT_CACHE_BYTES);
    Some(StoreBackend::File { path, cache_bytes })
}

fn histories(fields: &[Field<'_>], limit: usize, bytes: usize) -> Vec<HistoryRule> {
    let history = |field: &Field<'_>| {
        let mut section = field.section("a rule of event-history")?;
        let max_bytes = section.number("max_bytes", &BYTES, bytes);
        let CallQueueRule { pattern, limit } = rule(section, limit)?;
        Some(HistoryRule { pattern, limit, max_bytes })
    };
    fields.iter().filter_map(history).collect()
}

fn rules(fields: &[Field<'_>], limit: usize) -> Vec<CallQueueRule> {
    let section = |field: &Field<'_>| rule(field.section("a rule of call-queue")?, limit);
    fields.iter().filter_map(section).collect()
}

/// What a store without `call-queue` means: as with Crossbar.io, calls of every procedure may wait.
fn every_procedure(limit: usize) -> Vec<CallQueueRule> {
    let pattern = UriPattern::new("", MatchPolicy::Prefix, UriRule::Loose);
    pattern.map(|pattern| CallQueueRule { pattern, limit }).into_iter().collect()
}

fn rule(mut section: Section<'_>, default: usize) -> Option<CallQueueRule> {
    let uri = section.required("uri").and_then(|field| Some((field.text()?, field)));
    let policies = MatchPolicy::ALL.map(|policy| (policy.name(), policy));
    let policy = section
        .optional("match")
        .and_then(|field| field.choice("match policy", &policies, &[]))
        .unwrap_or_default();
    let limit = section.number_up_to("limit", &LIMITS, default);
    if limit == 0 {
        section.warn("this rule has no effect: its 'limit' is 0");
    }
    section.finish();
    let (uri, field) = uri?;
    let pattern = UriPattern::new(uri, policy, UriRule::Loose);
    let pattern = pattern.map_err(|fault| field.fault(fault.to_string())).ok()?;
    (limit > 0).then_some(CallQueueRule { pattern, limit })
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
pub(super) fn stats(realm: &mut Section<'_>) -> Option<StatsOptions> {
    let mut section = realm.section("stats", "a realm's statistics")?;
    let stats = StatsOptions {
        rated_message_size: rated_message_size(&mut section),
        trigger_after_rated_messages: section.number_up_to(
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

/// The size of a message that counts as one. Crossbar.io takes sizes that are smaller than ours,
/// which would make statistics of every few bytes.
fn rated_message_size(section: &mut Section<'_>) -> usize {
    let Some(field) = section.optional("rated_message_size") else { return DEFAULT_RATED_SIZE };
    match field.number_up_to(&(1..=*RATED_SIZES.end())) {
        Some(size) if size < *RATED_SIZES.start() => {
            let least = RATED_SIZES.start();
            field.warn(format!(
                "{size} is below the least that this version takes: {least} is used"
            ));
            *least
        }
        size => size.unwrap_or(DEFAULT_RATED_SIZE),
    }
}

/// Reads the key `slow_consumer` of a transport or role.
pub(super) fn slow_consumer(section: &mut Section<'_>) -> Option<SlowConsumerPolicy> {
    let policies = [
        ("drop-events", SlowConsumerPolicy::DropEvents),
        ("disconnect", SlowConsumerPolicy::Disconnect),
        ("block-publisher", SlowConsumerPolicy::BlockPublisher),
    ];
    section.optional("slow_consumer")?.choice("policy for slow consumers", &policies, &[])
}
