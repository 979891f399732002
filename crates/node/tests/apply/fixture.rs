//! A node in this process, and its settings.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use cloverleaf_client::Session;
use cloverleaf_client::net::Client;
use cloverleaf_node::config::{self, FileFormat, ProcessEnvironment, Settings};
use cloverleaf_node::{ApplyError, Components, Node, NodeOptions, Tuning};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::temp_directory::TempDirectory;

/// Deadline of every wait.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// A running node with its directory.
#[derive(Debug)]
pub(crate) struct TestNode {
    pub(crate) node: Node,
    pub(crate) directory: TempDirectory,
}

/// The options of the command line that tests give.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    tuning: Tuning,
}

/// The settings of a node in `directory` with these realms and transports.
pub(crate) fn settings_in(directory: &Path, realms: &[Value], transports: &[Value]) -> Settings {
    settings_with(directory, realms, transports, &[])
}

/// The same with components of the router.
pub(crate) fn settings_with(
    directory: &Path,
    realms: &[Value],
    transports: &[Value],
    components: &[Value],
) -> Settings {
    let config = json!({"version": 2, "workers": [{
        "type": "router", "realms": realms, "transports": transports, "components": components,
    }]});
    parse(&config.to_string(), FileFormat::Json, directory)
}

/// Reads a configuration.
pub(crate) fn parse(text: &str, format: FileFormat, directory: &Path) -> Settings {
    match config::parse(text, format, "config", directory, &ProcessEnvironment) {
        Ok(loaded) => loaded.settings,
        Err(faults) => panic!("{faults}\n{text}"),
    }
}

/// A role with all rights for these patterns, which may end with `*`.
pub(crate) fn role(name: &str, patterns: &[&str]) -> Value {
    let permissions = patterns.iter().map(|uri| {
        json!({"uri": uri, "allow":
            {"call": true, "register": true, "publish": true, "subscribe": true}})
    });
    json!({"name": name, "permissions": permissions.collect::<Vec<_>>()})
}

/// A realm whose role `anonymous` may do everything.
pub(crate) fn realm(name: &str) -> Value {
    realm_with(name, json!({}), &[role("anonymous", &["*"])])
}

/// A realm with options and roles.
pub(crate) fn realm_with(name: &str, options: Value, roles: &[Value]) -> Value {
    let mut realm = json!({"name": name, "options": {"compatibility": "wamp"}, "roles": roles});
    let Value::Object(options) = options else { panic!("options are an object") };
    for (key, value) in options {
        realm["options"][key] = value;
    }
    realm
}

/// An endpoint at any port of an address of the loopback interface, which names the listener.
pub(crate) fn any_port(number: u8) -> Value {
    json!({"type": "tcp", "interface": format!("127.0.0.{number}"), "port": 0})
}

/// A RawSocket transport.
pub(crate) fn rawsocket(endpoint: Value) -> Value {
    let mut transport = json!({"type": "rawsocket"});
    transport["endpoint"] = endpoint;
    transport
}

/// A web transport with these paths.
pub(crate) fn web(endpoint: Value, paths: Value) -> Value {
    let mut transport = json!({"type": "web"});
    transport["endpoint"] = endpoint;
    transport["paths"] = paths;
    transport
}

/// A caller of a realm at a path.
pub(crate) fn caller(realm: &str) -> Value {
    json!({"type": "caller", "realm": realm, "role": "anonymous"})
}

/// A JSON value at a path.
pub(crate) fn page(value: &str) -> Value {
    json!({"type": "json", "value": value})
}

impl TestNode {
    /// A node that has applied these settings.
    pub(crate) async fn start(realms: &[Value], transports: &[Value]) -> Self {
        Self::start_with(&[], Components::new(), realms, transports).await
    }

    /// A node with options of the command line and components.
    pub(crate) async fn start_with(
        arguments: &[&str],
        components: Components,
        realms: &[Value],
        transports: &[Value],
    ) -> Self {
        let Arguments { tuning } = Arguments::parse_from([&["test"], arguments].concat());
        let options = NodeOptions { components, launch: None, tuning };
        let node = Node::new(options).expect("a node");
        let mut node = Self { node, directory: TempDirectory::new() };
        node.apply(realms, transports).await.expect("valid settings");
        node
    }

    /// Plans these settings and applies the plan.
    pub(crate) async fn apply(
        &mut self,
        realms: &[Value],
        transports: &[Value],
    ) -> Result<(), ApplyError> {
        self.apply_settings(settings_in(self.directory.path(), realms, transports)).await
    }

    /// Plans settings with components and applies the plan.
    pub(crate) async fn apply_with(
        &mut self,
        realms: &[Value],
        transports: &[Value],
        components: &[Value],
    ) -> Result<(), ApplyError> {
        let settings = settings_with(self.directory.path(), realms, transports, components);
        self.apply_settings(settings).await
    }

    pub(crate) async fn apply_settings(&mut self, settings: Settings) -> Result<(), ApplyError> {
        let plan = self.node.plan(settings.clone());
        self.node.apply(plan).await?;
        assert_eq!(*self.node.settings(), settings);
        assert!(self.node.plan(settings).is_empty(), "applied settings need no change");
        Ok(())
    }

    /// The address of the listener at this place in the settings.
    pub(crate) fn address(&self, place: usize) -> SocketAddr {
        self.node.addresses()[place].expect("a TCP listener")
    }

    /// A client of the RawSocket listener at this place.
    pub(crate) fn client(&self, place: usize) -> Client {
        Client::new(&format!("tcp://{}", self.address(place))).expect("a valid address")
    }

    /// A session in `realm1` through the RawSocket listener at this place.
    pub(crate) async fn join(&self, place: usize) -> Session {
        join(self.client(place), "realm1").await
    }

    /// The open connections of the node.
    pub(crate) fn connections(&self) -> usize {
        self.node.connections().of_threads().iter().sum()
    }

    /// Waits until the node has this many connections.
    pub(crate) async fn wait_for_connections(&self, count: usize) {
        wait_until(&format!("{count} connections"), || self.connections() == count).await;
    }
}

/// Joins a realm.
pub(crate) async fn join(client: Client, realm: &str) -> Session {
    client.realm(realm).connect().await.expect("the session joins")
}

/// The number of sessions in the realm of a session, which is one of them.
pub(crate) async fn session_count(session: &Session) -> usize {
    let reply = session.call("wamp.session.count").await.expect("the number of sessions");
    reply.value().expect("a number")
}

/// Waits until the realm of a session has this many sessions.
pub(crate) async fn wait_for_sessions(session: &Session, count: usize) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let found = session_count(session).await;
        if found == count {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain for {count} sessions: {found}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a condition is true.
pub(crate) async fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !is_true() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for the end of a session and returns its reason.
pub(crate) async fn ended(session: &Session) -> String {
    let ended = tokio::time::timeout(TIMEOUT, session.ended()).await;
    ended.expect("the session ends in time").to_string()
}
