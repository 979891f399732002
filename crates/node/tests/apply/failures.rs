//! A step that fails leaves the node as it was.

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use cloverleaf_node::ApplyError;
use serde_json::{Value, json};

use crate::clients::{Http, Load};
use crate::components::{component, components, greeting};
use crate::fixture::{
    TestNode, any_port, caller, page, rawsocket, realm, role, session_count, wait_for_sessions, web,
};

/// The parts of a configuration that a case changes.
#[derive(Debug, Clone)]
struct Parts {
    realms: Vec<Value>,
    transports: Vec<Value>,
    components: Vec<Value>,
}

/// A realm with its events in this file.
pub(crate) fn stored(name: &str, file: &str) -> Value {
    let mut realm = realm(name);
    realm["store"] = json!({"type": "redb", "path": file,
        "event-history": [{"uri": "com.log", "limit": 10}]});
    realm
}

/// The text of a log.
#[derive(Debug, Clone, Default)]
struct RecordedLog(Arc<Mutex<Vec<u8>>>);

impl RecordedLog {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for RecordedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that a plan can change, beside what the case breaks.
fn changed(before: &Parts) -> Parts {
    let mut parts = before.clone();
    parts.realms[0]["roles"] = json!([role("anonymous", &["com.new"]), role("new", &["*"])]);
    parts.realms[1]["options"]["call_timeout"] = json!(1000);
    parts.realms.push(realm("realm3"));
    parts.transports[0]["endpoint"]["backlog"] = json!(7);
    parts.transports[1]["paths"] = json!({"call": {"type": "caller", "realm": "realm1",
        "role": "new"}, "page": page("new")});
    parts.transports.push(rawsocket(any_port(9)));
    parts.components[0]["extra"] = json!("new");
    parts
}

#[tokio::test]
async fn failing_step_leaves_everything_as_it_was() {
    let port = {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap().port()
    };
    let before = Parts {
        realms: vec![realm("realm1"), realm("realm2")],
        transports: vec![
            rawsocket(json!({"type": "tcp", "interface": "127.0.0.1", "port": port})),
            web(any_port(2), json!({"call": caller("realm1"), "page": page("old")})),
            rawsocket(any_port(3)),
        ],
        components: vec![component("one", "greeter", "old")],
    };
    let mut node = TestNode::start_with(&[], components(), &[], &[]).await;
    node.directory.write("plain", "a file in the place of a directory");
    let Parts { realms, transports, components } = &before;
    node.apply_with(realms, transports, components).await.unwrap();
    let mut load = Load::start(&node).await;
    load.call_over_http(node.address(1)).await;
    let session = load.session().clone();
    let other = crate::fixture::join(node.client(0), "realm2").await;
    let mut http = Http::connect(node.address(1)).await;
    assert_eq!(http.get("/page").await, (200, r#""old""#.to_owned()));
    let (addresses, connections) = (node.node.addresses(), node.connections());
    let sessions = session_count(&session).await;

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.port())).unwrap();
    let mut in_use = changed(&before);
    in_use
        .transports
        .push(rawsocket(json!({"type": "tcp", "interface": "127.0.0.1", "port": taken.1})));
    // The first listener moves to a port in use, while its own one is given up.
    let mut not_of_this_machine = changed(&before);
    not_of_this_machine.transports[0]["endpoint"] =
        json!({"type": "tcp", "interface": "192.0.2.1", "port": port});
    let mut unknown_class = changed(&before);
    unknown_class.components.push(component("two", "unknown", ""));
    let mut fails_to_start = changed(&before);
    fails_to_start.components.push(component("two", "failing", ""));
    let mut store = changed(&before);
    store.realms.push(stored("realm4", "plain/events"));
    let cases = [
        ("port in use", in_use, "is another node running there?"),
        ("address of another machine", not_of_this_machine, "Name an address of this machine"),
        ("unknown class", unknown_class, "no component of class 'unknown'"),
        ("component that fails", fails_to_start, "component failing failed to start: no luck"),
        ("store that can't be opened", store, "plain"),
    ];
    for (name, Parts { realms, transports, components }, expected) in cases {
        let failed = node.apply_with(&realms, &transports, &components).await;
        let error = failed.expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");

        load.go_on().await;
        assert_eq!(node.node.addresses(), addresses, "{name}");
        assert_eq!(http.get("/page").await, (200, r#""old""#.to_owned()), "{name}");
        assert_eq!(greeting(&session).await, "old", "{name}");
        assert_eq!(other.closed(), None, "{name}");
        assert!(node.client(0).realm("realm3").connect().await.is_err(), "{name}");
        // The sockets are those of before, and take connections.
        for place in [0, 2] {
            node.join(place).await.leave().unwrap();
        }
        wait_for_sessions(&session, sessions).await;
        node.wait_for_connections(connections).await;
    }
    // After all of them the change without a fault can be applied, new roles included.
    drop(taken);
    let Parts { realms, transports, components } = changed(&before);
    drop(load);
    node.apply_with(&realms, &transports, &components).await.unwrap();
    assert_eq!(http.get("/page").await, (200, r#""new""#.to_owned()));
}

#[tokio::test]
async fn listener_that_two_others_wait_for_is_bound_again_once() {
    let log = RecordedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _recording = tracing::subscriber::set_default(subscriber);
    let port = {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap().port()
    };
    let at =
        |interface: &str| rawsocket(json!({"type": "tcp", "interface": interface, "port": port}));
    let mut node = TestNode::start(&[realm("realm1")], &[at("127.0.0.1")]).await;
    // The second address is not one of this machine.
    let failed = node.apply(&[realm("realm1")], &[at("127.0.0.2"), at("192.0.2.1")]).await;
    assert!(matches!(failed, Err(ApplyError::Interface { .. })), "{failed:?}");
    node.join(0).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn file_of_an_event_store_is_free_again_after_a_failure() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&[realm("realm1")], &transports).await;
    let realms = [realm("realm1"), stored("realm2", "events")];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let in_use = rawsocket(json!({"type": "tcp", "interface": "127.0.0.1", "port": port}));
    for _ in 0..3 {
        let failed = node.apply(&realms, &[transports[0].clone(), in_use.clone()]).await;
        assert!(matches!(failed, Err(ApplyError::InUse { .. })), "{failed:?}");
    }
    node.apply(&realms, &transports).await.unwrap();
    crate::fixture::join(node.client(0), "realm2").await;
    // It is free after the realm has gone, too.
    for _ in 0..3 {
        node.apply(&[realm("realm1")], &transports).await.unwrap();
        node.apply(&realms, &transports).await.unwrap();
    }
}

#[tokio::test]
async fn realm_with_an_open_event_store_changes_its_roles_only() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&[stored("realm1", "events")], &transports).await;
    let session = node.join(0).await;
    let mut changed = stored("realm1", "events");
    changed["options"]["call_timeout"] = json!(1000);
    let failed = node.apply(&[changed], &transports).await;
    assert!(matches!(failed, Err(ApplyError::StoreIsOpen { .. })), "{failed:?}");
    let mut roles = stored("realm1", "events");
    roles["roles"] = json!([role("anonymous", &["wamp.session.count"])]);
    node.apply(&[roles], &transports).await.unwrap();
    assert_eq!(session_count(&session).await, 1);
    let refused = session.call("com.add").await.expect_err("not allowed any more");
    assert_eq!(refused.uri(), Some("wamp.error.not_authorized"));
}
