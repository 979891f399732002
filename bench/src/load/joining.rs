//! Sessions that join as fast as the router lets them: what a storm and ten thousand idle
//! sessions have in common.

use std::collections::VecDeque;
use std::io;

use cloverleaf_wamp::message::ClientMessage;

use super::connections::{Connections, Handler};
use super::opening::{read, told};
use super::output::Outputs;
use super::reading::Message;
use super::tally::Tally;
use super::target::Target;
use super::writing;

/// Sessions that join, and those that have.
#[derive(Debug)]
pub struct Joining {
    target: Target,
    hello: ClientMessage,
    /// How many are on their way at once.
    at_once: usize,
    opening: usize,
    /// When each connection was begun; 0 for one whose session is open.
    begun: Vec<u64>,
    /// The connections of open sessions, the oldest first.
    joined: VecDeque<usize>,
    pub(super) tally: Tally,
}

impl Joining {
    /// Sessions of a realm, of which `at_once` are on their way.
    pub fn new(target: Target, realm: &str, at_once: usize) -> Self {
        Self {
            target,
            hello: writing::hello(realm),
            at_once: at_once.max(1),
            opening: 0,
            begun: Vec::new(),
            joined: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// How many sessions are on their way.
    pub fn opening(&self) -> usize {
        self.opening
    }

    /// The connections of open sessions, the oldest first.
    pub fn joined(&mut self) -> &mut VecDeque<usize> {
        &mut self.joined
    }

    /// How many sessions are open.
    pub fn joined_count(&self) -> usize {
        self.joined.len()
    }

    /// Begins as many connections, up to `most`, as may be on their way.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn begin(&mut self, connections: &mut Connections, most: usize) -> io::Result<()> {
        for _ in 0..most.min(self.at_once.saturating_sub(self.opening)) {
            let now = connections.outputs().look_at_clock();
            let which = connections.open(&self.target)?;
            if which >= self.begun.len() {
                self.begun.resize(which + 1, 0);
            }
            self.begun[which] = now;
            self.opening += 1;
        }
        Ok(())
    }
}

impl Handler for Joining {
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        outputs.send(which, |serializer, out| writing::message(serializer, out, &self.hello));
    }

    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(Message::Welcome) if self.begun[from] != 0 => {
                let begun = std::mem::take(&mut self.begun[from]);
                self.tally.answered(begun, outputs.now());
                self.opening -= 1;
                self.joined.push_back(from);
            }
            other => self.tally.error(told(&other)),
        }
    }

    fn ended(&mut self, which: usize, why: &str) {
        if std::mem::take(&mut self.begun[which]) != 0 {
            self.opening -= 1;
        }
        self.joined.retain(|&other| other != which);
        self.tally.error(why);
    }
}
