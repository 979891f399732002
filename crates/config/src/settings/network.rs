//! Networks of IP addresses, as `require_ip` names them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// A network of IP addresses: the addresses that share its first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpNetwork {
    address: IpAddr,
    prefix: u8,
}

/// The text names no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidNetwork {
    /// It is neither an address nor an address with a prefix length or a mask.
    NotANetwork,
    /// The address has bits outside of the network, which is given here as it was probably meant.
    HostBits(IpNetwork),
}

impl IpNetwork {
    /// The network of the addresses that share the first `prefix` bits of `address`.
    fn new(address: IpAddr, prefix: u8) -> Result<Self, InvalidNetwork> {
        if prefix > width(address) {
            return Err(InvalidNetwork::NotANetwork);
        }
        let network = Self { address: cut(address, prefix), prefix };
        if network.address == address {
            Ok(network)
        } else {
            Err(InvalidNetwork::HostBits(network))
        }
    }

    /// Whether an address is in the network. IPv4 addresses in IPv6 form count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.address) && cut(address, self.prefix) == self.address
    }
}

impl FromStr for IpNetwork {
    type Err = InvalidNetwork;

    /// Reads `1.2.3.4`, `10.0.0.0/8`, `192.168.0.0/255.255.255.0`, `::1` or `fd00::/8`.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::NotANetwork)?;
        let prefix = match prefix {
            None => width(address),
            Some(prefix) => prefix_length(prefix, address).ok_or(InvalidNetwork::NotANetwork)?,
        };
        Self::new(address, prefix)
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The number of bits of an address.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all bits after the first `prefix` ones cleared.
fn cut(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

/// The prefix length, given as a number or, for IPv4, as a mask.
fn prefix_length(text: &str, address: IpAddr) -> Option<u8> {
    if let Ok(length) = text.parse() {
        return Some(length);
    }
    let mask: Ipv4Addr = text.parse().ok().filter(|_| address.is_ipv4())?;
    let bits = mask.to_bits();
    let length = bits.leading_ones();
    (length + bits.trailing_zeros() >= 32).then(|| u8::try_from(length).ok())?
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
    fn a_network_is_an_address_with_a_length_or_a_mask() {
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
    fn anything_else_is_no_network() {
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
    fn an_address_with_host_bits_names_the_network_that_was_meant() {
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
