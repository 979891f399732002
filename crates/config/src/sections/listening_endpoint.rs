//! Endpoints to listen on.

use std::net::Ipv6Addr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::socket_path::{is_abstract, socket_path};
use crate::addresses::{BoundInterface, IpVersion, ListeningAddress, Ports};
use crate::env::{self, FileOwner};
use crate::field::Field;
use crate::location::SourceLocation;
use crate::options::{keys, options};
use crate::section::{Section, SectionKeys, SectionOptions, TYPE};
use crate::unsupported;

pub(crate) static ENDPOINT: SectionKeys =
    SectionKeys::one_of("an endpoint", &[TYPE], &[&TCP_ENDPOINT, &UNIX_ENDPOINT]);

pub(crate) static TCP_ENDPOINT: SectionKeys = SectionKeys::closed("a tcp endpoint", &[TYPE, PORT])
    .with(&[ListeningTcp::KEYS])
    .with_unsupported(unsupported::LISTENING_TLS);

pub(crate) static UNIX_ENDPOINT: SectionKeys =
    SectionKeys::closed("a unix endpoint", UnixKeys::ALL).with(&[&[TYPE]]);

keys! {
    /// The keys of a Unix socket to listen on.
    const UNIX: UnixKeys = { path, backlog, mode, owner, proxy_protocol };
}

/// The key for one port.
const PORT: &str = "port";

/// The key for a range of ports.
const PORT_RANGE: &str = "portrange";

/// An endpoint to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListeningEndpoint {
    /// `tcp`
    Tcp(ListeningTcp),
    /// `unix`
    Unix(ListeningUnix),
}

impl ListeningEndpoint {
    /// Whether connections begin with a header of the PROXY protocol.
    pub const fn proxy_protocol(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.proxy_protocol,
            Self::Unix(unix) => unix.proxy_protocol,
        }
    }
}

options! {
    /// A TCP endpoint to listen on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ListeningTcp {
        /// The port or ports.
        ports as PORT_RANGE: Ports = Ports::One(0), ports;
        /// The interface; none: all interfaces.
        interface: Option<ListeningInterface> = None, interface;
        /// The version of IP.
        version: IpVersion = IpVersion::V4, ip_version;
        /// The most connections that wait to be accepted.
        backlog: u16 = Self::DEFAULT_BACKLOG, backlog;
        /// Whether several sockets may listen on the port and share its connections.
        shared: bool = false, Section::flag;
        /// How long sent data may stay unacknowledged before the connection ends
        /// (`TCP_USER_TIMEOUT`).
        user_timeout: Option<Duration> = None, user_timeout;
        /// Whether connections begin with a header of the PROXY protocol.
        proxy_protocol: bool = false, Section::flag;
    }
}

impl ListeningTcp {
    /// The default backlog. More than Crossbar.io's 50: if two hundred clients connect at once,
    /// each client that does not fit retries after 200 ms or more. The operating system has a limit
    /// of its own besides.
    pub const DEFAULT_BACKLOG: u16 = 1_024;

    /// An endpoint on a port, with default options.
    pub fn on(port: u16) -> Self {
        Self { ports: Ports::One(port), ..Self::default() }
    }

    fn address(&self) -> ListeningAddress {
        let interface = self.interface.as_ref().map(|interface| &*interface.name);
        ListeningAddress::Tcp {
            ports: self.ports.clone(),
            interface: BoundInterface::new(interface, self.version),
            shared: self.shared,
        }
    }
}

/// An interface to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningInterface {
    /// An address or host name of the interface.
    pub name: String,
    /// The location in the file; none if there is no file.
    pub location: Option<SourceLocation>,
}

/// A Unix socket to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningUnix {
    /// The path of the socket, or `@` and a name of the abstract namespace.
    pub path: PathBuf,
    /// The most connections that wait to be accepted.
    pub backlog: u16,
    /// The permissions of the socket's file; none: those of new files of the process.
    pub mode: Option<u32>,
    /// The owner of the socket's file; none: the user of the process.
    pub owner: Option<FileOwner>,
    /// Whether connections begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

/// The types of endpoints.
#[derive(Clone, Copy)]
pub(crate) enum EndpointKind {
    Tcp,
    Unix,
}

impl EndpointKind {
    /// The words for the types.
    pub(crate) const ALL: [(&'static str, Self); 2] = [("tcp", Self::Tcp), ("unix", Self::Unix)];
}

/// Reads the endpoint of a transport that listens, and records its address.
pub(crate) fn listening(
    transport: &mut Section<'_>,
    key: &'static str,
) -> Option<ListeningEndpoint> {
    let field = transport.required(key)?;
    let mut section = Section::of(&field, &ENDPOINT)?;
    let (endpoint, address) = match section.kind(
        "endpoint type",
        &EndpointKind::ALL,
        unsupported::LISTENING_ENDPOINTS,
    )? {
        EndpointKind::Tcp => {
            let tcp = listening_tcp(section);
            let address = tcp.address();
            (ListeningEndpoint::Tcp(tcp), address)
        }
        EndpointKind::Unix => {
            let (unix, canonical) = listening_unix(section)?;
            (ListeningEndpoint::Unix(unix), ListeningAddress::Unix(canonical))
        }
    };
    let (proxy_protocol, location) = (endpoint.proxy_protocol(), field.location());
    let listened = field.context.names.borrow_mut().listen(address, proxy_protocol, location);
    if let Err(other) = listened {
        field.fault(format!("the transport in line {} already listens here", other.line));
    }
    Some(endpoint)
}

fn listening_tcp(mut section: Section<'_>) -> ListeningTcp {
    section.narrow(&TCP_ENDPOINT);
    let tcp = ListeningTcp::read(&mut section);
    section.refuse_unsupported();
    section.finish();
    tcp
}

/// A range of ports, or one port. Port 0 means any free port; Crossbar.io begins at 1. An invalid
/// port is a fault, so that the default is not used then.
fn ports(section: &mut Section<'_>, range: &'static str, default: Ports) -> Ports {
    let ports = match section.optional(range) {
        Some(range) => port_range(section, &range),
        None => one_port(section),
    };
    ports.unwrap_or(default)
}

fn one_port(section: &mut Section<'_>) -> Option<Ports> {
    section.required(PORT).and_then(|field| port(&field, &(0..=u16::MAX))).map(Ports::One)
}

fn port_range(section: &mut Section<'_>, range: &Field<'_>) -> Option<Ports> {
    if let Some(port) = section.optional(PORT) {
        port.warn("'port' has no effect beside 'portrange'");
    }
    let ports: Vec<u16> =
        range.list()?.iter().filter_map(|field| field.number(&(1..=u16::MAX))).collect();
    match ports[..] {
        // A single port is needed by this transport and conflicts with others.
        [first, last] if first == last => Some(Ports::One(first)),
        [first, last] if first < last => Some(Ports::FirstFreeOf(first..=last)),
        _ => range.expected("a list of two ports, the lower one first"),
    }
}

/// A port, or `$NAME` for the value of a variable.
pub(crate) fn port(field: &Field<'_>, range: &RangeInclusive<u16>) -> Option<u16> {
    let Some(name) = field.raw_text().and_then(env::bare_name) else {
        return field.number(range);
    };
    let value = match env::variable(name, field.context.environment()) {
        Ok(value) => value,
        Err(message) => return field.report(message, None, None),
    };
    let port = value.parse().ok().filter(|port| range.contains(port));
    let expected = format!("a whole number from {} to {}", range.start(), range.end());
    port.or_else(|| field.report(format!("'{name}' is set to no port"), Some(expected), None))
}

/// Reads the version of IP.
pub(crate) fn ip_version(
    section: &mut Section<'_>,
    key: &'static str,
    default: IpVersion,
) -> IpVersion {
    match section.optional(key).map(|field| (field.number(&(4..=6_u8)), field)) {
        Some((Some(6), _)) => IpVersion::V6,
        Some((Some(5), field)) => field.expected("4 or 6").unwrap_or(IpVersion::V4),
        Some(_) => IpVersion::V4,
        None => default,
    }
}

fn backlog(section: &mut Section<'_>, key: &'static str, default: u16) -> u16 {
    section.number(key, &(1..=u16::MAX), default)
}

fn user_timeout(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<Duration>,
) -> Option<Duration> {
    let millis = section.number(key, &(0..=65_535_u64), 0);
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// An address or host name. A text that resembles an address, and is none, is no host name either.
fn interface(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<ListeningInterface>,
) -> Option<ListeningInterface> {
    let field = section.optional(key)?;
    let name = field.text().filter(|name| !name.is_empty())?;
    // The system accepts fewer than four numbers, such as 127.1, as an address, and numbers with
    // leading zeros.
    let is_like_ipv4 = name.matches('.').count() >= 3
        && name.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    let is_ipv4 = || {
        let mut numbers = name.split('.').map(|number| number.parse::<u8>());
        numbers.clone().count() == 4 && numbers.all(|number| number.is_ok())
    };
    let is_like_ipv6 = name.contains(':') && !name.contains('%');
    let is_ipv6 = || name.parse::<Ipv6Addr>().is_ok();
    if (is_like_ipv4 && !is_ipv4()) || (is_like_ipv6 && !is_ipv6()) {
        return field.expected("an IP address or the name of a host, without a port");
    }
    Some(ListeningInterface { name, location: Some(field.location()) })
}

/// Reads a Unix socket. The second value is its canonical path.
fn listening_unix(mut section: Section<'_>) -> Option<(ListeningUnix, PathBuf)> {
    section.narrow(&UNIX_ENDPOINT);
    let path = socket_path(&mut section, UNIX.path);
    let backlog = backlog(&mut section, UNIX.backlog, ListeningTcp::DEFAULT_BACKLOG);
    let (mode, owner) = (section.optional(UNIX.mode), section.optional(UNIX.owner));
    if path.as_deref().is_some_and(is_abstract) {
        for field in mode.iter().chain(&owner) {
            field.fault("a socket of the abstract namespace has no file that this could be set of");
        }
    }
    let (mode, owner) =
        (mode.and_then(|field| file_mode(&field)), owner.and_then(|field| file_owner(&field)));
    let proxy_protocol = section.flag(UNIX.proxy_protocol, false);
    let canonical = path.as_deref().map(|path| canonical_path(&mut section, path));
    section.finish();
    let unix = ListeningUnix { path: path?, backlog, mode, owner, proxy_protocol };
    Some((unix, canonical?))
}

/// The canonical path of a socket's file. Reports a file that can't be created, unless the worker
/// is disabled.
fn canonical_path(endpoint: &mut Section<'_>, path: &Path) -> PathBuf {
    let context = endpoint.context();
    if is_abstract(path) || context.names.borrow().disabled {
        return path.to_owned();
    }
    context.environment().check_socket(path).unwrap_or_else(|sentence| {
        if let Some(field) = endpoint.optional(UNIX.path) {
            field.fault(sentence);
        }
        path.to_owned()
    })
}

/// Permissions as octal digits in a string: JSON and YAML 1.2 have no octal numbers of this form.
fn file_mode(field: &Field<'_>) -> Option<u32> {
    let expected = "permissions as a string of three or four octal digits, such as \"0660\"";
    let Some(text) = field.raw_text() else { return field.expected(expected) };
    let is_octal =
        (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if !is_octal {
        return field.expected(expected);
    }
    u32::from_str_radix(text, 8).ok()
}

/// `user`, `user:group` or `:group`.
fn file_owner(field: &Field<'_>) -> Option<FileOwner> {
    let text = field.text()?;
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text.as_str(), None),
    };
    if group.unwrap_or(user).is_empty() {
        return field.expected("'user', 'user:group' or ':group'");
    }
    let user = (!user.is_empty()).then(|| user.to_owned());
    let owner = FileOwner { user, group: group.map(str::to_owned) };
    match field.context.environment().check_owner(&owner) {
        Err(sentence) if !field.context.names.borrow().disabled => {
            field.report(sentence, None, None)
        }
        _ => Some(owner),
    }
}
