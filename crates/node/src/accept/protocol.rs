//! Step "protocol": serves a connection to its end.

use std::sync::Arc;

use cloverleaf_realms::WampService;
use cloverleaf_transport::echo::send_back;
use cloverleaf_transport::{PeerInfo, rawsocket};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_web::HttpServer;

use super::incoming::{Incoming, Rejected};

/// The protocol of the connections of a listener.
#[derive(Debug, Clone)]
pub(crate) enum Protocol {
    /// WAMP over RawSocket.
    RawSocket(Arc<WampService>),
    /// HTTP.
    Http(Arc<HttpServer>),
    /// Either of them: the first octet of the client decides.
    Detected { rawsocket: Option<Arc<WampService>>, http: Option<Arc<HttpServer>> },
    /// The octets of the client are sent back.
    Echo,
}

impl Protocol {
    /// The value of the field `transport` in the log.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::RawSocket(_) => "rawsocket",
            Self::Http(_) => "web",
            Self::Detected { .. } => "universal",
            Self::Echo => "echo",
        }
    }

    /// The HTTP server behind this protocol, if any.
    pub(crate) const fn http(&self) -> Option<&Arc<HttpServer>> {
        match self {
            Self::RawSocket(_) | Self::Echo => None,
            Self::Http(server) => Some(server),
            Self::Detected { http, .. } => http.as_ref(),
        }
    }
}

/// The service of one connection.
#[derive(Debug)]
pub(super) enum ConnectionService {
    RawSocket(Arc<WampService>),
    Http(Arc<HttpServer>),
    Echo,
}

/// Serves a connection to its end; `first` is the octet that detection has read.
pub(super) async fn serve(service: ConnectionService, incoming: Incoming, first: Option<u8>) {
    match service {
        ConnectionService::RawSocket(service) => serve_rawsocket(&service, incoming, first).await,
        ConnectionService::Http(server) => {
            let Incoming { stream, peer, guard } = incoming;
            server.serve(stream, first.as_slice(), peer, guard).await;
        }
        // In a box, so that other connections don't carry its memory.
        ConnectionService::Echo => Box::pin(send_back(incoming.stream)).await,
    }
}

async fn serve_rawsocket(service: &WampService, incoming: Incoming, first: Option<u8>) {
    let Incoming { mut stream, peer, guard: _guard } = incoming;
    let WampService { serializers, max_message, limits, .. } = service;
    let timeout = limits.opening_timeout;
    match rawsocket::accept(&mut stream, first, serializers, *max_message, timeout).await {
        Ok(agreed) => {
            let peer = PeerInfo::rawsocket(peer);
            let format = MessageFormat { serializer: agreed.serializer, is_batched: false };
            service.serve(stream, format, agreed.framing, &mut [], peer).await;
        }
        Err(error) => Rejected::refused(error).log(&peer, "rawsocket"),
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionService, serve};
    use crate::accept::test_client::{http, incoming, rawsocket, sending};

    const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\n";

    /// The service, the octet that detection has read, the bytes that come, and the answer.
    type Case<'a> = (&'a str, fn() -> ConnectionService, Option<u8>, &'a [u8], &'a [u8]);

    #[tokio::test]
    async fn service_answers_in_its_protocol() {
        let get: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let cases: [Case<'_>; 9] = [
            ("HTTP", || ConnectionService::Http(http()), None, get, NOT_FOUND),
            (
                "HTTP, detected",
                || ConnectionService::Http(http()),
                Some(b'G'),
                &get[1..],
                NOT_FOUND,
            ),
            // JSON, messages of 16 MiB from the client and to it.
            (
                "RawSocket",
                || ConnectionService::RawSocket(rawsocket()),
                None,
                &[0x7f, 0xf1, 0, 0],
                &[0x7f, 0xf1, 0, 0],
            ),
            (
                "RawSocket, detected",
                || ConnectionService::RawSocket(rawsocket()),
                Some(0x7f),
                &[0xf1, 0, 0],
                &[0x7f, 0xf1, 0, 0],
            ),
            // Error 1: the serializer is unsupported.
            (
                "unknown serializer",
                || ConnectionService::RawSocket(rawsocket()),
                None,
                &[0x7f, 0xff, 0, 0],
                &[0x7f, 0x10, 0, 0],
            ),
            // Error 3: reserved bits.
            (
                "reserved octets",
                || ConnectionService::RawSocket(rawsocket()),
                None,
                &[0x7f, 0xf1, 1, 0],
                &[0x7f, 0x30, 0, 0],
            ),
            ("no RawSocket", || ConnectionService::RawSocket(rawsocket()), None, b"GET ", b""),
            (
                "part of a handshake",
                || ConnectionService::RawSocket(rawsocket()),
                None,
                &[0x7f],
                b"",
            ),
            ("echo", || ConnectionService::Echo, None, b"hello", b"hello"),
        ];
        for (name, service, first, sent, expected) in cases {
            // A client that closes its side gives up its HTTP request.
            let (client, incoming, connections) =
                if expected == NOT_FOUND { sending(sent).await } else { incoming(sent).await };
            serve(service(), incoming, first).await;
            let answered = client.received().await;
            assert!(answered.starts_with(expected), "{name}: {}", answered.escape_ascii());
            let is_whole = expected == NOT_FOUND || answered.len() == expected.len();
            assert!(is_whole, "{name}: {}", answered.escape_ascii());
            assert_eq!(connections.of_threads(), [0], "{name}");
        }
    }
}
