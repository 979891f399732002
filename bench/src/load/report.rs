//! What a load tells: a line that changes on a terminal while it runs, one line of JSON at its
//! end.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::course::Span;
use super::tally::Tally;

/// How often the line on the terminal changes.
const EVERY: Duration = Duration::from_millis(200);

/// The line on the terminal. Elsewhere nothing is shown.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    title: String,
    next: Instant,
}

impl Progress {
    /// Shows `title` and figures on the standard error, if that is a terminal.
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

    /// Shows any text, but not more often than it can be read.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if !self.terminal || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        // Who has closed the terminal has no wish for progress.
        let _ = write!(io::stderr(), "\r\x1b[K{}: {}", self.title, text());
    }

    /// Takes the line away.
    pub fn end(&mut self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// The figures of one run; the line of JSON. Times in microseconds, memory in KiB.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Which load it was.
    pub mode: &'static str,
    /// What is counted: calls, events, joins, sessions, requests.
    pub unit: &'static str,
    /// How long it was measured.
    pub seconds: f64,
    /// How many were counted.
    pub count: u64,
    /// How many in a second.
    pub rate: f64,
    /// The median latency, and the latencies that so many per cent did not exceed.
    pub p50_us: f64,
    #[expect(missing_docs, reason = "told with the first")]
    pub p90_us: f64,
    #[expect(missing_docs, reason = "told with the first")]
    pub p99_us: f64,
    #[expect(missing_docs, reason = "told with the first")]
    pub p999_us: f64,
    /// The greatest latency.
    pub max_us: f64,
    /// How many answers were errors, wrong, out of order or not to be read; sessions that ended.
    pub errors: u64,
    /// How many did not come.
    pub lost: u64,
    /// What the first error was.
    pub first_error: Option<String>,
    /// CPU time of the router for each that was counted; none without `--router-pid`.
    pub router_cpu_us: Option<f64>,
    /// How many cores the router kept busy.
    pub router_cores: Option<f64>,
    /// CPU time of the load itself for each that was counted.
    pub generator_cpu_us: Option<f64>,
    /// How many cores the load kept busy: near 1, and the load is what was measured.
    pub generator_cores: Option<f64>,
    /// What only this mode finds.
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl Report {
    /// The report of a load that ran for a time.
    pub fn new(mode: &'static str, unit: &'static str, tally: &Tally, span: Span) -> Self {
        let count = tally.latency.total();
        let quantile = |part| micros(tally.latency.quantile(part));
        let each = |ns: u64| micros(ns) / count.max(1) as f64;
        let cores = |ns: u64| ns as f64 / 1e9 / span.seconds;
        Self {
            mode,
            unit,
            seconds: span.seconds,
            count,
            rate: count as f64 / span.seconds,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            max_us: micros(tally.latency.max()),
            errors: tally.errors,
            lost: tally.lost,
            first_error: tally.first_error.clone(),
            router_cpu_us: span.router_cpu_ns.map(each),
            router_cores: span.router_cpu_ns.map(cores),
            generator_cpu_us: span.own_cpu_ns.map(each),
            generator_cores: span.own_cpu_ns.map(cores),
            ..Self::default()
        }
    }

    /// Adds a figure that only this mode has.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the errors and losses of what ran beside.
    pub fn blame(&mut self, beside: &Tally) {
        self.errors += beside.errors;
        self.lost += beside.lost;
        self.first_error = self.first_error.take().or_else(|| beside.first_error.clone());
    }

    /// Whether something was measured, and without an error or a loss.
    pub fn is_good(&self) -> bool {
        self.errors == 0 && self.lost == 0 && self.count > 0
    }
}

fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}
