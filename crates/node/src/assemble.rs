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
//! | [`protocols`] | what the connections of a listener speak |
//! | [`containers`] | containers and their components |

pub(crate) mod containers;
pub(crate) mod protocols;
pub(crate) mod realms;
mod schemas;
mod web;
mod websocket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cloverleaf_config::settings::{ListeningTransport, WebService};
use cloverleaf_realms::settings::Refusal;
use cloverleaf_realms::{Memory, RealmHost, Realms};

use crate::accept::Protocol;
use crate::tuning::Tuning;

/// The parts of a node that services are assembled from.
#[derive(Debug)]
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
