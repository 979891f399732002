//! The settings of a node: the plain result of loading a configuration.
//!
//! Values of these types are valid: numbers are in their ranges, names follow their rules, and
//! realms and roles that are referred to exist. Paths are resolved against the node directory. The
//! name of a field is the key in the file, if there is such a key.

pub use crate::addresses::{IpVersion, Ports};
pub use crate::env::FileOwner;
pub use crate::sections::actions::AllowedActions;
pub use crate::sections::auth::{AnonymousAuth, Auth};
pub use crate::sections::bridge::{BridgeKey, BridgeOptions, BridgeService};
pub use crate::sections::component::{ContainerComponent, RouterComponent};
pub use crate::sections::connecting_endpoint::{ConnectingEndpoint, ConnectingTcp, ConnectingUnix};
pub use crate::sections::connecting_transport::{
    ConnectingRawSocket, ConnectingTransport, ConnectingWebSocket,
};
pub use crate::sections::container::{
    ContainerOptions, ContainerRestart, ContainerShutdownMode, ContainerWorker,
};
pub use crate::sections::controller::{Controller, ControllerOptions, NodeShutdown};
pub use crate::sections::json_service::{JsonOptions, JsonService};
pub use crate::sections::limits::{ListenerLimits, RealmLimits, RoleLimits};
pub use crate::sections::listening_endpoint::{
    ListeningEndpoint, ListeningInterface, ListeningTcp, ListeningUnix,
};
pub use crate::sections::longpoll::{LongPollOptions, LongPollService};
pub use crate::sections::network::{InvalidNetwork, IpNetwork};
pub use crate::sections::node::Settings;
pub use crate::sections::payload_schemas::{CompiledSchema, InvalidSchema, PayloadSchemas};
pub use crate::sections::permission::{DisclosureOptions, DisclosurePolicy, PermissionConfig};
pub use crate::sections::rawsocket::{RawSocketService, RawSocketTransport};
pub use crate::sections::realm::{RealmConfig, RealmTemplate};
pub use crate::sections::realm_options::{CompatibilityPreset, DiscloseHttpHeaders, RealmOptions};
pub use crate::sections::retained::RetainedOptions;
pub use crate::sections::role::RoleConfig;
pub use crate::sections::secret::Secret;
pub use crate::sections::slow_consumer::SlowConsumerPolicy;
pub use crate::sections::static_files::{StaticOptions, StaticService};
pub use crate::sections::statistics::StatsOptions;
pub use crate::sections::store::{CallQueueRule, HistoryRule, Store, StoreBackend};
pub use crate::sections::testee::{StreamTesteeTransport, TesteeTransport};
pub use crate::sections::transport::ListeningTransport;
pub use crate::sections::universal::{UniversalTransport, UniversalWeb};
pub use crate::sections::web::{WebOptions, WebTransport};
pub use crate::sections::web_service::{WebPath, WebService};
pub use crate::sections::websocket::WebSocketSettings;
pub use crate::sections::websocket_service::WebSocketService;
pub use crate::sections::websocket_transport::WebSocketTransport;
pub use crate::sections::worker::{RouterWorker, TesteeWorker, Worker};
pub use crate::sections::worker_options::{EnvInherit, NativeOptions, WorkerEnv};
