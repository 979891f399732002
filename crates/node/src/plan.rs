//! The changes that make a node run other settings.
//!
//! A [`Plan`] is computed from the settings that are applied and those that are wanted. Computing
//! it has no effects; [`Node::apply`](crate::Node::apply) carries it out. Starting a node is
//! applying a plan to no settings.

use std::fmt;

use cloverleaf_config::Settings;
use cloverleaf_config::settings::{
    ContainerComponent, ContainerWorker, ListeningEndpoint, ListeningTransport, Ports, RealmConfig,
    RealmTemplate, RoleConfig, RouterComponent, RouterWorker, WebPath, WebService, Worker,
};

/// The difference between two settings, and the second of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    changes: Vec<Change>,
    target: Settings,
}

/// A step of a plan. Displayed with its consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A realm begins.
    AddRealm {
        /// The realm.
        realm: String,
        /// There is a template, which may have made a realm of this name: its sessions end.
        replaces_made: bool,
    },
    /// A realm gets other roles, permissions or limits. Sessions with a role that stays are not
    /// disturbed.
    ChangeRules {
        /// The realm.
        realm: String,
        /// Roles that are no longer there: their sessions end.
        removed: Vec<String>,
    },
    /// A realm begins anew, since options have changed that sessions rely on. Its sessions end.
    ReplaceRealm(String),
    /// A realm ends, with its sessions.
    RemoveRealm(String),
    /// A template makes realms from now on.
    AddTemplate,
    /// The template gives its realms other roles, permissions or limits, or makes more or fewer.
    /// Sessions with a role that stays are not disturbed.
    ChangeTemplateRules {
        /// Roles that are no longer there: their sessions end.
        removed: Vec<String>,
    },
    /// The template makes other realms from now on. The realms that it has made end.
    ReplaceTemplate,
    /// No template makes realms any more. The realms that it has made end.
    RemoveTemplate,
    /// A listener begins.
    AddListener(ListenerName),
    /// A listener serves something else. Its connections stay.
    ChangeListener(ListenerName),
    /// The socket of a listener is bound anew. Its connections stay.
    RebindListener(ListenerName),
    /// A listener ends. Its connections stay, except HTTP connections.
    RemoveListener(ListenerName),
    /// A component of a router begins.
    StartComponent(ComponentName),
    /// A component of a router ends and begins again.
    RestartComponent(ComponentName),
    /// A component of a router ends.
    StopComponent(ComponentName),
    /// The process of a container begins.
    StartContainer(String),
    /// The process of a container ends and begins again.
    RestartContainer(String),
    /// The process of a container ends.
    StopContainer(String),
}

/// Names a listener by its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerName {
    endpoint: String,
    /// From 1 on: several listeners may have any free port, or share one.
    number: usize,
}

/// Names a component by its worker and its id there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentName {
    /// The id of the worker.
    pub worker: String,
    /// The id of the component.
    pub component: String,
}

impl Plan {
    /// The changes from `current` to `target`.
    pub fn between(current: &Settings, target: Settings) -> Self {
        let mut changes = Vec::new();
        realms(current, &target, &mut changes);
        templates(current, &target, &mut changes);
        let replaced: Vec<&str> = changes.iter().filter_map(Change::replaced_realm).collect();
        let replaced: Vec<String> = replaced.into_iter().map(str::to_owned).collect();
        listeners(current, &target, &replaced, &mut changes);
        components(current, &target, &replaced, &mut changes);
        containers(current, &target, &mut changes);
        Self { changes, target }
    }

    /// The steps: realms, the template, listeners, components, containers.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The settings that the node runs after the plan.
    pub const fn target(&self) -> &Settings {
        &self.target
    }

    pub(crate) fn into_parts(self) -> (Vec<Change>, Settings) {
        (self.changes, self.target)
    }
}

impl Change {
    /// The realm that ends and begins again, if it is one.
    pub(crate) fn replaced_realm(&self) -> Option<&str> {
        match self {
            Self::ReplaceRealm(realm) => Some(realm),
            _ => None,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changes");
        }
        for (index, change) in self.changes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            change.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddRealm { realm, replaces_made: false } => write!(f, "add realm '{realm}'"),
            Self::AddRealm { realm, replaces_made: true } => write!(
                f,
                "add realm '{realm}': sessions of a realm with this name that the template has \
                 made end"
            ),
            Self::ChangeRules { realm, removed } if removed.is_empty() => {
                write!(f, "change rules of realm '{realm}': its sessions stay")
            }
            Self::ChangeRules { realm, removed } => {
                let removed = removed.join("', '");
                write!(
                    f,
                    "change rules of realm '{realm}': sessions with role '{removed}' end, and \
                     their calls in flight fail"
                )
            }
            Self::ReplaceRealm(realm) => write!(f, "replace realm '{realm}': its sessions end"),
            Self::RemoveRealm(realm) => write!(f, "remove realm '{realm}': its sessions end"),
            Self::AddTemplate => f.write_str("add the realm template"),
            Self::ChangeTemplateRules { removed } if removed.is_empty() => {
                f.write_str("change rules of the realm template: sessions of its realms stay")
            }
            Self::ChangeTemplateRules { removed } => {
                let removed = removed.join("', '");
                write!(
                    f,
                    "change rules of the realm template: sessions with role '{removed}' end, and \
                     their calls in flight fail"
                )
            }
            Self::ReplaceTemplate => {
                f.write_str("replace the realm template: sessions of its realms end")
            }
            Self::RemoveTemplate => {
                f.write_str("remove the realm template: sessions of its realms end")
            }
            Self::AddListener(name) => write!(f, "add listener {name}"),
            Self::ChangeListener(name) => {
                write!(f, "change listener {name}: its connections stay")
            }
            Self::RebindListener(name) => write!(
                f,
                "bind listener {name} anew: its connections stay, and new ones are refused for a \
                 moment"
            ),
            Self::RemoveListener(name) => write!(
                f,
                "remove listener {name}: its sessions stay, HTTP connections end after their \
                 request"
            ),
            Self::StartComponent(name) => write!(f, "start component {name}"),
            Self::RestartComponent(name) => write!(f, "restart component {name}"),
            Self::StopComponent(name) => write!(f, "stop component {name}"),
            Self::StartContainer(worker) => write!(f, "start container '{worker}'"),
            Self::RestartContainer(worker) => write!(f, "restart container '{worker}'"),
            Self::StopContainer(worker) => write!(f, "stop container '{worker}'"),
        }
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => f.write_str(&self.endpoint),
            number => write!(f, "{}#{number}", self.endpoint),
        }
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' of worker '{}'", self.component, self.worker)
    }
}

/// The router workers of the settings.
pub(crate) fn routers(settings: &Settings) -> impl Iterator<Item = &RouterWorker> {
    settings.workers.iter().filter_map(|worker| match worker {
        Worker::Router(router) => Some(router),
        Worker::Container(_) | Worker::WebSocketTestee(_) => None,
    })
}

/// The realms of all workers.
pub(crate) fn all_realms(settings: &Settings) -> impl Iterator<Item = &RealmConfig> {
    routers(settings).flat_map(|router| &router.realms)
}

/// The template for realms, if there is one.
pub(crate) fn template(settings: &Settings) -> Option<&RealmTemplate> {
    routers(settings).find_map(|router| router.realm_template.as_ref())
}

/// The transports of all workers by the names of their listeners, in the order of the settings.
pub(crate) fn all_listeners(settings: &Settings) -> Vec<(ListenerName, ListeningTransport)> {
    let mut named: Vec<(ListenerName, ListeningTransport)> = Vec::new();
    let mut add = |transport: ListeningTransport| {
        let endpoint = name_of(transport.endpoint());
        let number = 1 + named.iter().filter(|(other, _)| other.endpoint == endpoint).count();
        named.push((ListenerName { endpoint, number }, transport));
    };
    for worker in &settings.workers {
        match worker {
            Worker::Router(router) => router.transports.iter().cloned().for_each(&mut add),
            Worker::WebSocketTestee(testee) => {
                add(ListeningTransport::WebSocketTestee(testee.transport.clone()));
            }
            Worker::Container(_) => {}
        }
    }
    named
}

fn name_of(endpoint: &ListeningEndpoint) -> String {
    match endpoint {
        ListeningEndpoint::Unix(unix) => unix.path.display().to_string(),
        ListeningEndpoint::Tcp(tcp) => {
            let interface = tcp.interface.as_ref().map_or("*", |interface| &interface.name);
            match &tcp.ports {
                Ports::One(port) => format!("{interface}:{port}"),
                Ports::FirstFreeOf(range) => {
                    format!("{interface}:{}-{}", range.start(), range.end())
                }
            }
        }
    }
}

/// The components of all routers by name.
pub(crate) fn all_components(
    settings: &Settings,
) -> impl Iterator<Item = (ComponentName, &RouterComponent)> {
    routers(settings).flat_map(|router| {
        router.components.iter().map(|component| {
            let name = ComponentName { worker: router.id.clone(), component: component.id.clone() };
            (name, component)
        })
    })
}

/// The containers with components.
pub(crate) fn all_containers(settings: &Settings) -> impl Iterator<Item = &ContainerWorker> {
    settings.workers.iter().filter_map(|worker| match worker {
        Worker::Container(container) if !container.components.is_empty() => Some(container),
        _ => None,
    })
}

fn realms(current: &Settings, target: &Settings, changes: &mut Vec<Change>) {
    let find = |settings, name: &str| all_realms(settings).find(|realm| realm.name == name);
    for realm in all_realms(target) {
        match find(current, &realm.name) {
            None => changes.push(Change::AddRealm {
                realm: realm.name.clone(),
                replaces_made: template(current).is_some(),
            }),
            Some(before) if is_same_but_rules(before, realm) => {
                if (&before.roles, before.limits) != (&realm.roles, realm.limits) {
                    let removed = removed_roles(&before.roles, &realm.roles);
                    changes.push(Change::ChangeRules { realm: realm.name.clone(), removed });
                }
            }
            Some(_) => changes.push(Change::ReplaceRealm(realm.name.clone())),
        }
    }
    for realm in all_realms(current) {
        if find(target, &realm.name).is_none() {
            changes.push(Change::RemoveRealm(realm.name.clone()));
        }
    }
}

/// The names of the roles that are no longer there.
fn removed_roles(before: &[RoleConfig], after: &[RoleConfig]) -> Vec<String> {
    let is_removed = |name: &&String| after.iter().all(|role| role.name != **name);
    before.iter().map(|role| &role.name).filter(is_removed).cloned().collect()
}

/// Whether two realms differ in their ids, roles and limits at the most.
fn is_same_but_rules(one: &RealmConfig, other: &RealmConfig) -> bool {
    let RealmConfig { id: _, name, options, limits: _, roles: _, store, stats } = one;
    (name, options, store, stats) == (&other.name, &other.options, &other.store, &other.stats)
}

fn templates(current: &Settings, target: &Settings, changes: &mut Vec<Change>) {
    changes.extend(match (template(current), template(target)) {
        (None, None) => None,
        (None, Some(_)) => Some(Change::AddTemplate),
        (Some(_), None) => Some(Change::RemoveTemplate),
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => {
            let RealmTemplate { max_realms: _, options, limits: _, roles: _, store, stats } =
                before;
            let is_same = (options, store, stats) == (&after.options, &after.store, &after.stats);
            Some(match is_same {
                true => Change::ChangeTemplateRules {
                    removed: removed_roles(&before.roles, &after.roles),
                },
                false => Change::ReplaceTemplate,
            })
        }
    });
}

fn listeners(
    current: &Settings,
    target: &Settings,
    replaced: &[String],
    changes: &mut Vec<Change>,
) {
    let (before, after) = (all_listeners(current), all_listeners(target));
    let find = |all: &[(ListenerName, ListeningTransport)], name: &ListenerName| {
        all.iter().find(|(other, _)| other == name).map(|(_, transport)| transport.clone())
    };
    for (name, transport) in &after {
        match find(&before, name) {
            None => changes.push(Change::AddListener(name.clone())),
            Some(before) if !is_same_endpoint(before.endpoint(), transport.endpoint()) => {
                changes.push(Change::RebindListener(name.clone()));
            }
            Some(before) => {
                let uses_replaced = paths_of(transport).iter().any(|path| uses(path, replaced));
                if uses_replaced || !serves_the_same(&before, transport) {
                    changes.push(Change::ChangeListener(name.clone()));
                }
            }
        }
    }
    for (name, _) in &before {
        if find(&after, name).is_none() {
            changes.push(Change::RemoveListener(name.clone()));
        }
    }
}

/// Whether two endpoints are bound in the same way. Their locations in the file are ignored.
fn is_same_endpoint(one: &ListeningEndpoint, other: &ListeningEndpoint) -> bool {
    without_place(one) == without_place(other)
}

fn without_place(endpoint: &ListeningEndpoint) -> ListeningEndpoint {
    let mut endpoint = endpoint.clone();
    if let ListeningEndpoint::Tcp(tcp) = &mut endpoint
        && let Some(interface) = &mut tcp.interface
    {
        interface.location = None;
    }
    endpoint
}

/// Whether two transports at the same endpoint serve the same.
fn serves_the_same(one: &ListeningTransport, other: &ListeningTransport) -> bool {
    let mut one = one.clone();
    let (id, endpoint) = identity_of(&mut one);
    other.id().clone_into(id);
    endpoint.clone_from(other.endpoint());
    one == *other
}

fn identity_of(transport: &mut ListeningTransport) -> (&mut String, &mut ListeningEndpoint) {
    match transport {
        ListeningTransport::RawSocket(transport) => (&mut transport.id, &mut transport.endpoint),
        ListeningTransport::WebSocket(transport) => (&mut transport.id, &mut transport.endpoint),
        ListeningTransport::Web(transport) => (&mut transport.id, &mut transport.endpoint),
        ListeningTransport::Universal(transport) => (&mut transport.id, &mut transport.endpoint),
        ListeningTransport::WebSocketTestee(transport) => {
            (&mut transport.id, &mut transport.endpoint)
        }
        ListeningTransport::StreamTestee(transport) => (&mut transport.id, &mut transport.endpoint),
    }
}

fn paths_of(transport: &ListeningTransport) -> &[WebPath] {
    match transport {
        ListeningTransport::Web(web) => &web.paths,
        ListeningTransport::Universal(universal) => match &universal.web {
            Some(web) => &web.paths,
            None => &[],
        },
        _ => &[],
    }
}

/// Whether a path has a session in one of these realms.
fn uses(path: &WebPath, realms: &[String]) -> bool {
    match &path.service {
        WebService::Caller(bridge) | WebService::Publisher(bridge) => {
            realms.contains(&bridge.realm)
        }
        WebService::Path(paths) => paths.iter().any(|path| uses(path, realms)),
        _ => false,
    }
}

fn components(
    current: &Settings,
    target: &Settings,
    replaced: &[String],
    changes: &mut Vec<Change>,
) {
    let find = |settings, name: &ComponentName| {
        all_components(settings).find(|(other, _)| other == name).map(|(_, component)| component)
    };
    for (name, component) in all_components(target) {
        match find(current, &name) {
            None => changes.push(Change::StartComponent(name)),
            Some(before) => {
                if replaced.contains(&component.realm) || !is_same_component(before, component) {
                    changes.push(Change::RestartComponent(name));
                }
            }
        }
    }
    for (name, _) in all_components(current) {
        if find(target, &name).is_none() {
            changes.push(Change::StopComponent(name));
        }
    }
}

fn is_same_component(one: &RouterComponent, other: &RouterComponent) -> bool {
    let RouterComponent { id: _, classname, realm, role, extra, location: _ } = one;
    (classname, realm, role, extra) == (&other.classname, &other.realm, &other.role, &other.extra)
}

fn containers(current: &Settings, target: &Settings, changes: &mut Vec<Change>) {
    let find = |settings, id: &str| all_containers(settings).find(|worker| worker.id == id);
    for worker in all_containers(target) {
        match find(current, &worker.id) {
            None => changes.push(Change::StartContainer(worker.id.clone())),
            Some(before) if is_same_container(before, worker) => {}
            Some(_) => changes.push(Change::RestartContainer(worker.id.clone())),
        }
    }
    for worker in all_containers(current) {
        if find(target, &worker.id).is_none() {
            changes.push(Change::StopContainer(worker.id.clone()));
        }
    }
}

fn is_same_container(one: &ContainerWorker, other: &ContainerWorker) -> bool {
    let is_same = |one: &ContainerComponent, other: &ContainerComponent| {
        let ContainerComponent { id: _, classname, realm, transport, extra, location: _ } = one;
        (classname, realm, transport, extra)
            == (&other.classname, &other.realm, &other.transport, &other.extra)
    };
    one.options == other.options
        && one.components.len() == other.components.len()
        && one.components.iter().zip(&other.components).all(|(one, other)| is_same(one, other))
}

#[cfg(test)]
mod tests;
