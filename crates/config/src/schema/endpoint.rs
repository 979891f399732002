//! Endpoints to listen on and to connect to.

use std::net::Ipv6Addr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::env::{self, Environment};
use crate::field::Field;
use crate::section::Section;
use crate::settings::endpoint::DEFAULT_CONNECT_TIMEOUT;
use crate::settings::{
    ConnectingEndpoint, ConnectingTcp, ConnectingUnix, FileOwner, IpVersion, ListeningEndpoint,
    ListeningInterface, ListeningTcp, ListeningUnix, Ports,
};
use crate::unsupported;

#[derive(Clone, Copy)]
enum Kind {
    Tcp,
    Unix,
}

const KINDS: [(&str, Kind); 2] = [("tcp", Kind::Tcp), ("unix", Kind::Unix)];

/// The longest time that connecting may take, in seconds.
const MAX_CONNECT_TIMEOUT: u64 = 600;

/// The longest name of the abstract namespace on Linux, in bytes, with the `@` that stands for NUL.
const MAX_ABSTRACT_NAME: usize = 108;

/// Reads the key `endpoint` of a transport that listens, and notes its address.
pub(super) fn listening(transport: &mut Section<'_>) -> Option<ListeningEndpoint> {
    let field = transport.required("endpoint")?;
    let mut section = field.section("an endpoint")?;
    let (endpoint, resolved) =
        match section.kind("endpoint type", &KINDS, unsupported::LISTENING_ENDPOINTS)? {
            Kind::Tcp => {
                let endpoint = ListeningEndpoint::Tcp(listening_tcp(section)?);
                (endpoint.clone(), endpoint)
            }
            Kind::Unix => {
                let (unix, path) = listening_unix(section)?;
                let resolved = ListeningUnix { path, ..unix.clone() };
                (ListeningEndpoint::Unix(unix), ListeningEndpoint::Unix(resolved))
            }
        };
    let listened = field.context.names.borrow_mut().listen(resolved, field.location());
    if let Err(other) = listened {
        field.fault(format!("the transport in line {} already listens here", other.line));
    }
    Some(endpoint)
}

fn listening_tcp(mut section: Section<'_>) -> Option<ListeningTcp> {
    section.call("a tcp endpoint");
    let ports = ports(&mut section);
    let interface = section.optional("interface").and_then(|field| interface(&field));
    let version = ip_version(&mut section);
    let backlog = backlog(&mut section);
    let shared = section.flag("shared", false);
    let user_timeout = section.number("user_timeout", &(0..=65_535_u64), 0);
    let proxy_protocol = section.flag("proxy_protocol", false);
    section.unsupported(unsupported::LISTENING_TLS);
    section.finish();
    let user_timeout = (user_timeout > 0).then(|| Duration::from_millis(user_timeout));
    let ports = ports?;
    Some(ListeningTcp { ports, version, interface, backlog, shared, user_timeout, proxy_protocol })
}

/// The address or name of an interface. What only resembles an address is the name of no host.
fn interface(field: &Field<'_>) -> Option<ListeningInterface> {
    let name = field.text().filter(|name| !name.is_empty())?;
    // Fewer than four numbers are an address to the system, such as 127.1, and a number may begin
    // with 0.
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

/// A Unix socket, and the path that is the same for every spelling of its file.
fn listening_unix(mut section: Section<'_>) -> Option<(ListeningUnix, PathBuf)> {
    section.call("a unix endpoint");
    let path = socket_path(&mut section);
    let backlog = backlog(&mut section);
    let (mode, owner) = (section.optional("mode"), section.optional("owner"));
    if path.as_deref().is_some_and(is_abstract) {
        for field in mode.iter().chain(&owner) {
            field.fault("a socket of the abstract namespace has no file that this could be set of");
        }
    }
    let (mode, owner) =
        (mode.and_then(|field| file_mode(&field)), owner.and_then(|field| file_owner(&field)));
    let proxy_protocol = section.flag("proxy_protocol", false);
    let resolved = path.as_deref().map(|path| check_file(&mut section, path));
    section.finish();
    let unix = ListeningUnix { path: path?, backlog, mode, owner, proxy_protocol };
    Some((unix, resolved?))
}

/// Reports that the file of a socket can't be made. Nothing of a disabled worker is made. Returns
/// the path that is the same for every spelling of this file.
fn check_file(endpoint: &mut Section<'_>, path: &Path) -> PathBuf {
    let context = endpoint.context();
    if is_abstract(path) || context.names.borrow().disabled {
        return path.to_owned();
    }
    context.environment().check_socket(path).unwrap_or_else(|sentence| {
        if let Some(field) = endpoint.optional("path") {
            field.fault(sentence);
        }
        path.to_owned()
    })
}

/// Permissions as octal digits: neither JSON nor YAML 1.2 has such numbers.
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

/// Reads the key `endpoint` of a transport that connects.
pub(super) fn connecting(transport: &mut Section<'_>) -> Option<ConnectingEndpoint> {
    let mut section = transport.required("endpoint")?.section("an endpoint")?;
    match section.kind("endpoint type", &KINDS, unsupported::CONNECTING_ENDPOINTS)? {
        Kind::Tcp => connecting_tcp(section).map(ConnectingEndpoint::Tcp),
        Kind::Unix => connecting_unix(section).map(ConnectingEndpoint::Unix),
    }
}

/// The same endpoint, with the path that is the same for every spelling of its socket's file.
pub(super) fn resolved(
    endpoint: &ConnectingEndpoint,
    environment: &dyn Environment,
) -> ConnectingEndpoint {
    let mut resolved = endpoint.clone();
    if let ConnectingEndpoint::Unix(unix) = &mut resolved
        && !is_abstract(&unix.path)
        && let Ok(path) = environment.check_socket(&unix.path)
    {
        unix.path = path;
    }
    resolved
}

fn connecting_tcp(mut section: Section<'_>) -> Option<ConnectingTcp> {
    section.call("a connecting tcp endpoint");
    let host = section.required_text("host");
    let port = section.required("port").and_then(|field| port(&field, &(1..=u16::MAX)));
    let version = ip_version(&mut section);
    section.has_no_effect("version", version != IpVersion::V4);
    let timeout = connect_timeout(&mut section);
    section.unsupported(unsupported::CONNECTING_TLS);
    section.finish();
    Some(ConnectingTcp { host: host?, port: port?, version, timeout })
}

fn connecting_unix(mut section: Section<'_>) -> Option<ConnectingUnix> {
    section.call("a connecting unix endpoint");
    let path = socket_path(&mut section);
    let timeout = connect_timeout(&mut section);
    section.finish();
    Some(ConnectingUnix { path: path?, timeout })
}

/// `port`, where 0 means any free one (Crossbar.io begins at 1), or `portrange`.
fn ports(section: &mut Section<'_>) -> Option<Ports> {
    let Some(range) = section.optional("portrange") else {
        return section
            .required("port")
            .and_then(|field| port(&field, &(0..=u16::MAX)))
            .map(Ports::One);
    };
    if let Some(port) = section.optional("port") {
        port.warn("'port' has no effect beside 'portrange'");
    }
    let ports: Vec<u16> =
        range.list()?.iter().filter_map(|field| field.number(&(1..=u16::MAX))).collect();
    match ports[..] {
        // So that it counts as a port that this transport needs.
        [first, last] if first == last => Some(Ports::One(first)),
        [first, last] if first < last => Some(Ports::FirstFreeOf(first..=last)),
        _ => range.expected("a list of two ports, the lower one first"),
    }
}

/// A port, or `$NAME` for the variable that has it.
fn port(field: &Field<'_>, range: &RangeInclusive<u16>) -> Option<u16> {
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

fn ip_version(section: &mut Section<'_>) -> IpVersion {
    match section.optional("version").map(|field| (field.number(&(4..=6_u8)), field)) {
        Some((Some(6), _)) => IpVersion::V6,
        Some((Some(5), field)) => field.expected("4 or 6").unwrap_or(IpVersion::V4),
        _ => IpVersion::V4,
    }
}

fn backlog(section: &mut Section<'_>) -> u16 {
    section.number("backlog", &(1..=u16::MAX), ListeningTcp::DEFAULT_BACKLOG)
}

fn connect_timeout(section: &mut Section<'_>) -> Duration {
    let range = 0..=MAX_CONNECT_TIMEOUT;
    let seconds = section.number("timeout", &range, DEFAULT_CONNECT_TIMEOUT.as_secs());
    let timeout = Duration::from_secs(seconds);
    section.has_no_effect("timeout", timeout != DEFAULT_CONNECT_TIMEOUT);
    timeout
}

/// The path of a socket, in which variables are expanded. A name of the abstract namespace has no
/// directory.
fn socket_path(section: &mut Section<'_>) -> Option<PathBuf> {
    let field = section.required("path")?;
    let path = field.full_text()?;
    match env::expand(&path, field.context.environment()) {
        Ok(name) if name == "@" => {
            field.report("a name of the abstract namespace is missing behind '@'", None, None)
        }
        Ok(name) if is_abstract(Path::new(&name)) && name.len() > MAX_ABSTRACT_NAME => {
            field.report("a name of the abstract namespace has at most 107 bytes", None, None)
        }
        Ok(name) if is_abstract(Path::new(&name)) => Some(name.into()),
        Ok(path) => Some(field.context.resolve(&path)),
        Err(message) => field.report(message, None, None),
    }
}

/// Whether a socket has a name of the abstract namespace, not a path.
fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"@")
}
