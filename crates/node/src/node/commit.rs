//! The second phase of applying a plan: cannot fail.
//!
//! Realms and roles are added before the listeners and paths that use them, and removed after the
//! listeners and paths that no longer do, so that no request finds a part of the change only.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloverleaf_config::Settings;
use cloverleaf_config::settings::RealmTemplate;
use cloverleaf_hosting::supervisor::supervise;
use cloverleaf_realms::RealmHost;
use cloverleaf_realms::realms::TemplateRule;
use cloverleaf_transport::ListenerId;
use cloverleaf_transport::shutdown;
use cloverleaf_wamp::error_uri;
use tokio::runtime::Handle;
use tokio::task::{spawn, yield_now};
use tokio::time::sleep;

use super::prepare::{Prepared, with_new_roles};
use super::{Node, RunningContainer, stop_storing};
use crate::assemble::{containers, realms};
use crate::listeners::{AbortOnDrop, RunningListener};
use crate::plan::{self, Change};

/// The interval between two looks whether the last session of a realm has ended.
const ENDING_INTERVAL: Duration = Duration::from_millis(100);

/// A realm that is not reachable by its name any more.
#[derive(Debug)]
struct EndingRealm {
    host: Arc<RealmHost>,
    /// Its task, unless a template has made the realm.
    task: Option<AbortOnDrop>,
}

impl Node {
    /// Puts what was prepared into effect.
    pub(super) async fn commit(
        &mut self,
        changes: &[Change],
        target: Settings,
        prepared: Prepared,
    ) {
        let Prepared { realms, mut realm_tasks, listeners, mut sockets, components, .. } = prepared;
        let mut ending = Vec::new();
        for (name, host) in realms {
            let task = realm_tasks.remove(&name);
            let previous = task.and_then(|task| self.realm_tasks.insert(name.clone(), task));
            let replaced = self.realms.insert(&name, host);
            ending.extend(replaced.configured.map(|host| EndingRealm { host, task: previous }));
            ending.extend(replaced.made.map(EndingRealm::made));
        }
        self.add_rules(changes, &target, &mut ending);
        for (name, transport, assembled) in listeners {
            let (protocol, acceptor) = (assembled.commit(), self.acceptor.clone());
            match (self.listeners.get_mut(&name), sockets.remove(&name)) {
                (Some(running), socket) => {
                    running.change(transport, protocol);
                    if let Some(socket) = socket {
                        running.reopen(socket, acceptor);
                    }
                }
                (None, Some(socket)) => {
                    let id = ListenerId(self.next_listener.fetch_add(1, Ordering::Relaxed));
                    let running = RunningListener::start(id, socket, transport, protocol, acceptor);
                    self.listeners.insert(name, running);
                }
                (None, None) => {}
            }
        }
        for (name, session) in components {
            // A session that it replaces leaves.
            self.components.insert(name, session);
        }
        self.remove_listeners(changes).await;
        self.stop_components(changes);
        self.remove_rules(changes, &target, &mut ending);
        self.settings = target;
        self.commit_containers(changes);
        self.stop_containers(changes).await;
        for realm in ending {
            realm.end().await;
        }
    }

    /// Puts new templates, and new roles of the template, into effect. New roles of realms were
    /// added by the first phase.
    fn add_rules(&self, changes: &[Change], target: &Settings, ending: &mut Vec<EndingRealm>) {
        let Some(template) = plan::template(target) else { return };
        for change in changes {
            match change {
                Change::AddTemplate => self.set_template(template),
                Change::ReplaceTemplate => {
                    let rule = template_rule(template);
                    let replaced = self.realms.replace_template(rule, Handle::current());
                    ending.extend(replaced.into_iter().map(EndingRealm::made));
                }
                Change::ChangeTemplateRules { .. } => {
                    let Some(before) = plan::template(&self.settings) else { continue };
                    let roles = with_new_roles(&before.roles, &template.roles);
                    if roles.len() > before.roles.len() {
                        self.set_template(&RealmTemplate { roles, ..before.clone() });
                    }
                }
                _ => {}
            }
        }
    }

    /// Puts changed roles and limits into effect, and removes roles, realms and the template.
    fn remove_rules(
        &mut self,
        changes: &[Change],
        target: &Settings,
        ending: &mut Vec<EndingRealm>,
    ) {
        for change in changes {
            match change {
                Change::ChangeRules { realm, .. } => {
                    let settings = plan::all_realms(target).find(|other| other.name == *realm);
                    if let (Some(settings), Ok(host)) = (settings, self.realms.configured(realm)) {
                        realms::change_rules(&host, settings);
                    }
                }
                Change::ChangeTemplateRules { .. } => {
                    if let Some(template) = plan::template(target) {
                        self.set_template(template);
                    }
                }
                Change::RemoveTemplate => {
                    ending.extend(self.realms.remove_template().into_iter().map(EndingRealm::made));
                }
                Change::RemoveRealm(realm) => {
                    let task = self.realm_tasks.remove(realm);
                    let removed = self.realms.remove(realm);
                    ending.extend(removed.map(|host| EndingRealm { host, task }));
                }
                _ => {}
            }
        }
    }

    /// Sets how the template makes realms, and changes those that it has made.
    fn set_template(&self, template: &RealmTemplate) {
        self.realms.set_template(template_rule(template), Handle::current());
        for host in self.realms.made() {
            realms::change_rules(&host, &template.named(host.name()));
        }
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

    async fn remove_listeners(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::RemoveListener(name) = change
                && let Some(listener) = self.listeners.remove(name)
            {
                listener.stop().await;
            }
        }
    }

    fn stop_components(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::StopComponent(name) = change {
                // Its session leaves.
                self.components.remove(name);
            }
        }
    }

    async fn stop_containers(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::StopContainer(worker) = change
                && let Some(container) = self.containers.remove(worker)
            {
                container.stop().await;
            }
        }
    }
}

/// How a template makes realms.
fn template_rule(template: &RealmTemplate) -> TemplateRule {
    let template = template.clone();
    TemplateRule {
        max_realms: template.max_realms,
        compatibility: realms::compatibility(template.options.compatibility),
        make: Box::new(move |name| {
            let realm = template.named(name);
            Arc::new(realms::host(&realm, realms::settings(&realm)))
        }),
    }
}

impl EndingRealm {
    /// A realm that a template has made, which owns the task.
    const fn made(host: Arc<RealmHost>) -> Self {
        Self { host, task: None }
    }

    /// Ends the calls and the sessions of the realm, and closes its event store. Clients that do
    /// not answer GOODBYE lose their connections later.
    async fn end(self) {
        let Self { host, task } = self;
        while host.end_calls() {
            yield_now().await;
        }
        host.close(error_uri::CLOSE_REALM);
        stop_storing(Arc::clone(&host)).await;
        spawn(async move {
            crate::shutdown::wait_for_sessions(&host).await;
            host.close_connections(error_uri::CLOSE_REALM);
            // Each connection ends within the limits of its transport.
            while host.session_count() > 0 {
                sleep(ENDING_INTERVAL).await;
            }
            drop(task);
        });
    }
}
