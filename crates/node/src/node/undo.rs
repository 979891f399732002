//! Undoes the effects of a first phase that failed.

use std::net::SocketAddr;
use std::sync::Arc;

use cloverleaf_config::settings::{ListeningEndpoint, Ports};

use super::prepare::Prepared;
use super::{Node, stop_storing};
use crate::assemble::realms;
use crate::endpoints::bind_all;
use crate::plan::{self, ComponentName, ListenerName};

impl Node {
    /// Ends the prepared objects, and restores those that were stopped or closed for them.
    pub(super) async fn undo(&mut self, prepared: Prepared) {
        let Prepared { realms, realm_tasks, listeners, sockets, components, .. } = prepared;
        let (extended, stopped, closed) = (prepared.extended, prepared.stopped, prepared.closed);
        drop(sockets);
        // Their sessions leave.
        drop(components);
        drop(listeners);
        for name in &closed {
            self.reopen(name).await;
        }
        for name in extended {
            if let (Some(realm), Ok(host)) = (
                plan::all_realms(&self.settings).find(|realm| realm.name == name),
                self.realms.configured(&name),
            ) {
                realms::change_rules(&host, realm);
            }
        }
        for name in stopped {
            self.restart_component(name).await;
        }
        for realm in realms.into_values() {
            // So that the file of its event store can be opened again.
            stop_storing(realm).await;
        }
        drop(realm_tasks);
    }

    /// Binds a socket again that was closed, at the port that it had.
    async fn reopen(&mut self, name: &ListenerName) {
        let Some(running) = self.listeners.get_mut(name) else { return };
        let mut endpoint = running.transport().endpoint().clone();
        if let (ListeningEndpoint::Tcp(tcp), Some(address)) = (&mut endpoint, running.address()) {
            tcp.ports = Ports::One(SocketAddr::port(&address));
        }
        match bind_all([&endpoint].into_iter()).await.map(|mut bound| bound.pop()) {
            Ok(Some(socket)) => running.reopen(socket, self.acceptor.clone()),
            Ok(None) => {}
            Err((_, error)) => {
                tracing::error!(listener = %name, reason = %error, "listener lost");
            }
        }
    }

    async fn restart_component(&mut self, name: ComponentName) {
        let mut components = plan::all_components(&self.settings);
        let Some((_, component)) = components.find(|(other, _)| *other == name) else { return };
        let started = match self.realms.configured(&component.realm) {
            Ok(realm) => self.start_component(&Arc::clone(&realm), component).await,
            Err(refusal) => Err(refusal.into()),
        };
        drop(components);
        match started {
            Ok(session) => _ = self.components.insert(name, session),
            Err(error) => tracing::error!(component = %name, reason = %error, "component lost"),
        }
    }
}
