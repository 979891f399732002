//! Rate limit for log lines that peers can cause: one line a second per call site.
//!
//! The lines in between are counted. The next line has their number in the field `suppressed`. If
//! no line follows within the second, the text is logged again with that number alone.
//!
//! ```
//! use cloverleaf_transport::log_limited;
//!
//! # let (peer, reason) = ("127.0.0.1:40312", "the handshake took too long");
//! log_limited!(info, "connection refused", peer, transport = "rawsocket", reason);
//! ```

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::sleep_until;

#[doc(hidden)]
pub use tracing;

/// The time between two lines of one call site: often enough to follow events, and rarely enough
/// not to fill a disk.
const INTERVAL: Duration = Duration::from_secs(1);

/// The limits that have suppressed lines so far, for [`report_all`]. At most one per use of
/// [`log_limited!`](crate::log_limited) in the code.
static LIMITS: Mutex<Vec<&'static LogLimit>> = Mutex::new(Vec::new());

/// Logs like the macros of `tracing`, at most once a second: the level (`info` or `warn`), the text
/// and then the fields, without a comma at the end.
#[macro_export]
macro_rules! log_limited {
    (@level info) => { $crate::log_limit::tracing::Level::INFO };
    (@level warn) => { $crate::log_limit::tracing::Level::WARN };
    ($level:ident, $text:literal $(, $($fields:tt)+)?) => {{
        static LIMIT: $crate::log_limit::LogLimit =
            $crate::log_limit::LogLimit::new(|suppressed| {
                $crate::log_limit::tracing::$level!(suppressed, $text);
            });
        if $crate::log_limit::tracing::enabled!($crate::log_limited!(@level $level))
            && let Some(suppressed) = LIMIT.admit()
        {
            let suppressed = (suppressed > 0).then_some(suppressed);
            $crate::log_limit::tracing::$level!($($($fields)+,)? suppressed, $text);
        }
    }};
}

/// Logs the numbers of suppressed lines that are not reported yet, at the end of the process.
pub fn report_all() {
    let limits = LIMITS.lock().clone();
    limits.into_iter().for_each(LogLimit::report);
}

/// Limits the log lines of one call site of [`log_limited!`](crate::log_limited).
#[derive(Debug)]
pub struct LogLimit {
    /// Logs that this many lines were suppressed.
    report: fn(u64),
    state: Mutex<LogLimitState>,
}

#[derive(Debug, Default)]
struct LogLimitState {
    /// When the last line was logged.
    last: Option<Instant>,
    /// Lines suppressed since then.
    suppressed: u64,
    /// Whether [`LIMITS`] has the limit.
    is_listed: bool,
}

/// The outcome of a line.
#[derive(Debug, PartialEq, Eq)]
enum LineOutcome {
    /// It is logged, with the number of lines suppressed before it.
    Log(u64),
    /// It is the first suppressed line of an interval, which ends at this time.
    SuppressFirst(Instant),
    /// It is suppressed.
    Suppress,
}

impl LogLimitState {
    const NEW: Self = Self { last: None, suppressed: 0, is_listed: false };

    fn count_line(&mut self, now: Instant) -> LineOutcome {
        match self.last {
            Some(last) if now < last + INTERVAL => {
                self.suppressed += 1;
                match self.suppressed {
                    1 => LineOutcome::SuppressFirst(last + INTERVAL),
                    _ => LineOutcome::Suppress,
                }
            }
            _ => LineOutcome::Log(self.take_suppressed(now)),
        }
    }

    /// Takes the number of suppressed lines, to be logged now.
    const fn take_suppressed(&mut self, now: Instant) -> u64 {
        self.last = Some(now);
        std::mem::replace(&mut self.suppressed, 0)
    }
}

impl LogLimit {
    /// A limit for a call site, which logs the number of suppressed lines with `report`.
    pub const fn new(report: fn(u64)) -> Self {
        Self { report, state: Mutex::new(LogLimitState::NEW) }
    }

    /// Requests a line now. Returns the number of lines suppressed before it, or `None` if it is
    /// suppressed itself. On a tokio runtime, the number is then logged when the second is over.
    pub fn admit(&'static self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&'static self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        match state.count_line(now) {
            LineOutcome::Log(suppressed) => Some(suppressed),
            LineOutcome::Suppress => None,
            LineOutcome::SuppressFirst(until) => {
                let is_listed = std::mem::replace(&mut state.is_listed, true);
                drop(state);
                if !is_listed {
                    LIMITS.lock().push(self);
                }
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(async move {
                        sleep_until(until.into()).await;
                        self.report();
                    });
                }
                None
            }
        }
    }

    /// Logs the number of suppressed lines, if any.
    fn report(&'static self) {
        let mut state = self.state.lock();
        if state.suppressed > 0 {
            let suppressed = state.take_suppressed(Instant::now());
            drop(state);
            (self.report)(suppressed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use super::{INTERVAL, LineOutcome, LogLimit, LogLimitState, report_all};

    #[test]
    fn one_line_per_interval_is_logged_with_the_number_suppressed_before() {
        let begin = Instant::now();
        let mut state = LogLimitState::default();
        let mut count_line =
            |milliseconds| state.count_line(begin + Duration::from_millis(milliseconds));
        assert_eq!(count_line(0), LineOutcome::Log(0));
        assert_eq!(count_line(0), LineOutcome::SuppressFirst(begin + INTERVAL));
        assert_eq!(count_line(999), LineOutcome::Suppress);
        assert_eq!(count_line(1_000), LineOutcome::Log(2));
        let end = begin + Duration::from_millis(1_000) + INTERVAL;
        assert_eq!(count_line(1_500), LineOutcome::SuppressFirst(end));
        assert_eq!(count_line(60_000), LineOutcome::Log(1));
        assert_eq!(count_line(120_000), LineOutcome::Log(0));
    }

    #[tokio::test(start_paused = true)]
    async fn suppressed_lines_are_reported_when_no_line_follows() {
        static REPORTED: AtomicU64 = AtomicU64::new(0);
        static LIMIT: LogLimit = LogLimit::new(|suppressed| {
            REPORTED.fetch_add(suppressed, Ordering::Relaxed);
        });
        let now = Instant::now();
        assert_eq!(LIMIT.admit_at(now), Some(0));
        for _ in 0..10 {
            assert_eq!(LIMIT.admit_at(now), None);
        }
        tokio::time::sleep(2 * INTERVAL).await;
        assert_eq!(REPORTED.load(Ordering::Relaxed), 10);
    }

    #[test]
    fn suppressed_lines_are_reported_at_the_end_of_the_process() {
        static REPORTED: AtomicU64 = AtomicU64::new(0);
        static LIMIT: LogLimit = LogLimit::new(|suppressed| {
            REPORTED.fetch_add(suppressed, Ordering::Relaxed);
        });
        let now = Instant::now();
        assert_eq!([(); 3].map(|()| LIMIT.admit_at(now)), [Some(0), None, None]);
        report_all();
        report_all();
        assert_eq!(REPORTED.load(Ordering::Relaxed), 2);
    }
}
