//! A node that runs: realms, listeners, components and containers by name.
//!
//! [`Node::plan`] computes the changes to other settings, [`Node::apply`] applies them. Applying
//! has two phases. The first makes everything that can fail: sockets are bound, event stores
//! opened, sessions of the node joined and components started. The second puts all of it into
//! effect and cannot fail. So an error leaves the node as it was.
//!
//! | module | purpose |
//! |---|---|
//! | `prepare` | the first phase |
//! | `undo` | the way back from a first phase that failed |
//! | `commit` | the second phase |

mod commit;
mod prepare;
mod undo;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use cloverleaf_config::Settings;
use cloverleaf_config::settings::ListeningTransport;
use cloverleaf_hosting::Components;
use cloverleaf_hosting::supervisor::Launch;
use cloverleaf_realms::local::OwnedSession;
use cloverleaf_realms::{Memory, RealmHost, Realms};
use cloverleaf_transport::Connections;
use cloverleaf_transport::shutdown::{self, ShutdownSignal, ShutdownTrigger};
use tokio::task::spawn_blocking;

use crate::error::ApplyError;
use crate::listeners::{AbortOnDrop, Acceptor, RunningListener, ended};
use crate::plan::{self, ComponentName, ListenerName, Plan};
use crate::threads::Threads;
use crate::tuning::Tuning;

/// How a node runs, beside its settings.
#[derive(Debug)]
pub struct NodeOptions {
    /// The components that settings may name.
    pub components: Components,
    /// How the processes of containers are started. None for a node without a configuration file,
    /// which has none.
    pub launch: Option<Launch>,
    /// How the machine is used.
    pub tuning: Tuning,
}

/// A node. It lives on a runtime of one thread, which is the first one that serves connections.
///
/// Settings are applied again to change it. `docs/decisions/reload.md` says what stays and what
/// ends.
///
/// ```
/// use std::path::Path;
///
/// use clap::Parser;
/// use cloverleaf_node::config::{FileFormat, ProcessEnvironment, parse};
/// use cloverleaf_node::{Components, Node, NodeOptions, Tuning};
///
/// #[derive(Parser)]
/// struct Arguments {
///     #[command(flatten)]
///     tuning: Tuning,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = |realms: &str| {
///     let text = format!(
///         r#"{{"version": 2, "workers": [{{"type": "router", "realms": [{realms}],
///             "transports": [{{"type": "rawsocket",
///                 "endpoint": {{"type": "tcp", "interface": "127.0.0.1", "port": 0}}}}]}}]}}"#
///     );
///     let directory = Path::new(".");
///     parse(&text, FileFormat::Json, "config.json", directory, &ProcessEnvironment)
/// };
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// runtime.block_on(async {
///     let tuning = Arguments::parse_from(["node"]).tuning;
///     let options = NodeOptions { components: Components::new(), launch: None, tuning };
///     let mut node = Node::new(options)?;
///     let one = r#"{"name": "one", "roles": []}"#;
///     let plan = node.plan(settings(one)?.settings);
///     assert_eq!(plan.to_string(), "add realm 'one'\nadd listener 127.0.0.1:0");
///     node.apply(plan).await?;
///
///     let two = r#"{"name": "one", "roles": []}, {"name": "two", "roles": []}"#;
///     let plan = node.plan(settings(two)?.settings);
///     assert_eq!(plan.to_string(), "add realm 'two'");
///     node.apply(plan).await?;
///     assert!(node.addresses()[0].is_some_and(|address| address.port() > 0));
///     node.shut_down().await;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Node {
    options: NodeOptions,
    acceptor: Acceptor,
    memory: Memory,
    requests_in_flight: Arc<AtomicUsize>,
    next_listener: AtomicU32,
    /// The settings that are applied.
    settings: Settings,
    realms: Arc<Realms>,
    /// The tasks of the realms of the settings.
    realm_tasks: BTreeMap<String, AbortOnDrop>,
    listeners: BTreeMap<ListenerName, RunningListener>,
    /// The sessions of components in the router.
    components: BTreeMap<ComponentName, OwnedSession>,
    containers: BTreeMap<String, RunningContainer>,
    /// Given when the shutdown of the node begins.
    shutdown: (ShutdownTrigger, ShutdownSignal),
}

/// The supervisor of a container.
#[derive(Debug)]
struct RunningContainer {
    stop: ShutdownTrigger,
    task: AbortOnDrop,
}

impl Node {
    /// A node without realms and listeners. Starts its threads.
    ///
    /// # Errors
    /// When the operating system refuses a thread or, where it is required, io_uring.
    pub fn new(options: NodeOptions) -> Result<Self, ApplyError> {
        let threads = Arc::new(Threads::start(options.tuning)?);
        let connections = Connections::new(options.tuning.threads());
        Ok(Self {
            options,
            acceptor: Acceptor { threads, connections },
            memory: Memory::of_machine(),
            requests_in_flight: Arc::default(),
            next_listener: AtomicU32::new(1),
            settings: Settings::empty(),
            realms: Arc::default(),
            realm_tasks: BTreeMap::new(),
            listeners: BTreeMap::new(),
            components: BTreeMap::new(),
            containers: BTreeMap::new(),
            shutdown: shutdown::channel(),
        })
    }

    /// The changes from the applied settings to `settings`. Has no effects.
    pub fn plan(&self, settings: Settings) -> Plan {
        Plan::between(&self.settings, settings)
    }

    /// The settings that are applied.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The components that settings may name.
    pub(crate) const fn component_classes(&self) -> &Components {
        &self.options.components
    }

    /// The open connections of the node.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.acceptor.connections
    }

    /// The addresses of the listeners, in the order of the settings; None for Unix sockets.
    pub fn addresses(&self) -> Vec<Option<SocketAddr>> {
        self.listeners_in_order().map(|(_, address)| address).collect()
    }

    /// The transports of the listeners with their addresses, in the order of the settings.
    pub(crate) fn listeners_in_order(
        &self,
    ) -> impl Iterator<Item = (&ListeningTransport, Option<SocketAddr>)> {
        plan::all_listeners(&self.settings).into_iter().filter_map(|(name, _)| {
            let listener = self.listeners.get(&name)?;
            Some((listener.transport(), listener.address()))
        })
    }

    /// Applies a plan that was made for the settings that are applied now. The future must be
    /// polled to its end: a plan that is dropped half-way is not undone.
    ///
    /// # Errors
    /// When a step fails. Then nothing has changed.
    pub async fn apply(&mut self, plan: Plan) -> Result<(), ApplyError> {
        let (changes, target) = plan.into_parts();
        let prepared = self.prepare(&changes, &target).await?;
        self.commit(&changes, target, prepared).await;
        Ok(())
    }

    /// Ends the sessions of all realms, the listeners and the containers, in the order of
    /// the module `shutdown`.
    pub async fn shut_down(mut self) {
        self.stop_listening().await;
        self.end().await;
    }

    /// Phase 1 of the shutdown: no new connections; HTTP connections end after their requests.
    pub(crate) async fn stop_listening(&mut self) {
        self.shutdown.0.shut_down();
        for (_, listener) in std::mem::take(&mut self.listeners) {
            listener.stop().await;
        }
    }

    /// Phases 2 to 4 of the shutdown.
    pub(crate) async fn end(&mut self) {
        let in_flight = || self.requests_in_flight.load(Ordering::Relaxed);
        crate::shutdown::drain(&self.realms, in_flight).await;
        // Before their connections end, so that they don't take the end for a loss.
        let containers = std::mem::take(&mut self.containers);
        containers.values().for_each(|container| container.stop.shut_down());
        for (_, container) in containers {
            ended(container.task).await;
        }
        crate::shutdown::end_sessions(&self.realms).await;
        for realm in self.realms.all() {
            stop_storing(realm).await;
        }
    }

    /// Ends the node without a graceful shutdown: closes the sockets and kills the containers.
    pub(crate) async fn abort(&mut self) {
        for (_, listener) in std::mem::take(&mut self.listeners) {
            listener.abort().await;
        }
        for (_, container) in std::mem::take(&mut self.containers) {
            container.task.0.abort();
            ended(container.task).await;
        }
    }
}

impl RunningContainer {
    async fn stop(self) {
        self.stop.shut_down();
        ended(self.task).await;
    }
}

/// Closes the event store of a realm. It waits for the disk on a thread of its own.
async fn stop_storing(realm: Arc<RealmHost>) {
    if let Err(error) = spawn_blocking(move || realm.stop_storing()).await {
        tracing::error!(reason = %error, "event store not closed");
    }
}
