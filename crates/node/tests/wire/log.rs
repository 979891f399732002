//! A log that is not read or cannot be written affects nothing but itself.

use std::fs::File;
use std::io::{BufRead as _, BufReader, pipe};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use crate::router::CLOVERLEAF;
use crate::support::{JSON, NodeProcess, RawPeer as _, TIMEOUT, TempDirectory, wait_for};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "options": {"compatibility": "wamp"},
    "roles": [{"name": "anonymous", "permissions": [
      {"uri": "", "match": "prefix", "allow": {"call": true, "register": true}}]}]}],
  "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]}]}"#;

/// Number of joins whose log lines exceed both a pipe and the queue of the logger. Each line has a
/// long agent name.
const JOINS: u64 = 4_000;

const ARGS: [&str; 7] =
    ["start", "--loglevel", "debug", "--logformat", "none", "--config", "config.json"];

/// Starts a node that logs to `log` at level debug, and waits until it accepts connections.
fn node(log: impl Into<Stdio>) -> NodeProcess {
    let directory = TempDirectory::new();
    directory.write("config.json", CONFIG);
    serving(NodeProcess::launch_logging_to(log, CLOVERLEAF, directory, &ARGS))
}

fn serving(node: NodeProcess) -> NodeProcess {
    wait_for("the socket of the node", || UnixStream::connect(node.socket()).ok());
    node
}

/// Joins and leaves `count` times over one connection, with a long agent name.
fn join_and_leave(node: &NodeProcess, count: u64) {
    // Each of these characters takes six bytes in the log.
    let agent = r"\u0085".repeat(200);
    let hello = format!(r#"[1,"realm1",{{"agent":"{agent}","roles":{{"caller":{{}}}}}}]"#);
    let mut peer = node.rawsocket(JSON);
    let mut left = count;
    while left > 0 {
        // Batches take fewer turns on a busy machine.
        let batch = left.min(50);
        for _ in 0..batch {
            peer.send(&hello);
            peer.send(r#"[6,{},"wamp.close.normal"]"#);
        }
        for _ in 0..batch {
            assert!(peer.receive().starts_with("[2,"));
            assert_eq!(peer.receive(), r#"[6,{},"wamp.close.goodbye_and_out"]"#);
        }
        left -= batch;
    }
}

/// Asserts that the node routes a call between two sessions.
fn assert_routes(node: &NodeProcess) {
    let (mut callee, mut caller) = (node.rawsocket(JSON), node.rawsocket(JSON));
    callee.join();
    caller.join();
    callee.obtain_id(r#"[64,1,{},"com.example.add"]"#);
    caller.send(r#"[48,1,{},"com.example.add"]"#);
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    callee.send("[70,1,{},[5]]");
    assert_eq!(caller.receive(), "[50,1,{},[5]]");
}

/// The sum of the numbers of lost lines in a log.
fn lost(log: &str) -> u64 {
    let number = |line: &str| line.strip_prefix("log lines lost lost=")?.parse::<u64>().ok();
    log.lines().filter_map(number).sum()
}

#[test]
fn unwritable_log_does_not_affect_the_node() {
    let (reader, closed) = pipe().expect("a pipe");
    drop(reader);
    let full = File::options().write(true).open("/dev/full").expect("a device");
    for log in [Stdio::from(closed), full.into()] {
        let mut node = node(log);
        join_and_leave(&node, 10);
        assert_routes(&node);
        assert_eq!(node.stop("TERM"), Some(0));
    }
}

#[test]
fn unread_log_does_not_affect_the_node_and_reports_lost_lines_later() {
    let (reader, writer) = pipe().expect("a pipe");
    let mut node = node(writer);
    join_and_leave(&node, JOINS);
    assert_routes(&node);

    let (sender, caught_up) = channel();
    let reading = thread::spawn(move || {
        let mut log = String::new();
        for line in BufReader::new(reader).lines() {
            let line = line.expect("a log");
            if line.starts_with("log lines lost") {
                let _ = sender.send(());
            }
            log.extend([&line, "\n"]);
        }
        log
    });
    // Before that, the pipe may have no room for the last lines.
    caught_up.recv_timeout(TIMEOUT).expect("the lost lines are counted");
    assert_eq!(node.stop("TERM"), Some(0));
    let log = reading.join().expect("a log");
    let joins = log.lines().filter(|line| line.starts_with("session joined")).count() as u64;
    let lost = lost(&log);
    assert!(lost > 0 && joins < JOINS, "{joins} joins and {lost} lost lines");
    // Some lost lines are about ended connections instead of joins.
    let total = joins + lost;
    assert!((JOINS..JOINS + 20).contains(&total), "{joins} joins and {lost} lost lines");
    assert!(log.ends_with("shut down\n"));
}

#[test]
fn unread_log_does_not_delay_shutdown() {
    let (_reader, writer) = pipe().expect("a pipe");
    let mut node = node(writer);
    join_and_leave(&node, 100);
    assert_routes(&node);
    assert_eq!(node.stop("TERM"), Some(0));
}

#[test]
fn log_at_the_file_size_limit_reports_lost_lines_when_there_is_room_again() {
    let directory = TempDirectory::new();
    directory.write("config.json", CONFIG);
    // The shell counts in blocks of 512 or 1,024 octets.
    let limited = ["-c", r#"ulimit -f 16 && exec "$0" "$@""#, CLOVERLEAF];
    let mut node = serving(NodeProcess::launch("sh", directory, &[&limited[..], &ARGS].concat()));
    join_and_leave(&node, 100);
    assert_routes(&node);
    let path = node.directory().path().join("node.log");
    wait_for("a log that is full", || {
        let length = path.metadata().expect("a log").len();
        [16 * 512, 16 * 1024].contains(&length).then_some(())
    });

    File::options().write(true).open(path).and_then(|log| log.set_len(0)).expect("the log");
    join_and_leave(&node, 1);
    node.wait_for_line("session joined");
    let log = node.log();
    // First comes the end of the line that was written in part.
    assert!(log.starts_with("\nlog lines lost lost=") && lost(&log) > 0, "{log}");
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
}

#[test]
fn fatal_error_message_does_not_block() {
    let (_reader, mut writer) = pipe().expect("a pipe");
    fill(&mut writer);
    let directory = TempDirectory::new();
    let args = ["start", "--config", "missing.json"];
    let mut node = NodeProcess::launch_logging_to(writer, CLOVERLEAF, directory, &args);
    assert_eq!(node.exit_code(), Some(1));
}

/// Writes to a pipe until it is full.
fn fill(writer: &mut std::io::PipeWriter) {
    use rustix::fs::OFlags;
    use std::io::Write as _;
    let flags = rustix::fs::fcntl_getfl(&*writer).expect("flags");
    rustix::fs::fcntl_setfl(&*writer, flags | OFlags::NONBLOCK).expect("flags");
    while writer.write(&[b'x'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&*writer, flags).expect("flags");
}
