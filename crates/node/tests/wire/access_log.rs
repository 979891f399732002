//! The access log: one line for each request, without secrets.

use crate::router::CLOVERLEAF;
use crate::support::{NodeProcess, RawPeer as _};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [{"uri": "*"}]}]}],
  "transports": [{"type": "web", "options": {"access_log": true},
    "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
    "paths": {
      "lp": {"type": "longpoll"},
      "call": {"type": "caller", "realm": "realm1", "role": "anonymous",
               "options": {"key": "bazapp", "secret": "foobar"}},
      "info": {"type": "json", "value": 1}}}]}]}"#;

#[test]
fn each_request_is_logged_in_one_line_with_its_status() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let mut http = node.http();
    assert_eq!(http.get("/info?a=1").status, 200);
    assert_eq!(http.get("/nothing").status, 404);
    node.wait_for_line(r#" request="GET /info?a=1" status=200"#);
    node.wait_for_line(r#" request="GET /nothing" status=404"#);
}

#[test]
fn signatures_and_other_credentials_are_not_logged() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let secret = "c2VjcmV0LXNpZ25hdHVyZQ==";
    let target = format!("/call?key=bazapp&seq=1&nonce=2&signature={secret}&ticket={secret}");
    let answer = node.http().post(&target, "{}");
    assert_eq!(answer.status, 400, "{answer}");
    node.wait_for_line(
        r#" request="POST /call?key=bazapp&seq=1&nonce=2&signature=***&ticket=***" status=400"#,
    );
    let target = format!("http://user:{secret}@localhost/info");
    node.http().request(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    node.wait_for_line(r#" request="GET /info" status=200"#);
    let secret = "c2VjcmV0LXNpZ25hdHVyZQ";
    node.http().get(&format!("/info?url=http%3A%2F%2Fh%2F%3Fsignature%3D{secret}&a=1"));
    node.wait_for_line(r#" request="GET /info?url=***&a=1" status=200"#);
    assert!(!node.log().contains(secret), "{node:?}");
}

#[test]
fn longpoll_session_ids_are_not_logged() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    node.wait_for_line(r#" request="POST /lp/open" status=200"#);
    node.wait_for_line(r#" request="POST /lp/***/send" status=204"#);
    let id = peer.path().rsplit('/').next().expect("an id").to_owned();
    assert!(id.len() > 16, "{id}");
    assert!(!node.log().contains(&id), "{node:?}");
}

#[test]
fn request_cannot_forge_a_log_line() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let mut http = node.http();
    http.send("GET /info\"%0a200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let _ = http.into_stream().receive_all(std::time::Duration::from_secs(30));
    assert_eq!(node.http().get(&format!("/{}", "x".repeat(4_000))).status, 404);
    let long = node.wait_for_line(r#" request="GET /xxx"#);
    assert!(long.ends_with(r#"x..." status=404"#) && long.len() < 1_300, "{long}");
    node.wait_for_line(r#" request="GET /info\"%0a200" status=404"#);
}
