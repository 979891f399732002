//! Why a node can't start, or can't take new settings.

use std::io;

use cloverleaf_config::settings::{ListeningEndpoint, ListeningTcp};
use cloverleaf_hosting::{ComponentError, UnknownClass};
use cloverleaf_realms::event_store::StoreError;
use cloverleaf_realms::settings::Refusal;
use cloverleaf_transport::TransportError;

/// A step of [`Node::apply`](crate::Node::apply) that has failed; the node is as it was before.
/// Each text names a remedy.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A socket can't be used.
    #[error("{0}")]
    Transport(#[from] TransportError),
    /// A component has a class that the program does not have.
    #[error("{0}")]
    UnknownClass(#[from] UnknownClass),
    /// An endpoint is in use.
    #[error("{what}: is another node running there? Stop it, or {advice}")]
    InUse {
        /// The endpoint.
        what: String,
        /// The other remedy.
        advice: &'static str,
    },
    /// An address of a listener is not one of this machine.
    #[error(
        "{place}: {source}. Name an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"
    )]
    Interface {
        /// Where the configuration names it.
        place: String,
        /// The error of the operating system.
        source: TransportError,
    },
    /// A component has failed to start.
    #[error("component {classname} failed to start: {source}")]
    Component {
        /// Its class.
        classname: String,
        /// Its error.
        source: ComponentError,
    },
    /// A session of the node itself can't join.
    #[error("a session inside the router can't join: {0}")]
    Refused(#[from] Refusal),
    /// The file of an event store can't be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The operating system refuses a resource.
    #[error("the operating system refuses: {0}")]
    Io(#[from] io::Error),
    /// A value can't be sent over HTTP.
    #[error("{0}")]
    Web(String),
    /// A realm that keeps events in a file can't be replaced while it runs.
    #[error(
        "realm '{realm}': its event store is open, so only its roles can change while the node \
         runs. Restart the node for other changes of this realm"
    )]
    StoreIsOpen {
        /// The realm.
        realm: String,
    },
}

impl ApplyError {
    /// The error of an endpoint that can't be bound, with its remedy. Nodes without a
    /// configuration file have other remedies.
    pub(crate) fn unbound(
        endpoint: &ListeningEndpoint,
        error: TransportError,
        has_file: bool,
    ) -> Self {
        let TransportError::Io { what, source } = error else { return error.into() };
        match (source.kind(), endpoint) {
            (io::ErrorKind::AddrInUse, _) => {
                let advice = match has_file {
                    true => "choose another endpoint in the configuration",
                    false => "choose another port with --port",
                };
                Self::InUse { what, advice }
            }
            (kind, ListeningEndpoint::Tcp(ListeningTcp { interface: Some(interface), .. }))
                if kind != io::ErrorKind::PermissionDenied =>
            {
                let place = interface.location.as_ref().map(ToString::to_string);
                let place = place.unwrap_or_else(|| "--listen".to_owned());
                Self::Interface { place, source: TransportError::Io { what, source } }
            }
            _ => TransportError::Io { what, source }.into(),
        }
    }
}
