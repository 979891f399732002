//! From settings to a running node, and to its end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cloverleaf_client::Session;
use cloverleaf_config::settings as config;
use cloverleaf_config::settings::{
    RouterComponent, RouterWorker, Settings, Transport, WebService, Worker,
};
use cloverleaf_router::RealmSettings;
use cloverleaf_transport::TransportError;
use cloverleaf_wamp::features::CLIENT;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::components::{Component, ComponentError, Components, Joined, UnknownClass};
use crate::container::supervisor::{Launch, supervise};
use crate::kept_events;
use crate::listen::{Listening, bind};
use crate::local;
use crate::realm_host::RealmHost;
use crate::realms::Realms;
use crate::shutdown::{self, Ending, Signals};
use crate::threads::Threads;
use crate::tuning::Tuning;

mod realms;
mod services;
mod websocket;

use services::Builder;

/// Why a node can't start. Each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0}")]
    Transport(#[from] TransportError),
    #[error("{place}: {source}")]
    UnknownClass { place: String, source: UnknownClass },
    #[error("component {classname} failed to start: {source}")]
    Component { classname: String, source: ComponentError },
    #[error("a session inside the router can't join: {0}")]
    Refused(#[from] cloverleaf_router::Refusal),
    #[error("{0}")]
    Store(#[from] cloverleaf_event_store::StoreError),
    #[error("the operating system refuses: {0}")]
    Io(#[from] std::io::Error),
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
    listening: Vec<Listening>,
    /// What to say when it is ready.
    serves: Vec<String>,
    /// Where a call can be made over HTTP from this machine.
    caller_url: Option<String>,
    /// Sessions in this process; kept, since they end with the last handle.
    local: Vec<Session>,
    requests_in_flight: Arc<AtomicUsize>,
}

/// Runs a node until it is asked to end.
pub(crate) async fn run(run: Run) -> Result<(), StartError> {
    let started = Instant::now();
    let signals = Signals::watch()?;
    check_classes(&run.settings, &run.components)?;
    let threads = Arc::new(Threads::start(run.tuning)?);
    let (switch, ending) = shutdown::switch();

    let mut node = Node::new(&run.settings)?;
    node.bind(&run.settings, run.tuning)?;
    node.start_components(&run.settings, &run.components).await?;
    for line in &node.serves {
        tracing::info!("{line}");
    }
    let mut listeners = JoinSet::new();
    for listening in std::mem::take(&mut node.listening) {
        listeners.spawn(listening.run(Arc::clone(&threads), ending.clone()));
    }
    let (containers_switch, containers_ending) = shutdown::switch();
    let mut containers = start_containers(&run, &ending, &containers_ending);
    if let Some(line) = node.caller_url.as_deref().and_then(|at| run.components.first_call_at(at)) {
        tracing::info!("try: {line}");
    }
    tracing::info!("ready after {:.1} ms", started.elapsed().as_secs_f64() * 1_000.0);

    let signal = signals.requested().await;
    switch.end();
    while listeners.join_next().await.is_some() {}
    // Said when nobody is accepted any more and open connections have been asked to finish.
    tracing::info!("{signal}: the node ends");
    shutdown::drain(&node.realms, || node.requests_in_flight.load(Ordering::Relaxed)).await;
    shutdown::say_goodbye(&node.realms, node.local.len()).await;
    containers_switch.end();
    while containers.join_next().await.is_some() {}
    node.realms.all().iter().for_each(|realm| realm.stop_keeping());
    tracing::info!("the node has ended");
    Ok(())
}

/// Every class that the configuration names must be there, before anything is started.
fn check_classes(settings: &Settings, components: &Components) -> Result<(), StartError> {
    let in_routers = routers(settings)
        .flat_map(|router| &router.components)
        .map(|component| (&component.classname, &component.place));
    let in_containers = settings
        .workers
        .iter()
        .filter_map(|worker| match worker {
            Worker::Container(container) => Some(&container.components),
            Worker::Router(_) | Worker::WebSocketTestee(_) => None,
        })
        .flatten()
        .map(|component| (&component.classname, &component.place));
    for (classname, place) in in_routers.chain(in_containers) {
        if let Err(source) = components.of_class(classname) {
            return Err(StartError::UnknownClass { place: place.to_string(), source });
        }
    }
    Ok(())
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
        if let (Worker::Container(container), Some(launch)) = (worker, &run.launch) {
            let (worker, launch) = (container.clone(), launch.clone());
            containers.spawn(supervise(worker, launch, node_ending.clone(), ending.clone()));
        }
    }
    containers
}

fn host(realm: &config::Realm, settings: RealmSettings) -> Arc<RealmHost> {
    let host = RealmHost::new(settings).with_slow_consumers(realms::slow_consumers(realm));
    Arc::new(host.with_stats(realms::stats(realm)))
}

impl Node {
    /// Makes the realms and starts to watch their deadlines.
    fn new(settings: &Settings) -> Result<Self, StartError> {
        let mut realms = Realms::default();
        for realm in routers(settings).flat_map(|router| &router.realms) {
            let (settings, told) =
                kept_events::open(realm.store.as_ref(), realms::settings(realm))?;
            let host = host(realm, settings);
            let _ = told.set(Arc::downgrade(&host));
            tokio::spawn(Arc::clone(&host).watch_deadlines());
            realms.add(&realm.name, host);
        }
        if let Some(template) = routers(settings).find_map(|router| router.realm_template.clone()) {
            realms.set_template(template.max_realms, Handle::current(), move |name| {
                let realm = template.named(name);
                host(&realm, realms::settings(&realm))
            });
        }
        Ok(Self {
            realms: Arc::new(realms),
            listening: Vec::new(),
            serves: Vec::new(),
            caller_url: None,
            local: Vec::new(),
            requests_in_flight: Arc::new(AtomicUsize::new(0)),
        })
    }

    /// Binds every listener. Nothing is accepted before everything is bound.
    fn bind(&mut self, settings: &Settings, tuning: Tuning) -> Result<(), StartError> {
        for transport in transports(settings) {
            let listener = bind(transport.endpoint())?;
            let mut builder = Builder::new(&self.realms, &self.requests_in_flight, tuning);
            let protocol = builder.protocol(&transport)?;
            self.local.append(&mut builder.local);
            let address = listener.local_address();
            let is_proxied = transport.endpoint().proxy_protocol();
            let url = || caller_url(&transport, address.filter(|_| !is_proxied)?);
            self.caller_url = self.caller_url.take().or_else(url);
            self.serves.push(describe(&transport, address));
            self.listening.push(Listening { listener, protocol, is_proxied });
        }
        Ok(())
    }

    /// Starts the components inside the router, one after the other.
    async fn start_components(
        &mut self,
        settings: &Settings,
        components: &Components,
    ) -> Result<(), StartError> {
        for wanted in routers(settings).flat_map(|router| &router.components) {
            let component = components.of_class(&wanted.classname).map_err(|source| {
                StartError::UnknownClass { place: wanted.place.to_string(), source }
            })?;
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
fn transports(settings: &Settings) -> Vec<Transport> {
    let mut transports = Vec::new();
    for worker in &settings.workers {
        match worker {
            Worker::Router(router) => transports.extend(router.transports.iter().cloned()),
            Worker::WebSocketTestee(testee) => {
                transports.push(Transport::WebSocketTestee(testee.transport.clone()));
            }
            Worker::Container(_) => {}
        }
    }
    transports
}

/// The URL of a transport's first caller, as a client on this machine would write it.
fn caller_url(transport: &Transport, address: SocketAddr) -> Option<String> {
    let paths = match transport {
        Transport::Web(web) => &web.paths,
        Transport::Universal(universal) => &universal.web.as_ref()?.paths,
        _ => return None,
    };
    let path = paths.iter().find(|path| matches!(path.service, WebService::Caller(_)))?;
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let at = SocketAddr::new(host, address.port());
    Some(format!("http://{at}/{}", path.path.trim_start_matches('/')))
}

fn describe(transport: &Transport, address: Option<SocketAddr>) -> String {
    let at = match (address, transport.endpoint()) {
        (Some(address), _) => address.to_string(),
        (None, config::ListeningEndpoint::Unix(unix)) => unix.path.display().to_string(),
        (None, config::ListeningEndpoint::Tcp(_)) => "TCP".to_owned(),
    };
    match transport {
        Transport::RawSocket(_) => format!("RawSocket at {at}"),
        Transport::WebSocket(_) => format!("WebSocket at {at}"),
        Transport::WebSocketTestee(_) => format!("WebSocket echo for tests at {at}"),
        Transport::StreamTestee(_) => format!("Echo for tests at {at}"),
        Transport::Web(web) => format!("HTTP at {at}: {}", paths(&web.paths)),
        Transport::Universal(universal) => match (&universal.rawsocket, &universal.web) {
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
