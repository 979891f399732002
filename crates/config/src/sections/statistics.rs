//! The statistics of a realm.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::times;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static STATISTICS: SectionKeys =
    SectionKeys::open("a realm's statistics", StatsOptions::KEYS);

/// The sizes of a rated message, in bytes.
const RATED_SIZES: RangeInclusive<usize> = 128..=1 << 20;

options! {
    /// When a realm publishes how much a session has sent and received (`wamp.session.on_stats`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct StatsOptions {
        /// The number of bytes that count as one message.
        rated_message_size: usize = 512, rated_message_size;
        /// After this number of messages; 0: never.
        trigger_after_rated_messages: u64 = 0, after_messages;
        /// After this time; zero: never.
        trigger_after_duration: Duration = Duration::ZERO, after_duration;
        /// When a session joins.
        trigger_on_join: bool = false, Section::flag;
        /// When a session leaves.
        trigger_on_leave: bool = true, Section::flag;
    }
}

/// Reads the statistics of a realm.
pub(crate) fn statistics(realm: &mut Section<'_>, key: &'static str) -> Option<StatsOptions> {
    let mut section = realm.section(key, &STATISTICS)?;
    let options = StatsOptions::read(&mut section);
    section.finish();
    Some(options)
}

/// The size of a message. Crossbar.io accepts smaller sizes, which would make statistics of every
/// few bytes.
fn rated_message_size(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    let Some(field) = section.optional(key) else { return default };
    match field.number_up_to(&(1..=*RATED_SIZES.end())) {
        Some(size) if size < *RATED_SIZES.start() => {
            let least = RATED_SIZES.start();
            field.warn(format!(
                "{size} is below the least that this version takes: {least} is used"
            ));
            *least
        }
        size => size.unwrap_or(default),
    }
}

fn after_messages(section: &mut Section<'_>, key: &'static str, default: u64) -> u64 {
    section.number_up_to(key, &(0..=1_000_000_000), default)
}

fn after_duration(section: &mut Section<'_>, key: &'static str, _: Duration) -> Duration {
    times::milliseconds(section, key, None).unwrap_or_default()
}
