//! Measures contention for the lock of a realm when many threads share few realms, and predicts it
//! for more cores with a simple model of one lock. Without sockets.
//!
//! The program uses the router and the queues of connections: under the lock it does what the node
//! does, and outside of the lock what a connection does. See `docs/decisions/cores.md`.
//!
//! | module | purpose |
//! |---|---|
//! | `host` | a realm under its lock |
//! | `meter` | time under locks and waiting for them |
//! | `peer` | a session, from frames to frames |
//! | `group` | complete calls and publications |
//! | `cell` | threads × realms × sessions, measured |
//! | `crossing` | caller and callee on different threads |
//! | `law` | predictions for more cores |
//! | `report` | tables and JSON |

use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;

mod cell;
mod crossing;
mod group;
mod host;
mod law;
mod meter;
mod peer;
mod report;

use group::GroupWork;
use report::{Prediction, Report, Row};

/// The allocator of the node, see `docs/decisions/allocator.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures contention of threads for the locks of realms.
#[derive(Debug, Parser)]
#[command(name = "cloverleaf-contention")]
struct ContentionOptions {
    /// Measure 1, 2, 4, … threads up to this number. Default: twice the cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// The numbers of realms.
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1, 2, 4, 16])]
    realms: Vec<usize>,
    /// The numbers of sessions in each realm: at least ten for each thread.
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [320, 3_200])]
    sessions: Vec<usize>,
    /// Time of each measurement, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    milliseconds: u64,
    /// CPU time of a call in the router in microseconds, as `bench/wamp.py` measures it. Adds
    /// predictions for it.
    #[arg(long, value_name = "US")]
    router_cpu: Option<f64>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&ContentionOptions::parse()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &ContentionOptions) -> Result<String, String> {
    let cores = available_parallelism().map_or(1, usize::from);
    let most = options.threads.map_or(2 * cores, usize::from);
    let least = cell::least_sessions(most);
    if options.realms.contains(&0) || options.sessions.iter().any(|sessions| *sessions < least) {
        return Err(format!(
            "{most} threads need at least one realm and {least} sessions in each: say so with \
             --realms and --sessions, or take fewer --threads"
        ));
    }
    let time = Duration::from_millis(options.milliseconds.max(1));
    let report = measure(options, cores, most, time).map_err(|error| error.to_string())?;
    if options.json {
        return serde_json::to_string_pretty(&report).map_err(|error| error.to_string());
    }
    Ok(report.to_string())
}

fn measure(
    options: &ContentionOptions,
    cores: usize,
    most: usize,
    time: Duration,
) -> std::io::Result<Report> {
    let clock = meter::clock();
    let threads: Vec<usize> =
        std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|n| *n <= most).collect();
    let cells: Vec<_> = cell::all(&threads, &options.realms, &options.sessions)
        .into_iter()
        .map(|cell| Row { cell, figures: cell.measure(time, clock) })
        .collect();
    let crossings = crossing::measure(time, clock)?;
    let predictions = predictions(&cells, options.router_cpu.map(|cpu| 1e3 * cpu));
    Ok(Report { cores, cells, crossings, predictions })
}

/// Predictions from the times of one thread, and of two threads that shared a realm and no core.
fn predictions(cells: &[Row], router_cpu_ns: Option<f64>) -> Vec<Prediction> {
    /// Two threads that had fewer cores were disturbed too much to show the cost of sharing.
    const ALMOST: f64 = 0.9;
    let is_telling = |row: &&Row| {
        let Row { cell, figures } = row;
        let had_cores = figures.cores >= ALMOST * cell.threads as f64;
        cell.realms == 1 && (cell.threads == 1 || cell.threads == 2 && had_cores)
    };
    let mut predictions = Vec::new();
    for row in cells.iter().filter(is_telling) {
        predictions.push(Prediction::new(row, None));
        if row.cell.work == GroupWork::Calls && router_cpu_ns.is_some() {
            predictions.push(Prediction::new(row, router_cpu_ns));
        }
    }
    predictions
}
