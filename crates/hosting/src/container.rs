//! The process of one container: its components connect to the router and run until it ends.
//!
//! A component whose connection is lost reconnects by itself. One that can't start fails, and the
//! options of the worker decide what follows.

use std::convert::Infallible;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use cloverleaf_client::Session;
use cloverleaf_client::net::{Client, Reconnect, Target};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinSet;

use crate::components::{Component, ComponentContext, ComponentError, Components};

/// When a container has done its work (the worker option `shutdown`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerShutdown {
    /// Never by itself.
    Manual,
    /// When its last component has stopped.
    OnLastComponentStopped,
    /// When one of its components has failed.
    OnAnyComponentFailed,
    /// When one of its components has stopped.
    OnAnyComponentStopped,
}

/// A component of a container, and the router that it connects to.
#[derive(Debug)]
pub struct RemoteComponent {
    /// The class of the component.
    pub classname: String,
    /// The realm that it joins.
    pub realm: String,
    /// Its `extra`, handed over as it is.
    pub extra: Value,
    /// The router.
    pub target: Target,
}

/// Runs the components of a container until standard input closes, or they have stopped as
/// `shutdown` says. `signals` is polled meanwhile.
///
/// # Errors
/// When a class is missing or a component fails.
pub async fn run(
    remote: Vec<RemoteComponent>,
    shutdown: ContainerShutdown,
    components: &Components,
    signals: impl Future<Output = Infallible>,
) -> Result<(), ComponentError> {
    let mut running = JoinSet::new();
    for wanted in remote {
        let component = components.of_class(&wanted.classname)?;
        running.spawn(run_component(component, wanted));
    }
    tokio::select! {
        closed = stdin_closed() => Ok(closed?),
        never = signals => match never {},
        ended = all_stopped(&mut running, shutdown) => ended,
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
    wanted: RemoteComponent,
) -> Result<(), ComponentError> {
    let RemoteComponent { classname, realm, extra, target } = wanted;
    let session = connect(target, &realm).await?;
    tracing::info!(component = classname, realm, "component joined");
    let ended = session.clone();
    component.start(ComponentContext { session, realm, extra }).await?;
    let reason = ended.ended().await;
    tracing::info!(component = classname, %reason, "component left");
    Ok(())
}

async fn connect(target: Target, realm: &str) -> Result<Session, ComponentError> {
    let client = Client::at(target).realm(realm).reconnect(Reconnect::default());
    Ok(client.connect().await?)
}
