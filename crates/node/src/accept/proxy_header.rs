//! Step "PROXY header": the address of the client behind a proxy.

use std::time::Duration;

use cloverleaf_transport::{TransportError, proxy_protocol};

use super::incoming::{Incoming, Rejected};

/// Reads the header of the PROXY protocol. The connection counts for the address that it names.
pub(super) async fn read(incoming: &mut Incoming, timeout: Duration) -> Result<(), Rejected> {
    let Incoming { stream, peer, guard } = incoming;
    let address = proxy_protocol::peer_address(stream, peer.address.clone(), timeout).await;
    peer.address = address.map_err(|error| match error {
        TransportError::ProxyProtocol(_) => Rejected::refused(error),
        error => Rejected::ClosedEarly(error),
    })?;
    guard.set_address(&peer.address);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloverleaf_transport::TransportError;

    use super::read;
    use crate::accept::incoming::Rejected;
    use crate::accept::test_client::{incoming, silent};

    const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    const VERSION_2: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x01\x04\xd2\x00\x50";

    /// The outcome of the step for these bytes, after which the client sends no more.
    #[tokio::test]
    async fn connection_without_a_valid_header_is_rejected() {
        #[derive(Debug, PartialEq)]
        enum Expected {
            /// The address that is counted.
            Address(&'static str),
            Refused,
            ClosedEarly,
        }
        use Expected::{Address, ClosedEarly, Refused};
        let cases: [(&[u8], Expected); 9] = [
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n", Address("192.0.2.7")),
            (b"PROXY TCP6 ::1 ::2 1234 80\r\nGET", Address("::1")),
            (b"PROXY TCP6 ::ffff:192.0.2.7 ::2 1234 80\r\n", Address("192.0.2.7")),
            (VERSION_2, Address("192.0.2.7")),
            // The proxy speaks for itself, or knows no address.
            (LOCAL, Address("127.0.0.1")),
            (b"PROXY UNKNOWN\r\n", Address("127.0.0.1")),
            (b"GET / HTTP/1.1\r\n", Refused),
            (b"PROXY TCP4 nonsense\r\n", Refused),
            (b"PROXY TCP4 192", ClosedEarly),
        ];
        for (sent, expected) in cases {
            let (_client, mut incoming, connections) = incoming(sent).await;
            let found = match read(&mut incoming, Duration::from_secs(5)).await {
                Ok(()) => match expected {
                    Address(ip) if connections.of_address(ip.parse().unwrap()) == 1 => Address(ip),
                    _ => panic!("{}: {}", sent.escape_ascii(), incoming.peer),
                },
                Err(Rejected::Refused(_)) => Refused,
                Err(Rejected::ClosedEarly(_)) => ClosedEarly,
            };
            assert_eq!(found, expected, "{}", sent.escape_ascii());
        }
    }

    #[tokio::test]
    async fn silent_client_is_closed_after_the_timeout() {
        let (_client, mut incoming, _) = silent().await;
        let read = read(&mut incoming, Duration::from_millis(1)).await;
        assert!(matches!(read, Err(Rejected::ClosedEarly(TransportError::Timeout))), "{read:?}");
    }
}
