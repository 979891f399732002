//! Addresses of listening and connecting transports, and whether two of them meet.
//!
//! They hold only what tells addresses apart, as far as it is known without asking the operating
//! system.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// The addresses that `localhost` may stand for.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A version of the Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

/// The ports of a listening TCP endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// `port`: this port; 0 means any free port.
    One(u16),
    /// `portrange`: the first free port of this range.
    FirstFreeOf(RangeInclusive<u16>),
}

/// The address of a transport that listens.
#[derive(Debug, Clone)]
pub(crate) enum ListeningAddress {
    /// TCP.
    Tcp {
        /// The port or ports.
        ports: Ports,
        /// The addresses of the machine.
        interface: BoundInterface,
        /// Whether several sockets may listen on the port.
        shared: bool,
    },
    /// A Unix socket, by its canonical path.
    Unix(PathBuf),
}

/// The address that a transport connects to.
#[derive(Debug, Clone)]
pub(crate) enum ConnectingAddress {
    /// TCP.
    Tcp {
        /// The name or address of the host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket, by its canonical path.
    Unix(PathBuf),
}

/// The addresses of the machine on which a TCP endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BoundInterface {
    /// An address, which may be unspecified: all addresses.
    Address(IpAddr),
    /// The addresses of a host name, which are not known here.
    Named(String, IpVersion),
}

impl BoundInterface {
    /// The addresses for the options `interface` and `version` of an endpoint.
    pub(crate) fn new(interface: Option<&str>, version: IpVersion) -> Self {
        match (interface, version) {
            (None, IpVersion::V4) => Self::Address(Ipv4Addr::UNSPECIFIED.into()),
            (None, IpVersion::V6) => Self::Address(Ipv6Addr::UNSPECIFIED.into()),
            (Some("localhost"), IpVersion::V4) => Self::Address(Ipv4Addr::LOCALHOST.into()),
            (Some("localhost"), IpVersion::V6) => Self::Address(Ipv6Addr::LOCALHOST.into()),
            (Some(name), version) => {
                name.parse().map_or_else(|_| Self::Named(name.to_owned(), version), Self::Address)
            }
        }
    }

    /// Whether connections to this loopback address may arrive here. A host name may stand for it.
    fn may_have(&self, loopback: IpAddr) -> bool {
        matches!(self, Self::Named(..)) || self.covers(&Self::Address(loopback))
    }

    /// Whether these addresses include the others. The unspecified address of IPv6 includes those
    /// of IPv4.
    fn covers(&self, other: &Self) -> bool {
        let Self::Address(all) = self else { return self == other };
        let other_is_ipv4 = match other {
            Self::Address(address) => address.is_ipv4(),
            Self::Named(_, version) => *version == IpVersion::V4,
        };
        self == other || (all.is_unspecified() && (all.is_ipv6() || other_is_ipv4))
    }
}

impl ListeningAddress {
    /// The range of ports, if the address has one.
    pub(crate) fn port_range(&self) -> Option<&RangeInclusive<u16>> {
        match self {
            Self::Tcp { ports: Ports::FirstFreeOf(range), .. } => Some(range),
            Self::Tcp { .. } | Self::Unix(_) => None,
        }
    }

    /// This address with a single port.
    pub(crate) fn with_port(&self, port: u16) -> Self {
        match self {
            Self::Tcp { interface, shared, .. } => {
                Self::Tcp { ports: Ports::One(port), interface: interface.clone(), shared: *shared }
            }
            Self::Unix(path) => Self::Unix(path.clone()),
        }
    }

    /// Whether only one of the two addresses can be listened on.
    pub(crate) fn conflicts_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(path), Self::Unix(other)) => path == other,
            (
                Self::Tcp { ports, interface, shared },
                Self::Tcp { ports: other_ports, interface: other, shared: other_shared },
            ) => {
                let same_port = ports == other_ports && matches!(ports, Ports::One(1..));
                let overlap = interface.covers(other) || other.covers(interface);
                same_port && overlap && !(*shared && *other_shared)
            }
            (Self::Unix(_), Self::Tcp { .. }) | (Self::Tcp { .. }, Self::Unix(_)) => false,
        }
    }
}

impl ConnectingAddress {
    /// Whether connections to this address arrive at `listening`. Of host names, only `localhost`
    /// is known to be this machine.
    pub(crate) fn leads_to(&self, listening: &ListeningAddress) -> bool {
        match (self, listening) {
            (Self::Unix(path), ListeningAddress::Unix(other)) => path == other,
            (Self::Tcp { host, port }, ListeningAddress::Tcp { ports, interface, .. }) => {
                let is_here = match host.parse() {
                    Ok(host) => IpAddr::is_loopback(&host) && interface.may_have(host),
                    Err(_) => {
                        host == "localhost" && LOOPBACK.into_iter().any(|ip| interface.may_have(ip))
                    }
                };
                is_here && *ports == Ports::One(*port)
            }
            (Self::Unix(_), ListeningAddress::Tcp { .. })
            | (Self::Tcp { .. }, ListeningAddress::Unix(_)) => false,
        }
    }
}
