//! What sessions held goes back to the operating system when they have ended, also from a router
//! that has nothing to do afterwards.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::lab::process::resident_bytes;
use crate::lab::{JSON, Peer as _, wait_for};
use crate::router::router;

/// So many that what they held is far more than what else moves.
const SESSIONS: usize = 4_000;

/// What one session holds at the least; in fact it is some 3 KiB.
const SESSION_BYTES: u64 = 2 * 1024;

/// Each session is a file of this process, too, and usually only 1,024 are granted unasked.
fn ask_for_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, limit).expect("as many open files as are allowed");
}

#[test]
fn the_memory_of_ended_sessions_is_given_back() {
    ask_for_files();
    let node = router();
    node.rawsocket(JSON).join();
    let before = resident_bytes(node.id());
    let mut sessions: Vec<_> = (0..SESSIONS).map(|_| node.rawsocket(JSON)).collect();
    for session in &mut sessions {
        session.join();
    }
    let grown = resident_bytes(node.id()).saturating_sub(before);
    assert!(grown > SESSIONS as u64 * SESSION_BYTES, "{SESSIONS} sessions hold {grown} bytes");

    drop(sessions);
    wait_for("half of what the router had grown by", || {
        let kept = resident_bytes(node.id()).saturating_sub(before);
        (kept < grown / 2).then_some(())
    });
}
