//! From the settings of a configuration to the values that the other crates run on.
//!
//! The only place where a type of `cloverleaf-config` becomes one of another crate.
//!
//! | module | purpose |
//! |---|---|
//! | [`realms`] | realms, roles and permissions |
//! | [`schemas`] | JSON Schemas of payloads |
//! | [`web`] | HTTP servers and the services at their paths |
//! | [`websocket`] | options of WebSockets |
//! | [`wamp`] | WAMP services of listeners and paths |
//! | [`protocols`] | what the connections of a listener speak |
//! | [`containers`] | containers and their components |

pub(crate) mod containers;
pub(crate) mod protocols;
pub(crate) mod realms;
mod schemas;
mod wamp;
mod web;
mod websocket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cloverleaf_config::settings::{ListenerLimits, ListeningTransport, WebService};
use cloverleaf_realms::settings::Refusal;
use cloverleaf_realms::{Memory, RealmHost, Realms};
use cloverleaf_transport::ConnectionLimits;

use crate::accept::Protocol;
use crate::tuning::Tuning;

/// The parts of a node that services are assembled from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) realms: &'a Arc<Realms>,
    /// Realms that take effect with the assembled parts: new ones and replacements.
    pub(crate) new_realms: &'a BTreeMap<String, Arc<RealmHost>>,
    /// Names of realms that are replaced by others of the same name.
    pub(crate) replaced: &'a BTreeSet<String>,
    /// Requests in flight of the node.
    pub(crate) in_flight: &'a Arc<AtomicUsize>,
    pub(crate) memory: &'a Memory,
    pub(crate) tuning: Tuning,
    /// The limits of the transport that is assembled.
    pub(crate) limits: ListenerLimits,
}

/// A listener that exists, with its transport as it is now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Existing<'a> {
    pub(crate) transport: &'a ListeningTransport,
    pub(crate) protocol: &'a Protocol,
}

impl Context<'_> {
    /// A realm of the configuration.
    pub(crate) fn realm(&self, name: &str) -> Result<Arc<RealmHost>, Refusal> {
        match self.new_realms.get(name) {
            Some(realm) => Ok(Arc::clone(realm)),
            None => self.realms.configured(name),
        }
    }

    /// The limits of each connection of the transport.
    fn connection_limits(&self) -> ConnectionLimits {
        connection_limits(&self.limits)
    }

    /// Whether a service has a session in a realm that is replaced.
    fn uses_replaced_realm(&self, service: &WebService) -> bool {
        match service {
            WebService::Caller(bridge) | WebService::Publisher(bridge) => {
                self.replaced.contains(&bridge.realm)
            }
            WebService::Path(paths) => {
                paths.iter().any(|path| self.uses_replaced_realm(&path.service))
            }
            _ => false,
        }
    }
}

/// The limits of each connection of a listener.
const fn connection_limits(limits: &ListenerLimits) -> ConnectionLimits {
    ConnectionLimits {
        opening_timeout: limits.opening_timeout,
        closing_timeout: limits.closing_timeout,
        stall_timeout: limits.stall_timeout,
        message_timeout: limits.message_timeout,
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_config::settings::{BridgeOptions, ListenerLimits, LongPollOptions};
    use cloverleaf_http_bridge::MAX_NONCES;
    use cloverleaf_transport::ConnectionLimits;
    use cloverleaf_transport::limits::MAX_LONGPOLL_SESSIONS;
    use cloverleaf_transport::outbound::HighWaterMark;

    use super::connection_limits;
    use super::wamp::high_water_mark;

    #[test]
    fn default_limits_of_a_listener_are_those_of_its_connections() {
        let limits = connection_limits(&ListenerLimits::default());
        assert_eq!(limits, ConnectionLimits::default());
        let mark = high_water_mark(&ListenerLimits::default());
        assert_eq!(mark, HighWaterMark::default());
    }

    #[test]
    fn default_limits_of_services_are_those_of_their_crates() {
        assert_eq!(LongPollOptions::default().max_sessions, MAX_LONGPOLL_SESSIONS);
        assert_eq!(BridgeOptions::default().max_nonces, MAX_NONCES);
    }
}
