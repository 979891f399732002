//! A node that runs: realms, listeners, components and containers by name.
//!
//! [`Node::plan`] computes the changes to other settings, [`Node::apply`] applies them. Applying
//! has two phases. The first makes everything that can fail: sockets are bound, event stores
//! opened, sessions of the node joined and components started. The second puts all of it into
//! effect and cannot fail. So an error leaves the node as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use cloverleaf_config::Settings;
use cloverleaf_config::settings::{
    self as config, ListenerLimits, ListeningTransport, RouterComponent,
};
use cloverleaf_hosting::supervisor::{Launch, supervise};
use cloverleaf_hosting::{Components, Joined};
use cloverleaf_realms::local::{self, LocalIdentity, OwnedSession};
use cloverleaf_realms::realms::TemplateRule;
use cloverleaf_realms::{Memory, RealmHost, Realms, event_store};
use cloverleaf_transport::listener::Listener;
use cloverleaf_transport::shutdown::{self, ShutdownSignal, ShutdownTrigger};
use cloverleaf_transport::{Connections, ListenerId};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::CLIENT;
use tokio::runtime::Handle;
use tokio::task::{spawn, spawn_blocking, yield_now};

use crate::assemble::protocols::{Assembled, assemble};
use crate::assemble::{Context, Existing, containers, realms};
use crate::endpoints::bind_all;
use crate::error::ApplyError;
use crate::listeners::{AbortOnDrop, Acceptor, RunningListener, ended};
use crate::plan::{self, Change, ComponentName, ListenerName, Plan};
use crate::threads::Threads;
use crate::tuning::Tuning;

/// How a node runs, beside its settings.
#[derive(Debug)]
pub struct NodeOptions {
    /// The components that settings may name.
    pub components: Components,
    /// How the processes of containers are started. None for a node without a configuration file,
    /// which has none.
    pub launch: Option<Launch>,
    /// How the machine is used.
    pub tuning: Tuning,
}

/// See the [module](self). Lives on a runtime of one thread, which is the first one that serves
/// connections.
#[derive(Debug)]
pub struct Node {
    options: NodeOptions,
    acceptor: Acceptor,
    memory: Memory,
    requests_in_flight: Arc<AtomicUsize>,
    next_listener: AtomicU32,
    /// The settings that are applied.
    settings: Settings,
    realms: Arc<Realms>,
    /// The tasks of the realms of the settings.
    realm_tasks: BTreeMap<String, AbortOnDrop>,
    listeners: BTreeMap<ListenerName, RunningListener>,
    /// The sessions of components in the router.
    components: BTreeMap<ComponentName, OwnedSession>,
    containers: BTreeMap<String, RunningContainer>,
    /// Given when the shutdown of the node begins.
    shutdown: (ShutdownTrigger, ShutdownSignal),
}

/// The supervisor of a container.
#[derive(Debug)]
struct RunningContainer {
    stop: ShutdownTrigger,
    task: AbortOnDrop,
}

/// Everything of a plan that can fail, done.
#[derive(Debug, Default)]
struct Prepared {
    realms: BTreeMap<String, Arc<RealmHost>>,
    realm_tasks: BTreeMap<String, AbortOnDrop>,
    /// New sockets and their protocols.
    listeners: Vec<(ListenerName, Listener, ListeningTransport, Assembled)>,
    /// Listeners that serve something else.
    changed: Vec<(ListenerName, ListeningTransport, Assembled)>,
    components: BTreeMap<ComponentName, OwnedSession>,
}

impl Node {
    /// A node without realms and listeners. Starts its threads.
    ///
    /// # Errors
    /// When the operating system refuses a thread or, where it is required, io_uring.
    pub fn new(options: NodeOptions) -> Result<Self, ApplyError> {
        let threads = Arc::new(Threads::start(options.tuning)?);
        let connections = Connections::new(options.tuning.threads());
        Ok(Self {
            options,
            acceptor: Acceptor { threads, connections },
            memory: Memory::of_machine(),
            requests_in_flight: Arc::default(),
            next_listener: AtomicU32::new(1),
            settings: Settings::empty(),
            realms: Arc::default(),
            realm_tasks: BTreeMap::new(),
            listeners: BTreeMap::new(),
            components: BTreeMap::new(),
            containers: BTreeMap::new(),
            shutdown: shutdown::channel(),
        })
    }

    /// The changes from the applied settings to `settings`. Has no effects.
    pub fn plan(&self, settings: Settings) -> Plan {
        Plan::between(&self.settings, settings)
    }

    /// The settings that are applied.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The components that settings may name.
    pub(crate) const fn component_classes(&self) -> &Components {
        &self.options.components
    }

    /// The open connections of the node.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.acceptor.connections
    }

    /// The addresses of the listeners, in the order of the settings; None for Unix sockets.
    pub fn addresses(&self) -> Vec<Option<SocketAddr>> {
        self.listeners_in_order().map(|(_, address)| address).collect()
    }

    /// The transports of the listeners with their addresses, in the order of the settings.
    pub(crate) fn listeners_in_order(
        &self,
    ) -> impl Iterator<Item = (&ListeningTransport, Option<SocketAddr>)> {
        plan::all_listeners(&self.settings).into_iter().filter_map(|(name, _)| {
            let listener = self.listeners.get(&name)?;
            Some((listener.transport(), listener.address()))
        })
    }

    /// Applies a plan that was made for the settings that are applied now.
    ///
    /// # Errors
    /// When a step fails. Then nothing has changed.
    pub async fn apply(&mut self, plan: Plan) -> Result<(), ApplyError> {
        let (changes, target) = plan.into_parts();
        let mut rebound = self.close_for_rebinding(&changes).await;
        let prepared = match self.prepare(&changes, &target).await {
            Ok(prepared) => prepared,
            Err(error) => {
                self.reopen(&mut rebound);
                return Err(error);
            }
        };
        self.commit(&changes, target, prepared).await;
        Ok(())
    }

    /// Closes the sockets that are bound anew, since two sockets can't have one address.
    async fn close_for_rebinding(
        &mut self,
        changes: &[Change],
    ) -> Vec<(ListenerName, ListeningTransport)> {
        let mut closed = Vec::new();
        for change in changes {
            if let Change::RebindListener(name) = change
                && let Some(listener) = self.listeners.get_mut(name)
            {
                closed.push((name.clone(), listener.transport().clone()));
                listener.close_socket().await;
            }
        }
        closed
    }

    /// Binds the sockets again that [`Self::close_for_rebinding`] has closed.
    fn reopen(&mut self, closed: &mut Vec<(ListenerName, ListeningTransport)>) {
        for (name, transport) in closed.drain(..) {
            let Some(running) = self.listeners.get_mut(&name) else { continue };
            match bind_all([transport.endpoint()].into_iter()) {
                Ok(mut listeners) => {
                    if let Some(listener) = listeners.pop() {
                        running.reopen(listener, self.acceptor.clone());
                    }
                }
                Err((_, error)) => {
                    tracing::error!(listener = %name, reason = %error, "listener lost");
                }
            }
        }
    }

    /// The first phase.
    async fn prepare(&self, changes: &[Change], target: &Settings) -> Result<Prepared, ApplyError> {
        let mut prepared = Prepared::default();
        let replaced: BTreeSet<String> =
            changes.iter().filter_map(Change::replaced_realm).map(str::to_owned).collect();
        for change in changes {
            if let Change::AddRealm(name) | Change::ReplaceRealm(name) = change
                && let Some(realm) = plan::all_realms(target).find(|realm| realm.name == *name)
            {
                self.prepare_realm(realm, &mut prepared)?;
            }
        }
        self.prepare_listeners(changes, target, &replaced, &mut prepared)?;
        for (name, component) in plan::all_components(target) {
            let starts = changes.iter().any(|change| match change {
                Change::StartComponent(other) | Change::RestartComponent(other) => *other == name,
                _ => false,
            });
            if starts {
                let context = self.context(&prepared.realms, &replaced);
                let realm = context.realm(&component.realm)?;
                let session = self.start_component(&realm, component).await?;
                prepared.components.insert(name, session);
            }
        }
        Ok(prepared)
    }

    fn context<'a>(
        &'a self,
        new_realms: &'a BTreeMap<String, Arc<RealmHost>>,
        replaced: &'a BTreeSet<String>,
    ) -> Context<'a> {
        Context {
            realms: &self.realms,
            new_realms,
            replaced,
            in_flight: &self.requests_in_flight,
            memory: &self.memory,
            tuning: self.options.tuning,
            limits: ListenerLimits::default(),
        }
    }

    fn prepare_realm(
        &self,
        realm: &config::RealmConfig,
        prepared: &mut Prepared,
    ) -> Result<(), ApplyError> {
        let settings = realms::settings(realm);
        let host = match realms::store_file(realm) {
            None => Arc::new(realms::host(realm, settings)),
            Some(file) => {
                let open = plan::all_realms(&self.settings)
                    .filter_map(realms::store_file)
                    .any(|other| other.path == file.path);
                if open {
                    return Err(ApplyError::StoreIsOpen { realm: realm.name.clone() });
                }
                let (settings, link) = event_store::open(&file, settings)?;
                let host = Arc::new(realms::host(realm, settings));
                link.set(&host);
                host
            }
        };
        let task = AbortOnDrop(spawn(Arc::clone(&host).run()));
        prepared.realm_tasks.insert(realm.name.clone(), task);
        prepared.realms.insert(realm.name.clone(), host);
        Ok(())
    }

    fn prepare_listeners(
        &self,
        changes: &[Change],
        target: &Settings,
        replaced: &BTreeSet<String>,
        prepared: &mut Prepared,
    ) -> Result<(), ApplyError> {
        let binds = |name: &ListenerName| {
            changes.iter().any(|change| match change {
                Change::AddListener(other) | Change::RebindListener(other) => other == name,
                _ => false,
            })
        };
        let (bound, kept): (Vec<_>, Vec<_>) =
            plan::all_listeners(target).into_iter().partition(|(name, _)| binds(name));
        let sockets = bind_all(bound.iter().map(|(_, transport)| transport.endpoint()));
        let has_file = self.options.launch.is_some();
        let sockets =
            sockets.map_err(|(endpoint, error)| ApplyError::unbound(endpoint, error, has_file))?;
        let realms = std::mem::take(&mut prepared.realms);
        let context = self.context(&realms, replaced);
        let outcome = self.assemble_all(&context, changes, kept, bound.into_iter().zip(sockets));
        prepared.realms = realms;
        (prepared.listeners, prepared.changed) = outcome?;
        Ok(())
    }

    /// Assembles the protocols of new sockets and of changed listeners.
    #[expect(clippy::type_complexity, reason = "the two lists of `Prepared`")]
    fn assemble_all(
        &self,
        context: &Context<'_>,
        changes: &[Change],
        kept: Vec<(ListenerName, ListeningTransport)>,
        bound: impl Iterator<Item = ((ListenerName, ListeningTransport), Listener)>,
    ) -> Result<
        (
            Vec<(ListenerName, Listener, ListeningTransport, Assembled)>,
            Vec<(ListenerName, ListeningTransport, Assembled)>,
        ),
        ApplyError,
    > {
        let assemble = |name: &ListenerName, transport: &ListeningTransport| {
            let existing = self
                .listeners
                .get(name)
                .map(|running| (running.transport().clone(), running.protocol()));
            let existing =
                existing.as_ref().map(|(transport, protocol)| Existing { transport, protocol });
            assemble(context, transport, existing)
        };
        let mut listeners = Vec::new();
        for ((name, transport), listener) in bound {
            let assembled = assemble(&name, &transport)?;
            listeners.push((name, listener, transport, assembled));
        }
        let mut changed = Vec::new();
        for (name, transport) in kept {
            if changes.contains(&Change::ChangeListener(name.clone())) {
                let assembled = assemble(&name, &transport)?;
                changed.push((name, transport, assembled));
            }
        }
        Ok((listeners, changed))
    }

    async fn start_component(
        &self,
        realm: &Arc<RealmHost>,
        wanted: &RouterComponent,
    ) -> Result<OwnedSession, ApplyError> {
        let component = self.options.components.of_class(&wanted.classname)?;
        let identity = LocalIdentity {
            authid: &wanted.id,
            authrole: &wanted.role,
            roles: CLIENT,
            is_internal: true,
        };
        let (session, driver) = local::join(realm, identity)?;
        let owned = OwnedSession(session.clone());
        spawn(driver);
        let joined = Joined { session, realm: wanted.realm.clone(), extra: wanted.extra.clone() };
        component.start(joined).await.map_err(|source| ApplyError::Component {
            classname: wanted.classname.clone(),
            source,
        })?;
        let (component, realm) = (&wanted.classname, &wanted.realm);
        tracing::info!(component, realm, "component started");
        Ok(owned)
    }

    /// The second phase.
    async fn commit(&mut self, changes: &[Change], target: Settings, prepared: Prepared) {
        let mut ending = Vec::new();
        for (name, host) in prepared.realms {
            ending.extend(self.realms.insert(&name, host));
        }
        let mut stopped_tasks = Vec::new();
        for (name, task) in prepared.realm_tasks {
            stopped_tasks.extend(self.realm_tasks.insert(name, task));
        }
        self.commit_rules(changes, &target, &mut ending);
        for (name, transport, assembled) in prepared.changed {
            if let Some(running) = self.listeners.get_mut(&name) {
                running.change(transport, assembled.commit());
            }
        }
        for (name, listener, transport, assembled) in prepared.listeners {
            if let Some(running) = self.listeners.get_mut(&name) {
                running.change(transport, assembled.commit());
                running.reopen(listener, self.acceptor.clone());
                continue;
            }
            let id = ListenerId(self.next_listener.fetch_add(1, Ordering::Relaxed));
            let (protocol, acceptor) = (assembled.commit(), self.acceptor.clone());
            let running = RunningListener::start(id, listener, transport, protocol, acceptor);
            self.listeners.insert(name, running);
        }
        self.components.extend(prepared.components);
        self.settings = target;
        self.commit_containers(changes);
        self.remove(changes, ending, stopped_tasks).await;
    }

    /// Puts new roles and templates into effect.
    fn commit_rules(
        &mut self,
        changes: &[Change],
        target: &Settings,
        ending: &mut Vec<Arc<RealmHost>>,
    ) {
        for change in changes {
            match change {
                Change::ChangeRules { realm, .. } => {
                    let settings = plan::all_realms(target).find(|other| other.name == *realm);
                    if let (Some(settings), Ok(host)) = (settings, self.realms.configured(realm)) {
                        realms::change_rules(&host, settings);
                    }
                }
                Change::AddTemplate => self.set_template(target),
                Change::ChangeTemplateRules => {
                    self.set_template(target);
                    for host in self.realms.made() {
                        if let Some(template) = plan::template(target) {
                            realms::change_rules(&host, &template.named(host.name()));
                        }
                    }
                }
                Change::ReplaceTemplate => {
                    ending.extend(self.realms.made());
                    self.realms.remove_template();
                    self.set_template(target);
                }
                Change::RemoveTemplate => {
                    ending.extend(self.realms.made());
                    self.realms.remove_template();
                }
                Change::RemoveRealm(realm) => ending.extend(self.realms.remove(realm)),
                _ => {}
            }
        }
    }

    fn set_template(&self, target: &Settings) {
        let Some(template) = plan::template(target).cloned() else { return };
        let rule = TemplateRule {
            max_realms: template.max_realms,
            compatibility: realms::compatibility(template.options.compatibility),
            make: Box::new(move |name| {
                let realm = template.named(name);
                Arc::new(realms::host(&realm, realms::settings(&realm)))
            }),
        };
        self.realms.set_template(rule, Handle::current());
    }

    fn commit_containers(&mut self, changes: &[Change]) {
        let Some(launch) = &self.options.launch else { return };
        for worker in plan::all_containers(&self.settings) {
            let starts = changes.iter().any(|change| match change {
                Change::StartContainer(id) | Change::RestartContainer(id) => *id == worker.id,
                _ => false,
            });
            if !starts {
                continue;
            }
            let before = self.containers.remove(&worker.id);
            let (stop, stopped) = shutdown::channel();
            let (process, launch) = (containers::process(worker), launch.clone());
            let node_shutdown = self.shutdown.1.clone();
            let task = spawn(async move {
                if let Some(before) = before {
                    before.stop().await;
                }
                supervise(process, launch, node_shutdown, stopped).await;
            });
            let running = RunningContainer { stop, task: AbortOnDrop(task) };
            self.containers.insert(worker.id.clone(), running);
        }
    }

    /// Ends everything that is not part of the settings any more.
    async fn remove(
        &mut self,
        changes: &[Change],
        ending: Vec<Arc<RealmHost>>,
        mut tasks: Vec<AbortOnDrop>,
    ) {
        for change in changes {
            match change {
                Change::RemoveListener(name) => {
                    if let Some(listener) = self.listeners.remove(name) {
                        listener.stop().await;
                    }
                }
                Change::StopComponent(name) => drop(self.components.remove(name)),
                Change::StopContainer(worker) => {
                    if let Some(container) = self.containers.remove(worker) {
                        container.stop().await;
                    }
                }
                Change::RemoveRealm(realm) => tasks.extend(self.realm_tasks.remove(realm)),
                _ => {}
            }
        }
        for realm in ending {
            end_realm(realm).await;
        }
        drop(tasks);
    }

    /// Ends the sessions of all realms, the listeners and the containers, in the order of
    /// [`crate::shutdown`].
    pub async fn shut_down(mut self) {
        self.stop_listening().await;
        self.end().await;
    }

    /// Phase 1 of the shutdown: no new connections; HTTP connections end after their requests.
    pub(crate) async fn stop_listening(&mut self) {
        self.shutdown.0.shut_down();
        for (_, listener) in std::mem::take(&mut self.listeners) {
            listener.stop().await;
        }
    }

    /// Phases 2 to 4 of the shutdown.
    pub(crate) async fn end(&mut self) {
        let in_flight = || self.requests_in_flight.load(Ordering::Relaxed);
        crate::shutdown::drain(&self.realms, in_flight).await;
        // Before their connections end, so that they don't take the end for a loss.
        let containers = std::mem::take(&mut self.containers);
        containers.values().for_each(|container| container.stop.shut_down());
        for (_, container) in containers {
            ended(container.task).await;
        }
        crate::shutdown::end_sessions(&self.realms).await;
        for realm in self.realms.all() {
            stop_storing(realm).await;
        }
    }

    /// Ends the node without a graceful shutdown: closes the sockets and kills the containers.
    pub(crate) async fn abort(&mut self) {
        for (_, listener) in std::mem::take(&mut self.listeners) {
            listener.abort().await;
        }
        for (_, container) in std::mem::take(&mut self.containers) {
            container.task.0.abort();
            ended(container.task).await;
        }
    }
}

impl RunningContainer {
    async fn stop(self) {
        self.stop.shut_down();
        ended(self.task).await;
    }
}

/// Ends a realm that is not reachable by its name any more.
async fn end_realm(realm: Arc<RealmHost>) {
    while realm.end_calls() {
        yield_now().await;
    }
    realm.close(error_uri::CLOSE_REALM);
    stop_storing(realm).await;
}

/// Closes the event store of a realm. It waits for the disk on a thread of its own.
async fn stop_storing(realm: Arc<RealmHost>) {
    if let Err(error) = spawn_blocking(move || realm.stop_storing()).await {
        tracing::error!(reason = %error, "event store not closed");
    }
}
