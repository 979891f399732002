//! The node without configuration: where it listens, by `--port` and `--listen`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use clap::Args;
use cloverleaf_config::Settings;

/// The options of `start` that only the node without configuration takes.
#[derive(Debug, Args)]
pub(super) struct DefaultNode {
    /// Without a configuration: the port to listen on, 8080 by default; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Without a configuration: the IP address to listen on, 127.0.0.1 by default.
    ///
    /// 0.0.0.0 and :: take connections from other machines, to which the node is then open. A port
    /// may follow, as in 0.0.0.0:9000.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<ListenAddress>,
}

/// An IP address, with or without a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ListenAddress {
    ip: IpAddr,
    port: Option<u16>,
}

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: address.ip(), port: Some(address.port()) });
        }
        if text == "localhost" {
            return Ok(Self { ip: Ipv4Addr::LOCALHOST.into(), port: None });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        match bare.parse() {
            Ok(ip) => Ok(Self { ip, port: None }),
            Err(_) => Err("an IP address is expected, such as 127.0.0.1, 0.0.0.0:9000 or ::1"),
        }
    }
}

impl DefaultNode {
    /// The first of the options that was given.
    pub(super) const fn given(&self) -> Option<&'static str> {
        match (self.port, self.listen) {
            (Some(_), _) => Some("--port"),
            (None, Some(_)) => Some("--listen"),
            (None, None) => None,
        }
    }

    /// The settings of the node, or an error for the user. Logs that it is the default node.
    pub(super) fn settings(&self) -> Result<Settings, String> {
        let address = self.address()?;
        tracing::info!(
            "default node: no configuration is given, no config.yaml or config.json here"
        );
        match address.ip() {
            ip if ip.is_loopback() => {
                tracing::info!(realm = "realm1", "realm is open to every program on this machine");
            }
            ip => {
                tracing::warn!(realm = "realm1", interface = %ip, "realm is open to the network");
            }
        }
        Ok(Settings::default_node(Path::new("."), address))
    }

    fn address(&self) -> Result<SocketAddr, String> {
        let default = Settings::DEFAULT_NODE_ADDRESS;
        let (ip, port) = match self.listen {
            Some(ListenAddress { ip, port }) => (ip, port),
            None => (default.ip(), None),
        };
        match (port, self.port) {
            (Some(one), Some(other)) if one != other => {
                Err(format!("--listen names port {one} and --port names {other}"))
            }
            (one, other) => {
                let port = one.or(other).unwrap_or_else(|| default.port());
                Ok(SocketAddr::new(ip, port))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DefaultNode;

    fn address(listen: Option<&str>, port: Option<u16>) -> Result<String, String> {
        let listen = listen.map(|text| text.parse().expect("an address"));
        DefaultNode { port, listen }.address().map(|address| address.to_string())
    }

    #[test]
    fn the_address_has_the_parts_that_are_given() {
        for (listen, port, expected) in [
            (None, None, "127.0.0.1:8080"),
            (None, Some(9000), "127.0.0.1:9000"),
            (None, Some(0), "127.0.0.1:0"),
            (Some("0.0.0.0"), None, "0.0.0.0:8080"),
            (Some("0.0.0.0"), Some(9000), "0.0.0.0:9000"),
            (Some("0.0.0.0:9000"), None, "0.0.0.0:9000"),
            (Some("0.0.0.0:9000"), Some(9000), "0.0.0.0:9000"),
            (Some("::1"), None, "[::1]:8080"),
            (Some("[::1]"), Some(1), "[::1]:1"),
            (Some("[::]:9000"), None, "[::]:9000"),
            (Some("localhost"), Some(9000), "127.0.0.1:9000"),
        ] {
            assert_eq!(address(listen, port).as_deref(), Ok(expected), "{listen:?} {port:?}");
        }
        let refused = address(Some("0.0.0.0:9000"), Some(9001));
        assert_eq!(refused, Err("--listen names port 9000 and --port names 9001".to_owned()));
    }
}
