//! Memory of ended sessions is returned to the operating system, even if the router is idle
//! afterwards.

use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::router::{CLOVERLEAF, router};
use crate::support::process::resident_bytes;
use crate::support::{ClientStream, JSON, NodeProcess, RawPeer as _, wait_for};

/// Number of sessions. Their memory far exceeds other variations.
const SESSIONS: usize = 4_000;

/// Lower bound of the memory of one session in bytes. Measured: some 3 KiB.
const SESSION_BYTES: u64 = 2 * 1024;

/// Raises the limit of open files: each session is a file of this process, too, and the default is
/// usually 1,024.
fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, limit).expect("as many open files as are allowed");
}

#[test]
fn memory_of_ended_sessions_is_returned_to_the_system() {
    raise_file_limit();
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

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": []}]}],
  "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]}]}"#;

/// Number of connections, and the bytes that each sends of a longer message.
const LARGE: usize = 20;
const LARGE_BYTES: usize = 8 * 1024 * 1024;

#[test]
fn memory_of_large_messages_is_returned_without_further_traffic() {
    for threads in ["1", "2"] {
        let node = NodeProcess::start_with(CLOVERLEAF, CONFIG, &["--threads", threads]);
        node.rawsocket(JSON).join();
        let before = resident_bytes(node.id());
        let mut message = vec![b' '; LARGE_BYTES];
        message[..4].copy_from_slice(&[0, 0xff, 0xff, 0xff]);
        let mut streams: Vec<ClientStream> = Vec::new();
        for _ in 0..LARGE {
            let mut peer = node.rawsocket(JSON);
            peer.stream.send(&message);
            streams.push(peer.stream);
        }
        let sent = (LARGE * LARGE_BYTES) as u64;
        wait_for("most of what was sent", || {
            (resident_bytes(node.id()).saturating_sub(before) > sent / 4 * 3).then_some(())
        });

        drop(streams);
        wait_for("nearly all of it back", || {
            (resident_bytes(node.id()).saturating_sub(before) < sent / 20).then_some(())
        });
    }
}

/// How often the threads of a process have gone to sleep.
fn sleeps(node: &NodeProcess) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", node.id())).expect("a process");
    let sleeps = tasks.filter_map(|task| {
        let status = fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    });
    sleeps.sum()
}

#[test]
fn idle_node_does_not_wake_up_after_returning_its_memory() {
    let node = NodeProcess::start_with(CLOVERLEAF, CONFIG, &["--threads", "2"]);
    drop(node.rawsocket(JSON));
    let mut last = sleeps(&node);
    wait_for("two seconds in which no thread wakes up", || {
        thread::sleep(Duration::from_secs(2));
        let before = std::mem::replace(&mut last, sleeps(&node));
        (last == before).then_some(())
    });
}
