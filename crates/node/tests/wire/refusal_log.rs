//! Refusals that a client can cause without limit do not fill the log.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::router::{CLOVERLEAF, router};
use crate::support::{
    ClientStream, JSON, NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory, count_events,
    upgrade_request,
};

const REFUSED: u64 = 2_000;

#[test]
fn refused_handshakes_are_logged_in_few_lines_that_count_all_of_them() {
    let node = router();
    let begin = Instant::now();
    for _ in 0..REFUSED {
        let mut stream = node.unix();
        stream.send(b"GET / HTTP/1.1\r\n\r\n");
        stream.receive_to_end();
    }
    let lines = node.wait_for_events("connection refused", REFUSED);
    assert_eq!(count_events(&lines), REFUSED, "{lines:?}");
    assert!(
        lines[0]
            .contains("peer=a Unix socket transport=\"rawsocket\" reason=RawSocket handshake: ")
    );
    // At most two lines a second: one during the second and one at its end.
    let seconds = begin.elapsed().as_secs() as usize + 1;
    assert!(lines.len() <= 2 * seconds, "{} lines in {seconds} s", lines.len());
}

#[test]
fn refusals_are_logged_with_peer_transport_and_reason() {
    let node = router();
    let mut http = node.http();
    let headers = [("Sec-WebSocket-Protocol", "soap")];
    assert_eq!(http.request(&upgrade_request("/ws", &headers)).status, 400);
    node.wait_for_line(r#"transport="websocket" reason="Sec-WebSocket-Protocol must name one of "#);
    assert_eq!(node.http().post("/lp/open", r#"{"protocols":["soap"]}"#).status, 400);
    node.wait_for_line(r#"transport="longpoll" reason="'protocols' must name one of "#);
    let mut peer = RawSocketPeer::open(node.tcp(), JSON);
    assert!(peer.request(r#"[1,"nowhere",{"roles":{"caller":{}}}]"#).starts_with("[3,"));
    let refused = node.wait_for_line("session refused peer=127.0.0.1:");
    assert!(refused.contains(r#" transport="rawsocket" realm=nowhere reason="#), "{refused}");
    let mut peer = node.join();
    peer.send("[1]");
    peer.receive_octets();
    node.wait_for_line("protocol violation peer=a Unix socket transport=\"rawsocket\" session=");
}

/// The limit of open files of the process, and a larger number of connections.
const FILES: &str = "40";
const CONNECTIONS: usize = 60;

#[test]
fn file_descriptor_exhaustion_and_its_end_are_logged_once() {
    let directory = TempDirectory::new();
    directory.write("config.json", r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "roles": []}],
      "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]}]}"#);
    let script = format!(r#"ulimit -n {FILES} && exec "$0" "$@""#);
    let args = ["start", "--logformat", "none", "--config", "config.json"];
    let limited = ["-c", &script, CLOVERLEAF];
    let mut node = NodeProcess::launch("sh", directory, &[&limited[..], &args].concat()).ready();
    let connect = || UnixStream::connect(node.socket()).expect("room to wait");
    let connections: Vec<UnixStream> = (0..CONNECTIONS).map(|_| connect()).collect();
    let line = node.wait_for_line("accepting connections fails");
    assert!(line.contains("listener=\"./router.sock\"") && line.contains("os error 24"), "{line}");

    drop(connections);
    let line = node.wait_for_line("accepting connections works again");
    let failures = line.rsplit_once("failures=").and_then(|(_, number)| number.parse().ok());
    assert!(failures.is_some_and(|count: u64| count > 0), "{line}");
    assert_eq!(node.lines_with("accepting connections fails").len(), 1, "{node:?}");
    // The node accepts connections again.
    RawSocketPeer::open(ClientStream::unix(&node.socket()), JSON);
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
}
