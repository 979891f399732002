//! What a load counts while it runs: answers with their latency, errors and losses.

use super::histogram::Histogram;

/// What was counted. Answers are those of the measurement alone; errors and losses those of the
/// whole run, for a warm-up with errors warms nothing up.
#[derive(Debug, Default)]
pub struct Tally {
    /// Whether answers count: not while the load warms up or ends.
    pub counting: bool,
    /// Answers or events, by their latency in nanoseconds.
    pub latency: Histogram,
    /// What went wrong.
    pub errors: u64,
    /// What the first error was.
    pub first_error: Option<String>,
    /// What was sent and never came.
    pub lost: u64,
}

impl Tally {
    /// Counts one answer or event that was sent at `sent` and came at `now`.
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

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn answers_count_only_while_it_is_measured_and_errors_always() {
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
