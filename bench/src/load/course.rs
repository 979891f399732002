//! The phases of a load: start, warm-up, measurement, stop, and waiting for answers in flight. All
//! loads that run for a time share them.

use std::io;
use std::time::{Duration, Instant};

use super::connections::{LoadConnections, MessageHandler};
use super::output::Outputs;
use super::process::Process;
use super::progress::ProgressLine;
use super::tally::Tally;
use super::usage::{CpuWatch, ResourceUsage};

/// Longest wait of one turn, so that the end of a phase is noticed when the router is silent.
const TURN: Duration = Duration::from_millis(20);

/// Time without input after the end until answers in flight count as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest wait for answers in flight, even if they keep arriving.
const LONGEST_END: Duration = Duration::from_secs(30);

/// A load that runs for a time.
pub trait TimedLoad: MessageHandler {
    /// Sends the first messages.
    fn start(&mut self, outputs: &mut Outputs);

    /// The figures so far.
    fn tally(&mut self) -> &mut Tally;

    /// Starts or stops counting.
    fn count(&mut self, counting: bool) {
        self.tally().counting = counting;
    }

    /// Opens connections, if the load needs new ones. Called before each turn.
    ///
    /// # Errors
    /// Errors of opening.
    fn before_turn(&mut self, connections: &mut LoadConnections) -> io::Result<()> {
        let _ = connections;
        Ok(())
    }

    /// Stops sending new messages.
    fn stop(&mut self);

    /// Answers or events that are still expected.
    fn in_flight(&self) -> u64;
}

/// The durations of a load.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Time before the measurement.
    pub warm_up: Duration,
    /// Time of the measurement.
    pub measured: Duration,
}

/// Runs a load from start to end. Answers that do not arrive in the end count as lost.
///
/// # Errors
/// Errors of the operating system. Errors between load and router are in the load's tally.
pub fn run(
    connections: &mut LoadConnections,
    load: &mut impl TimedLoad,
    timing: Timing,
    router: Option<Process>,
    progress: &mut ProgressLine,
) -> io::Result<ResourceUsage> {
    load.start(connections.outputs());
    run_until(connections, load, Instant::now() + timing.warm_up, &mut |_| {})?;
    load.count(true);
    let watch = CpuWatch::begin(router);
    let end = Instant::now() + timing.measured;
    run_until(connections, load, end, &mut |tally| progress.update(tally, watch.since))?;
    let span = watch.end();
    load.count(false);
    load.stop();
    progress.end();
    drain(connections, load)?;
    load.tally().lost += load.in_flight();
    Ok(span)
}

fn run_until(
    connections: &mut LoadConnections,
    load: &mut impl TimedLoad,
    end: Instant,
    each_turn: &mut impl FnMut(&Tally),
) -> io::Result<()> {
    while Instant::now() < end {
        load.before_turn(connections)?;
        connections.turn(TURN, load)?;
        each_turn(load.tally());
    }
    Ok(())
}

fn drain(connections: &mut LoadConnections, load: &mut impl TimedLoad) -> io::Result<()> {
    let mut before = load.in_flight();
    let stopped = Instant::now();
    let mut since = stopped;
    while before > 0 && since.elapsed() < PATIENCE && stopped.elapsed() < LONGEST_END {
        connections.turn(TURN, load)?;
        let now = load.in_flight();
        if now < before {
            before = now;
            since = Instant::now();
        }
    }
    Ok(())
}
