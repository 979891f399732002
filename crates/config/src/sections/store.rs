//! The store of a realm: event history and call queue.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use crate::field::Field;
use crate::options::keys;
use crate::section::{Section, SectionKeys, TYPE};

pub(crate) static STORE: SectionKeys =
    SectionKeys::open("a realm's store", StoreKeys::ALL).with(&[&[TYPE]]);

pub(crate) static HISTORY_RULE: SectionKeys =
    SectionKeys::open("a rule of event-history", HistoryKeys::ALL).with(&[RuleKeys::ALL]);

pub(crate) static CALL_QUEUE_RULE: SectionKeys =
    SectionKeys::open("a rule of call-queue", RuleKeys::ALL);

keys! {
    /// The keys of a store.
    const STORE_KEYS: StoreKeys = {
        path,
        maxsize,
        limit,
        max_bytes,
        cache_bytes,
        event_history = "event-history",
        call_queue = "call-queue",
    };
}

keys! {
    /// The keys of a rule of `event-history`, beside those of all rules.
    const HISTORY: HistoryKeys = { max_bytes };
}

keys! {
    /// The keys of all rules.
    const RULE: RuleKeys = { uri, policy = "match", limit };
}

/// The store of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The storage of events.
    pub backend: StoreBackend,
    /// The topics whose events are stored (`event-history`).
    pub event_history: Vec<HistoryRule>,
    /// The procedures whose calls are queued while all callees are busy (`call-queue`). Without the
    /// key: all procedures.
    pub call_queue: Vec<CallQueueRule>,
}

/// The storage of a store's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreBackend {
    /// Memory. Events are lost when the realm ends.
    Memory,
    /// A file.
    File {
        /// The file, or the directory that it is in.
        path: PathBuf,
        /// The number of its bytes that are cached in memory.
        cache_bytes: usize,
    },
}

/// The topics of a pattern and the limits of their stored events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRule {
    /// The topics.
    pub pattern: UriPattern,
    /// The most events.
    pub limit: usize,
    /// The most bytes that they hold.
    pub max_bytes: usize,
}

/// The procedures of a pattern and the limit of their queued calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallQueueRule {
    /// The procedures.
    pub pattern: UriPattern,
    /// The most calls.
    pub limit: usize,
}

/// The limits of events or calls of one pattern. 0 stores none.
const LIMITS: RangeInclusive<usize> = 0..=1_000_000;

/// The limits of the bytes of a rule's events, and the sizes of a file's cache.
const BYTES: RangeInclusive<usize> = 1 << 20..=1 << 40;

/// The default limit of the bytes of a rule's events in memory.
const DEFAULT_BYTES_IN_MEMORY: usize = 64 << 20;

/// The default limit of the bytes of a rule's events in a file.
const DEFAULT_BYTES_IN_FILE: usize = 1 << 30;

/// The default size of a file's cache, in bytes.
const DEFAULT_CACHE_BYTES: usize = 64 << 20;

/// The default limit of a rule, that of Crossbar.io.
const DEFAULT_LIMIT: usize = 100;

/// The limit of queued calls of a procedure if the store has neither `call-queue` nor `limit`.
/// Crossbar.io has no limit then. The router has a limit in bytes besides.
const DEFAULT_CALL_QUEUE: usize = 10_000;

#[derive(Clone, Copy)]
enum StoreKind {
    Memory,
    Redb,
    Cfxdb,
}

/// Reads the store of a realm.
pub(crate) fn store(realm: &mut Section<'_>, key: &'static str) -> Option<Store> {
    let mut section = realm.section(key, &STORE)?;
    let kinds =
        [("memory", StoreKind::Memory), ("redb", StoreKind::Redb), ("cfxdb", StoreKind::Cfxdb)];
    let kind = section.kind("store type", &kinds, &[]);
    let backend = kind.and_then(|kind| match kind {
        StoreKind::Memory => Some(StoreBackend::Memory),
        StoreKind::Redb => file(&mut section),
        StoreKind::Cfxdb => {
            section.has_no_effect(STORE_KEYS.maxsize, true);
            section.warn(
                "events are kept in a file of this router's own (as with 'redb'); those of an \
                 existing cfxdb are not taken over",
            );
            file(&mut section)
        }
    });
    let limit = section.optional(STORE_KEYS.limit).and_then(|field| field.number_up_to(&LIMITS));
    let default = limit.unwrap_or(DEFAULT_LIMIT);
    let bytes = match backend {
        Some(StoreBackend::File { .. }) => DEFAULT_BYTES_IN_FILE,
        _ => DEFAULT_BYTES_IN_MEMORY,
    };
    let bytes = section.number(STORE_KEYS.max_bytes, &BYTES, bytes);
    let event_history = history_rules(&section.items(STORE_KEYS.event_history), default, bytes);
    let call_queue = match section.optional(STORE_KEYS.call_queue) {
        Some(field) => call_queue_rules(&field.list().unwrap_or_default(), default),
        None => all_procedures(limit.unwrap_or(DEFAULT_CALL_QUEUE)),
    };
    if kind.is_some() {
        section.finish();
    }
    Some(Store { backend: backend?, event_history, call_queue })
}

/// The file of a store. If `path` is a directory, as with Crossbar.io, the file is in it.
fn file(section: &mut Section<'_>) -> Option<StoreBackend> {
    let field = section.required(STORE_KEYS.path)?;
    let path = field.context.resolve(&field.non_empty_text()?);
    let context = field.context;
    if !context.names.borrow().disabled {
        let canonical = match context.environment().check_store(&path) {
            Ok(canonical) => canonical,
            Err(sentence) => return field.report(sentence, None, None),
        };
        let declared = context.names.borrow_mut().declare_store(canonical, field.location());
        if let Err(other) = declared {
            let message = format!("the store in line {} has this file already", other.line);
            return field.report(message, Some("a file for each realm".to_owned()), None);
        }
    }
    let cache_bytes = section.number(STORE_KEYS.cache_bytes, &BYTES, DEFAULT_CACHE_BYTES);
    Some(StoreBackend::File { path, cache_bytes })
}

fn history_rules(fields: &[Field<'_>], limit: usize, bytes: usize) -> Vec<HistoryRule> {
    let rule = |field: &Field<'_>| {
        let mut section = Section::of(field, &HISTORY_RULE)?;
        let max_bytes = section.number(HISTORY.max_bytes, &BYTES, bytes);
        let CallQueueRule { pattern, limit } = rule(section, limit)?;
        Some(HistoryRule { pattern, limit, max_bytes })
    };
    fields.iter().filter_map(rule).collect()
}

fn call_queue_rules(fields: &[Field<'_>], limit: usize) -> Vec<CallQueueRule> {
    let rule = |field: &Field<'_>| rule(Section::of(field, &CALL_QUEUE_RULE)?, limit);
    fields.iter().filter_map(rule).collect()
}

/// The rule for a store without `call-queue`. As with Crossbar.io, calls of all procedures are
/// queued.
fn all_procedures(limit: usize) -> Vec<CallQueueRule> {
    let pattern = UriPattern::new("", MatchPolicy::Prefix, UriRule::Loose);
    pattern.map(|pattern| CallQueueRule { pattern, limit }).into_iter().collect()
}

/// Reads the keys that both kinds of rules have.
fn rule(mut section: Section<'_>, default: usize) -> Option<CallQueueRule> {
    let uri = section.required(RULE.uri).and_then(|field| Some((field.text()?, field)));
    let policies = MatchPolicy::ALL.map(|policy| (policy.name(), policy));
    let policy = section.choice(RULE.policy, "match policy", &policies, MatchPolicy::default());
    let limit = section.number_up_to(RULE.limit, &LIMITS, default);
    if limit == 0 {
        section.warn("this rule has no effect: its 'limit' is 0");
    }
    section.finish();
    let (uri, field) = uri?;
    let pattern = UriPattern::new(uri, policy, UriRule::Loose);
    let pattern = pattern.map_err(|fault| field.fault(fault.to_string())).ok()?;
    (limit > 0).then_some(CallQueueRule { pattern, limit })
}
