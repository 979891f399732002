//! The names and addresses of a node: references to realms and roles that do not exist, and
//! addresses, realms and files that are used twice.
//!
//! Names are recorded while the file is read and compared afterwards, so that a realm counts even
//! if another part of it is faulty.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::addresses::{ConnectingAddress, ListeningAddress};
use crate::fault::{ConfigFault, excerpt};
use crate::location::SourceLocation;
use crate::spelling;

/// A name and its location.
#[derive(Clone)]
pub(crate) struct LocatedName {
    pub(crate) name: String,
    pub(crate) location: SourceLocation,
}

/// The location and roles of a declared realm.
struct RealmNames {
    location: SourceLocation,
    /// The number of the worker that has the realm.
    worker: usize,
    /// The names of the roles; none if one of them is not known.
    roles: Option<BTreeSet<String>>,
}

/// Another realm with the same name as one that is declared.
pub(crate) struct RealmConflict {
    pub(crate) location: SourceLocation,
    pub(crate) same_worker: bool,
}

/// A reference to a realm, to a role, or to a role in a realm.
struct Reference {
    realm: Option<LocatedName>,
    role: Option<LocatedName>,
}

/// A transport that listens.
struct DeclaredListener {
    address: ListeningAddress,
    /// Whether only a proxy can connect.
    proxy_protocol: bool,
    location: SourceLocation,
}

/// The address that a component connects to, and the realm that it joins there.
struct ConnectTarget {
    address: ConnectingAddress,
    realm: LocatedName,
}

/// The names and addresses recorded so far.
#[derive(Default)]
pub(crate) struct NameRegistry {
    /// Whether the section being read is disabled, so that nothing in it is recorded.
    pub(crate) disabled: bool,
    /// The number of the worker being read.
    pub(crate) worker: usize,
    /// Whether the name of some realm is unknown. Any reference may be to this realm.
    pub(crate) incomplete: bool,
    realms: BTreeMap<String, RealmNames>,
    /// The realm template, which makes realms of any name.
    template: Option<RealmNames>,
    references: Vec<Reference>,
    listeners: Vec<DeclaredListener>,
    connect_targets: Vec<ConnectTarget>,
    /// The files of stores.
    stores: BTreeMap<PathBuf, SourceLocation>,
}

impl NameRegistry {
    /// Records a realm and its roles.
    ///
    /// # Errors
    /// The other realm with this name.
    pub(crate) fn declare_realm(
        &mut self,
        realm: &LocatedName,
        roles: Option<BTreeSet<String>>,
    ) -> Result<(), RealmConflict> {
        if self.disabled {
            return Ok(());
        }
        if let Some(other) = self.realms.get(&realm.name) {
            let same_worker = other.worker == self.worker;
            return Err(RealmConflict { location: other.location.clone(), same_worker });
        }
        let names = RealmNames { location: realm.location.clone(), worker: self.worker, roles };
        self.realms.insert(realm.name.clone(), names);
        Ok(())
    }

    /// Records the realm template and its roles.
    ///
    /// # Errors
    /// The location of the other template.
    pub(crate) fn declare_template(
        &mut self,
        location: SourceLocation,
        roles: Option<BTreeSet<String>>,
    ) -> Result<(), SourceLocation> {
        if self.disabled {
            return Ok(());
        }
        if let Some(other) = &self.template {
            return Err(other.location.clone());
        }
        self.template = Some(RealmNames { location, worker: self.worker, roles });
        Ok(())
    }

    /// Records the file of a store.
    ///
    /// # Errors
    /// The location of the other store with this file.
    pub(crate) fn declare_store(
        &mut self,
        path: PathBuf,
        location: SourceLocation,
    ) -> Result<(), SourceLocation> {
        match self.stores.get(&path) {
            Some(other) => Err(other.clone()),
            None => {
                self.stores.insert(path, location);
                Ok(())
            }
        }
    }

    /// Records a reference to a realm and to a role in it, or to a role in any realm.
    pub(crate) fn refer(&mut self, realm: Option<LocatedName>, role: Option<LocatedName>) {
        if !self.disabled {
            self.references.push(Reference { realm, role });
        }
    }

    /// Records the address of a transport that listens.
    ///
    /// # Errors
    /// The location of the other transport that listens there.
    pub(crate) fn listen(
        &mut self,
        address: ListeningAddress,
        proxy_protocol: bool,
        location: SourceLocation,
    ) -> Result<(), SourceLocation> {
        if self.disabled {
            return Ok(());
        }
        let other = self.listeners.iter().find(|other| other.address.conflicts_with(&address));
        if let Some(other) = other {
            return Err(other.location.clone());
        }
        self.listeners.push(DeclaredListener { address, proxy_protocol, location });
        Ok(())
    }

    /// Records the address that a component connects to, and the realm that it joins there.
    pub(crate) fn connect(&mut self, address: ConnectingAddress, realm: LocatedName) {
        if !self.disabled {
            self.connect_targets.push(ConnectTarget { address, realm });
        }
    }

    /// The faults: references without a target, and ranges of ports without a free port.
    pub(crate) fn finish(mut self) -> Vec<ConfigFault> {
        let mut faults = self.taken_ranges();
        // A component needs a realm of this node only if it connects to this node. A template makes
        // every realm.
        for target in std::mem::take(&mut self.connect_targets) {
            let is_target = |other: &&DeclaredListener| target.address.leads_to(&other.address);
            let mut listeners = self.listeners.iter().filter(is_target).peekable();
            let Some(first) = listeners.peek().copied() else { continue };
            if listeners.all(|listener| listener.proxy_protocol) {
                faults.push(behind_a_proxy(&target, &first.location));
            }
            if self.template.is_none() {
                self.references.push(Reference { realm: Some(target.realm), role: None });
            }
        }
        if !self.incomplete {
            faults.extend(self.references.iter().filter_map(|reference| self.dangling(reference)));
        }
        faults
    }

    /// A fault for each range of ports all of which are the ports of other transports.
    fn taken_ranges(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        for listener in &self.listeners {
            let Some(range) = listener.address.port_range() else { continue };
            let is_taken = |port: u16| {
                let one = listener.address.with_port(port);
                self.listeners.iter().any(|other| other.address.conflicts_with(&one))
            };
            // A longer range has a port left.
            if range.len() < self.listeners.len() && range.clone().all(is_taken) {
                let message = "other transports listen on all ports of this range";
                faults.push(ConfigFault::new(listener.location.clone(), message));
            }
        }
        faults
    }

    /// The fault of a reference without a target.
    fn dangling(&self, reference: &Reference) -> Option<ConfigFault> {
        let Some(realm) = &reference.realm else {
            let role = reference.role.as_ref()?;
            let realms = self.realms.values().chain(&self.template);
            return dangling_role(role, realms, "no realm has a role");
        };
        let Some(names) = self.realms.get(&realm.name) else {
            let all = self.realms.keys().map(String::as_str);
            return Some(no_such(realm, "no router has a realm", all));
        };
        let sentence = format!("the realm '{}' has no role", realm.name);
        dangling_role(reference.role.as_ref()?, [names], &sentence)
    }
}

/// The fault that none of the realms has the role, if the roles of all of them are known.
fn dangling_role<'n>(
    role: &LocatedName,
    realms: impl IntoIterator<Item = &'n RealmNames>,
    sentence: &str,
) -> Option<ConfigFault> {
    let mut all = Vec::new();
    for realm in realms {
        let roles = realm.roles.as_ref()?;
        if roles.contains(&role.name) {
            return None;
        }
        all.push(roles);
    }
    Some(no_such(role, sentence, all.into_iter().flatten().map(String::as_str)))
}

/// The fault that a name does not exist.
fn no_such<'n>(
    named: &LocatedName,
    sentence: &str,
    others: impl IntoIterator<Item = &'n str>,
) -> ConfigFault {
    let message = format!("{sentence} '{}'", excerpt(&named.name));
    let suggestion = spelling::nearest(&named.name, others).map(str::to_owned);
    ConfigFault { suggestion, ..ConfigFault::new(named.location.clone(), message) }
}

/// The fault that a component connects to a transport that only a proxy can use.
fn behind_a_proxy(target: &ConnectTarget, listening: &SourceLocation) -> ConfigFault {
    let message = format!(
        "the transport in line {}, to which this component connects, is for a proxy \
         ('proxy_protocol')",
        listening.line
    );
    let expected = Some("a transport without it".to_owned());
    ConfigFault { expected, ..ConfigFault::new(target.realm.location.clone(), message) }
}
