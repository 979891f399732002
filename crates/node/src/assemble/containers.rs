//! Containers and their components.

use std::path::PathBuf;

use cloverleaf_client::net::{Target, TargetEndpoint, TargetProtocol};
use cloverleaf_config::settings::{
    self as config, ConnectingEndpoint, ConnectingTransport, ContainerComponent, ContainerWorker,
    EnvInherit,
};
use cloverleaf_hosting::container::{ContainerShutdown, RemoteComponent};
use cloverleaf_hosting::supervisor::{ContainerProcess, Inherit};
use cloverleaf_transport::limits::DEFAULT_MAX_MESSAGE;
use cloverleaf_wamp::transport_url::WebSocketUrl;

/// The process of a container, for its supervisor.
pub(crate) fn process(worker: &ContainerWorker) -> ContainerProcess {
    let env = &worker.options.native.env;
    ContainerProcess {
        worker: worker.id.clone(),
        shutdown: shutdown(worker.options.shutdown),
        inherit: match &env.inherit {
            EnvInherit::All => Inherit::All,
            EnvInherit::Nothing => Inherit::Named(Vec::new()),
            EnvInherit::Named(names) => Inherit::Named(names.clone()),
        },
        variables: env.vars.clone(),
    }
}

/// When a container has done its work.
pub(crate) const fn shutdown(option: config::ContainerShutdownMode) -> ContainerShutdown {
    match option {
        config::ContainerShutdownMode::Manual => ContainerShutdown::Manual,
        config::ContainerShutdownMode::OnLastComponentStopped => {
            ContainerShutdown::OnLastComponentStopped
        }
        config::ContainerShutdownMode::OnAnyComponentFailed => {
            ContainerShutdown::OnAnyComponentFailed
        }
        config::ContainerShutdownMode::OnAnyComponentStopped => {
            ContainerShutdown::OnAnyComponentStopped
        }
    }
}

/// A component of a container and the router that it connects to.
///
/// # Errors
/// When the URL of a WebSocket can't be used.
pub(crate) fn component(component: ContainerComponent) -> Result<RemoteComponent, String> {
    let target = target(&component.transport)?;
    let ContainerComponent { classname, realm, extra, .. } = component;
    Ok(RemoteComponent { classname, realm, extra, target })
}

fn target(transport: &ConnectingTransport) -> Result<Target, String> {
    Ok(match transport {
        ConnectingTransport::RawSocket(rawsocket) => Target {
            endpoint: endpoint(&rawsocket.endpoint),
            protocol: TargetProtocol::RawSocket,
            serializers: vec![rawsocket.serializer],
            max_message: rawsocket.max_message_size.map_or(DEFAULT_MAX_MESSAGE, |n| n as usize),
        },
        ConnectingTransport::WebSocket(websocket) => {
            let WebSocketUrl { authority, path, .. } = WebSocketUrl::parse(&websocket.url)
                .map_err(|error| format!("'{}' {error}", websocket.url))?;
            let limit = websocket.options.max_message_size;
            Target {
                endpoint: endpoint(&websocket.endpoint),
                protocol: TargetProtocol::WebSocket {
                    host: authority.to_owned(),
                    path: path.to_owned(),
                },
                serializers: websocket.serializers.clone(),
                max_message: limit.map_or(DEFAULT_MAX_MESSAGE, |n| n as usize),
            }
        }
    })
}

fn endpoint(endpoint: &ConnectingEndpoint) -> TargetEndpoint {
    match endpoint {
        ConnectingEndpoint::Tcp(tcp) => {
            TargetEndpoint::Tcp { host: tcp.host.clone(), port: tcp.port }
        }
        ConnectingEndpoint::Unix(unix) => TargetEndpoint::Unix(PathBuf::from(&unix.path)),
    }
}
