//! From settings to a running node, and to its end.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cloverleaf_client::Session;
use cloverleaf_config::settings as config;
use cloverleaf_config::settings::{
    ListeningEndpoint, ListeningTcp, ListeningTransport, RouterComponent, RouterWorker, Settings,
    WebService, Worker,
};
use cloverleaf_router::RealmSettings;
use cloverleaf_transport::{TransportError, log_limit};
use cloverleaf_wamp::features::CLIENT;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};

use crate::components::{Component, ComponentError, Components, Joined, UnknownClass};
use crate::container::supervisor::{Launch, supervise};
use crate::event_store;
use crate::listen::{Listening, bind_all};
use crate::local;
use crate::memory::Memory;
use crate::realm_host::RealmHost;
use crate::realms::Realms;
use crate::shutdown::{self, EndSwitch, Ending};
use crate::signals::{EndSignal, Signals};
use crate::threads::Threads;
use crate::tuning::Tuning;

mod realms;
mod services;
#[cfg(test)]
mod tests;
mod websocket;

use services::Builder;

/// Why a node can't start. Each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0}")]
    ListeningTransport(#[from] TransportError),
    #[error("{0}")]
    UnknownClass(#[from] UnknownClass),
    #[error("{what}: is another node running there? Stop it, or {advice}")]
    InUse { what: String, advice: &'static str },
    #[error(
        "{place}: {source}. Name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"
    )]
    Interface { place: String, source: TransportError },
    #[error("component {classname} failed to start: {source}")]
    Component { classname: String, source: ComponentError },
    #[error("a session inside the router can't join: {0}")]
    Refused(#[from] cloverleaf_router::Refusal),
    #[error("{0}")]
    Store(#[from] cloverleaf_event_store::StoreError),
    #[error("the operating system refuses: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Web(String),
}

/// How a node is to run, beside its settings.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) settings: Settings,
    pub(crate) components: Components,
    /// How containers are started; none when there is no configuration file.
    pub(crate) launch: Option<Launch>,
    pub(crate) tuning: Tuning,
}

/// A node that is being built and then runs.
struct Node {
    realms: Arc<Realms>,
    memory: Memory,
    listening: Vec<Listening>,
    /// What to say when it is ready.
    serves: Vec<String>,
    /// Where a call can be made over HTTP from this machine.
    caller_url: Option<String>,
    /// Where the page of the node without configuration is, seen from this machine.
    page_url: Option<String>,
    /// Sessions in this process; kept, since they end with the last handle.
    local: Vec<Session>,
    requests_in_flight: Arc<AtomicUsize>,
}

/// How a node has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// After a graceful shutdown.
    Gracefully,
    /// By a signal that left no time for one. Tasks and threads may still be at work.
    AtOnce(EndSignal),
}

/// The tasks of a running node that own what must not outlive it.
#[derive(Debug, Default)]
struct Tasks {
    /// They own the socket files.
    listeners: JoinSet<()>,
    /// They own the processes.
    containers: JoinSet<()>,
}

/// Runs a node until a signal ends it.
pub(crate) async fn run(run: Run) -> Result<Ended, StartError> {
    let signals = Signals::watch()?;
    let (shut_down, requested) = oneshot::channel();
    let mut tasks = Tasks::default();
    let signal = tokio::select! {
        outcome = run_until(requested, run, &mut tasks) => {
            log_limit::report_all();
            return outcome.map(|()| Ended::Gracefully);
        }
        signal = signals.handle(shut_down) => signal,
    };
    tasks.listeners.shutdown().await;
    tasks.containers.shutdown().await;
    log_limit::report_all();
    tracing::warn!(signal = signal.name(), "the node has ended at once");
    Ok(Ended::AtOnce(signal))
}

/// Runs a node until a graceful shutdown is requested, and through that.
async fn run_until(
    mut requested: oneshot::Receiver<EndSignal>,
    run: Run,
    tasks: &mut Tasks,
) -> Result<(), StartError> {
    let started = Instant::now();
    let threads = Arc::new(Threads::start(run.tuning)?);
    let (switch, ending) = shutdown::switch();

    let mut node = Node::new(&run.settings)?;
    node.bind(&run)?;
    tokio::select! {
        started = node.start_components(&run.settings, &run.components) => started?,
        signal = &mut requested => {
            if let Ok(signal) = signal {
                tracing::info!("{}: the node ends before it is ready", signal.name());
            }
            return Ok(());
        }
    }
    for line in &node.serves {
        tracing::info!("{line}");
    }
    for listening in std::mem::take(&mut node.listening) {
        tasks.listeners.spawn(listening.run(Arc::clone(&threads), ending.clone()));
    }
    let (containers_switch, containers_ending) = shutdown::switch();
    tasks.containers = start_containers(&run, &ending, &containers_ending);
    if let Some(url) = &node.page_url {
        tracing::info!("try: open {url} in a browser");
    }
    if let Some(line) = node.caller_url.as_deref().and_then(|at| run.components.first_call_at(at)) {
        tracing::info!("try: {line}");
    }
    tracing::info!("ready after {:.1} ms", started.elapsed().as_secs_f64() * 1_000.0);

    // The sender is kept until the node ends at once.
    let Ok(signal) = requested.await else { return Ok(()) };
    switch.end();
    while tasks.listeners.join_next().await.is_some() {}
    // Said when nobody is accepted any more and open connections have been asked to finish.
    tracing::info!("{}: the node ends", signal.name());
    node.end(&mut tasks.containers, &containers_switch).await;
    tracing::info!("the node has ended");
    Ok(())
}

/// Says what to do about an endpoint that can't be listened on, with and without a configuration.
fn unbound(endpoint: &ListeningEndpoint, error: TransportError, run: &Run) -> StartError {
    let TransportError::Io { what, source } = error else { return error.into() };
    match (source.kind(), endpoint) {
        (io::ErrorKind::AddrInUse, _) => {
            let advice = match run.launch {
                Some(_) => "choose another endpoint in the configuration",
                None => "choose another port with --port",
            };
            StartError::InUse { what, advice }
        }
        (kind, ListeningEndpoint::Tcp(ListeningTcp { interface: Some(interface), .. }))
            if kind != io::ErrorKind::PermissionDenied =>
        {
            let place = interface.location.as_ref().map(ToString::to_string);
            let place = place.unwrap_or_else(|| "--listen".to_owned());
            StartError::Interface { place, source: TransportError::Io { what, source } }
        }
        _ => TransportError::Io { what, source }.into(),
    }
}

fn routers(settings: &Settings) -> impl Iterator<Item = &RouterWorker> {
    settings.workers.iter().filter_map(|worker| match worker {
        Worker::Router(router) => Some(router),
        Worker::Container(_) | Worker::WebSocketTestee(_) => None,
    })
}

fn start_containers(run: &Run, node_ending: &Ending, ending: &Ending) -> JoinSet<()> {
    let mut containers = JoinSet::new();
    for worker in &run.settings.workers {
        if let (Worker::Container(container), Some(launch)) = (worker, &run.launch)
            && !container.components.is_empty()
        {
            let (worker, launch) = (container.clone(), launch.clone());
            containers.spawn(supervise(worker, launch, node_ending.clone(), ending.clone()));
        }
    }
    containers
}

fn host(realm: &config::RealmConfig, settings: RealmSettings) -> Arc<RealmHost> {
    let host = RealmHost::new(settings).with_slow_consumers(realms::slow_consumers(realm));
    let host = host.with_report_of_refused(realms::log_refused_pattern);
    Arc::new(host.with_stats(realms::stats(realm)))
}

impl Node {
    /// Makes the realms and starts their tasks.
    fn new(settings: &Settings) -> Result<Self, StartError> {
        let mut realms = Realms::default();
        for realm in routers(settings).flat_map(|router| &router.realms) {
            let (settings, link) = event_store::open(realm, realms::settings(realm))?;
            let host = host(realm, settings);
            link.set(&host);
            tokio::spawn(Arc::clone(&host).run());
            realms.add(&realm.name, host);
        }
        if let Some(template) = routers(settings).find_map(|router| router.realm_template.clone()) {
            let preset = realms::compatibility(template.options.compatibility);
            realms.set_template(template.max_realms, preset, Handle::current(), move |name| {
                let realm = template.named(name);
                host(&realm, realms::settings(&realm))
            });
        }
        Ok(Self {
            realms: Arc::new(realms),
            memory: Memory::of_machine(),
            listening: Vec::new(),
            serves: Vec::new(),
            caller_url: None,
            page_url: None,
            local: Vec::new(),
            requests_in_flight: Arc::new(AtomicUsize::new(0)),
        })
    }

    /// Binds every listener. Nothing is accepted before everything is bound.
    fn bind(&mut self, run: &Run) -> Result<(), StartError> {
        let transports = transports(&run.settings);
        let listeners = bind_all(transports.iter().map(ListeningTransport::endpoint))
            .map_err(|(endpoint, error)| unbound(endpoint, error, run))?;
        for (transport, listener) in transports.into_iter().zip(listeners) {
            let mut builder =
                Builder::new(&self.realms, &self.requests_in_flight, run.tuning, &self.memory);
            let protocol = builder.protocol(&transport)?;
            self.local.append(&mut builder.local);
            let address = listener.local_address();
            let is_proxied = transport.endpoint().proxy_protocol();
            if let Some(address) = address.filter(|_| !is_proxied) {
                let url = |wanted: fn(&WebService) -> bool| url(&transport, address, wanted);
                let caller = || url(|service| matches!(service, WebService::Caller(_)));
                self.caller_url = self.caller_url.take().or_else(caller);
                let page = || url(|service| matches!(service, WebService::Welcome));
                self.page_url = self.page_url.take().or_else(page);
            }
            self.serves.push(describe(&transport, address));
            self.listening.push(Listening { listener, protocol, is_proxied });
        }
        Ok(())
    }

    /// Ends what runs when nothing is accepted any more: phases 2 to 4 of the shutdown.
    async fn end(self, containers: &mut JoinSet<()>, containers_switch: &EndSwitch) {
        shutdown::drain(&self.realms, || self.requests_in_flight.load(Ordering::Relaxed)).await;
        // Before their connections end, so that they don't take the end for a loss.
        containers_switch.end();
        while containers.join_next().await.is_some() {}
        shutdown::end_sessions(&self.realms, self.local.len()).await;
        // It waits for the disk, while signals are handled.
        let realms = Arc::clone(&self.realms);
        let stopping = spawn_blocking(move || {
            realms.all().iter().for_each(|realm| realm.stop_storing());
        });
        if let Err(error) = stopping.await {
            tracing::error!(reason = %error, "event stores not closed");
        }
    }

    /// Starts the components inside the router, one after the other.
    async fn start_components(
        &mut self,
        settings: &Settings,
        components: &Components,
    ) -> Result<(), StartError> {
        for wanted in routers(settings).flat_map(|router| &router.components) {
            let component = components.of_class(&wanted.classname)?;
            let session = self.start_component(component.as_ref(), wanted).await?;
            self.local.push(session);
        }
        Ok(())
    }

    async fn start_component(
        &self,
        component: &dyn Component,
        wanted: &RouterComponent,
    ) -> Result<Session, StartError> {
        let realm = self.realms.configured(&wanted.realm)?;
        let (session, driver) =
            local::join(realm, &wanted.realm, &wanted.id, &wanted.role, CLIENT)?;
        tokio::spawn(driver);
        let joined = Joined {
            session: session.clone(),
            realm: wanted.realm.clone(),
            extra: wanted.extra.clone(),
        };
        component.start(joined).await.map_err(|source| StartError::Component {
            classname: wanted.classname.clone(),
            source,
        })?;
        tracing::info!("{} runs in the router, realm '{}'", wanted.classname, wanted.realm);
        Ok(session)
    }
}

/// All transports of all workers.
fn transports(settings: &Settings) -> Vec<ListeningTransport> {
    let mut transports = Vec::new();
    for worker in &settings.workers {
        match worker {
            Worker::Router(router) => transports.extend(router.transports.iter().cloned()),
            Worker::WebSocketTestee(testee) => {
                transports.push(ListeningTransport::WebSocketTestee(testee.transport.clone()));
            }
            Worker::Container(_) => {}
        }
    }
    transports
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

fn describe(transport: &ListeningTransport, address: Option<SocketAddr>) -> String {
    let at = match (address, transport.endpoint()) {
        (Some(address), _) => address.to_string(),
        (None, ListeningEndpoint::Unix(unix)) => unix.path.display().to_string(),
        (None, ListeningEndpoint::Tcp(_)) => "TCP".to_owned(),
    };
    match transport {
        ListeningTransport::RawSocket(_) => format!("RawSocket at {at}"),
        ListeningTransport::WebSocket(_) => format!("WebSocket at {at}"),
        ListeningTransport::WebSocketTestee(_) => format!("WebSocket echo for tests at {at}"),
        ListeningTransport::StreamTestee(_) => format!("Echo for tests at {at}"),
        ListeningTransport::Web(web) => format!("HTTP at {at}: {}", paths(&web.paths)),
        ListeningTransport::Universal(universal) => match (&universal.rawsocket, &universal.web) {
            (Some(_), Some(web)) => format!("RawSocket and HTTP at {at}: {}", paths(&web.paths)),
            (None, Some(web)) => format!("HTTP at {at}: {}", paths(&web.paths)),
            (_, None) => format!("RawSocket at {at}"),
        },
    }
}

fn paths(paths: &[config::WebPath]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| Path::new("/").join(&path.path))
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" ")
}
