//! Endpoints: addresses to listen on and addresses to connect to.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::location::SourceLocation;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListeningEndpoint {
    /// `tcp`
    Tcp(ListeningTcp),
    /// `unix`
    Unix(ListeningUnix),
}

impl ListeningEndpoint {
    /// Whether connections begin with the header of the PROXY protocol.
    pub const fn proxy_protocol(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.proxy_protocol,
            Self::Unix(unix) => unix.proxy_protocol,
        }
    }
}

/// A TCP port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningTcp {
    /// The port or ports.
    pub ports: Ports,
    /// The version of IP.
    pub version: IpVersion,
    /// The name or address of the interface; none: all interfaces.
    pub interface: Option<ListeningInterface>,
    /// How many connections may wait to be accepted.
    pub backlog: u16,
    /// Whether several sockets may listen on the same port, sharing its connections.
    pub shared: bool,
    /// How long sent data may stay unacknowledged before the connection is given up.
    pub user_timeout: Option<Duration>,
    /// Whether connections begin with the header of the PROXY protocol.
    pub proxy_protocol: bool,
}

impl ListeningTcp {
    /// How many connections may wait when the file does not say. More than Crossbar.io's 50: when
    /// two hundred clients connect at once, each that finds no place waits for 200 ms or more until
    /// its system tries again. The operating system has a limit of its own besides.
    pub const DEFAULT_BACKLOG: u16 = 1_024;

    /// This port, with everything else as it is when the file does not say.
    pub fn on(port: u16) -> Self {
        Self {
            ports: Ports::One(port),
            version: IpVersion::V4,
            interface: None,
            backlog: Self::DEFAULT_BACKLOG,
            shared: false,
            user_timeout: None,
            proxy_protocol: false,
        }
    }
}

/// An interface to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningInterface {
    /// Its address, or a name of it.
    pub name: String,
    /// Where the file names it; none where there is no file.
    pub location: Option<SourceLocation>,
}

/// The port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// `port`: this one; 0 means any free one.
    One(u16),
    /// `portrange`: the first free one of these.
    FirstFreeOf(RangeInclusive<u16>),
}

/// A version of the Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

/// A Unix socket to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningUnix {
    /// The path of the socket, or a name of the abstract namespace with `@` before it.
    pub path: PathBuf,
    /// How many connections may wait to be accepted.
    pub backlog: u16,
    /// The permissions of the socket's file; without them as the process creates files.
    pub mode: Option<u32>,
    /// Who gets the socket's file; without it, it stays with the process's user.
    pub owner: Option<FileOwner>,
    /// Whether connections begin with the header of the PROXY protocol.
    pub proxy_protocol: bool,
}

/// Who owns a file: users and groups by their names or numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOwner {
    /// The user; none: as it is.
    pub user: Option<String>,
    /// The group; none: as it is.
    pub group: Option<String>,
}

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectingEndpoint {
    /// `tcp`
    Tcp(ConnectingTcp),
    /// `unix`
    Unix(ConnectingUnix),
}

/// How long connecting may take when the file does not say.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A TCP port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectingTcp {
    /// The name or address of the host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The version of IP.
    pub version: IpVersion,
    /// How long connecting may take.
    pub timeout: Duration,
}

/// A Unix socket to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectingUnix {
    /// The path of the socket, or a name of the abstract namespace with `@` before it.
    pub path: PathBuf,
    /// How long connecting may take.
    pub timeout: Duration,
}
