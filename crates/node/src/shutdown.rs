//! The end of a node, in numbered phases.
//!
//! 1. Stop listening: no new connection, and socket files are removed.
//! 2. Finish what is in flight, for at most [`DRAIN_TIMEOUT`].
//! 3. End the containers.
//! 4. Answer the calls that are left with ERROR and end the connection of every session, or say
//!    GOODBYE where the realm is configured so; wait at most [`CLOSING_TIMEOUT`] for their ends.
//!    Then end the connections without a session, and wait at most [`UNJOINED_TIMEOUT`].

use std::time::Duration;

use cloverleaf_realms::{RealmHost, Realms};
use cloverleaf_wamp::error_uri;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

/// How long calls and requests in flight may take to their end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// How long sessions may take to end; as long as clients wait for the answer to their GOODBYE.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);

/// How long connections without a session may take to end; enough to write their close frames.
const UNJOINED_TIMEOUT: Duration = Duration::from_millis(100);

/// The interval between two checks whether a phase is over.
const STEP: Duration = Duration::from_millis(5);

/// Phase 2.
pub(crate) async fn drain(realms: &Realms, requests_in_flight: impl Fn() -> usize) {
    let calls = || realms.all().iter().map(|realm| realm.calls_in_flight()).sum::<usize>();
    let busy = || calls() + requests_in_flight();
    if !wait_until(|| busy() == 0, DRAIN_TIMEOUT).await {
        tracing::warn!(calls = busy(), "calls and requests canceled");
    }
}

/// Phase 4.
pub(crate) async fn end_sessions(realms: &Realms) {
    for realm in realms.all() {
        while realm.end_calls() {
            yield_now().await;
        }
        realm.close(error_uri::SYSTEM_SHUTDOWN);
    }
    let open = || realms.all().iter().map(|realm| connected_sessions(realm)).sum::<usize>();
    if !wait_until(|| open() == 0, CLOSING_TIMEOUT).await {
        tracing::info!(sessions = open(), "sessions closed after the timeout");
    }
    realms.close_unjoined(error_uri::SYSTEM_SHUTDOWN);
    // They have nothing in flight, so whether they have ended makes no difference.
    let _ = wait_until(|| realms.unjoined_count() == 0, UNJOINED_TIMEOUT).await;
}

/// Waits until the connections of a realm that was closed have ended, as long as sessions may take.
pub(crate) async fn wait_for_sessions(realm: &RealmHost) {
    // Whether they have ended makes no difference here.
    let _ = wait_until(|| connected_sessions(realm) == 0, CLOSING_TIMEOUT).await;
}

/// Sessions that are not internal. Internal ones end with the process.
fn connected_sessions(realm: &RealmHost) -> usize {
    let counts = realm.session_counts();
    counts.total - counts.internal
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
