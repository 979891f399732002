//! A connected TCP or Unix socket with deadlines for reads and writes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
use std::path::Path;
use std::time::Duration;

use super::TIMEOUT;

/// How long `has_ended` waits for the end of a stream.
const END_CHECK: Duration = Duration::from_millis(20);

/// A connected socket.
#[derive(Debug)]
pub(crate) enum ClientStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl ClientStream {
    /// Connects to a TCP address.
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).expect("a TCP connection");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(TIMEOUT)).expect("an option");
        stream.set_write_timeout(Some(TIMEOUT)).expect("an option");
        Self::Tcp(stream)
    }

    /// Connects to a socket file, or to a name of the abstract namespace that begins with `@`.
    pub(crate) fn unix(path: &Path) -> Self {
        let address = match path.as_os_str().as_bytes().strip_prefix(b"@") {
            Some(name) => UnixAddress::from_abstract_name(name),
            None => UnixAddress::from_pathname(path),
        };
        let stream = address.and_then(|address| UnixStream::connect_addr(&address));
        let stream = stream.expect("a Unix connection");
        stream.set_read_timeout(Some(TIMEOUT)).expect("an option");
        stream.set_write_timeout(Some(TIMEOUT)).expect("an option");
        Self::Unix(stream)
    }

    /// Sends octets. That the router has closed the connection is no failure of the test.
    pub(crate) fn send(&mut self, octets: &[u8]) {
        let sent = match self {
            Self::Tcp(stream) => stream.write_all(octets),
            Self::Unix(stream) => stream.write_all(octets),
        };
        match sent.map_err(|error| error.kind()) {
            Ok(()) | Err(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
            Err(error) => panic!("{} octets can't be sent: {error}", octets.len()),
        }
    }

    /// Reads some octets. Returns 0 at the end of the stream; a reset counts as the end.
    fn receive_some(&mut self, buffer: &mut [u8]) -> usize {
        let read = match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        };
        match read.map_err(|error| error.kind()) {
            Ok(count) => count,
            Err(ErrorKind::ConnectionReset) => 0,
            Err(error) => panic!("no octets and no end came: {error}"),
        }
    }

    /// Receives `count` octets, or fewer if the stream ends before.
    pub(crate) fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.receive_some(&mut octets[filled..]) {
                0 => break,
                read => filled += read,
            }
        }
        octets.truncate(filled);
        octets
    }

    /// Receives all octets up to the end of the stream.
    pub(crate) fn receive_to_end(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.receive_some(&mut buffer) {
                0 => return octets,
                read => octets.extend_from_slice(&buffer[..read]),
            }
        }
    }

    /// Asserts that the stream ends without another octet.
    pub(crate) fn receive_end(&mut self) {
        let octets = self.receive_to_end();
        assert!(octets.is_empty(), "the end was expected, not {}", octets.escape_ascii());
    }

    /// Whether the stream ends within `END_CHECK`. Panics if an octet arrives.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.limit_reads(END_CHECK);
        let read = match self {
            Self::Tcp(stream) => stream.read(&mut [0]),
            Self::Unix(stream) => stream.read(&mut [0]),
        };
        self.limit_reads(TIMEOUT);
        match read.map_err(|error| error.kind()) {
            Ok(0) | Err(ErrorKind::ConnectionReset) => true,
            Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
            other => panic!("the end was expected, not {other:?}"),
        }
    }

    /// Whether the router still accepts data, as far as the operating system knows.
    pub(crate) fn is_open_for_writing(&mut self) -> bool {
        let sent = match self {
            Self::Tcp(stream) => stream.write_all(b"x"),
            Self::Unix(stream) => stream.write_all(b"x"),
        };
        sent.is_ok()
    }

    /// Receives all octets up to the end of the stream. Shuts down the writing half after this much
    /// silence.
    pub(crate) fn receive_all(&mut self, silence: Duration) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut buffer = [0; 4096];
        self.limit_reads(silence);
        loop {
            let read = match self {
                Self::Tcp(stream) => stream.read(&mut buffer),
                Self::Unix(stream) => stream.read(&mut buffer),
            };
            match read.map_err(|error| error.kind()) {
                Ok(0) | Err(ErrorKind::ConnectionReset) => return octets,
                Ok(count) => octets.extend_from_slice(&buffer[..count]),
                Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => panic!("no octets and no end came: {error}"),
            }
        }
        self.limit_reads(TIMEOUT);
        self.shutdown_write();
        octets.extend(self.receive_to_end());
        octets
    }

    fn limit_reads(&self, timeout: Duration) {
        let limited = match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(timeout)),
            Self::Unix(stream) => stream.set_read_timeout(Some(timeout)),
        };
        limited.expect("an option");
    }

    /// Shuts down the writing half. That the router has closed the connection is no failure.
    pub(crate) fn shutdown_write(&mut self) {
        let result = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        match result.map_err(|error| error.kind()) {
            Ok(()) | Err(ErrorKind::NotConnected) => {}
            Err(error) => panic!("the writing half can't be shut down: {error}"),
        }
    }
}
