//! URLs of transports: `ws://host[:port][/path]`, `wss://…`, `tcp://host:port` and `unix:path`.

use std::error::Error;
use std::fmt;

/// The port of `ws://` URLs without a port (RFC 6455, section 3).
const WS_PORT: u16 = 80;

/// The port of `wss://` URLs without a port (RFC 6455, section 3).
const WSS_PORT: u16 = 443;

/// A URL of a transport, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportUrl<'u> {
    /// `ws://` and `wss://`.
    WebSocket(WebSocketUrl<'u>),
    /// `tcp://host:port`: RawSocket over TCP.
    Tcp {
        /// A name or an address; an IPv6 address without brackets.
        host: &'u str,
        /// The port.
        port: u16,
    },
    /// `unix:path` or `unix://path`: RawSocket over a Unix socket.
    Unix {
        /// The path of the socket's file.
        path: &'u str,
    },
}

/// A `ws://` or `wss://` URL, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSocketUrl<'u> {
    /// Whether the scheme is `wss`: WebSocket over TLS.
    pub is_secure: bool,
    /// The value of the header field `Host`: the host, and the port if the URL has one.
    pub authority: &'u str,
    /// A name or an address; an IPv6 address without brackets.
    pub host: &'u str,
    /// The port; 80 or 443 if the URL has none.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: &'u str,
}

/// The reason why a text is not the URL of a transport. Displayed as a predicate, such as `names no
/// host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidTransportUrl {
    /// The scheme is not one of `ws`, `wss`, `tcp` and `unix`.
    Scheme,
    /// `unix:` without a path.
    NoSocketPath,
    /// The host is absent.
    NoHost,
    /// `tcp://` without a port.
    NoPort,
    /// The port is not a number up to 65535.
    Port,
    /// An IPv6 address without its closing bracket.
    NoClosingBracket,
    /// Text other than a port after the closing bracket.
    TextAfterBracket,
}

impl fmt::Display for InvalidTransportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "must begin with 'ws://', 'tcp://' or 'unix:'",
            Self::NoSocketPath => "names no socket file",
            Self::NoHost => "names no host",
            Self::NoPort => "names no port",
            Self::Port => "has a port that is no number to 65535",
            Self::NoClosingBracket => "lacks the bracket ']'",
            Self::TextAfterBracket => "has something other than a port behind the bracket ']'",
        })
    }
}

impl Error for InvalidTransportUrl {}

impl<'u> TransportUrl<'u> {
    /// Parses a URL.
    ///
    /// # Errors
    /// The text is not the URL of a transport.
    pub fn parse(url: &'u str) -> Result<Self, InvalidTransportUrl> {
        if let Some(path) = url.strip_prefix("unix:") {
            return match path.strip_prefix("//").unwrap_or(path) {
                "" => Err(InvalidTransportUrl::NoSocketPath),
                path => Ok(Self::Unix { path }),
            };
        }
        if let Some(authority) = url.strip_prefix("tcp://") {
            let (host, port) = host_and_port(authority)?;
            let port = port.ok_or(InvalidTransportUrl::NoPort)?;
            return Ok(Self::Tcp { host, port });
        }
        WebSocketUrl::parse(url).map(Self::WebSocket)
    }
}

impl<'u> WebSocketUrl<'u> {
    /// Parses a `ws://` or `wss://` URL.
    ///
    /// # Errors
    /// The text is no such URL.
    pub fn parse(url: &'u str) -> Result<Self, InvalidTransportUrl> {
        let (is_secure, rest) = match (url.strip_prefix("ws://"), url.strip_prefix("wss://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(InvalidTransportUrl::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority)?;
        let port = port.unwrap_or(if is_secure { WSS_PORT } else { WS_PORT });
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { is_secure, authority, host, port, path })
    }
}

/// Splits `host[:port]`. The host may be an IPv6 address in brackets.
fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), InvalidTransportUrl> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(InvalidTransportUrl::NoClosingBracket)?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(InvalidTransportUrl::TextAfterBracket),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(InvalidTransportUrl::NoHost);
    }
    let port = port.map(|port| port.parse().map_err(|_| InvalidTransportUrl::Port));
    Ok((host, port.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::{InvalidTransportUrl, TransportUrl, WebSocketUrl};

    fn web_socket(url: &str) -> WebSocketUrl<'_> {
        WebSocketUrl::parse(url).expect(url)
    }

    #[test]
    fn a_websocket_url_has_host_port_and_path() {
        let url = web_socket("ws://example.com:8080/ws?x=1");
        assert_eq!((url.authority, url.host, url.port), ("example.com:8080", "example.com", 8080));
        assert_eq!((url.path, url.is_secure), ("/ws?x=1", false));
        let url = web_socket("ws://[::1]:8080");
        assert_eq!((url.authority, url.host, url.port), ("[::1]:8080", "::1", 8080));
        assert_eq!(url.path, "/");
    }

    #[test]
    fn the_default_port_is_80_or_with_tls_443() {
        assert_eq!(web_socket("ws://example.com/ws").port, 80);
        let url = web_socket("wss://example.com/ws");
        assert_eq!((url.port, url.is_secure), (443, true));
    }

    #[test]
    fn a_unix_url_may_have_two_slashes() {
        let socket = Ok(TransportUrl::Unix { path: "/run/router.sock" });
        assert_eq!(TransportUrl::parse("unix:/run/router.sock"), socket);
        assert_eq!(TransportUrl::parse("unix:///run/router.sock"), socket);
        assert_eq!(TransportUrl::parse("unix://"), Err(InvalidTransportUrl::NoSocketPath));
    }

    #[test]
    fn a_tcp_url_needs_a_port() {
        let tcp = Ok(TransportUrl::Tcp { host: "127.0.0.1", port: 8081 });
        assert_eq!(TransportUrl::parse("tcp://127.0.0.1:8081"), tcp);
        assert_eq!(TransportUrl::parse("tcp://127.0.0.1"), Err(InvalidTransportUrl::NoPort));
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        use InvalidTransportUrl::{NoClosingBracket, NoHost, Port, Scheme, TextAfterBracket};
        let texts = [
            ("http://x/", Scheme),
            ("", Scheme),
            ("tcp://:80", NoHost),
            ("tcp://x:99999", Port),
            ("ws:///ws", NoHost),
            ("ws://x:/ws", Port),
            ("ws://[::1/ws", NoClosingBracket),
            ("ws://[::1]x/ws", TextAfterBracket),
        ];
        for (text, reason) in texts {
            assert_eq!(TransportUrl::parse(text), Err(reason), "{text}");
        }
    }
}
