//! Step "detection": the service of a connection by its first octet.

use std::time::Duration;

use cloverleaf_transport::detect::{self, DetectedProtocol};

use super::incoming::{Incoming, Rejected};
use super::protocol::{ConnectionService, Protocol};

/// The service of a connection, and the first octet if it was read for that. The other services of
/// the listener are dropped, so that a connection keeps none of them alive.
pub(super) async fn detect(
    incoming: &mut Incoming,
    protocol: Protocol,
    timeout: Duration,
) -> Result<(ConnectionService, Option<u8>), Rejected> {
    let (rawsocket, http) = match protocol {
        Protocol::RawSocket(service) => return Ok((ConnectionService::RawSocket(service), None)),
        Protocol::Http(server) => return Ok((ConnectionService::Http(server), None)),
        Protocol::Echo => return Ok((ConnectionService::Echo, None)),
        Protocol::Detected { rawsocket, http } => (rawsocket, http),
    };
    let detected = detect::detect(&mut incoming.stream, timeout).await;
    let (detected, first) = detected.map_err(Rejected::ClosedEarly)?;
    let service = match detected {
        DetectedProtocol::RawSocket => rawsocket.map(ConnectionService::RawSocket),
        DetectedProtocol::Http => http.map(ConnectionService::Http),
        // Not served yet.
        DetectedProtocol::Mqtt => None,
    };
    let refusal = || Rejected::refused(format_args!("no {detected} is served here"));
    Ok((service.ok_or_else(refusal)?, Some(first)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::detect;
    use crate::accept::incoming::Rejected;
    use crate::accept::protocol::{ConnectionService, Protocol};
    use crate::accept::test_client::{http, incoming, rawsocket};

    /// The outcome of the step for a protocol and the first bytes of a client, which sends no more.
    #[tokio::test]
    async fn first_octet_selects_the_service_of_a_shared_listener() {
        let both = || Protocol::Detected { rawsocket: Some(rawsocket()), http: Some(http()) };
        let only_rawsocket = || Protocol::Detected { rawsocket: Some(rawsocket()), http: None };
        let only_http = || Protocol::Detected { rawsocket: None, http: Some(http()) };
        let cases: [(Protocol, &[u8], &str); 14] = [
            // Listeners with one protocol read nothing.
            (Protocol::RawSocket(rawsocket()), b"GET", "RawSocket"),
            (Protocol::Http(http()), &[0x7f], "HTTP"),
            (Protocol::Echo, b"", "echo"),
            (both(), &[0x7f, 0xf1], "RawSocket after 7f"),
            (both(), b"GET", "HTTP after 47"),
            (both(), &[0], "HTTP after 0"),
            (both(), &[0x10], "refused: no MQTT is served here"),
            (both(), b"", "closed early"),
            (only_rawsocket(), &[0x7f], "RawSocket after 7f"),
            (only_rawsocket(), b"GET", "refused: no HTTP is served here"),
            (only_rawsocket(), &[0x10], "refused: no MQTT is served here"),
            (only_http(), &[0x7f], "refused: no RawSocket is served here"),
            (only_http(), b"GET", "HTTP after 47"),
            (only_http(), &[0x10], "refused: no MQTT is served here"),
        ];
        for (protocol, sent, expected) in cases {
            let case = format!("{} {}", protocol.name(), sent.escape_ascii());
            let (_client, mut incoming, _) = incoming(sent).await;
            let found = match detect(&mut incoming, protocol, Duration::from_secs(5)).await {
                Ok((service, first)) => {
                    let first = first.map(|octet| format!(" after {octet:x}")).unwrap_or_default();
                    let name = match service {
                        ConnectionService::RawSocket(_) => "RawSocket",
                        ConnectionService::Http(_) => "HTTP",
                        ConnectionService::Echo => "echo",
                    };
                    format!("{name}{first}")
                }
                Err(Rejected::Refused(reason)) => format!("refused: {reason}"),
                Err(Rejected::ClosedEarly(_)) => "closed early".to_owned(),
            };
            assert_eq!(found, expected, "{case}");
        }
    }

    #[tokio::test]
    async fn connection_keeps_only_its_own_service() {
        let (rawsocket, http) = (rawsocket(), http());
        let protocol = Protocol::Detected {
            rawsocket: Some(Arc::clone(&rawsocket)),
            http: Some(Arc::clone(&http)),
        };
        let (_client, mut incoming, _) = incoming(&[0x7f]).await;
        let served = detect(&mut incoming, protocol, Duration::from_secs(5)).await.unwrap();
        assert_eq!((Arc::strong_count(&rawsocket), Arc::strong_count(&http)), (2, 1));
        drop(served);
    }
}
