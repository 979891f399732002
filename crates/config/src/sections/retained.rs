//! The limits of retained events.

use std::time::Duration;

use super::times::milliseconds;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static RETAINED: SectionKeys =
    SectionKeys::closed("the options of retained events", RetainedOptions::KEYS);

options! {
    /// The limits of the retained events of a realm.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RetainedOptions {
        /// The most events of all topics together.
        max_events: usize = 100_000, max_events;
        /// The most bytes that they hold.
        max_bytes: usize = 64 * 1024 * 1024, max_bytes;
        /// The lifetime of events that have none of their own; none: unlimited.
        ttl: Option<Duration> = None, milliseconds;
    }
}

fn max_events(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &(0..=10_000_000), default)
}

fn max_bytes(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &(0..=1 << 40), default)
}
