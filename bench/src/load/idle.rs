//! Idle sessions: the memory and CPU time that they cost the router, whether they live until the
//! end, and whether the router gives the memory back.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::connections::{LoadConnections, MessageHandler};
use super::joining::JoiningClients;
use super::opening::{read, unexpected};
use super::output::Outputs;
use super::process::Process;
use super::progress::ProgressLine;
use super::reading::LoadMessage;
use super::tally::Tally;
use super::usage::{CpuWatch, ResourceUsage};
use super::writing;

/// The longest wait of one turn.
const TURN: Duration = Duration::from_millis(20);

/// Time without progress after which the load gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time for the router to give memory back after the last session has ended.
const AFTER: Duration = Duration::from_secs(2);

/// Sessions that send GOODBYE at the same time.
const FAREWELLS: usize = 64;

/// The figures. Memory is in KiB, and `None` without the router's process.
#[derive(Debug)]
pub struct IdleFigures {
    /// The latencies of joins, and the errors.
    pub tally: Tally,
    /// Time to open all sessions, in seconds.
    pub opening_seconds: f64,
    /// Resources used while the sessions were idle.
    pub usage: ResourceUsage,
    /// Resident memory of the router before the first session.
    pub before: Option<u64>,
    /// Resident memory with all sessions open and idle.
    pub with_sessions: Option<u64>,
    /// Resident memory some time after all sessions have ended.
    pub after: Option<u64>,
}

/// Opens sessions, keeps them idle, and ends them with GOODBYE.
///
/// # Errors
/// Errors of connecting, and a router that does not answer in time.
pub fn run(
    connections: &mut LoadConnections,
    mut joining: JoiningClients,
    sessions: usize,
    hold: Duration,
    router: Option<Process>,
    progress: &mut ProgressLine,
) -> io::Result<IdleFigures> {
    let resident = || router.and_then(Process::resident_kib);
    let before = resident();
    let opening = Instant::now();
    joining.tally.counting = true;
    join(connections, &mut joining, sessions, progress)?;
    let opening_seconds = opening.elapsed().as_secs_f64();

    let watch = CpuWatch::begin(router);
    let end = Instant::now() + hold;
    while Instant::now() < end {
        connections.turn(TURN, &mut joining)?;
        progress.show(|| format!("{} sessions idle", joining.joined_count()));
    }
    let usage = watch.end();
    let with_sessions = resident();

    let tally = end_all(connections, joining)?;
    progress.end();
    thread::sleep(AFTER);
    Ok(IdleFigures { tally, opening_seconds, usage, before, with_sessions, after: resident() })
}

fn join(
    connections: &mut LoadConnections,
    joining: &mut JoiningClients,
    sessions: usize,
    progress: &mut ProgressLine,
) -> io::Result<()> {
    let mut last = (0, Instant::now());
    while joining.joined_count() < sessions {
        let open = joining.joined_count() + joining.opening();
        joining.begin(connections, sessions.saturating_sub(open))?;
        connections.turn(TURN, joining)?;
        progress.show(|| format!("{} sessions open", joining.joined_count()));
        let now = joining.joined_count();
        if now > last.0 {
            last = (now, Instant::now());
        }
        if joining.tally.errors > 0 || last.1.elapsed() > PATIENCE {
            let why = joining.tally.first_error.as_deref().unwrap_or("the router is silent");
            return Err(io::Error::other(format!("only {now} sessions could join: {why}")));
        }
    }
    Ok(())
}

/// Ends each session with GOODBYE, which proves that it was still open.
fn end_all(connections: &mut LoadConnections, mut joining: JoiningClients) -> io::Result<Tally> {
    let mut waiting = std::mem::take(joining.joined());
    let mut tally = joining.tally;
    tally.counting = false;
    let mut farewell = Farewell { tally, in_flight: 0 };
    let mut last = Instant::now();
    while !waiting.is_empty() || farewell.in_flight > 0 {
        while farewell.in_flight < FAREWELLS
            && let Some(which) = waiting.pop_front()
        {
            connections.outputs().send(which, |serializer, out| {
                writing::message(serializer, out, &writing::goodbye());
            });
            farewell.in_flight += 1;
            last = Instant::now();
        }
        connections.turn(TURN, &mut farewell)?;
        if last.elapsed() > PATIENCE {
            farewell.tally.lost += (farewell.in_flight + waiting.len()) as u64;
            break;
        }
    }
    Ok(farewell.tally)
}

struct Farewell {
    tally: Tally,
    in_flight: usize,
}

impl MessageHandler for Farewell {
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(LoadMessage::Farewell(_)) => {
                self.in_flight -= 1;
                outputs.close(from);
            }
            other => self.tally.error(unexpected(&other)),
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.tally.error(why);
    }
}
