//! Workers: the parts that a node runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::{
    ContainerComponent, ListeningTransport, RealmConfig, RealmTemplate, RouterComponent,
    TesteeTransport,
};

/// A worker that is to run.
#[derive(Debug, Clone, PartialEq)]
pub enum Worker {
    /// `router`: realms and the transports that lead to them.
    Router(RouterWorker),
    /// `container`: a process for components that connect to a router.
    Container(ContainerWorker),
    /// `websocket-testee`: a WebSocket echo server for conformance tests.
    WebSocketTestee(TesteeWorker),
}

impl Worker {
    /// The worker's id, given or `worker001` and so on.
    pub fn id(&self) -> &str {
        match self {
            Self::Router(worker) => &worker.id,
            Self::Container(worker) => &worker.id,
            Self::WebSocketTestee(worker) => &worker.id,
        }
    }
}

/// A worker of type `router`.
#[derive(Debug, Clone, PartialEq)]
pub struct RouterWorker {
    /// Its id, given or `worker001` and so on.
    pub id: String,
    /// Its options.
    pub options: NativeOptions,
    /// The realms it hosts.
    pub realms: Vec<RealmConfig>,
    /// What realms are made from that a client asks for and nobody has configured; no such realm
    /// without it.
    pub realm_template: Option<RealmTemplate>,
    /// Where it listens.
    pub transports: Vec<ListeningTransport>,
    /// The components that run in the router itself.
    pub components: Vec<RouterComponent>,
}

/// A worker of type `container`.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerWorker {
    /// Its id, given or `worker001` and so on.
    pub id: String,
    /// Its options.
    pub options: ContainerOptions,
    /// The components that run in it.
    pub components: Vec<ContainerComponent>,
}

/// A worker of type `websocket-testee`.
#[derive(Debug, Clone, PartialEq)]
pub struct TesteeWorker {
    /// Its id, given or `worker001` and so on.
    pub id: String,
    /// Its options.
    pub options: NativeOptions,
    /// Where it listens.
    pub transport: TesteeTransport,
}

/// The options that every worker has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeOptions {
    /// The title of the worker's process.
    pub title: Option<String>,
    /// The Python interpreter for Python components.
    pub python: Option<PathBuf>,
    /// Where Python components are searched.
    pub pythonpath: Vec<PathBuf>,
    /// The processors that the worker may use; empty: all.
    pub cpu_affinity: Vec<u32>,
    /// The environment of the worker's process.
    pub env: WorkerEnv,
    /// Whether components may reach the node's own session.
    pub expose_controller: bool,
    /// Whether components may share objects.
    pub expose_shared: bool,
    /// Anything, for the worker itself.
    pub extra: Value,
}

/// The environment of a process (`env`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerEnv {
    /// What is taken over from the node's own environment.
    pub inherit: EnvInherit,
    /// Variables that are set besides, and win.
    pub vars: BTreeMap<String, String>,
}

/// What a process takes over from the node's environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EnvInherit {
    /// Everything.
    #[default]
    All,
    /// Nothing.
    Nothing,
    /// The variables with these names.
    Named(Vec<String>),
}

/// The options of a container.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContainerOptions {
    /// What every worker has.
    pub native: NativeOptions,
    /// What ends the container.
    pub shutdown: ContainerShutdown,
    /// Which components are started again after they stopped.
    pub restart: ContainerRestart,
}

/// What ends a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerShutdown {
    /// `shutdown-manual`: only a request to do so.
    #[default]
    Manual,
    /// `shutdown-on-last-component-stopped`.
    OnLastComponentStopped,
    /// `shutdown-on-any-component-failed`.
    OnAnyComponentFailed,
    /// `shutdown-on-any-component-stopped`.
    OnAnyComponentStopped,
}

/// Which components of a container are started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerRestart {
    /// `restart-never`.
    #[default]
    Never,
    /// `restart-on-failed`: those that failed.
    OnFailed,
    /// `restart-always`: those that stopped for whatever reason.
    Always,
}
