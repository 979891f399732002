//! A laboratory for tests of a whole program: it starts real processes, speaks to them in raw
//! octets, and ends them. Every wait has a deadline, and what was started is killed on drop.
//!
//! It knows no WAMP library, so that it can say what no library would and sees the very octets that
//! come back. What the octets should be is for the tests to say.

use std::thread::sleep;
use std::time::{Duration, Instant};

mod directory;
mod honest;
mod http;
mod longpoll;
mod node;
mod peer;
pub(crate) mod process;
mod rawsocket;
mod stream;
mod websocket;

pub(crate) use directory::Directory;
pub(crate) use honest::Honest;
pub(crate) use http::{Http, Response, posting};
pub(crate) use longpoll::LongPoll;
pub(crate) use node::{Node, Outcome, events, run};
pub(crate) use peer::{HELLO, Peer, Transport, abort};
pub(crate) use rawsocket::{CBOR, JSON, MSGPACK, RawSocket, UBJSON};
pub(crate) use stream::Stream;
pub(crate) use websocket::{WebSocket, opening};

/// How long anything may take. A debug build on a busy machine stays far below; a hang does not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether something has come true.
const STEP: Duration = Duration::from_millis(5);

/// Waits until `probe` finds something; `what` says in vain for what.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(STEP);
    }
}
