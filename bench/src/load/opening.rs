//! Sessions, and the requests that prepare them: many are opened at once, and all are awaited.
//!
//! For what is done before and after a measurement; the storm, which measures this, has its own.

use std::io;
use std::time::{Duration, Instant};

use cloverleaf_wamp::message::ClientMessage;

use super::connections::{Connections, Handler};
use super::output::Outputs;
use super::reading::{self, Message};
use super::target::Target;
use super::writing;

/// How many sessions are on their way at once: below the backlog of any router.
const AT_ONCE: usize = 64;

/// How long nothing may happen before the load gives up.
const PATIENCE: Duration = Duration::from_secs(10);

const TURN: Duration = Duration::from_millis(50);

/// Opens a session at each target; the connections, in the order of the targets.
///
/// # Errors
/// A sentence about the first session that was not opened.
pub fn open_sessions(
    connections: &mut Connections,
    targets: &[&Target],
    realm: &str,
) -> io::Result<Vec<usize>> {
    let mut opening = Opening { hello: writing::hello(realm), welcomed: 0, failure: None };
    let mut opened = Vec::with_capacity(targets.len());
    let mut patience = Patience::new();
    while opening.welcomed < targets.len() {
        for target in targets[opened.len()..].iter().take(AT_ONCE + opening.welcomed - opened.len())
        {
            opened.push(connections.open(target)?);
        }
        connections.turn(TURN, &mut opening)?;
        give_up_on(opening.failure.take())?;
        patience.wait_for(opening.welcomed, "WELCOME")?;
    }
    Ok(opened)
}

/// Sends a request on each of some connections and awaits the answers.
///
/// # Errors
/// A sentence about the first request that was refused.
pub fn ask(
    connections: &mut Connections,
    sessions: &[usize],
    request: &ClientMessage,
) -> io::Result<()> {
    let mut asking = Asking::default();
    let mut patience = Patience::new();
    for session in sessions {
        connections.outputs().send(*session, |serializer, out| {
            writing::message(serializer, out, request);
        });
    }
    while asking.answered < sessions.len() {
        connections.turn(TURN, &mut asking)?;
        give_up_on(asking.failure.take())?;
        patience.wait_for(asking.answered, "the answer to a request")?;
    }
    Ok(())
}

fn give_up_on(failure: Option<String>) -> io::Result<()> {
    failure.map_or(Ok(()), |failure| Err(io::Error::other(failure)))
}

/// Waits while something happens.
struct Patience {
    before: usize,
    since: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { before: 0, since: Instant::now() }
    }

    fn wait_for(&mut self, done: usize, what: &str) -> io::Result<()> {
        if done > self.before {
            *self = Self { before: done, since: Instant::now() };
        }
        if self.since.elapsed() < PATIENCE {
            return Ok(());
        }
        let what = format!("{what} did not come within {} s", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, what))
    }
}

struct Opening {
    hello: ClientMessage,
    welcomed: usize,
    failure: Option<String>,
}

impl Handler for Opening {
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        outputs.send(which, |serializer, out| writing::message(serializer, out, &self.hello));
    }

    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(Message::Welcome) => self.welcomed += 1,
            other => self.fail(&told(&other)),
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.fail(why);
    }
}

impl Opening {
    /// Keeps the first reason: a router says why before it hangs up.
    fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| format!("no session was opened: {why}"));
    }
}

#[derive(Default)]
struct Asking {
    answered: usize,
    failure: Option<String>,
}

impl Handler for Asking {
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(Message::Answer { .. }) => self.answered += 1,
            other => self.fail(&told(&other)),
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.fail(why);
    }
}

impl Asking {
    fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| format!("a request was not granted: {why}"));
    }
}

/// Reads a message of an open connection.
///
/// # Errors
/// A sentence about what it is instead.
#[inline]
pub fn read<'m>(from: usize, message: &'m [u8], outputs: &Outputs) -> Result<Message<'m>, String> {
    let serializer = outputs.serializer(from).ok_or("the connection is closed")?;
    reading::read(serializer, message).map_err(|error| error.to_string())
}

/// A sentence about a message that should not have come.
pub fn told(message: &Result<Message<'_>, String>) -> String {
    match message {
        Ok(Message::Farewell(reason)) => format!("the router ended the session: {reason}"),
        Ok(Message::Error { uri, .. }) => format!("the router answered {uri}"),
        Ok(other) => format!("the router sent {other:?}"),
        Err(why) => why.clone(),
    }
}
