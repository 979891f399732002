//! Opens sessions and sends their first requests: many at once, and all are awaited.
//!
//! For preparing and ending a measurement; the storm, which measures joins, has its own code.

use std::io;
use std::time::{Duration, Instant};

use cloverleaf_wamp::message::ClientMessage;

use super::connections::{LoadConnections, MessageHandler};
use super::output::Outputs;
use super::reading::{self, LoadMessage};
use super::target::LoadTarget;
use super::writing;

/// Sessions that are joining at the same time: fewer than the backlog of any router.
const AT_ONCE: usize = 64;

/// Time without progress after which the load gives up.
const PATIENCE: Duration = Duration::from_secs(10);

const TURN: Duration = Duration::from_millis(50);

/// Opens a session at each target. Returns the connections in the order of the targets.
///
/// # Errors
/// A sentence about the first session that was not opened.
pub fn open_sessions(
    connections: &mut LoadConnections,
    targets: &[&LoadTarget],
    realm: &str,
) -> io::Result<Vec<usize>> {
    let mut opening = SessionOpening { hello: writing::hello(realm), welcomed: 0, failure: None };
    let mut opened = Vec::with_capacity(targets.len());
    let mut patience = ProgressTimeout::new();
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

/// Sends a request on each connection and awaits the answers.
///
/// # Errors
/// A sentence about the first refused request.
pub fn ask(
    connections: &mut LoadConnections,
    sessions: &[usize],
    request: &ClientMessage,
) -> io::Result<()> {
    let mut asking = Asking::default();
    let mut patience = ProgressTimeout::new();
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

/// Waits as long as there is progress.
struct ProgressTimeout {
    before: usize,
    since: Instant,
}

impl ProgressTimeout {
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

struct SessionOpening {
    hello: ClientMessage,
    welcomed: usize,
    failure: Option<String>,
}

impl MessageHandler for SessionOpening {
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        outputs.send(which, |serializer, out| writing::message(serializer, out, &self.hello));
    }

    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(LoadMessage::Welcome) => self.welcomed += 1,
            other => self.fail(&unexpected(&other)),
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.fail(why);
    }
}

impl SessionOpening {
    /// Keeps the first reason: a router gives its reason before it disconnects.
    fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| format!("no session was opened: {why}"));
    }
}

#[derive(Default)]
struct Asking {
    answered: usize,
    failure: Option<String>,
}

impl MessageHandler for Asking {
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        match read(from, message, outputs) {
            Ok(LoadMessage::Answer { .. }) => self.answered += 1,
            other => self.fail(&unexpected(&other)),
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

/// Decodes a message of an open connection.
///
/// # Errors
/// A sentence about the message if it can't be decoded.
#[inline]
pub fn read<'m>(
    from: usize,
    message: &'m [u8],
    outputs: &Outputs,
) -> Result<LoadMessage<'m>, String> {
    let serializer = outputs.serializer(from).ok_or("the connection is closed")?;
    reading::read(serializer, message).map_err(|error| error.to_string())
}

/// A sentence about an unexpected message.
pub fn unexpected(message: &Result<LoadMessage<'_>, String>) -> String {
    match message {
        Ok(LoadMessage::Farewell(reason)) => format!("the router ended the session: {reason}"),
        Ok(LoadMessage::Error { uri, .. }) => format!("the router answered {uri}"),
        Ok(other) => format!("the router sent {other:?}"),
        Err(why) => why.clone(),
    }
}
