//! Signals to a node. `shutdown.rs` tests the graceful shutdown.

use crate::router::{call_in_flight, router};
use crate::support::{NodeProcess, RawPeer as _, TestTransport};

fn has_socket_files(node: &NodeProcess) -> bool {
    ["router.sock", "small.sock"].iter().any(|name| node.directory().path().join(name).exists())
}

#[test]
fn signals_without_effect_are_logged() {
    let mut node = router();
    let mut peer = node.join();
    for (signal, line) in [
        ("HUP", r#"reloading the configuration is not supported yet signal="SIGHUP""#),
        ("USR1", r#"signal ignored signal="SIGUSR1""#),
        ("USR2", r#"signal ignored signal="SIGUSR2""#),
    ] {
        node.signal(signal);
        node.wait_for_line(line);
    }
    assert!(peer.request(r#"[48,1,{},"com.example.nobody"]"#).starts_with("[8,48,1,"));
    drop(peer);
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
}

#[test]
fn sigquit_ends_the_node_at_once_and_removes_its_socket_files() {
    let mut node = router();
    let (mut callee, mut caller) = call_in_flight(&node, node.unix());
    let mut peers =
        [TestTransport::Tcp, TestTransport::Unix].map(|transport| transport.join(&node));
    assert!(has_socket_files(&node));
    assert_eq!(node.stop("QUIT"), Some(128 + 3), "{node:?}");
    assert!(!has_socket_files(&node));
    node.wait_for_line(r#"ended at once signal="SIGQUIT""#);
    assert!(node.lines_with("given up unfinished").is_empty(), "{node:?}");
    callee.receive_end();
    caller.receive_end();
    peers.iter_mut().for_each(|peer| peer.receive_end());
}

#[test]
fn second_signal_during_graceful_shutdown_ends_the_node_at_once() {
    for (first, second, code) in [("TERM", "INT", 130), ("INT", "TERM", 143), ("TERM", "QUIT", 131)]
    {
        let mut node = router();
        let _in_flight = call_in_flight(&node, node.unix());
        node.signal(first);
        node.wait_for_line("shutting down");
        assert_eq!(node.stop(second), Some(code), "{node:?}");
        assert!(node.lines_with("given up unfinished").is_empty(), "{node:?}");
        assert!(!has_socket_files(&node));
    }
}
