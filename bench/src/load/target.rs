//! The address and the format of a router, read from a URL.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use cloverleaf_wamp::serializer::Serializer;

/// The address of a router. `rs://HOST:PORT`, `unix:PATH` or `ws://HOST:PORT/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// RawSocket over TCP.
    RawTcp(SocketAddr),
    /// RawSocket over a Unix socket.
    RawUnix(PathBuf),
    /// WebSocket over TCP.
    WebSocket {
        /// The socket address.
        at: SocketAddr,
        /// The host of the handshake.
        host: String,
        /// The path of the handshake.
        path: String,
    },
}

impl FromStr for Address {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("unix:") {
            return match path {
                "" => Err("the path of a Unix socket follows 'unix:'".to_owned()),
                path => Ok(Self::RawUnix(path.into())),
            };
        }
        if let Some(host) = url.strip_prefix("rs://") {
            return resolve(host).map(Self::RawTcp);
        }
        let Some(rest) = url.strip_prefix("ws://") else {
            return Err("a URL begins with 'ws://', 'rs://' or 'unix:'".to_owned());
        };
        let (host, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let at = resolve(&with_port)?;
        Ok(Self::WebSocket { at, host: host.to_owned(), path: path.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RawTcp(at) => write!(f, "rs://{at}"),
            Self::RawUnix(path) => write!(f, "unix:{}", path.display()),
            Self::WebSocket { host, path, .. } => write!(f, "ws://{host}{path}"),
        }
    }
}

fn resolve(host: &str) -> Result<SocketAddr, String> {
    let mut found = host.to_socket_addrs().map_err(|error| format!("'{host}': {error}"))?;
    found.next().ok_or_else(|| format!("'{host}' has no address"))
}

/// The address of a router and the serializer to use there.
#[derive(Debug, Clone)]
pub struct LoadTarget {
    /// The address.
    pub address: Address,
    /// The serializer.
    pub serializer: Serializer,
    /// Whether the peer speaks RawSocket frames without a handshake, as the yardstick `forwarder`
    /// does.
    pub bare: bool,
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_url_names_transport_and_address() {
        let at = "127.0.0.1:8080".parse().expect("an address");
        let parsed = |url: &str| url.parse::<Address>();
        assert_eq!(parsed("rs://127.0.0.1:8080"), Ok(Address::RawTcp(at)));
        assert_eq!(parsed("unix:/tmp/a.sock"), Ok(Address::RawUnix("/tmp/a.sock".into())));
        let web_socket = |path: &str| Address::WebSocket {
            at,
            host: "127.0.0.1:8080".to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(parsed("ws://127.0.0.1:8080/ws"), Ok(web_socket("/ws")));
        assert_eq!(parsed("ws://127.0.0.1:8080"), Ok(web_socket("/")));
    }

    #[test]
    fn a_url_is_displayed_as_it_was_given() {
        for url in ["rs://127.0.0.1:8080", "unix:/tmp/a.sock", "ws://127.0.0.1:8080/ws"] {
            assert_eq!(url.parse::<Address>().expect("a good URL").to_string(), url);
        }
    }

    #[test]
    fn a_bad_url_is_an_error() {
        for url in ["", "http://127.0.0.1", "unix:", "rs://127.0.0.1"] {
            assert!(url.parse::<Address>().is_err(), "{url}");
        }
    }
}
