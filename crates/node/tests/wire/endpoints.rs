//! Endpoints: addresses, ports, sockets and their owners, and addresses in use.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use crate::router::{CLOVERLEAF, router};
use crate::support::{
    CallPair, ClientStream, HttpClient, JSON, NodeProcess, ProgramOutput, RawPeer as _,
    RawSocketPeer, TempDirectory, WebSocketPeer, post_request, run,
};

/// A configuration with one RawSocket at this endpoint.
fn config(endpoint: &str) -> String {
    with_endpoints(&[endpoint])
}

/// A configuration with one RawSocket at each of these endpoints, each in a line of its own.
fn with_endpoints(endpoints: &[&str]) -> String {
    let rawsocket = |endpoint: &&str| format!(r#"{{"type": "rawsocket", "endpoint": {endpoint}}}"#);
    let transports: Vec<String> = endpoints.iter().map(rawsocket).collect();
    let transports = transports.join(",\n");
    format!(
        r#"{{"version": 2, "workers": [{{"type": "router",
            "realms": [{{"name": "realm1", "roles": [{{"name": "anonymous", "permissions": [
                {{"uri": "", "match": "prefix", "allow": {{"call": true, "register": true}}}}]}}]}}],
            "transports": [{transports}]}}]}}"#
    )
}

fn tcp(port: u16) -> String {
    config(&format!(r#"{{"type": "tcp", "interface": "127.0.0.1", "port": {port}}}"#))
}

fn unix(path: &str) -> String {
    config(&format!(r#"{{"type": "unix", "path": "{path}"}}"#))
}

/// The output of a node that fails to start.
fn refusal(config: &str) -> ProgramOutput {
    let directory = TempDirectory::new();
    directory.write("config.json", config);
    run(CLOVERLEAF, &directory, &["start", "--logformat", "none", "--config", "config.json"])
}

#[test]
fn second_node_on_an_endpoint_fails_without_affecting_the_first() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let address = node.addresses("rawsocket")[0];
    let socket = node.socket();
    for (config, endpoint) in [
        (tcp(address.port()), format!("TCP address {address}")),
        (unix(&socket.display().to_string()), format!("Unix socket {}", socket.display())),
    ] {
        let ProgramOutput { code, stderr, .. } = refusal(&config);
        let message = stderr.lines().last().unwrap_or_default();
        let expected = format!(
            "{endpoint} is already in use: is another node running there? Stop it, or choose \
             another endpoint in the configuration"
        );
        assert!(message.starts_with(&expected), "{stderr}");
        assert_eq!(code, Some(1));
        bystanders.call();
    }
    assert!(socket.exists());
    CallPair::connect_with(&node, "com.example.another").call();
}

#[test]
fn stale_socket_file_is_replaced() {
    let mut node = NodeProcess::start(CLOVERLEAF, &unix("router.sock"));
    node.signal("KILL");
    assert_eq!(node.exit_code(), None);
    assert!(node.socket().exists(), "SIGKILL leaves the file");
    let mut node = NodeProcess::start_in(CLOVERLEAF, node.into_directory(), &unix("router.sock"));
    node.unix();
    assert_eq!(node.stop("TERM"), Some(0));
    assert!(!node.socket().exists());
}

#[test]
fn file_that_is_no_socket_is_left_unchanged() {
    let directory = TempDirectory::new();
    let file = directory.write("router.sock", "text of another program");
    directory.write("config.json", &unix("router.sock"));
    let args = ["start", "--logformat", "none", "--config", "config.json"];
    let ProgramOutput { code, stderr, .. } = run(CLOVERLEAF, &directory, &args);
    assert_eq!(code, Some(1), "{stderr}");
    let expected = "endpoint.path: there is a file of this name that is no socket\n";
    assert!(stderr.ends_with(expected), "{stderr}");
    assert_eq!(std::fs::read_to_string(file).ok().as_deref(), Some("text of another program"));
}

#[test]
fn impossible_unix_endpoint_is_a_fault() {
    for (config, message) in [
        (unix("nowhere/router.sock"), "endpoint.path: there is no directory './nowhere'"),
        (unix(&"x".repeat(200)), "endpoint.path: the path of a Unix socket has at most 107 bytes"),
        (unix(r"a\u0000b"), "endpoint.path: the path of a Unix socket has at most 107 bytes, none"),
    ] {
        let ProgramOutput { code, stderr, .. } = refusal(&config);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
}

#[test]
fn interface_without_an_address_of_this_machine_is_a_fault_with_its_place() {
    let endpoint = |name: &str| format!(r#"{{"type": "tcp", "interface": "{name}", "port": 0}}"#);
    let advice = "Name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all\n";
    for (name, message) in [
        ("192.0.2.1", "listening on TCP address 192.0.2.1:0 failed: "),
        ("nowhere.invalid", "looking up the interface 'nowhere.invalid': "),
    ] {
        let ProgramOutput { code, stderr, .. } = refusal(&config(&endpoint(name)));
        assert_eq!(code, Some(1), "{stderr}");
        let position = "config.json:4:91: workers[0].transports[0].endpoint.interface: ";
        assert!(stderr.contains(&format!("{position}{message}")), "{stderr}");
        assert!(stderr.ends_with(advice), "{stderr}");
    }
    let directory = TempDirectory::new();
    let args = ["start", "--logformat", "none", "--listen", "192.0.2.1", "--port", "0"];
    let ProgramOutput { code, stderr, .. } = run(CLOVERLEAF, &directory, &args);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("\n--listen: listening on TCP") && stderr.ends_with(advice),
        "{stderr}"
    );
}

#[test]
fn port_range_and_port_0_avoid_the_ports_of_other_endpoints() {
    // No other test uses this address.
    let free = TcpListener::bind("127.0.0.77:0").and_then(|listener| listener.local_addr());
    let port = free.expect("a port").port().min(u16::MAX - 9);
    let endpoint =
        |ports: &str| format!(r#"{{"type": "tcp", "interface": "127.0.0.77", {ports}}}"#);
    let range = endpoint(&format!(r#""portrange": [{port}, {}]"#, port + 9));
    let [any, one] = [0, port].map(|port| endpoint(&format!(r#""port": {port}"#)));
    let mut node = NodeProcess::start(CLOVERLEAF, &with_endpoints(&[&any, &range, &one]));
    let ports: Vec<u16> = node.addresses("rawsocket").iter().map(|at| at.port()).collect();
    let [any, of_range, fixed] = ports[..] else { panic!("{ports:?}") };
    assert_eq!(fixed, port);
    assert!((port + 1..=port + 9).contains(&of_range) && any != fixed, "{ports:?}");
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
}

#[test]
fn two_spellings_of_a_socket_or_store_path_are_one_file() {
    let directory = TempDirectory::new();
    std::fs::create_dir(directory.path().join("z")).expect("a directory");
    std::os::unix::fs::symlink("z", directory.path().join("link")).expect("a link");
    let faults = |config: &str| {
        directory.write("config.json", config);
        run(CLOVERLEAF, &directory, &["check"]).stderr
    };
    let socket = |path: &str| format!(r#"{{"type": "unix", "path": "{path}"}}"#);
    for path in ["z/../z/./r.sock", "link/r.sock", "link/../z/r.sock"] {
        let message = faults(&with_endpoints(&[&socket("z/r.sock"), &socket(path)]));
        let expected = "transports[1].endpoint: the transport in line 4 already listens here\n";
        assert!(message.ends_with(expected), "{path}: {message}");
    }
    assert_eq!(faults(&with_endpoints(&[&socket("r.sock"), &socket("link/r.sock")])), "");

    let stores = |one: &str, other: &str| {
        let realm = |number: u8, path: &str| {
            format!(r#"{{"name": "realm{number}", "store": {{"type": "redb", "path": "{path}"}}}}"#)
        };
        let realms = [realm(1, one), realm(2, other)].join(",\n");
        let router = format!(r#"{{"type": "router", "realms": [{realms}]}}"#);
        faults(&format!(r#"{{"version": 2, "workers": [{router}]}}"#))
    };
    std::fs::write(directory.path().join("z/there.redb"), "").expect("a file");
    std::os::unix::fs::symlink("there.redb", directory.path().join("z/other.redb"))
        .expect("a link");
    for (one, other) in [
        ("z/new.redb", "link/new.redb"),
        ("z/there.redb", "z/other.redb"),
        ("new/deep.redb", "./new/../new/deep.redb"),
        ("z", "link/events.redb"),
    ] {
        let message = stores(one, other);
        let expected =
            "the store in line 1 has this file already; expected a file for each realm\n";
        assert!(message.ends_with(expected), "{one} {other}: {message}");
    }
    assert_eq!(stores("z/a.redb", "z/b.redb"), "");
}

#[test]
fn store_path_that_cannot_be_a_file_name_is_a_fault() {
    for path in [r"a\u0000b.redb".to_owned(), "x".repeat(300)] {
        let store = format!(r#""name": "realm1", "store": {{"type": "redb", "path": "{path}"}}, "#);
        let ProgramOutput { code, stderr, .. } =
            refusal(&tcp(0).replace(r#""name": "realm1", "#, &store));
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("realms[0].store.path: the event store "), "{stderr}");
    }
}

#[test]
fn socket_file_has_the_mode_and_owner_of_the_endpoint() {
    let process = std::fs::metadata("/proc/self").expect("this process");
    let directory = TempDirectory::new();
    let scratch = directory.write("scratch", "");
    // The test changes the owner where the process is allowed to.
    let (user, group) = match chown(scratch, Some(1), Some(2)) {
        Ok(()) => (1, 2),
        Err(_) => (process.uid(), process.gid()),
    };
    let endpoint = format!(
        r#"{{"type": "unix", "path": "router.sock", "mode": "0600", "owner": "{user}:{group}"}}"#
    );
    let node = NodeProcess::start(CLOVERLEAF, &config(&endpoint));
    let file = std::fs::metadata(node.socket()).expect("a file");
    assert_eq!((file.mode() & 0o7777, file.uid(), file.gid()), (0o600, user, group));
    node.unix();
}

#[test]
fn unknown_owner_of_a_socket_is_a_fault() {
    for (owner, message) in [
        ("nobody.at.all", "this system has no user 'nobody.at.all'"),
        // Not user numbers: the last one means "no user" to the operating system.
        ("+1", "this system has no user '+1'"),
        ("4294967295", "this system has no user '4294967295'"),
        (":none.of.them", "this system has no group 'none.of.them'"),
    ] {
        let endpoint = format!(r#"{{"type": "unix", "path": "router.sock", "owner": "{owner}"}}"#);
        let ProgramOutput { code, stderr, .. } = refusal(&config(&endpoint));
        assert_eq!(code, Some(1), "{stderr}");
        let expected = format!("endpoint.owner: {message}\n");
        assert!(stderr.ends_with(&expected), "{stderr}");
    }
}

#[test]
fn abstract_unix_socket_is_served_without_a_file() {
    let name = format!("@cloverleaf-wire-{}", std::process::id());
    let mut node = NodeProcess::start(CLOVERLEAF, &unix(&name));
    let mut peer = RawSocketPeer::open(ClientStream::unix(Path::new(&name)), JSON);
    peer.join();
    peer.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
    assert!(!node.socket().with_file_name(&name).exists());
    assert_eq!(node.stop("TERM"), Some(0));
}

#[test]
fn client_behind_a_proxy_is_known_by_its_own_address() {
    let endpoint =
        r#"{"type": "tcp", "interface": "127.0.0.1", "port": 0, "proxy_protocol": true}"#;
    let node = NodeProcess::start(CLOVERLEAF, &config(endpoint));
    let proxied = |client: &str| {
        let mut stream = node.tcp();
        stream.send(format!("PROXY TCP4 {client} 192.0.2.1 4711 8080\r\n").as_bytes());
        let mut peer = RawSocketPeer::open(stream, JSON);
        let session = peer.join();
        peer.request(&format!(r#"[48,1,{{}},"wamp.session.get",[{session}]]"#))
    };
    assert!(proxied("203.0.113.7").contains(r#""peer":"tcp4:203.0.113.7:4711""#));
    // A client without a PROXY header is refused, since it did not come through the proxy.
    let mut direct = node.tcp();
    direct.send(&[0x7f, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    direct.receive_end();
    assert!(proxied("203.0.113.8").contains(r#""peer":"tcp4:203.0.113.8:4711""#));
}

#[test]
fn stream_testee_echoes_what_it_receives() {
    let mut node = NodeProcess::start(
        CLOVERLEAF,
        r#"{"version": 2, "workers": [{"type": "router", "realms": [{"name": "realm1"}],
          "transports": [{"type": "stream.testee",
            "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}}]}]}"#,
    );
    let mut stream = ClientStream::tcp(node.addresses("stream.testee")[0]);
    for octets in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x7f, 0xf1, 0, 0], &[0xa5; 300_000]] {
        stream.send(octets);
        assert_eq!(stream.receive(octets.len()), octets);
    }
    // An open echo connection does not delay the shutdown.
    let mut other = ClientStream::tcp(node.addresses("stream.testee")[0]);
    stream.shutdown_write();
    stream.receive_end();
    assert_eq!(node.stop("TERM"), Some(0));
    other.receive_end();
}

#[test]
fn first_free_port_of_a_range_is_used() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let first = taken.local_addr().expect("an address").port();
    // Other tests use ports, too, but never so many in a row.
    let last = first.saturating_add(20);
    let range = |last: u16| {
        let ports = format!(r#""portrange": [{first}, {last}]"#);
        config(&format!(r#"{{"type": "tcp", "interface": "127.0.0.1", {ports}}}"#))
    };
    let nodes = [(); 2].map(|()| NodeProcess::start(CLOVERLEAF, &range(last)));
    let ports = nodes.each_ref().map(|node| node.addresses("rawsocket")[0].port());
    assert!(ports.iter().all(|port| (first + 1..=last).contains(port)), "{first}: {ports:?}");
    assert_ne!(ports[0], ports[1]);
    for node in &nodes {
        RawSocketPeer::open(node.tcp(), JSON).join();
    }
    let ProgramOutput { code, stderr, .. } = refusal(&range(first));
    assert_eq!(code, Some(1), "{stderr}");
    let message = format!("TCP address 127.0.0.1:{first} is already in use");
    assert!(stderr.contains(&message), "{stderr}");
}

#[test]
fn ipv6_endpoint_accepts_ipv4_unless_it_names_an_address() {
    if TcpListener::bind(("::1", 0)).is_err() {
        eprintln!("\n*** SKIPPED: this system has no IPv6 ***\n");
        return;
    }
    let node =
        NodeProcess::start(CLOVERLEAF, &config(r#"{"type": "tcp", "version": 6, "port": 0}"#));
    let port = node.addresses("rawsocket")[0].port();
    for (host, written) in [("[::1]", "tcp6:::1"), ("127.0.0.1", "tcp4:127.0.0.1")] {
        let address = format!("{host}:{port}").parse().expect("an address");
        let mut peer = RawSocketPeer::open(ClientStream::tcp(address), JSON);
        let session = peer.join();
        let details = peer.request(&format!(r#"[48,1,{{}},"wamp.session.get",[{session}]]"#));
        assert!(details.contains(&format!(r#""peer":"{written}:"#)), "{details}");
    }
    let endpoint = r#"{"type": "tcp", "version": 6, "interface": "::1", "port": 0}"#;
    let node = NodeProcess::start(CLOVERLEAF, &config(endpoint));
    let address = node.addresses("rawsocket")[0];
    assert_eq!(address.ip().to_string(), "::1");
    RawSocketPeer::open(ClientStream::tcp(address), JSON).join();
}

#[test]
fn unix_socket_serves_http_and_websockets() {
    let node = NodeProcess::start(
        CLOVERLEAF,
        r#"{"version": 2, "workers": [{"type": "router",
          "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
            {"uri": "*", "allow": {"call": true, "register": true}}]}]}],
          "transports": [{"type": "web", "endpoint": {"type": "unix", "path": "router.sock"},
            "paths": {"ws": {"type": "websocket"},
                      "call": {"type": "caller", "realm": "realm1", "role": "anonymous"}}}]}]}"#,
    );
    let mut callee = WebSocketPeer::open(node.unix(), "/ws", "wamp.2.json");
    callee.join();
    callee.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
    let mut http = HttpClient::over(node.unix());
    http.send(&post_request("/call", r#"{"procedure":"com.example.echo","args":[1]}"#));
    assert_eq!(callee.receive(), "[68,1,1,{},[1]]");
    callee.send("[70,1,{},[2]]");
    assert_eq!(http.receive().text(), r#"{"args":[2]}"#);
}
