//! Runs a node until a signal ends it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use cloverleaf_config::Settings;
use cloverleaf_config::settings::{
    self as config, ListeningEndpoint, ListeningTransport, WebService,
};
use cloverleaf_transport::log_limit;
use tokio::sync::oneshot;

use crate::error::ApplyError;
use crate::node::{Node, NodeOptions};
use crate::signals::{EndSignal, Signals};

/// How a node has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// After a graceful shutdown.
    Gracefully,
    /// By a signal that left no time for one. Tasks and threads may still be at work.
    AtOnce(EndSignal),
}

/// Runs a node with these settings until a signal ends it.
///
/// # Errors
/// When it can't start.
pub(crate) async fn run(settings: Settings, options: NodeOptions) -> Result<Ended, ApplyError> {
    let started = Instant::now();
    let signals = Signals::watch()?;
    let (shut_down, requested) = oneshot::channel();
    let mut node = Node::new(options)?;
    let signal = tokio::select! {
        outcome = run_until(requested, settings, &mut node, started) => {
            log_limit::report_all();
            return outcome.map(|()| Ended::Gracefully);
        }
        signal = signals.handle(shut_down) => signal,
    };
    node.abort().await;
    log_limit::report_all();
    tracing::warn!(signal = signal.name(), "ended at once");
    Ok(Ended::AtOnce(signal))
}

/// Runs a node until a graceful shutdown is requested, and through that.
async fn run_until(
    mut requested: oneshot::Receiver<EndSignal>,
    settings: Settings,
    node: &mut Node,
    started: Instant,
) -> Result<(), ApplyError> {
    let plan = node.plan(settings);
    tokio::select! {
        applied = node.apply(plan) => applied?,
        signal = &mut requested => {
            if let Ok(signal) = signal {
                tracing::info!(signal = signal.name(), "shutting down before the node is ready");
            }
            node.abort().await;
            return Ok(());
        }
    }
    log_start(node);
    log_ready(started);

    // The sender is kept until the node ends at once.
    let Ok(signal) = requested.await else { return Ok(()) };
    node.stop_listening().await;
    // Logged when no connection is accepted any more and open ones were asked to finish.
    tracing::info!(signal = signal.name(), "shutting down");
    node.end().await;
    tracing::info!("shut down");
    Ok(())
}

fn log_ready(started: Instant) {
    let elapsed = format_args!("{:.1} ms", started.elapsed().as_secs_f64() * 1_000.0);
    tracing::info!(%elapsed, "ready");
}

/// Logs the listeners, and a first call to try.
fn log_start(node: &Node) {
    let (mut page, mut caller) = (None, None);
    for (transport, address) in node.listeners_in_order() {
        log_listener(transport, address);
        if let Some(address) = address.filter(|_| !transport.endpoint().proxy_protocol()) {
            let url = |wanted: fn(&WebService) -> bool| url(transport, address, wanted);
            page = page.or_else(|| url(|service| matches!(service, WebService::Welcome)));
            caller = caller.or_else(|| url(|service| matches!(service, WebService::Caller(_))));
        }
    }
    if let Some(url) = page {
        tracing::info!("try: open {url} in a browser");
    }
    // In the message and not in a field, so that it can be copied into a shell.
    if let Some(line) = caller.and_then(|url| node.component_classes().first_call_at(&url)) {
        tracing::info!("try: {line}");
    }
}

/// The URL of a transport's first service of a kind, as a client on this machine would write it.
fn url(
    transport: &ListeningTransport,
    address: SocketAddr,
    is_wanted: fn(&WebService) -> bool,
) -> Option<String> {
    let paths = match transport {
        ListeningTransport::Web(web) => &web.paths,
        ListeningTransport::Universal(universal) => &universal.web.as_ref()?.paths,
        _ => return None,
    };
    let path = paths.iter().find(|path| is_wanted(&path.service))?;
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let at = SocketAddr::new(host, address.port());
    Some(format!("http://{at}/{}", path.path.trim_start_matches('/')))
}

fn log_listener(transport: &ListeningTransport, address: Option<SocketAddr>) {
    let at = match (address, transport.endpoint()) {
        (Some(address), _) => address.to_string(),
        (None, ListeningEndpoint::Unix(unix)) => unix.path.display().to_string(),
        (None, ListeningEndpoint::Tcp(_)) => "TCP".to_owned(),
    };
    let (name, paths) = match transport {
        ListeningTransport::RawSocket(_) => ("rawsocket", None),
        ListeningTransport::WebSocket(_) => ("websocket", None),
        ListeningTransport::WebSocketTestee(_) => ("websocket.testee", None),
        ListeningTransport::StreamTestee(_) => ("stream.testee", None),
        ListeningTransport::Web(web) => ("web", Some(&web.paths)),
        ListeningTransport::Universal(universal) => match (&universal.rawsocket, &universal.web) {
            (Some(_), Some(web)) => ("universal", Some(&web.paths)),
            (None, Some(web)) => ("web", Some(&web.paths)),
            (_, None) => ("rawsocket", None),
        },
    };
    let paths = paths.map(|paths| display_paths(paths));
    tracing::info!(transport = name, address = %at, paths, "listening");
}

fn display_paths(paths: &[config::WebPath]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| Path::new("/").join(&path.path))
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" ")
}

#[cfg(test)]
mod tests;
