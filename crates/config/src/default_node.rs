//! The settings of the node without configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

use crate::settings::{
    AllowedActions, BridgeOptions, BridgeService, CompatibilityPreset, Controller,
    DisclosureOptions, IpVersion, ListenerLimits, ListeningEndpoint, ListeningInterface,
    ListeningTcp, ListeningTransport, NativeOptions, PayloadSchemas, PermissionConfig, RealmConfig,
    RealmLimits, RealmOptions, RoleConfig, RoleLimits, RouterWorker, Settings, WebOptions, WebPath,
    WebService, WebSocketService, WebTransport, Worker,
};

const REALM: &str = "realm1";
const ROLE: &str = "anonymous";

impl Settings {
    /// The address of the node without configuration, unless the command line gives another one. It
    /// is reachable only from the same machine.
    pub const DEFAULT_NODE_ADDRESS: SocketAddr =
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

    /// A node that does nothing.
    pub fn empty() -> Self {
        Self {
            directory: Path::new(".").to_owned(),
            controller: Controller::default(),
            workers: Vec::new(),
        }
    }

    /// The node that runs when there is no configuration: the realm `realm1`, in which anonymous
    /// sessions may do everything and learn nothing of each other, at `address` with a page about
    /// itself at `/`, WebSocket at `/ws`, calls at `/call` and publications at `/publish`.
    pub fn default_node(directory: &Path, address: SocketAddr) -> Self {
        let worker = RouterWorker {
            id: "worker001".to_owned(),
            options: NativeOptions::default(),
            realms: vec![realm()],
            realm_template: None,
            transports: vec![ListeningTransport::Web(transport(address))],
            components: Vec::new(),
        };
        Self {
            directory: directory.to_owned(),
            controller: Controller::default(),
            workers: vec![Worker::Router(worker)],
        }
    }
}

/// Prefixes of the procedures that end sessions, registrations and subscriptions of others.
const DENIED: [&str; 3] =
    ["wamp.session.kill", "wamp.registration.remove_", "wamp.subscription.remove_"];

fn realm() -> RealmConfig {
    // These patterns are valid under both rules.
    let prefix = |text| UriPattern::new(text, MatchPolicy::Prefix, UriRule::Loose);
    let permission = |allow| {
        move |pattern| PermissionConfig {
            pattern,
            allow,
            disclose: DisclosureOptions::default(),
            trustlevel: None,
            validate: PayloadSchemas::default(),
            cache: true,
        }
    };
    let everything = prefix("").into_iter().map(permission(AllowedActions::ALL));
    // Without authentication, no session may end another one.
    let denied = DENIED.into_iter().filter_map(|text| prefix(text).ok());
    let denied = denied.map(permission(AllowedActions { call: false, ..AllowedActions::ALL }));
    let role = RoleConfig {
        id: "role001".to_owned(),
        name: ROLE.to_owned(),
        permissions: everything.chain(denied).collect(),
        slow_consumer: None,
        limits: RoleLimits::default(),
    };
    RealmConfig {
        id: "realm001".to_owned(),
        name: REALM.to_owned(),
        options: RealmOptions {
            compatibility: CompatibilityPreset::Wamp,
            ..RealmOptions::default()
        },
        limits: RealmLimits::default(),
        roles: vec![role],
        store: None,
        stats: None,
    }
}

fn transport(address: SocketAddr) -> WebTransport {
    let services = [
        ("/", WebService::Welcome),
        ("ws", WebService::WebSocket(WebSocketService::default())),
        ("call", WebService::Caller(bridge())),
        ("publish", WebService::Publisher(bridge())),
    ];
    let path = |(number, (path, service)): (usize, (&str, WebService))| WebPath {
        id: format!("webservice{:03}", number + 1),
        path: path.to_owned(),
        service,
    };
    let endpoint = ListeningTcp {
        interface: Some(ListeningInterface { name: address.ip().to_string(), location: None }),
        version: if address.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 },
        ..ListeningTcp::on(address.port())
    };
    WebTransport {
        id: "transport001".to_owned(),
        endpoint: ListeningEndpoint::Tcp(endpoint),
        limits: ListenerLimits::default(),
        options: WebOptions::default(),
        paths: services.into_iter().enumerate().map(path).collect(),
    }
}

fn bridge() -> BridgeService {
    BridgeService {
        realm: REALM.to_owned(),
        role: ROLE.to_owned(),
        options: BridgeOptions::default(),
    }
}
