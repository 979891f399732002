//! The report of a load: one line of JSON at its end.

use serde::Serialize;

use super::tally::{Tally, micros};
use super::usage::ResourceUsage;

/// The figures of one run; the line of JSON. Times in microseconds, memory in KiB.
#[derive(Debug, Default, Serialize)]
pub struct LoadReport {
    /// The mode.
    pub mode: &'static str,
    /// The unit of the counts: calls, events, joins, sessions, requests.
    pub unit: &'static str,
    /// Duration of the measurement in seconds.
    pub seconds: f64,
    /// Number of counted units.
    pub count: u64,
    /// Units per second.
    pub rate: f64,
    /// The median latency; the next three are other quantiles.
    pub p50_us: f64,
    #[expect(missing_docs, reason = "documented with the first")]
    pub p90_us: f64,
    #[expect(missing_docs, reason = "documented with the first")]
    pub p99_us: f64,
    #[expect(missing_docs, reason = "documented with the first")]
    pub p999_us: f64,
    /// The greatest latency.
    pub max_us: f64,
    /// Number of errors: answers that were errors, wrong, out of order or unreadable, and sessions
    /// that ended.
    pub errors: u64,
    /// Number of answers or events that did not arrive.
    pub lost: u64,
    /// The first error.
    pub first_error: Option<String>,
    /// CPU time of the router for each unit; `None` without `--router-pid`.
    pub router_cpu_us: Option<f64>,
    /// Cores that the router kept busy.
    pub router_cores: Option<f64>,
    /// CPU time of the load for each unit.
    pub generator_cpu_us: Option<f64>,
    /// Cores that the load kept busy. If it is near 1, the load limited the measurement.
    pub generator_cores: Option<f64>,
    /// Figures of this mode only.
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl LoadReport {
    /// The report of a load that ran for a time.
    pub fn new(
        mode: &'static str,
        unit: &'static str,
        tally: &Tally,
        usage: ResourceUsage,
    ) -> Self {
        let count = tally.latency.total();
        let quantile = |part| micros(tally.latency.quantile(part));
        let each = |ns: u64| micros(ns) / count.max(1) as f64;
        let cores = |ns: u64| ns as f64 / 1e9 / usage.seconds;
        Self {
            mode,
            unit,
            seconds: usage.seconds,
            count,
            rate: count as f64 / usage.seconds,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            max_us: micros(tally.latency.max()),
            errors: tally.errors,
            lost: tally.lost,
            first_error: tally.first_error.clone(),
            router_cpu_us: usage.router_cpu_ns.map(each),
            router_cores: usage.router_cpu_ns.map(cores),
            generator_cpu_us: usage.own_cpu_ns.map(each),
            generator_cores: usage.own_cpu_ns.map(cores),
            ..Self::default()
        }
    }

    /// Adds a figure of this mode.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the errors and losses of a load beside this one.
    pub fn blame(&mut self, beside: &Tally) {
        self.errors += beside.errors;
        self.lost += beside.lost;
        self.first_error = self.first_error.take().or_else(|| beside.first_error.clone());
    }

    /// Whether units were counted without an error or a loss.
    pub fn is_good(&self) -> bool {
        self.errors == 0 && self.lost == 0 && self.count > 0
    }
}
