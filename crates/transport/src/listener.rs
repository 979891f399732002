//! Listening sockets, TCP and Unix.
//!
//! The file of a Unix socket is removed at the end, and at the start if no process listens on it. A
//! socket of the abstract namespace has no file.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, lchown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout_at;

use crate::error::TransportError;
use crate::stream::{AcceptedSocket, system_name, watch};

/// Pause after a failed accept, when the process is out of file descriptors or memory: long enough
/// for connections to end, short enough to go unnoticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time without failures after which accepting has recovered.
const ACCEPT_RECOVERY: Duration = Duration::from_secs(1);

/// Options of a listening TCP socket.
#[derive(Debug, Clone, Copy)]
pub struct TcpOptions {
    /// The number of connections that may wait to be accepted.
    pub backlog: u16,
    /// Whether several sockets share the port (`SO_REUSEPORT`).
    pub shared: bool,
    /// How long sent data may stay unacknowledged (TCP_USER_TIMEOUT).
    pub user_timeout: Option<Duration>,
}

/// Options of a listening Unix socket.
#[derive(Debug, Clone, Copy)]
pub struct UnixOptions {
    /// The number of connections that may wait to be accepted.
    pub backlog: u16,
    /// The permissions of its file.
    pub mode: Option<u32>,
    /// The owner of its file.
    pub user: Option<u32>,
    /// The group of its file.
    pub group: Option<u32>,
}

impl UnixOptions {
    /// Options with this backlog, and default permissions and owner of the file.
    pub const fn waiting(backlog: u16) -> Self {
        Self { backlog, mode: None, user: None, group: None }
    }
}

/// The address of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerAddress {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix socket.
    Unix,
}

impl PeerAddress {
    /// An IP address. An IPv4-mapped IPv6 address becomes the IPv4 address.
    pub fn ip(address: SocketAddr) -> Self {
        Self::Ip(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The IP address; none for a Unix socket.
    pub const fn ip_addr(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }

    /// The address as Autobahn and Crossbar.io write it: `tcp4:127.0.0.1:40312`,
    /// `tcp6:::1:40312`, `unix`.
    pub fn descriptor(&self) -> String {
        match self {
            Self::Ip(address) => {
                let version = if address.is_ipv4() { "tcp4" } else { "tcp6" };
                format!("{version}:{}:{}", address.ip(), address.port())
            }
            Self::Unix => "unix".to_owned(),
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("a Unix socket"),
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    /// Removes the file on drop. None for TCP and abstract names.
    _file: Option<SocketFile>,
    /// The address or path, for the log.
    name: String,
    failures: AcceptFailures,
}

#[derive(Debug)]
enum ListeningSocket {
    /// TCP.
    Tcp(AsyncFd<TcpListener>, TcpOptions),
    /// A Unix socket.
    Unix(AsyncFd<UnixListener>),
}

/// The file of a socket, removed on drop.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl SocketFile {
    /// Sets the mode and then the owner of the file: only its owner may change the mode.
    fn hand_over(&self, options: UnixOptions) -> io::Result<()> {
        if let Some(mode) = options.mode {
            std::fs::set_permissions(&self.0, Permissions::from_mode(mode))?;
        }
        if options.user.is_some() || options.group.is_some() {
            lchown(&self.0, options.user, options.group)?;
        }
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // If another process has removed it, nothing is left to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens on a TCP address. The unspecified IPv6 address listens on all IPv6 and IPv4
    /// addresses. Must be called on a runtime.
    pub fn tcp(address: SocketAddr, options: TcpOptions) -> Result<Self, TransportError> {
        let listen = || {
            let domain = Domain::for_address(address);
            let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            // IPv4 as well, whatever the default of the system is.
            if address.ip() == Ipv6Addr::UNSPECIFIED {
                socket.set_only_v6(false)?;
            }
            if options.shared {
                socket.set_reuse_port(true)?;
            }
            socket.bind(&address.into())?;
            socket.listen(i32::from(options.backlog))?;
            socket.set_nonblocking(true)?;
            watch(TcpListener::from(socket), Interest::READABLE)
        };
        let listener =
            listen().map_err(|error| in_use(&format!("TCP address {address}"), error))?;
        let name = listener.get_ref().local_addr().unwrap_or(address).to_string();
        let socket = ListeningSocket::Tcp(listener, options);
        Ok(Self { socket, _file: None, name, failures: AcceptFailures::NONE })
    }

    /// Listens on a Unix socket. A name with `@` at its beginning belongs to the abstract
    /// namespace. A stale file of a process that has ended is replaced. Must be called on a
    /// runtime.
    ///
    /// # Errors
    /// Another process listens on the socket, or the file is not a socket.
    pub fn unix(path: &Path, options: UnixOptions) -> Result<Self, TransportError> {
        let name = format!("Unix socket {}", path.display());
        let address = system_name(path);
        let has_file = address == path;
        if has_file && is_stale(path).map_err(|error| in_use(&name, error))? {
            std::fs::remove_file(path)
                .map_err(TransportError::io(format!("removing the stale file of {name}")))?;
        }
        let bind = || {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&socket2::SockAddr::unix(&address)?)?;
            Ok(socket)
        };
        let socket = bind().map_err(|error| in_use(&name, error))?;
        let file = has_file.then(|| SocketFile(path.to_owned()));
        // Clients cannot connect before the socket listens, so they never see other permissions.
        if let Some(file) = &file {
            file.hand_over(options)
                .map_err(TransportError::io(format!("setting mode and owner of {name}")))?;
        }
        let listen = || {
            socket.listen(i32::from(options.backlog))?;
            socket.set_nonblocking(true)?;
            watch(UnixListener::from(socket), Interest::READABLE)
        };
        let listener = listen().map_err(|error| in_use(&name, error))?;
        let (socket, name) = (ListeningSocket::Unix(listener), path.display().to_string());
        Ok(Self { socket, _file: file, name, failures: AcceptFailures::NONE })
    }

    /// Checks whether [`Listener::unix`] could create the file of a socket, without creating it.
    /// Does not check whether another process listens there, nor the permission to write.
    ///
    /// # Errors
    /// The path is too long or contains NUL, the directory does not exist, or the file is not a
    /// socket.
    pub fn check_file(path: &Path) -> io::Result<()> {
        let has_nul = path.as_os_str().as_encoded_bytes().contains(&0);
        if has_nul || socket2::SockAddr::unix(path).is_err() {
            // The size of `sun_path` of Linux, without the NUL at its end.
            let text = "the path of a Unix socket has at most 107 bytes, none of which is NUL";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            let text = format!("there is no directory '{}'", directory.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => Err(no_socket()),
            _ => Ok(()),
        }
    }

    /// The TCP address, with the port that the system chose for port 0. None for Unix sockets.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            ListeningSocket::Tcp(listener, _) => listener.get_ref().local_addr().ok(),
            ListeningSocket::Unix(_) => None,
        }
    }

    /// The next connection. Skips errors of a single connection. Pauses after each failure while
    /// the process is out of file descriptors or memory. Logs the first failure and the recovery.
    pub async fn accept(&mut self) -> (AcceptedSocket, PeerAddress) {
        loop {
            let accept = self.socket.accept();
            let accepted = match self.failures.over_at() {
                None => accept.await,
                Some(deadline) => match timeout_at(deadline.into(), accept).await {
                    Ok(accepted) => accepted,
                    Err(_) => {
                        let failures = self.failures.take();
                        tracing::info!(
                            listener = self.name,
                            failures,
                            "accepting connections works again"
                        );
                        continue;
                    }
                },
            };
            match accepted {
                Ok(connection) => {
                    self.failures.has_succeeded();
                    return connection;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if self.failures.is_first(Instant::now()) {
                        let listener = &self.name;
                        tracing::warn!(listener, reason = %error, "accepting connections fails");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl ListeningSocket {
    async fn accept(&self) -> io::Result<(AcceptedSocket, PeerAddress)> {
        match self {
            Self::Tcp(listener, options) => accept_tcp(listener, *options).await,
            Self::Unix(listener) => accept_unix(listener).await,
        }
    }
}

/// Failures to accept, from the first one until accepting has worked for [`ACCEPT_RECOVERY`].
/// Meanwhile each connection that ends makes room for another one. Such a single success is not
/// logged as recovery.
#[derive(Debug)]
struct AcceptFailures {
    count: u64,
    /// The time of the last failure.
    last: Option<Instant>,
    /// Whether a connection has been accepted since then.
    has_succeeded: bool,
}

impl AcceptFailures {
    const NONE: Self = Self { count: 0, last: None, has_succeeded: false };

    /// Counts a failure. Returns whether it is the first one.
    fn is_first(&mut self, now: Instant) -> bool {
        self.count += 1;
        self.last = Some(now);
        self.has_succeeded = false;
        self.count == 1
    }

    const fn has_succeeded(&mut self) {
        self.has_succeeded = true;
    }

    /// The time of recovery if no other failure follows.
    fn over_at(&self) -> Option<Instant> {
        self.last.filter(|_| self.has_succeeded).map(|last| last + ACCEPT_RECOVERY)
    }

    /// Forgets the failures and returns how many there were.
    const fn take(&mut self) -> u64 {
        std::mem::replace(self, Self::NONE).count
    }
}

/// Whether a socket's file exists and no process listens on it.
fn is_stale(path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return Err(no_socket()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Does not wait for a process that listens and is too busy to accept.
    probe.set_nonblocking(true)?;
    match probe.connect(&socket2::SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // Without permission to connect, the check is impossible.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        Ok(()) | Err(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn no_socket() -> io::Error {
    let text = "there is a file of this name that is no socket";
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

async fn accept_tcp(
    listener: &AsyncFd<TcpListener>,
    options: TcpOptions,
) -> io::Result<(AcceptedSocket, PeerAddress)> {
    let (socket, address) = listener.async_io(Interest::READABLE, TcpListener::accept).await?;
    if options.user_timeout.is_some() {
        SockRef::from(&socket).set_tcp_user_timeout(options.user_timeout)?;
    }
    Ok((AcceptedSocket::tcp(socket)?, PeerAddress::ip(address)))
}

async fn accept_unix(
    listener: &AsyncFd<UnixListener>,
) -> io::Result<(AcceptedSocket, PeerAddress)> {
    let (socket, _) = listener.async_io(Interest::READABLE, UnixListener::accept).await?;
    Ok((AcceptedSocket::Unix(socket), PeerAddress::Unix))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
    )
}

/// Describes a failed bind to the operator.
fn in_use(name: &str, error: io::Error) -> TransportError {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{name} is already in use")
        }
        io::ErrorKind::PermissionDenied => {
            format!("listening on {name} is not permitted to this user")
        }
        _ => format!("listening on {name} failed"),
    };
    TransportError::Io { what, source: error }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{ACCEPT_RECOVERY, AcceptFailures};

    #[test]
    fn accepting_recovers_after_a_while_without_failures() {
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let mut failures = AcceptFailures::NONE;
        assert_eq!((failures.is_first(at(0)), failures.is_first(at(100))), (true, false));
        assert_eq!(failures.over_at(), None);
        failures.has_succeeded();
        assert_eq!(failures.over_at(), Some(at(100) + ACCEPT_RECOVERY));
        // A connection that ended made room for only one other.
        assert!(!failures.is_first(at(900)));
        assert_eq!(failures.over_at(), None);
        failures.has_succeeded();
        assert_eq!(failures.over_at(), Some(at(900) + ACCEPT_RECOVERY));
        assert_eq!(failures.take(), 3);
        assert!(failures.is_first(at(5_000)));
    }
}
