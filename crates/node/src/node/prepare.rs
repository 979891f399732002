//! The first phase of applying a plan: everything that can fail.
//!
//! New objects are made beside the running ones. Three steps change running objects. They come last
//! and are undone if a step fails:
//! - Roles that new sessions of the node need are added to running realms.
//! - A component leaves before it starts again, since two can't register the same procedures.
//! - A socket is closed before another one is bound to its address.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use cloverleaf_config::Settings;
use cloverleaf_config::settings::{
    ListenerLimits, ListeningEndpoint, ListeningTransport, Ports, RealmConfig, RoleConfig,
    RouterComponent,
};
use cloverleaf_hosting::ComponentContext;
use cloverleaf_realms::local::{self, LocalIdentity, OwnedSession};
use cloverleaf_realms::{RealmHost, event_store};
use cloverleaf_transport::listener::Listener;
use cloverleaf_wamp::features::CLIENT;
use tokio::task::{spawn, spawn_blocking};

use super::Node;
use crate::assemble::protocols::{Assembled, assemble};
use crate::assemble::{Context, Existing, realms};
use crate::endpoints::bind_all;
use crate::error::ApplyError;
use crate::listeners::AbortOnDrop;
use crate::plan::{self, Change, ComponentName, ListenerName};

/// Everything of a plan that can fail, done.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) realms: BTreeMap<String, Arc<RealmHost>>,
    pub(super) realm_tasks: BTreeMap<String, AbortOnDrop>,
    /// Listeners that are new or serve something else.
    pub(super) listeners: Vec<(ListenerName, ListeningTransport, Assembled)>,
    /// The sockets of listeners that are new or bound anew.
    pub(super) sockets: BTreeMap<ListenerName, Listener>,
    pub(super) components: BTreeMap<ComponentName, OwnedSession>,
    /// Realms that run, to which roles were added.
    pub(super) extended: Vec<String>,
    /// Components that have left before others could start.
    pub(super) stopped: Vec<ComponentName>,
    /// Listeners whose sockets were closed before others could be bound.
    pub(super) closed: Vec<ListenerName>,
}

impl Node {
    /// Does everything of a plan that can fail.
    pub(super) async fn prepare(
        &mut self,
        changes: &[Change],
        target: &Settings,
    ) -> Result<Prepared, ApplyError> {
        let mut prepared = Prepared::default();
        match self.prepare_all(changes, target, &mut prepared).await {
            Ok(()) => Ok(prepared),
            Err(error) => {
                self.undo(prepared).await;
                Err(error)
            }
        }
    }

    async fn prepare_all(
        &mut self,
        changes: &[Change],
        target: &Settings,
        prepared: &mut Prepared,
    ) -> Result<(), ApplyError> {
        for realm in plan::all_realms(target) {
            let is_new = |change: &Change| match change {
                Change::AddRealm { realm: name, .. } | Change::ReplaceRealm(name) => {
                    *name == realm.name
                }
                _ => false,
            };
            if changes.iter().any(is_new) {
                self.prepare_realm(realm, prepared).await?;
            }
        }
        self.add_roles(changes, target, prepared);
        let (early, late): (Vec<_>, Vec<_>) = self
            .listeners_to_bind(changes, target)
            .into_iter()
            .partition(|(name, transport)| self.waits_for(changes, name, transport).is_empty());
        self.bind(&early, prepared).await?;
        self.assemble_listeners(changes, target, prepared)?;
        self.prepare_components(changes, target, prepared).await?;
        // A set: several listeners may wait for the same one.
        let to_close: BTreeSet<_> = late
            .iter()
            .flat_map(|(name, transport)| self.waits_for(changes, name, transport))
            .collect();
        for name in to_close {
            if let Some(listener) = self.listeners.get_mut(&name) {
                listener.close_socket().await;
                prepared.closed.push(name);
            }
        }
        self.bind(&late, prepared).await
    }

    async fn prepare_realm(
        &self,
        realm: &RealmConfig,
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
                // On another thread: a damaged or large file takes seconds.
                let opened = spawn_blocking(move || event_store::open(&file, settings)).await;
                let (settings, link) = opened.map_err(io::Error::from)??;
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

    /// Adds the new roles of realms that run, so that sessions of the node can join with them. No
    /// other session has them.
    fn add_roles(&self, changes: &[Change], target: &Settings, prepared: &mut Prepared) {
        for change in changes {
            let Change::ChangeRules { realm, .. } = change else { continue };
            let of = |settings| plan::all_realms(settings).find(|other| other.name == *realm);
            let (Some(before), Some(after)) = (of(&self.settings), of(target)) else { continue };
            let roles = with_new_roles(&before.roles, &after.roles);
            if roles.len() > before.roles.len()
                && let Ok(host) = self.realms.configured(realm)
            {
                realms::change_rules(&host, &RealmConfig { roles, ..before.clone() });
                prepared.extended.push(realm.clone());
            }
        }
    }

    /// The listeners that get a socket.
    fn listeners_to_bind(
        &self,
        changes: &[Change],
        target: &Settings,
    ) -> Vec<(ListenerName, ListeningTransport)> {
        let mut listeners = plan::all_listeners(target);
        listeners.retain(|(name, _)| {
            changes.iter().any(|change| match change {
                Change::AddListener(other) | Change::RebindListener(other) => other == name,
                _ => false,
            })
        });
        listeners
    }

    /// The listeners whose sockets must be closed before a listener can be bound: its own one, and
    /// those at one of its ports that the plan removes or binds anew.
    fn waits_for(
        &self,
        changes: &[Change],
        name: &ListenerName,
        transport: &ListeningTransport,
    ) -> Vec<ListenerName> {
        let releases = changes.iter().filter_map(|change| match change {
            Change::RemoveListener(other) | Change::RebindListener(other) => Some(other),
            _ => None,
        });
        let is_in_the_way = |other: &&ListenerName| {
            let address = self.listeners.get(other).and_then(|running| running.address());
            *other == name
                || address.is_some_and(|address| may_bind(transport.endpoint(), address.port()))
        };
        releases.filter(is_in_the_way).cloned().collect()
    }

    /// Binds sockets.
    async fn bind(
        &self,
        listeners: &[(ListenerName, ListeningTransport)],
        prepared: &mut Prepared,
    ) -> Result<(), ApplyError> {
        let sockets = bind_all(listeners.iter().map(|(_, transport)| transport.endpoint())).await;
        let has_file = self.options.launch.is_some();
        let sockets =
            sockets.map_err(|(endpoint, error)| ApplyError::unbound(endpoint, error, has_file))?;
        let names = listeners.iter().map(|(name, _)| name.clone());
        prepared.sockets.extend(names.zip(sockets));
        Ok(())
    }

    /// What new and changed listeners serve. The sessions of the HTTP bridge join.
    fn assemble_listeners(
        &self,
        changes: &[Change],
        target: &Settings,
        prepared: &mut Prepared,
    ) -> Result<(), ApplyError> {
        let replaced = replaced_realms(changes);
        let context = self.context(&prepared.realms, &replaced);
        for (name, transport) in plan::all_listeners(target) {
            let serves_else = |change: &Change| match change {
                Change::AddListener(other)
                | Change::RebindListener(other)
                | Change::ChangeListener(other) => *other == name,
                _ => false,
            };
            if !changes.iter().any(serves_else) {
                continue;
            }
            let running = self.listeners.get(&name);
            let protocol = running.map(|running| running.protocol());
            let existing = running
                .zip(protocol.as_ref())
                .map(|(running, protocol)| Existing { transport: running.transport(), protocol });
            let assembled = assemble(&context, &transport, existing)?;
            prepared.listeners.push((name, transport, assembled));
        }
        Ok(())
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

    /// Starts components. Those that they replace in a realm that stays leave before.
    async fn prepare_components(
        &mut self,
        changes: &[Change],
        target: &Settings,
        prepared: &mut Prepared,
    ) -> Result<(), ApplyError> {
        let starts = |name: &ComponentName| {
            changes.iter().any(|change| match change {
                Change::StartComponent(other) | Change::RestartComponent(other) => other == name,
                _ => false,
            })
        };
        let starting: Vec<_> =
            plan::all_components(target).filter(|(name, _)| starts(name)).collect();
        for name in self.components_in_the_way(changes, &starting, prepared) {
            if self.components.remove(&name).is_some() {
                prepared.stopped.push(name);
            }
        }
        let replaced = replaced_realms(changes);
        for (name, component) in starting {
            let realm = self.context(&prepared.realms, &replaced).realm(&component.realm)?;
            let session = self.start_component(&realm, component).await?;
            prepared.components.insert(name, session);
        }
        Ok(())
    }

    /// The components that end with the plan, in realms that stay and in which others start.
    fn components_in_the_way(
        &self,
        changes: &[Change],
        starting: &[(ComponentName, &RouterComponent)],
        prepared: &Prepared,
    ) -> Vec<ComponentName> {
        let ends = |name: &ComponentName| {
            changes.iter().any(|change| match change {
                Change::StopComponent(other) | Change::RestartComponent(other) => other == name,
                _ => false,
            })
        };
        let is_in_the_way = |component: &RouterComponent| {
            !prepared.realms.contains_key(&component.realm)
                && starting.iter().any(|(_, other)| other.realm == component.realm)
        };
        plan::all_components(&self.settings)
            .filter(|(name, component)| ends(name) && is_in_the_way(component))
            .map(|(name, _)| name)
            .collect()
    }

    /// Starts a component with a session in the realm. If it fails, its session leaves.
    pub(super) async fn start_component(
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
            has_independent_requests: false,
        };
        let (session, driver) = local::join(realm, identity)?;
        let owned = OwnedSession(session.clone());
        spawn(driver);
        let joined =
            ComponentContext { session, realm: wanted.realm.clone(), extra: wanted.extra.clone() };
        component.start(joined).await.map_err(|source| ApplyError::Component {
            classname: wanted.classname.clone(),
            source,
        })?;
        let (component, realm) = (&wanted.classname, &wanted.realm);
        tracing::info!(component, realm, "component started");
        Ok(owned)
    }
}

/// The roles of before, and those of after that are new.
pub(super) fn with_new_roles(before: &[RoleConfig], after: &[RoleConfig]) -> Vec<RoleConfig> {
    let is_new = |role: &&RoleConfig| before.iter().all(|other| other.name != role.name);
    before.iter().chain(after.iter().filter(is_new)).cloned().collect()
}

/// The names of realms that are replaced by others of the same name.
fn replaced_realms(changes: &[Change]) -> BTreeSet<String> {
    changes.iter().filter_map(Change::replaced_realm).map(str::to_owned).collect()
}

/// Whether an endpoint may be bound to this TCP port.
fn may_bind(endpoint: &ListeningEndpoint, port: u16) -> bool {
    match endpoint {
        ListeningEndpoint::Unix(_) => false,
        ListeningEndpoint::Tcp(tcp) => match &tcp.ports {
            Ports::One(one) => *one == port,
            Ports::FirstFreeOf(range) => range.contains(&port),
        },
    }
}
