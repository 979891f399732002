//! Endpoints to connect to.

use std::path::PathBuf;
use std::time::Duration;

use super::listening_endpoint::{EndpointKind, ip_version, port};
use super::socket_path::{is_abstract, socket_path};
use crate::addresses::{ConnectingAddress, IpVersion};
use crate::env::Environment;
use crate::options::keys;
use crate::section::{Section, SectionKeys, TYPE};
use crate::unsupported;

pub(crate) static ENDPOINT: SectionKeys =
    SectionKeys::one_of("a connecting endpoint", &[TYPE], &[&TCP_ENDPOINT, &UNIX_ENDPOINT]);

pub(crate) static TCP_ENDPOINT: SectionKeys =
    SectionKeys::closed("a connecting tcp endpoint", TcpKeys::ALL)
        .with(&[&[TYPE]])
        .with_unsupported(unsupported::CONNECTING_TLS);

pub(crate) static UNIX_ENDPOINT: SectionKeys =
    SectionKeys::closed("a connecting unix endpoint", UnixKeys::ALL).with(&[&[TYPE]]);

keys! {
    /// The keys of a TCP endpoint to connect to.
    const TCP: TcpKeys = { host, port, version, timeout };
}

keys! {
    /// The keys of a Unix socket to connect to.
    const UNIX: UnixKeys = { path, timeout };
}

/// An endpoint to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectingEndpoint {
    /// `tcp`
    Tcp(ConnectingTcp),
    /// `unix`
    Unix(ConnectingUnix),
}

/// A TCP endpoint to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectingTcp {
    /// The name or address of the host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The version of IP.
    pub version: IpVersion,
    /// The timeout of connecting.
    pub timeout: Duration,
}

/// A Unix socket to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectingUnix {
    /// The path of the socket, or `@` and a name of the abstract namespace.
    pub path: PathBuf,
    /// The timeout of connecting.
    pub timeout: Duration,
}

impl ConnectingEndpoint {
    /// The address, with the canonical path of a Unix socket.
    pub(crate) fn address(&self, environment: &dyn Environment) -> ConnectingAddress {
        match self {
            Self::Tcp(tcp) => ConnectingAddress::Tcp { host: tcp.host.clone(), port: tcp.port },
            Self::Unix(unix) if is_abstract(&unix.path) => {
                ConnectingAddress::Unix(unix.path.clone())
            }
            Self::Unix(unix) => {
                let canonical = environment.check_socket(&unix.path);
                ConnectingAddress::Unix(canonical.unwrap_or_else(|_| unix.path.clone()))
            }
        }
    }
}

/// The default timeout of connecting.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest timeout of connecting, in seconds.
const MAX_TIMEOUT: u64 = 600;

/// Reads the endpoint of a transport that connects.
pub(crate) fn connecting(
    transport: &mut Section<'_>,
    key: &'static str,
) -> Option<ConnectingEndpoint> {
    let mut section = Section::of(&transport.required(key)?, &ENDPOINT)?;
    match section.kind("endpoint type", &EndpointKind::ALL, unsupported::CONNECTING_ENDPOINTS)? {
        EndpointKind::Tcp => connecting_tcp(section).map(ConnectingEndpoint::Tcp),
        EndpointKind::Unix => connecting_unix(section).map(ConnectingEndpoint::Unix),
    }
}

fn connecting_tcp(mut section: Section<'_>) -> Option<ConnectingTcp> {
    section.narrow(&TCP_ENDPOINT);
    let host = section.required_text(TCP.host);
    let port = section.required(TCP.port).and_then(|field| port(&field, &(1..=u16::MAX)));
    let version = ip_version(&mut section, TCP.version, IpVersion::V4);
    section.has_no_effect(TCP.version, version != IpVersion::V4);
    let timeout = timeout(&mut section, TCP.timeout);
    section.refuse_unsupported();
    section.finish();
    Some(ConnectingTcp { host: host?, port: port?, version, timeout })
}

fn connecting_unix(mut section: Section<'_>) -> Option<ConnectingUnix> {
    section.narrow(&UNIX_ENDPOINT);
    let path = socket_path(&mut section, UNIX.path);
    let timeout = timeout(&mut section, UNIX.timeout);
    section.finish();
    Some(ConnectingUnix { path: path?, timeout })
}

fn timeout(section: &mut Section<'_>, key: &'static str) -> Duration {
    let seconds = section.number(key, &(0..=MAX_TIMEOUT), DEFAULT_TIMEOUT.as_secs());
    let timeout = Duration::from_secs(seconds);
    section.has_no_effect(key, timeout != DEFAULT_TIMEOUT);
    timeout
}
