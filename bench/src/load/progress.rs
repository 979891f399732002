//! The line on the terminal that shows figures while a load runs.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::tally::{Tally, micros};

/// Interval between updates of the line.
const EVERY: Duration = Duration::from_millis(200);

/// A line on the terminal that shows the progress. Without a terminal nothing is shown.
#[derive(Debug)]
pub struct ProgressLine {
    terminal: bool,
    title: String,
    next: Instant,
}

impl ProgressLine {
    /// Creates the line on the standard error, if that is a terminal.
    pub fn new(title: impl Into<String>) -> Self {
        let terminal = io::stderr().is_terminal();
        Self { terminal, title: title.into(), next: Instant::now() }
    }

    /// Shows the figures of a measurement that began at `since`.
    pub fn update(&mut self, tally: &Tally, since: Instant) {
        self.show(|| {
            let (count, seconds) = (tally.latency.total(), since.elapsed().as_secs_f64());
            format!(
                "{seconds:5.1} s  {:>11.0}/s  p50 {:>8.1} µs  errors {}",
                count as f64 / seconds,
                micros(tally.latency.quantile(0.5)),
                tally.errors + tally.lost,
            )
        });
    }

    /// Shows a text, unless the line was updated a moment ago.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if !self.terminal || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        // The terminal may be closed.
        let _ = write!(io::stderr(), "\r\x1b[K{}: {}", self.title, text());
    }

    /// Removes the line.
    pub fn end(&mut self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
