//! Support for tests of a whole program: starts real processes, sends them raw octets, and ends
//! them. Every wait has a deadline. Every started process is killed on drop.
//!
//! These modules use no WAMP library. So tests can send messages that a library would refuse, and
//! see the exact octets of the answers. The tests say what the octets should be.

use std::thread::sleep;
use std::time::{Duration, Instant};

mod call_pair;
mod http;
mod longpoll;
mod node_process;
mod peer;
pub(crate) mod process;
mod rawsocket;
mod stream;
mod temp_directory;
mod websocket;

pub(crate) use call_pair::CallPair;
pub(crate) use http::{HttpClient, HttpResponse, post_request};
pub(crate) use longpoll::LongPollPeer;
pub(crate) use node_process::{NodeProcess, ProgramOutput, count_events, run};
pub(crate) use peer::{HELLO, RawPeer, TestTransport, abort, hello};
pub(crate) use rawsocket::{CBOR, JSON, MSGPACK, RawSocketPeer, UBJSON};
pub(crate) use stream::ClientStream;
pub(crate) use temp_directory::TempDirectory;
pub(crate) use websocket::{WebSocketPeer, upgrade_request};

/// Deadline of every wait. A debug build on a busy machine stays far below it; a hang does not.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// Pause between two probes of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Waits until `probe` returns a value. `what` names the awaited condition in the panic message.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(POLL_INTERVAL);
    }
}
