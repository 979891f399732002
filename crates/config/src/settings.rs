//! What a node is to do: the plain result of reading a configuration.
//!
//! Values of these types are valid: numbers are in their ranges, names follow their rules, and
//! realms and roles that are referred to exist. Paths are resolved against the node directory.
//! Field names are the keys of the file where there is such a key. How a file is read is the
//! business of the other rooms.

pub mod component;
pub mod endpoint;
pub mod longpoll;
pub mod network;
pub mod realm;
pub mod secret;
pub mod store;
pub mod transport;
pub mod validate;
pub mod web;
pub mod websocket;
pub mod worker;

use std::path::PathBuf;

pub use self::component::{ContainerComponent, RouterComponent};
pub use self::endpoint::{
    ConnectingEndpoint, ConnectingTcp, ConnectingUnix, FileOwner, IpVersion, ListeningEndpoint,
    ListeningInterface, ListeningTcp, ListeningUnix, Ports,
};
pub use self::longpoll::{LongPollOptions, LongPollService};
pub use self::network::{InvalidNetwork, IpNetwork};
pub use self::realm::{
    AllowedActions, CompatibilityPreset, DiscloseHttpHeaders, DisclosureOptions, DisclosurePolicy,
    PermissionConfig, RealmConfig, RealmOptions, RealmTemplate, RoleConfig,
};
pub use self::secret::Secret;
pub use self::store::{
    CallQueueRule, HistoryRule, RetainedOptions, SlowConsumerPolicy, StatsOptions, Store,
    StoreBackend,
};
pub use self::transport::{
    AnonymousAuth, Auth, ConnectingRawSocket, ConnectingTransport, ConnectingWebSocket,
    ListeningTransport, RawSocketService, RawSocketTransport, StreamTesteeTransport,
    TesteeTransport, UniversalTransport, UniversalWeb, WebSocketTransport, WebTransport,
};
pub use self::validate::{CompiledSchema, InvalidSchema, PayloadSchemas};
pub use self::web::{
    BridgeKey, BridgeOptions, BridgeService, JsonOptions, JsonService, StaticOptions,
    StaticService, WebOptions, WebPath, WebService, WebSocketService,
};
pub use self::websocket::WebSocketSettings;
pub use self::worker::{
    ContainerOptions, ContainerRestart, ContainerShutdown, ContainerWorker, EnvInherit,
    NativeOptions, RouterWorker, TesteeWorker, Worker, WorkerEnv,
};

/// The settings of one node. Having them means that the configuration is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The node directory, against which relative paths were resolved.
    pub directory: PathBuf,
    /// The node itself.
    pub controller: Controller,
    /// The workers in the order of the file, without those that are disabled.
    pub workers: Vec<Worker>,
}

/// The section `controller`: the node itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controller {
    /// The node's id, if it was given one.
    pub id: Option<String>,
    /// Its options.
    pub options: ControllerOptions,
}

/// The options of the node itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerOptions {
    /// The title of the process.
    pub title: Option<String>,
    /// What ends the node.
    pub shutdown: Vec<NodeShutdown>,
    /// Whether workers are started at the same time instead of one after the other. Containers
    /// always are.
    pub enable_parallel_worker_start: bool,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self {
            title: None,
            shutdown: vec![NodeShutdown::OnWorkerExit],
            enable_parallel_worker_start: false,
        }
    }
}

/// What ends a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeShutdown {
    /// `shutdown_on_shutdown_requested`: only a request to do so.
    OnShutdownRequested,
    /// `shutdown_on_worker_exit`: the exit of any worker.
    OnWorkerExit,
    /// `shutdown_on_worker_exit_with_error`: the exit of any worker with an error.
    OnWorkerExitWithError,
    /// `shutdown_on_last_worker_exit`: the exit of the last worker.
    OnLastWorkerExit,
}
