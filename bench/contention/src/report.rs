//! The report of a run as tables. The JSON form is the structure itself.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::cell::{Cell, Figures};
use crate::crossing::Crossing;
use crate::law::{CORES, Times};

/// A measured cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) cell: Cell,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// A prediction from the times of one cell with one realm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Prediction {
    /// The threads of the measurement.
    #[serde(flatten)]
    pub(crate) from: Cell,
    /// The total time of one call on a thread of the router in nanoseconds, if given. Otherwise the
    /// measured time, without sockets.
    pub(crate) whole_ns: Option<f64>,
    /// The maximum per second of one realm.
    pub(crate) ceiling: f64,
    /// The number of cores that one realm keeps busy.
    pub(crate) cores: f64,
    /// The maximum per second at one realm, for each number in [`CORES`].
    pub(crate) one_realm: [f64; CORES.len()],
    /// The maximum per second at four realms, for each number in [`CORES`].
    pub(crate) four_realms: [f64; CORES.len()],
}

impl Prediction {
    /// A prediction from the times of a cell, for a thread that needs `whole_ns` per call in total.
    pub(crate) fn new(row: &Row, whole_ns: Option<f64>) -> Self {
        let Figures { under_lock_ns, outside_ns, .. } = row.figures;
        let times = Times { under_lock_ns, outside_ns };
        let times = whole_ns.map_or(times, |whole| times.within(whole));
        Self {
            from: row.cell,
            whole_ns,
            ceiling: times.ceiling(),
            cores: times.cores(),
            one_realm: CORES.map(|cores| times.most(cores, 1)),
            four_realms: CORES.map(|cores| times.most(cores, 4)),
        }
    }
}

/// The results of a run.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    /// The cores of the machine.
    pub(crate) cores: usize,
    pub(crate) cells: Vec<Row>,
    pub(crate) crossings: Vec<Crossing>,
    pub(crate) predictions: Vec<Prediction>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.measured()?)?;
        writeln!(f, "{}", self.crossed()?)?;
        write!(f, "{}", self.predicted()?)
    }
}

impl Report {
    fn measured(&self) -> Result<String, fmt::Error> {
        let mut text = format!(
            "Threads at realms, on {} cores. Threads marked with * share cores, so their waiting \
             contains that for a core. *cores had*: where it is less than the threads, other \
             programs had the rest, or threads slept before a lock. *in all* and *each thread* are by the second, the times are those \
             of one call or publication.\n\n\
             | | realms | sessions each | threads | cores had | in all | each thread | \
             under the lock, ns | outside, ns | waiting | lock taken |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            self.cores
        );
        for Row { cell, figures } in &self.cells {
            let mark = if cell.threads > self.cores { "*" } else { "" };
            writeln!(
                text,
                "| {} | {} | {} | {}{mark} | {:.2} | {} | {} | {:.0} | {:.0} | {:.1} % | {:.1} % |",
                cell.work,
                cell.realms,
                cell.sessions,
                cell.threads,
                figures.cores,
                grouped(figures.rate),
                grouped(figures.rate / cell.threads as f64),
                figures.under_lock_ns,
                figures.outside_ns,
                figures.waiting * 100.0,
                figures.taken * 100.0,
            )?;
        }
        Ok(text)
    }

    fn crossed(&self) -> Result<String, fmt::Error> {
        let mut text =
            "Caller and callee on one thread and on two, each thread with the node's kind \
                        of runtime.\n\n| calls in flight | threads | calls/s | CPU of a call, µs | \
                        under the lock, ns |\n|--:|--:|--:|--:|--:|\n"
                .to_owned();
        for crossing in &self.crossings {
            writeln!(
                text,
                "| {} | {} | {} | {:.2} | {:.0} |",
                crossing.in_flight,
                crossing.threads,
                grouped(crossing.rate),
                crossing.cpu_us,
                crossing.under_lock_ns,
            )?;
        }
        Ok(text)
    }

    fn predicted(&self) -> Result<String, fmt::Error> {
        let cores = |realms: &str| -> String {
            CORES.iter().map(|cores| format!(" {cores} cores, {realms} |")).collect()
        };
        let mut text = format!(
            "The law of one lock, from the times of one realm above: at most \
             min(cores / (under + outside), realms / under) by the second. A bound and no forecast: \
             it knows no waiting near the bend and no caches.\n\n\
             | | sessions | times of | all of it takes, ns | one realm at most | keeps busy, cores \
             |{}{}\n|---|--:|--:|--:|--:|--:|{}\n",
            cores("1 realm"),
            cores("4 realms"),
            "--:|".repeat(2 * CORES.len())
        );
        for prediction in &self.predictions {
            let whole = prediction.whole_ns.map_or_else(|| "as here".to_owned(), grouped);
            let threads = prediction.from.threads;
            write!(
                text,
                "| {} | {} | {threads} thread{} | {whole} | {} | {:.1} |",
                prediction.from.work,
                prediction.from.sessions,
                if threads == 1 { "" } else { "s" },
                grouped(prediction.ceiling),
                prediction.cores,
            )?;
            for most in prediction.one_realm.iter().chain(&prediction.four_realms) {
                write!(text, " {} |", grouped(*most))?;
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// A whole number with commas between groups of three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Prediction, Row, grouped};
    use crate::cell::{Cell, Figures};
    use crate::group::GroupWork;

    #[test]
    fn prediction_covers_one_realm_and_four() {
        let row = Row {
            cell: Cell { work: GroupWork::Calls, threads: 1, realms: 1, sessions: 320 },
            figures: Figures {
                rate: 1e6,
                under_lock_ns: 250.0,
                outside_ns: 750.0,
                cores: 1.0,
                waiting: 0.0,
                taken: 0.0,
            },
        };
        let expected = Prediction {
            from: row.cell,
            whole_ns: Some(2_000.0),
            ceiling: 4e6,
            cores: 8.0,
            one_realm: [2e6, 4e6, 4e6],
            four_realms: [2e6, 4e6, 8e6],
        };
        assert_eq!(Prediction::new(&row, Some(2_000.0)), expected);
    }

    #[test]
    fn large_numbers_are_written_in_groups_of_three_digits() {
        assert_eq!([7.4, 123.0, 1_234.0, 1e6].map(grouped), ["7", "123", "1,234", "1,000,000"]);
    }
}
