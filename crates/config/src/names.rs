//! The names and addresses of a node: whether what the file refers to exists, and whether it
//! wants the same thing twice.
//!
//! Names are noted while the file is read and compared afterwards, so that a realm counts even
//! when something else about it is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use crate::fault::{ConfigFault, shortened};
use crate::field::Field;
use crate::load_context::LoadContext;
use crate::location::SourceLocation;
use crate::settings::{ConnectingEndpoint, IpVersion, ListeningEndpoint, ListeningTcp, Ports};
use crate::spelling;

/// What `localhost` may stand for.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A name and where it stands.
#[derive(Clone)]
pub(crate) struct LocatedName {
    pub(crate) name: String,
    pub(crate) location: SourceLocation,
}

impl LocatedName {
    /// The name that a field holds.
    pub(crate) fn of(field: &Field<'_>) -> Option<Self> {
        Some(Self { name: field.full_text()?, location: field.location() })
    }
}

/// A realm's name, place and roles; a role without name makes the roles unknown.
struct RealmNames {
    location: SourceLocation,
    /// The number of the worker that has it.
    worker: usize,
    roles: Option<BTreeSet<String>>,
}

/// Another realm with the name of one that is declared.
pub(crate) struct RealmConflict {
    pub(crate) location: SourceLocation,
    pub(crate) same_worker: bool,
}

/// Something that refers to a realm, a role, or a role in a realm.
struct Reference {
    realm: Option<LocatedName>,
    role: Option<LocatedName>,
}

/// A component's way to a router, and the realm that it asks for there.
struct ConnectTarget {
    endpoint: ConnectingEndpoint,
    realm: LocatedName,
}

/// What has been noted about names and addresses.
#[derive(Default)]
pub(crate) struct NameRegistry {
    /// Whether what is read now is disabled, so that nothing of it counts.
    pub(crate) disabled: bool,
    /// The number of the worker that is read now.
    pub(crate) worker: usize,
    /// Whether some realm's name is unknown, so that any reference may be to it.
    pub(crate) incomplete: bool,
    realms: BTreeMap<String, RealmNames>,
    /// What makes realms of any name.
    template: Option<RealmNames>,
    references: Vec<Reference>,
    addresses: Vec<(ListeningEndpoint, SourceLocation)>,
    ways: Vec<ConnectTarget>,
    /// The files of stores.
    stores: BTreeMap<PathBuf, SourceLocation>,
}

impl NameRegistry {
    /// Notes a realm with its roles, or gives the other realm with this name.
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

    /// Notes a template of realms with its roles, or the place of the other one.
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

    /// Notes the file of a store, or the place of the other store with this file.
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

    /// Notes that something refers to a realm and to a role in it, or to a role in any realm.
    pub(crate) fn refer(&mut self, realm: Option<LocatedName>, role: Option<LocatedName>) {
        if !self.disabled {
            self.references.push(Reference { realm, role });
        }
    }

    /// Notes that something listens at an address, or the place of what else listens there.
    pub(crate) fn listen(
        &mut self,
        endpoint: ListeningEndpoint,
        location: SourceLocation,
    ) -> Result<(), SourceLocation> {
        if self.disabled {
            return Ok(());
        }
        if let Some((_, other)) = self.addresses.iter().find(|(other, _)| clash(other, &endpoint)) {
            return Err(other.clone());
        }
        self.addresses.push((endpoint, location));
        Ok(())
    }

    /// Notes that a component connects to an address and asks for a realm there.
    pub(crate) fn connect(&mut self, endpoint: ConnectingEndpoint, realm: LocatedName) {
        if !self.disabled {
            self.ways.push(ConnectTarget { endpoint, realm });
        }
    }

    /// Reports what is referred to and does not exist.
    pub(crate) fn finish(mut self, context: &LoadContext<'_>) {
        self.report_taken_ranges(context);
        // Only a component that connects to this very node is known to need a realm of it, which a
        // template makes.
        for way in std::mem::take(&mut self.ways) {
            let is_here = |(address, _): &&(ListeningEndpoint, SourceLocation)| {
                leads_to(&way.endpoint, address)
            };
            let mut here = self.addresses.iter().filter(is_here).peekable();
            let Some((_, location)) = here.peek().copied() else { continue };
            if here.all(|(address, _)| address.proxy_protocol()) {
                context.fault(behind_a_proxy(&way, location));
            }
            if self.template.is_none() {
                self.references.push(Reference { realm: Some(way.realm), role: None });
            }
        }
        if self.incomplete {
            return;
        }
        for fault in self.references.iter().filter_map(|reference| self.dangling(reference)) {
            context.fault(fault);
        }
    }

    /// Reports each range of ports all of which other transports of this node name.
    fn report_taken_ranges(&self, context: &LoadContext<'_>) {
        for (endpoint, location) in &self.addresses {
            let ListeningEndpoint::Tcp(tcp) = endpoint else { continue };
            let Ports::FirstFreeOf(range) = &tcp.ports else { continue };
            let is_taken = |port: u16| {
                let one = ListeningTcp { ports: Ports::One(port), ..tcp.clone() };
                let one = ListeningEndpoint::Tcp(one);
                self.addresses.iter().any(|(other, _)| clash(other, &one))
            };
            // A longer one has a port left.
            if range.len() < self.addresses.len() && range.clone().all(is_taken) {
                context.fault(ConfigFault {
                    location: location.clone(),
                    message: "other transports listen on all ports of this range".to_owned(),
                    expected: None,
                    suggestion: None,
                    unsupported_feature: None,
                });
            }
        }
    }

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

/// The fault that a role is in none of these realms, if all their roles are known.
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

/// The fault that nothing has this name.
fn no_such<'n>(
    named: &LocatedName,
    sentence: &str,
    others: impl IntoIterator<Item = &'n str>,
) -> ConfigFault {
    ConfigFault {
        location: named.location.clone(),
        message: format!("{sentence} '{}'", shortened(&named.name)),
        expected: None,
        suggestion: spelling::nearest(&named.name, others).map(str::to_owned),
        unsupported_feature: None,
    }
}

/// The fault that a component connects where only a proxy gets in.
fn behind_a_proxy(way: &ConnectTarget, listening: &SourceLocation) -> ConfigFault {
    ConfigFault {
        location: way.realm.location.clone(),
        message: format!(
            "the transport in line {}, to which this component connects, is for a proxy \
             ('proxy_protocol')",
            listening.line
        ),
        expected: Some("a transport without it".to_owned()),
        suggestion: None,
        unsupported_feature: None,
    }
}

/// Where a TCP endpoint listens, as far as that can be said without asking the system.
#[derive(PartialEq, Eq)]
enum Interface<'a> {
    /// At an address, which may be the one that stands for all.
    Address(IpAddr),
    /// At whatever the name stands for.
    LocatedName(&'a str, IpVersion),
}

impl<'a> Interface<'a> {
    fn of(tcp: &'a ListeningTcp) -> Self {
        match (tcp.interface.as_ref().map(|interface| &*interface.name), tcp.version) {
            (None, IpVersion::V4) => Self::Address(Ipv4Addr::UNSPECIFIED.into()),
            (None, IpVersion::V6) => Self::Address(Ipv6Addr::UNSPECIFIED.into()),
            (Some("localhost"), IpVersion::V4) => Self::Address(Ipv4Addr::LOCALHOST.into()),
            (Some("localhost"), IpVersion::V6) => Self::Address(Ipv6Addr::LOCALHOST.into()),
            (Some(name), version) => {
                name.parse().map_or(Self::LocatedName(name, version), Self::Address)
            }
        }
    }

    /// Whether a loopback address may lead here.
    fn has(&self, loopback: IpAddr) -> bool {
        matches!(self, Self::LocatedName(..)) || self.covers(&Self::Address(loopback))
    }

    /// Whether whoever listens here listens there, too. All addresses of version 6 are those of
    /// version 4 as well.
    fn covers(&self, other: &Self) -> bool {
        let Self::Address(all) = self else { return self == other };
        let is_of_version_4 = match other {
            Self::Address(address) => address.is_ipv4(),
            Self::LocatedName(_, version) => *version == IpVersion::V4,
        };
        self == other || (all.is_unspecified() && (all.is_ipv6() || is_of_version_4))
    }
}

/// Whether not both can be listened on.
fn clash(one: &ListeningEndpoint, other: &ListeningEndpoint) -> bool {
    match (one, other) {
        (ListeningEndpoint::Unix(one), ListeningEndpoint::Unix(other)) => one.path == other.path,
        (ListeningEndpoint::Tcp(one), ListeningEndpoint::Tcp(other)) => {
            let port = one.ports == other.ports && matches!(one.ports, Ports::One(1..));
            let (here, there) = (Interface::of(one), Interface::of(other));
            let overlap = here.covers(&there) || there.covers(&here);
            port && overlap && !(one.shared && other.shared)
        }
        (ListeningEndpoint::Unix(_), ListeningEndpoint::Tcp(_))
        | (ListeningEndpoint::Tcp(_), ListeningEndpoint::Unix(_)) => false,
    }
}

/// Whether connecting to an address ends at what listens there. Only this machine's own names
/// are recognized.
fn leads_to(way: &ConnectingEndpoint, address: &ListeningEndpoint) -> bool {
    match (way, address) {
        (ConnectingEndpoint::Unix(way), ListeningEndpoint::Unix(address)) => {
            way.path == address.path
        }
        (ConnectingEndpoint::Tcp(way), ListeningEndpoint::Tcp(address)) => {
            let interface = Interface::of(address);
            let is_here = match way.host.parse() {
                Ok(host) => IpAddr::is_loopback(&host) && interface.has(host),
                Err(_) => {
                    way.host == "localhost" && LOOPBACK.into_iter().any(|ip| interface.has(ip))
                }
            };
            is_here && address.ports == Ports::One(way.port)
        }
        (ConnectingEndpoint::Unix(_), ListeningEndpoint::Tcp(_))
        | (ConnectingEndpoint::Tcp(_), ListeningEndpoint::Unix(_)) => false,
    }
}
