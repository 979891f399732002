//! The time of day, for meta events, meta results and histories.
//!
//! The clock is the host's, and may be set while the realm runs.

use std::fmt;
use std::time::Duration;

/// A point in time, in microseconds from the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `micros` microseconds after the beginning of 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds from the beginning of 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The point `duration` later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Rounded down to milliseconds, the resolution on the wire.
    pub(crate) const fn to_millis(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000))
    }

    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|timestamp| Self(timestamp.as_microsecond()))
    }

    /// RFC 3339 with milliseconds, in UTC.
    pub(crate) fn text(self) -> String {
        let timestamp = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        format!("{timestamp:.3}")
    }
}

/// The host's clock.
pub struct TimeOfDay(Box<dyn FnMut() -> Timestamp + Send>);

impl TimeOfDay {
    /// A clock that calls `now` for the time of day.
    pub fn new(now: impl FnMut() -> Timestamp + Send + 'static) -> Self {
        Self(Box::new(now))
    }

    /// The time of day now.
    pub(crate) fn now(&mut self) -> Timestamp {
        (self.0)()
    }
}

impl Default for TimeOfDay {
    /// A clock that stands still at the beginning of 1970.
    fn default() -> Self {
        Self::new(Timestamp::default)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimeOfDay")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Timestamp;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds() {
        let time = Timestamp::parse("2026-11-27T01:59:59.5+02:00").unwrap();
        assert_eq!(time.text(), "2026-11-26T23:59:59.500Z");
        assert_eq!(time.plus(Duration::from_millis(600)).text(), "2026-11-27T00:00:00.100Z");
    }

    #[test]
    fn invalid_timestamp_is_rejected() {
        for text in ["", "yesterday", "2026-11-27", "2026-11-27T25:00:00Z", "2026-11-27T10:00:00"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
