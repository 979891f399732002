//! The two configurations of the caller performance example, unmodified.

use std::path::Path;
use std::sync::Arc;

use cloverleaf_config::settings::{
    AllowedActions, BridgeOptions, BridgeService, ConnectingEndpoint, ConnectingRawSocket,
    ConnectingTcp, ConnectingTransport, ConnectingUnix, ConnectingWebSocket, ContainerComponent,
    ContainerOptions, ContainerWorker, Controller, DisclosureOptions, DisclosurePolicy, IpVersion,
    ListeningEndpoint, ListeningTcp, ListeningTransport, ListeningUnix, NativeOptions,
    PermissionConfig, RawSocketTransport, RealmConfig, RealmOptions, RoleConfig, RouterComponent,
    RouterWorker, SlowConsumerPolicy, StaticOptions, StaticService, WebOptions, WebPath,
    WebService, WebSocketService, WebSocketSettings, WebTransport, Worker,
};
use cloverleaf_config::{Loaded, ProcessEnvironment, Settings, SourceLocation, load, load_for};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::Value;

use crate::fixtures::warnings;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

fn loaded(name: &str) -> Loaded {
    let path = Path::new(DATA).join(name);
    let loaded = load_for(&path, Path::new("/app/.crossbar"), &ProcessEnvironment);
    loaded.unwrap_or_else(|faults| panic!("{faults}"))
}

fn location(name: &str, line: u32, column: u32, path: &str) -> SourceLocation {
    let file: Arc<str> = Path::new(DATA).join(name).display().to_string().into();
    SourceLocation { file, line, column, path: path.to_owned() }
}

fn native() -> NativeOptions {
    NativeOptions {
        pythonpath: vec!["/app/.crossbar/../components".into()],
        ..NativeOptions::default()
    }
}

fn realm(cache: bool, disclose: DisclosureOptions) -> RealmConfig {
    let pattern = UriPattern::new("", MatchPolicy::Prefix, UriRule::Loose).expect("a pattern");
    let permission = PermissionConfig {
        pattern,
        allow: AllowedActions::ALL,
        disclose,
        trustlevel: None,
        validate: Default::default(),
        cache,
    };
    RealmConfig {
        id: "realm001".to_owned(),
        name: "realm1".to_owned(),
        options: RealmOptions::default(),
        limits: Default::default(),
        roles: vec![RoleConfig {
            id: "role001".to_owned(),
            name: "anonymous".to_owned(),
            permissions: vec![permission],
            slow_consumer: None,
            limits: Default::default(),
        }],
        store: None,
        stats: None,
    }
}

fn rawsocket_transport() -> ListeningTransport {
    ListeningTransport::RawSocket(RawSocketTransport {
        id: "transport001".to_owned(),
        endpoint: ListeningEndpoint::Unix(ListeningUnix {
            path: "/app/.crossbar/crossbar.sock".into(),
            backlog: 1_024,
            mode: None,
            owner: None,
            proxy_protocol: false,
        }),
        limits: Default::default(),
        serializers: vec![Serializer::Json, Serializer::MsgPack],
        max_message_size: None,
        slow_consumer: SlowConsumerPolicy::DropEvents,
        auth: cloverleaf_config::settings::Auth::default(),
    })
}

fn web_transport(directory: &str, debug: bool) -> ListeningTransport {
    let files = StaticService { directory: directory.into(), options: StaticOptions::default() };
    let caller = BridgeService {
        realm: "realm1".to_owned(),
        role: "anonymous".to_owned(),
        options: BridgeOptions { debug, ..BridgeOptions::default() },
    };
    let path = |id: &str, path: &str, service| WebPath {
        id: id.to_owned(),
        path: path.to_owned(),
        service,
    };
    let endpoint = ListeningTcp { backlog: 2_000, ..ListeningTcp::on(8_080) };
    ListeningTransport::Web(WebTransport {
        id: "transport002".to_owned(),
        endpoint: ListeningEndpoint::Tcp(endpoint),
        limits: Default::default(),
        options: WebOptions::default(),
        paths: vec![
            path("webservice001", "/", WebService::Static(files)),
            path("webservice002", "ws", WebService::WebSocket(WebSocketService::default())),
            path("webservice003", "call", WebService::Caller(caller)),
        ],
    })
}

fn container(id: &str, component: ContainerComponent) -> Worker {
    Worker::Container(ContainerWorker {
        id: id.to_owned(),
        options: ContainerOptions { native: native(), ..ContainerOptions::default() },
        components: vec![component],
    })
}

fn component(
    classname: &str,
    transport: ConnectingTransport,
    location: SourceLocation,
) -> ContainerComponent {
    ContainerComponent {
        id: "component001".to_owned(),
        classname: classname.to_owned(),
        realm: "realm1".to_owned(),
        transport,
        extra: Value::Null,
        location,
    }
}

fn over_websocket() -> ConnectingTransport {
    ConnectingTransport::WebSocket(ConnectingWebSocket {
        endpoint: ConnectingEndpoint::Tcp(ConnectingTcp {
            host: "127.0.0.1".to_owned(),
            port: 8_080,
            version: IpVersion::V4,
            timeout: std::time::Duration::from_secs(10),
        }),
        url: "ws://127.0.0.1:8080/ws".to_owned(),
        serializers: Serializer::DEFAULT.to_vec(),
        options: WebSocketSettings::default(),
    })
}

fn over_rawsocket(serializer: Serializer) -> ConnectingTransport {
    ConnectingTransport::RawSocket(ConnectingRawSocket {
        endpoint: ConnectingEndpoint::Unix(ConnectingUnix {
            path: "/app/.crossbar/crossbar.sock".into(),
            timeout: std::time::Duration::from_secs(10),
        }),
        serializer,
        max_message_size: None,
    })
}

#[test]
fn the_example_with_one_worker_for_each_procedure_is_read() {
    let file = "config.json";
    let add = RouterComponent {
        id: "component001".to_owned(),
        classname: "add.AppSession".to_owned(),
        realm: "realm1".to_owned(),
        role: "anonymous".to_owned(),
        extra: Value::Null,
        location: location(file, 80, 34, "workers[0].components[0].classname"),
    };
    let router = Worker::Router(RouterWorker {
        id: "worker001".to_owned(),
        options: native(),
        realms: vec![realm(
            true,
            DisclosureOptions {
                caller: Some(DisclosurePolicy::Never),
                publisher: Some(DisclosurePolicy::Never),
                callee: false,
            },
        )],
        realm_template: None,
        transports: vec![rawsocket_transport(), web_transport("/app/.crossbar/../web", true)],
        components: vec![add],
    });
    let sub = location(file, 96, 34, "workers[1].components[0].classname");
    let mul = location(file, 120, 34, "workers[2].components[0].classname");
    let div = location(file, 143, 34, "workers[3].components[0].classname");
    let expected = Settings {
        directory: "/app/.crossbar".into(),
        controller: Controller::default(),
        workers: vec![
            router,
            container("worker002", component("sub.AppSession", over_websocket(), sub)),
            container(
                "worker003",
                component("mul.AppSession", over_rawsocket(Serializer::MsgPack), mul),
            ),
            container(
                "worker004",
                component("div.AppSession", over_rawsocket(Serializer::Json), div),
            ),
        ],
    };
    let loaded = loaded(file);
    assert_eq!(loaded.settings, expected);
    let missing = "the directory '/app/.crossbar/../web' is not there";
    let sentences: Vec<&str> = loaded.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(sentences, [missing]);
}

#[test]
fn the_example_with_four_equal_workers_is_read_from_version_1() {
    let file = "config_multi_worker.json";
    let router = Worker::Router(RouterWorker {
        id: "worker001".to_owned(),
        options: native(),
        realms: vec![realm(false, DisclosureOptions::default())],
        realm_template: None,
        transports: vec![rawsocket_transport(), web_transport("/app/.crossbar/..", false)],
        components: Vec::new(),
    });
    let worker = |number: u32, line| {
        let path = format!("workers[{}].components[0].classname", number - 1);
        let location = location(file, line, 34, &path);
        let transport = over_rawsocket(Serializer::MsgPack);
        container(
            &format!("worker{number:03}"),
            component("add_shared.AppSession", transport, location),
        )
    };
    let expected = Settings {
        directory: "/app/.crossbar".into(),
        controller: Controller::default(),
        workers: vec![router, worker(2, 70), worker(3, 91), worker(4, 112), worker(5, 133)],
    };
    let loaded = loaded(file);
    assert_eq!(loaded.settings, expected);
    let expected = [
        "1:1: the file has no 'version' and is read as the older form; today it begins with \
         \"version\": 2"
            .to_owned(),
        "17:33: workers[0].realms[0].roles[0].permissions[0]: this permission is written in the \
         older form; today it has \"allow\": {\"call\": true, \"register\": true, \
         \"publish\": true, \"subscribe\": true}"
            .to_owned(),
        "48:42: workers[0].transports[1].paths[\"/\"].directory: the directory \
         '/app/.crossbar/..' is not there"
            .to_owned(),
    ];
    assert_eq!(warnings(&loaded), expected);
}

#[test]
fn paths_are_resolved_against_the_directory_of_the_file_by_default() {
    let path = Path::new(DATA).join("config.json");
    let loaded = load(&path, &ProcessEnvironment).expect("a valid configuration");
    assert_eq!(loaded.settings.directory, Path::new(DATA));
}
