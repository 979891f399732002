//! IP networks, for `require_ip`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// A network of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpNetwork(IpNet);

/// The reason why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidNetwork {
    /// The text is neither an address nor an address with a prefix length or mask.
    NotANetwork,
    /// The address has bits after the prefix. The value is the network without them.
    HostBits(IpNetwork),
}

impl IpNetwork {
    /// Whether an address is in the network. IPv4 addresses in IPv6 form count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for IpNetwork {
    type Err = InvalidNetwork;

    /// Parses `1.2.3.4`, `10.0.0.0/8`, `192.168.0.0/255.255.255.0`, `::1` or `fd00::/8`.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let network = parse(text).ok_or(InvalidNetwork::NotANetwork)?;
        if network.addr() == network.network() {
            Ok(Self(network))
        } else {
            Err(InvalidNetwork::HostBits(Self(network.trunc())))
        }
    }
}

/// An address with a prefix length or mask. Without one, the network has only this address.
fn parse(text: &str) -> Option<IpNet> {
    let Some((address, prefix)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    let address = address.parse().ok()?;
    match (address, prefix.parse::<Ipv4Addr>()) {
        (IpAddr::V4(address), Ok(mask)) => {
            Ipv4Net::with_netmask(address, mask).ok().map(IpNet::from)
        }
        _ => IpNet::new(address, prefix.parse().ok()?).ok(),
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<String, InvalidNetwork> {
        text.parse().map(|network: IpNetwork| network.to_string())
    }

    fn contains(network: &str, address: &str) -> bool {
        let network: IpNetwork = network.parse().expect("a network");
        network.contains(address.parse().expect("an address"))
    }

    #[test]
    fn a_network_is_an_address_with_a_prefix_length_or_mask() {
        assert_eq!(network("1.2.3.4"), Ok("1.2.3.4/32".into()));
        assert_eq!(network("10.0.0.0/8"), Ok("10.0.0.0/8".into()));
        assert_eq!(network("192.168.0.0/255.255.255.0"), Ok("192.168.0.0/24".into()));
        assert_eq!(network("0.0.0.0/0.0.0.0"), Ok("0.0.0.0/0".into()));
        assert_eq!(network("1.2.3.4/255.255.255.255"), Ok("1.2.3.4/32".into()));
        assert_eq!(network("::1"), Ok("::1/128".into()));
        assert_eq!(network("fd00::/8"), Ok("fd00::/8".into()));
        assert_eq!(network("::/0"), Ok("::/0".into()));
    }

    #[test]
    fn other_texts_are_no_networks() {
        let none = [
            "",
            "localhost",
            "1.2.3",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/255.0.255.0",
            "fd00::/129",
            "fd00::/255.0.0.0",
            "/8",
            "1.2.3.4/-1",
        ];
        for text in none {
            assert_eq!(network(text), Err(InvalidNetwork::NotANetwork), "{text}");
        }
    }

    #[test]
    fn an_address_with_host_bits_gives_its_network() {
        let meant = "192.168.0.0/24".parse().expect("a network");
        assert_eq!(network("192.168.0.7/24"), Err(InvalidNetwork::HostBits(meant)));
    }

    #[test]
    fn a_network_contains_the_addresses_that_share_its_first_bits() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "8.8.8.8"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
    }
}
