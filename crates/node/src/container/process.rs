//! The process of one container: its components connect to the router and run until it ends.
//!
//! A component whose connection is lost reconnects by itself. One that can't start fails, and the
//! options of the worker say what follows.

use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;

use cloverleaf_client::Session;
use cloverleaf_client::net::{Client, Endpoint, Protocol, Reconnect, Target};
use cloverleaf_config::settings::{
    ConnectingEndpoint, ConnectingTransport, ContainerComponent, ContainerShutdown, ContainerWorker,
};
use cloverleaf_transport::limits::DEFAULT_MAX_MESSAGE;
use cloverleaf_wamp::transport_url::WebSocketUrl;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinSet;

use crate::components::{Component, ComponentError, Components, Joined};
use crate::signals::SignalsWithoutEffect;

/// Runs the components of a worker until standard input closes or all of them have ended.
pub(crate) async fn run(
    worker: ContainerWorker,
    components: &Components,
) -> Result<(), ComponentError> {
    let mut running = JoinSet::new();
    for wanted in worker.components {
        let component = components.of_class(&wanted.classname)?;
        running.spawn(run_component(component, wanted));
    }
    let signals = SignalsWithoutEffect::watch()?;
    tokio::select! {
        closed = stdin_closed() => Ok(closed?),
        never = signals.log() => match never {},
        ended = all_stopped(&mut running, worker.options.shutdown) => ended,
    }
}

/// Returns when the last component has stopped (the first one, where the options say so), or one
/// has failed.
async fn all_stopped(
    running: &mut JoinSet<Result<(), ComponentError>>,
    shutdown: ContainerShutdown,
) -> Result<(), ComponentError> {
    while let Some(ended) = running.join_next().await {
        ended??;
        if shutdown == ContainerShutdown::OnAnyComponentStopped {
            break;
        }
    }
    Ok(())
}

/// The node is gone, or wants this process to end.
async fn stdin_closed() -> std::io::Result<()> {
    // The pipe itself instead of tokio's stdin, whose reading thread could not be ended.
    let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
    let mut stdin = Receiver::from_owned_fd(stdin)?;
    let mut ignored = [0; 64];
    while stdin.read(&mut ignored).await? > 0 {}
    Ok(())
}

async fn run_component(
    component: Arc<dyn Component>,
    wanted: ContainerComponent,
) -> Result<(), ComponentError> {
    let session = connect(&wanted).await?;
    tracing::info!("{} has joined '{}'", wanted.classname, wanted.realm);
    let ended = session.clone();
    let realm = wanted.realm;
    component.start(Joined { session, realm, extra: wanted.extra }).await?;
    let reason = ended.ended().await;
    tracing::info!("{} has left: {reason}", wanted.classname);
    Ok(())
}

async fn connect(wanted: &ContainerComponent) -> Result<Session, ComponentError> {
    let client = Client::at(target(&wanted.transport)?)
        .realm(wanted.realm.as_str())
        .reconnect(Reconnect::default());
    Ok(client.connect().await?)
}

fn target(transport: &ConnectingTransport) -> Result<Target, ComponentError> {
    Ok(match transport {
        ConnectingTransport::RawSocket(rawsocket) => Target {
            endpoint: endpoint(&rawsocket.endpoint),
            protocol: Protocol::RawSocket,
            serializers: vec![rawsocket.serializer],
            max_message: rawsocket.max_message_size.map_or(DEFAULT_MAX_MESSAGE, |n| n as usize),
        },
        ConnectingTransport::WebSocket(websocket) => {
            let url = WebSocketUrl::parse(&websocket.url)
                .ok()
                .filter(|url| !url.is_secure)
                .ok_or_else(|| format!("'{}' is no ws:// URL", websocket.url))?;
            let (host, path) = (url.authority, url.path);
            let limit = websocket.options.max_message_size;
            Target {
                endpoint: endpoint(&websocket.endpoint),
                protocol: Protocol::WebSocket { host: host.to_owned(), path: path.to_owned() },
                serializers: websocket.serializers.clone(),
                max_message: limit.map_or(DEFAULT_MAX_MESSAGE, |n| n as usize),
            }
        }
    })
}

fn endpoint(endpoint: &ConnectingEndpoint) -> Endpoint {
    match endpoint {
        ConnectingEndpoint::Tcp(tcp) => Endpoint::Tcp { host: tcp.host.clone(), port: tcp.port },
        ConnectingEndpoint::Unix(unix) => Endpoint::Unix(PathBuf::from(&unix.path)),
    }
}
