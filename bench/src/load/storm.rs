//! A storm of joins: clients connect and join as fast as they can, as after a network has failed.
//! The oldest of those that have joined hang up, without a word, for new ones.

use std::io;

use super::connections::{Connections, Handler};
use super::course::Load;
use super::joining::Joining;
use super::output::Outputs;
use super::tally::Tally;

/// The load of joins.
#[derive(Debug)]
pub struct Storm {
    joining: Joining,
    /// How many sessions are open at most.
    held: usize,
    stopped: bool,
}

impl Storm {
    /// A storm that keeps `held` sessions open.
    pub fn new(joining: Joining, held: usize) -> Self {
        Self { joining, held, stopped: false }
    }
}

impl Handler for Storm {
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

impl Load for Storm {
    fn start(&mut self, _: &mut Outputs) {}

    fn tally(&mut self) -> &mut Tally {
        &mut self.joining.tally
    }

    fn before_turn(&mut self, connections: &mut Connections) -> io::Result<()> {
        if self.stopped { Ok(()) } else { self.joining.begin(connections, usize::MAX) }
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn in_flight(&self) -> u64 {
        self.joining.opening() as u64
    }
}
