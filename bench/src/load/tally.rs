//! The counts of a running load: answers with their latency, errors and losses.

use super::histogram::Histogram;

/// Counts. Answers are those of the measurement; errors and losses are those of the whole run,
/// since errors spoil a warm-up, too.
#[derive(Debug, Default)]
pub struct Tally {
    /// Whether answers count: only during the measurement.
    pub counting: bool,
    /// Answers or events, by their latency in nanoseconds.
    pub latency: Histogram,
    /// Number of errors.
    pub errors: u64,
    /// The first error.
    pub first_error: Option<String>,
    /// Number of messages that were sent and never arrived.
    pub lost: u64,
}

impl Tally {
    /// Counts an answer or event that was sent at `sent` and arrived at `now`.
    #[inline]
    pub fn answered(&mut self, sent: u64, now: u64) {
        if self.counting {
            self.latency.record(now.saturating_sub(sent));
        }
    }

    /// Counts one error.
    #[cold]
    pub fn error(&mut self, what: impl Into<String>) {
        self.errors += 1;
        if self.first_error.is_none() {
            self.first_error = Some(what.into());
        }
    }
}

/// Nanoseconds as microseconds.
pub(super) fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn answers_count_during_the_measurement_and_errors_always() {
        let mut tally = Tally::default();
        tally.answered(1, 2);
        tally.error("first");
        tally.counting = true;
        tally.answered(10, 30);
        tally.error("second");
        let found = (tally.latency.total(), tally.latency.max(), tally.errors);
        assert_eq!((found, tally.first_error.as_deref()), ((1, 20, 2), Some("first")));
    }
}
