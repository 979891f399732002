//! The end of a node, in numbered phases.
//!
//! 1. Stop listening: no new connection, and socket files are removed.
//! 2. Finish what is in flight, for at most [`DRAIN_TIMEOUT`].
//! 3. Say GOODBYE to every session and wait at most [`GOODBYE_TIMEOUT`] for theirs.
//! 4. End the containers.

use std::time::Duration;

use cloverleaf_wamp::error_uri;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::realms::Realms;

/// How long calls and requests in flight may take to their end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// How long sessions may take to answer GOODBYE; as long as clients wait for the answer to theirs.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it is looked whether a phase is over.
const STEP: Duration = Duration::from_millis(5);

/// Whether the node is ending; every listener and HTTP connection watches it.
#[derive(Debug, Clone)]
pub(crate) struct Ending(watch::Receiver<bool>);

/// Ends the node.
#[derive(Debug)]
pub(crate) struct EndSwitch(watch::Sender<bool>);

/// A switch and what it switches.
pub(crate) fn switch() -> (EndSwitch, Ending) {
    let (sender, receiver) = watch::channel(false);
    (EndSwitch(sender), Ending(receiver))
}

impl EndSwitch {
    pub(crate) fn end(&self) {
        self.0.send_replace(true);
    }
}

impl Ending {
    /// Whether the node is ending.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the node is ending.
    pub(crate) async fn wait(&mut self) {
        // A switch that is gone has ended the node, too.
        let _ = self.0.wait_for(|ending| *ending).await;
    }
}

/// SIGINT and SIGTERM, noticed from the moment this is made: before anything is bound, so that no
/// signal comes too early to be obeyed.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn watch() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them and says which it was.
    pub(crate) async fn requested(mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Phase 2.
pub(crate) async fn drain(realms: &Realms, requests_in_flight: impl Fn() -> usize) {
    let calls = || realms.all().iter().map(|realm| realm.calls_in_flight()).sum::<usize>();
    let busy = || calls() + requests_in_flight();
    if !wait_until(|| busy() == 0, DRAIN_TIMEOUT).await {
        tracing::warn!("{} calls and requests are given up unfinished", busy());
    }
}

/// Phase 3. `local` sessions are those in this process, which end with it.
pub(crate) async fn say_goodbye(realms: &Realms, local: usize) {
    for realm in realms.all() {
        realm.close(error_uri::SYSTEM_SHUTDOWN);
    }
    let open = || realms.all().iter().map(|realm| realm.session_count()).sum::<usize>();
    if !wait_until(|| open() <= local, GOODBYE_TIMEOUT).await {
        tracing::info!("{} sessions have not said goodbye", open().saturating_sub(local));
    }
}

async fn wait_until(done: impl Fn() -> bool, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(STEP).await;
    }
    true
}
