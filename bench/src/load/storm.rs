//! A storm of joins: clients connect and join as fast as they can, as after a network failure. The
//! oldest open sessions disconnect without GOODBYE for new ones.

use std::io;

use super::connections::{LoadConnections, MessageHandler};
use super::course::TimedLoad;
use super::joining::JoiningClients;
use super::output::Outputs;
use super::tally::Tally;

/// The load of joins.
#[derive(Debug)]
pub struct StormLoad {
    joining: JoiningClients,
    /// Most open sessions.
    held: usize,
    stopped: bool,
}

impl StormLoad {
    /// A storm that keeps `held` sessions open.
    pub fn new(joining: JoiningClients, held: usize) -> Self {
        Self { joining, held, stopped: false }
    }
}

impl MessageHandler for StormLoad {
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        self.joining.connected(which, outputs);
    }

    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        self.joining.received(from, message, outputs);
        while self.joining.joined_count() > self.held {
            if let Some(oldest) = self.joining.joined().pop_front() {
                outputs.close(oldest);
            }
        }
    }

    fn ended(&mut self, which: usize, why: &str) {
        self.joining.ended(which, why);
    }
}

impl TimedLoad for StormLoad {
    fn start(&mut self, _: &mut Outputs) {}

    fn tally(&mut self) -> &mut Tally {
        &mut self.joining.tally
    }

    fn before_turn(&mut self, connections: &mut LoadConnections) -> io::Result<()> {
        if self.stopped { Ok(()) } else { self.joining.begin(connections, usize::MAX) }
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn in_flight(&self) -> u64 {
        self.joining.opening() as u64
    }
}
