//! Where a router is and how it is spoken to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use cloverleaf_transport::limits::DEFAULT_MAX_MESSAGE;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::transport_url::{InvalidTransportUrl, TransportUrl, WebSocketUrl};

use crate::error::Error;

/// Offered over WebSocket unless told otherwise, the most compact and fastest first.
const OFFERED: [Serializer; 4] =
    [Serializer::MsgPack, Serializer::Json, Serializer::Cbor, Serializer::UbJson];

/// A router, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its socket.
    pub endpoint: TargetEndpoint,
    /// The protocol, which decides the framing.
    pub protocol: TargetProtocol,
    /// The serializers to offer, in order of preference. RawSocket can ask for the first one only.
    pub serializers: Vec<Serializer>,
    /// The longest message to take, in bytes.
    pub max_message: usize,
}

/// A socket that a router listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetEndpoint {
    /// TCP.
    Tcp {
        /// A name or an address; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket with this file, or with this name of the abstract namespace, if `@` stands
    /// before it.
    Unix(PathBuf),
}

/// The protocol, which decides the framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetProtocol {
    /// WebSocket (RFC 6455).
    WebSocket {
        /// The `Host` header: name or address, with the port unless it is 80.
        host: String,
        /// Path and query, beginning with `/`.
        path: String,
    },
    /// RawSocket (advanced profile, "RawSocket Transport").
    RawSocket,
}

impl Target {
    /// A RawSocket at an endpoint, msgpack.
    pub fn rawsocket(endpoint: TargetEndpoint) -> Self {
        let serializers = vec![Serializer::MsgPack];
        let protocol = TargetProtocol::RawSocket;
        Self { endpoint, protocol, serializers, max_message: DEFAULT_MAX_MESSAGE }
    }

    /// A WebSocket at an endpoint, all serializers offered.
    pub fn websocket(
        endpoint: TargetEndpoint,
        host: impl Into<String>,
        path: impl Into<String>,
    ) -> Self {
        let protocol = TargetProtocol::WebSocket { host: host.into(), path: path.into() };
        let serializers = OFFERED.to_vec();
        Self { endpoint, protocol, serializers, max_message: DEFAULT_MAX_MESSAGE }
    }
}

impl FromStr for Target {
    type Err = Error;

    /// Parses an address; see [`Client::new`](super::Client::new).
    fn from_str(address: &str) -> Result<Self, Error> {
        let fault = |reason: InvalidTransportUrl| {
            Error::Connect(format!("the address '{address}' {reason}").into())
        };
        Ok(match TransportUrl::parse(address).map_err(fault)? {
            TransportUrl::Unix { path } => Self::rawsocket(TargetEndpoint::Unix(path.into())),
            TransportUrl::Tcp { host, port } => {
                Self::rawsocket(TargetEndpoint::Tcp { host: host.to_owned(), port })
            }
            // TLS is not supported.
            TransportUrl::WebSocket(WebSocketUrl { is_secure: true, .. }) => {
                return Err(fault(InvalidTransportUrl::Scheme));
            }
            TransportUrl::WebSocket(WebSocketUrl { authority, host, port, path, .. }) => {
                let endpoint = TargetEndpoint::Tcp { host: host.to_owned(), port };
                Self::websocket(endpoint, authority, path)
            }
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.protocol, &self.endpoint) {
            (TargetProtocol::WebSocket { path, .. }, TargetEndpoint::Tcp { host, port }) => {
                write!(f, "ws://{}:{port}{path}", Bracketed(host))
            }
            (TargetProtocol::WebSocket { path, .. }, TargetEndpoint::Unix(socket)) => {
                write!(f, "WebSocket {path} at unix:{}", socket.display())
            }
            (TargetProtocol::RawSocket, TargetEndpoint::Tcp { host, port }) => {
                write!(f, "tcp://{}:{port}", Bracketed(host))
            }
            (TargetProtocol::RawSocket, TargetEndpoint::Unix(socket)) => {
                write!(f, "unix:{}", socket.display())
            }
        }
    }
}

/// A host as it stands in an address.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, TargetEndpoint};

    fn tcp(host: &str, port: u16) -> TargetEndpoint {
        TargetEndpoint::Tcp { host: host.to_owned(), port }
    }

    fn parsed(address: &str) -> Target {
        address.parse().expect(address)
    }

    #[test]
    fn an_address_says_endpoint_and_protocol() {
        assert_eq!(
            parsed("ws://example.com:8080/ws?x=1"),
            Target::websocket(tcp("example.com", 8080), "example.com:8080", "/ws?x=1")
        );
        assert_eq!(
            parsed("ws://example.com"),
            Target::websocket(tcp("example.com", 80), "example.com", "/")
        );
        assert_eq!(
            parsed("ws://[::1]:8080/ws"),
            Target::websocket(tcp("::1", 8080), "[::1]:8080", "/ws")
        );
        assert_eq!(parsed("tcp://127.0.0.1:8081"), Target::rawsocket(tcp("127.0.0.1", 8081)));
        let socket = Target::rawsocket(TargetEndpoint::Unix("/run/router.sock".into()));
        assert_eq!(parsed("unix:/run/router.sock"), socket);
        assert_eq!(parsed("unix:///run/router.sock"), socket);
    }

    #[test]
    fn a_target_is_shown_as_its_address() {
        for address in ["ws://[::1]:8080/ws", "tcp://localhost:8081", "unix:/run/router.sock"] {
            assert_eq!(parsed(address).to_string(), address);
        }
    }

    #[test]
    fn an_address_that_is_none_is_named_with_what_is_wrong() {
        let fault = |address: &str| address.parse::<Target>().map_err(|error| error.to_string());
        let sentences = [
            ("http://x/", "must begin with 'ws://', 'tcp://' or 'unix:'"),
            ("tcp://x", "names no port"),
            ("tcp://:80", "names no host"),
            ("tcp://x:99999", "has a port that is no number to 65535"),
            ("ws:///ws", "names no host"),
            ("ws://[::1/ws", "lacks the bracket ']'"),
            ("ws://[::1]x/ws", "has something other than a port behind the bracket ']'"),
            ("unix:", "names no socket file"),
        ];
        for (address, what) in sentences {
            assert_eq!(fault(address), Err(format!("the address '{address}' {what}")));
        }
    }
}
