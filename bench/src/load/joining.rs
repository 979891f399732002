//! Sessions that join as fast as the router allows, for the storm and for idle sessions.

use std::collections::VecDeque;
use std::io;

use cloverleaf_wamp::message::ClientMessage;

use super::connections::{LoadConnections, MessageHandler};
use super::opening::{read, unexpected};
use super::output::Outputs;
use super::reading::LoadMessage;
use super::tally::Tally;
use super::target::LoadTarget;
use super::writing;

/// Sessions that are joining, and open ones.
#[derive(Debug)]
pub struct JoiningClients {
    target: LoadTarget,
    hello: ClientMessage,
    /// Most sessions that are joining at the same time.
    at_once: usize,
    opening: usize,
    /// The start of each connection; 0 for one whose session is open.
    begun: Vec<u64>,
    /// The connections of open sessions, the oldest first.
    joined: VecDeque<usize>,
    pub(super) tally: Tally,
}

impl JoiningClients {
    /// Sessions of a realm, of which at most `at_once` are joining.
    pub fn new(target: LoadTarget, realm: &str, at_once: usize) -> Self {
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

    /// Number of joining sessions.
    pub fn opening(&self) -> usize {
        self.opening
    }

    /// The connections of open sessions, the oldest first.
    pub fn joined(&mut self) -> &mut VecDeque<usize> {
        &mut self.joined
    }

    /// Number of open sessions.
    pub fn joined_count(&self) -> usize {
        self.joined.len()
    }

    /// Starts as many connections, up to `most`, as may be joining.
    ///
    /// # Errors
    /// Errors of connecting.
    pub fn begin(&mut self, connections: &mut LoadConnections, most: usize) -> io::Result<()> {
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

impl MessageHandler for JoiningClients {
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        outputs.send(which, |serializer, out| writing::message(serializer, out, &self.hello));
    }

    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(LoadMessage::Welcome) if self.begun[from] != 0 => {
                let begun = std::mem::take(&mut self.begun[from]);
                self.tally.answered(begun, outputs.now());
                self.opening -= 1;
                self.joined.push_back(from);
            }
            other => self.tally.error(unexpected(&other)),
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
