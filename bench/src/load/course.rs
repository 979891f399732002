//! The course of a load: it starts, warms up, is measured, stops, and what is still in flight is
//! awaited. The same for every load that runs for a time.

use std::io;
use std::time::{Duration, Instant};

use super::connections::{Connections, Handler};
use super::output::Outputs;
use super::process::Process;
use super::report::Progress;
use super::tally::Tally;

/// The longest wait of one turn: how late the end of a phase may be noticed on a silent router.
const TURN: Duration = Duration::from_millis(20);

/// How long nothing may come after the end before what is in flight counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest wait for what is in flight, however steadily it comes.
const LONGEST_END: Duration = Duration::from_secs(30);

/// A load that runs for a time.
pub trait Load: Handler {
    /// Sends what begins it.
    fn start(&mut self, outputs: &mut Outputs);

    /// What it has counted.
    fn tally(&mut self) -> &mut Tally;

    /// Begins to count, or ends it.
    fn count(&mut self, counting: bool) {
        self.tally().counting = counting;
    }

    /// Opens connections, where the load is made of that. Comes before each turn.
    ///
    /// # Errors
    /// Those of opening.
    fn before_turn(&mut self, connections: &mut Connections) -> io::Result<()> {
        let _ = connections;
        Ok(())
    }

    /// Sends nothing more of its own from now on.
    fn stop(&mut self);

    /// How many answers or events are still to come.
    fn in_flight(&self) -> u64;
}

/// How long a load runs.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Before anything counts.
    pub warm_up: Duration,
    /// While it counts.
    pub measured: Duration,
}

/// What was used while a load was measured.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// How long it was measured, in seconds.
    pub seconds: f64,
    /// CPU time of the router, in nanoseconds.
    pub router_cpu_ns: Option<u64>,
    /// CPU time of the load itself, in nanoseconds.
    pub own_cpu_ns: Option<u64>,
}

/// Begins to measure CPU time.
#[derive(Debug)]
pub struct Watch {
    router: Option<Process>,
    since: Instant,
    router_cpu: Option<u64>,
    own_cpu: Option<u64>,
}

impl Watch {
    /// Begins now.
    pub fn begin(router: Option<Process>) -> Self {
        Self {
            router,
            since: Instant::now(),
            router_cpu: router.and_then(Process::cpu_ns),
            own_cpu: Process::own().cpu_ns(),
        }
    }

    /// What was used since.
    pub fn end(&self) -> Span {
        let used = |before: Option<u64>, process: Process| {
            process.cpu_ns().zip(before).map(|(after, before)| after.saturating_sub(before))
        };
        Span {
            seconds: self.since.elapsed().as_secs_f64(),
            router_cpu_ns: self.router.and_then(|router| used(self.router_cpu, router)),
            own_cpu_ns: used(self.own_cpu, Process::own()),
        }
    }
}

/// Runs a load from its start to its end. What does not come in the end is counted as lost.
///
/// # Errors
/// Those of the operating system; what goes wrong between load and router is in the load's tally.
pub fn run(
    connections: &mut Connections,
    load: &mut impl Load,
    timing: Timing,
    router: Option<Process>,
    progress: &mut Progress,
) -> io::Result<Span> {
    load.start(connections.outputs());
    run_until(connections, load, Instant::now() + timing.warm_up, &mut |_| {})?;
    load.count(true);
    let watch = Watch::begin(router);
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
    connections: &mut Connections,
    load: &mut impl Load,
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

fn drain(connections: &mut Connections, load: &mut impl Load) -> io::Result<()> {
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
