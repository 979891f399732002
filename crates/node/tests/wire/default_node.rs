//! The node without a configuration: its listener, its services and its welcome page.

use crate::router::CLOVERLEAF;
use crate::support::{
    HttpResponse, NodeProcess, RawPeer as _, TempDirectory, WebSocketPeer, post_request, run,
};

/// Starts a default node at a free port.
fn start(args: &[&str]) -> NodeProcess {
    let start = ["start", "--logformat", "none", "--port", "0"];
    NodeProcess::launch(CLOVERLEAF, TempDirectory::new(), &[&start[..], args].concat()).ready()
}

#[test]
fn node_without_configuration_says_so_and_serves_websockets_calls_and_publications() {
    let mut node = start(&[]);
    node.wait_for_line(
        "default node: no configuration is given, no config.yaml or config.json here",
    );
    node.wait_for_line(r#"realm is open to every program on this machine realm="realm1""#);
    assert!(
        node.wait_for_line(r#"listening transport="web""#)
            .ends_with(r#"paths="/ /ws /call /publish""#)
    );
    let mut peer = node.websocket("wamp.2.json");
    peer.join();
    peer.obtain_id(r#"[64,1,{},"com.example.add"]"#);
    peer.obtain_id(r#"[32,2,{},"com.example.topic"]"#);
    let mut http = node.http();
    http.send(&post_request("/call", r#"{"procedure":"com.example.add","args":[2,3]}"#));
    assert_eq!(peer.receive(), "[68,1,1,{},[2,3]]");
    peer.send("[70,1,{},[5]]");
    assert_eq!(http.receive().text(), r#"{"args":[5]}"#);
    let answer = http.post("/publish", r#"{"topic":"com.example.topic","args":["all"]}"#);
    assert_eq!(answer.status, 200);
    assert!(peer.receive().ends_with(r#",{},["all"]]"#));
    for subprotocol in ["wamp.2.msgpack", "wamp.2.cbor", "wamp.2.ubjson"] {
        let _: WebSocketPeer = node.websocket(subprotocol);
    }
    drop(peer);
    assert_eq!(node.stop("INT"), Some(0), "{node:?}");
}

#[test]
fn startup_hints_name_the_listening_address() {
    for (listen, seen) in [
        (&[][..], "127.0.0.1"),
        (&["--listen", "127.0.0.2"], "127.0.0.2"),
        (&["--listen", "0.0.0.0"], "127.0.0.1"),
    ] {
        let node = start(listen);
        let [address] = node.addresses("web")[..] else { panic!("{node:?}") };
        let at = format!("http://{seen}:{}", address.port());
        node.wait_for_line(&format!("try: open {at}/ in a browser"));
        let line = node.wait_for_line("try: curl ");
        let body = r#"{"procedure":"wamp.session.count"}"#;
        let command = "try: curl -H 'content-type: application/json' -d";
        assert_eq!(line, format!("{command} '{body}' {at}/call"));
        // The bridge itself has two sessions.
        assert_eq!(node.http().post("/call", body).text(), r#"{"args":[2]}"#);
    }
}

#[test]
fn node_reachable_from_other_machines_says_so() {
    let node = start(&["--listen", "0.0.0.0"]);
    node.wait_for_line(r#"realm is open to the network realm="realm1" interface=0.0.0.0"#);
}

#[test]
fn options_of_the_default_node_are_refused_beside_a_configuration() {
    for (path, args) in [
        ("config.json", &["start"][..]),
        (".crossbar/config.json", &["start"]),
        ("node/config.json", &["start", "--cbdir", "node"]),
        ("node/other.json", &["start", "--config", "node/other.json"]),
    ] {
        for option in [["--port", "0"], ["--listen", "127.0.0.1"]] {
            let directory = TempDirectory::new();
            directory.write(path, r#"{"version": 2}"#);
            let outcome = run(CLOVERLEAF, &directory, &[args, &option[..]].concat());
            let [option, _] = option;
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            let expected = format!("{option} is for the node without configuration; ");
            assert!(outcome.stderr.starts_with(&expected), "{outcome:?}");
            let file = path.rsplit('/').next().expect("a name");
            assert!(outcome.stderr.contains(file), "{outcome:?}");
        }
    }
}

#[test]
fn invalid_listen_addresses_and_ports_are_refused() {
    for (args, text) in [
        (["--listen", "example.com"], "an IP address is expected"),
        (["--listen", "127.0.0.1:70000"], "an IP address is expected"),
        (["--port", "70000"], "70000 is not in 0..=65535"),
    ] {
        let outcome = run(CLOVERLEAF, &TempDirectory::new(), &[&["start"][..], &args].concat());
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(text), "{outcome:?}");
    }
    let both = ["start", "--listen", "127.0.0.1:9000", "--port", "9001"];
    let outcome = run(CLOVERLEAF, &TempDirectory::new(), &both);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("--listen names port 9000 and --port names 9001"));
}

#[test]
fn error_names_the_port_in_use() {
    let node = start(&[]);
    let [address] = node.addresses("web")[..] else { panic!("{node:?}") };
    let port = address.port().to_string();
    let outcome = run(CLOVERLEAF, &TempDirectory::new(), &["start", "--port", &port]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let text = format!("TCP address {address} is already in use");
    assert!(outcome.stderr.contains(&text), "{outcome:?}");
}

fn get(node: &NodeProcess, path: &str, host: &str) -> HttpResponse {
    node.http().request(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

#[test]
fn welcome_page_names_the_address_that_the_browser_used() {
    let node = start(&[]);
    for (host, shown) in [
        ("router.example:9000", "router.example:9000"),
        ("[::1]:8080", "[::1]:8080"),
        ("a\"><script>alert(1)</script>", "127.0.0.1:8080"),
    ] {
        let page = get(&node, "/", host);
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(policy.ends_with(&format!("connect-src 'self' ws://{shown} wss://{shown}")));
        let text = page.text();
        for line in [
            format!("http://{shown}/call"),
            format!("http://{shown}/publish"),
            format!("ws://{shown}/ws"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(!text.contains("alert(1)"), "{text}");
    }
}

#[test]
fn welcome_page_assets_are_served_and_other_paths_are_not_found() {
    let node = start(&[]);
    for (path, media_type) in [
        ("/welcome.js", "text/javascript; charset=utf-8"),
        ("/welcome.css", "text/css; charset=utf-8"),
    ] {
        let answer = get(&node, path, "localhost");
        let header = answer.header("content-type");
        assert_eq!((answer.status, header), (200, Some(media_type)), "{path}");
        assert!(get(&node, "/", "localhost").text().contains(path), "the page uses {path}");
    }
    for path in ["/index.html", "/favicon.ico", "/welcome.js/x", "/call.js", "//"] {
        assert_eq!(get(&node, path, "localhost").status, 404, "{path}");
    }
    let mut http = node.http();
    assert_eq!(http.post("/", "{}").status, 405);
    let without_host = node.http().request("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(without_host.status, 400);
}

#[test]
fn configured_node_has_no_welcome_page() {
    let config = r#"{"version": 2, "workers": [{"type": "router", "transports": [
        {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
         "paths": {"info": {"type": "json", "value": 1}}}]}]}"#;
    let node = NodeProcess::start(CLOVERLEAF, config);
    for path in ["/", "/welcome.js"] {
        assert_eq!(get(&node, path, "localhost").status, 404, "{path}");
    }
    assert_eq!(node.lines_with("try: open").len(), 0, "{node:?}");
}
