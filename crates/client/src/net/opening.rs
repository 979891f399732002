//! Establishes a connection: socket, handshake, HELLO and WELCOME.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;

use cloverleaf_transport::limits::CONNECT_TIMEOUT;
use cloverleaf_transport::outbound::queue;
use cloverleaf_transport::rawsocket::Negotiated;
use cloverleaf_transport::stream::{UnixSocket, system_name};
use cloverleaf_transport::{
    ClientSide, Connection, OutboundReceiver, OutboundSender, Stream, TransportError, WampHandler,
    rawsocket, websocket,
};
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::message::{ClientMessage, Hello, HelloDetails};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::CloseCode;
use compact_str::CompactString;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::peer::{JoinResult, SocketPeer};
use super::target::{Target, TargetEndpoint, TargetProtocol};
use crate::error::Error;

/// A connection to a router.
pub(super) type RouterConnection = Connection<WampHandler<ClientSide, SocketPeer>>;

/// A connection after the transport handshake and before HELLO.
#[derive(Debug)]
pub(super) struct UnjoinedConnection {
    stream: Stream,
    agreed: Negotiated,
    /// Bytes behind the handshake that were read with it.
    early: Vec<u8>,
}

impl UnjoinedConnection {
    /// Connects and performs the handshake.
    pub(super) async fn with(target: &Target) -> Result<Self, Error> {
        let failed = |error: TransportError| {
            Error::Connect(format!("connecting to {target} failed: {error}").into())
        };
        let mut stream = timeout(CONNECT_TIMEOUT, connect(&target.endpoint))
            .await
            .map_err(|_| failed(TransportError::Timeout))?
            .map_err(|error| {
                Error::Connect(format!("connecting to {target} failed: {error}").into())
            })?;
        let (agreed, early) = shake_hands(&mut stream, target).await.map_err(failed)?;
        Ok(Self { stream, agreed, early })
    }

    /// The serializer that the handshake has selected.
    pub(super) const fn serializer(&self) -> Serializer {
        self.agreed.serializer
    }

    /// Sends HELLO and waits for WELCOME, which `peer` passes to its session.
    pub(super) async fn join(
        self,
        realm: &CompactString,
        peer: SocketPeer,
        receiver: OutboundReceiver<ClientMessage>,
    ) -> Result<RouterConnection, Error> {
        let Self { stream, agreed: Negotiated { serializer, framing }, mut early } = self;
        let outbound = peer.outbound.clone();
        let join_result = JoinResult::clone(&peer.join_result);
        // Cannot fail: the queue is empty and its receiver exists.
        let _ = outbound.push(hello(realm.clone()));
        let handler = WampHandler::new(serializer, peer);
        let mut connection = Connection::new(stream, framing, handler, receiver, &mut early);
        let join_result = timeout(CONNECT_TIMEOUT, poll_joining(&mut connection, &join_result));
        match join_result.await {
            Ok((Ok(()), HasEnded(false))) => Ok(connection),
            Ok((Ok(()), HasEnded(true))) => {
                Err(Error::Connect("the connection ended when the session was open".into()))
            }
            Ok((Err(error), HasEnded(false))) => {
                // Sends the queued messages; the transport's timeouts bound the wait.
                outbound.close(CloseCode::NORMAL, "the session was not opened");
                connection.await;
                Err(error)
            }
            Ok((Err(error), HasEnded(true))) => Err(error),
            Err(_) => Err(Error::Connect("the router does not answer HELLO".into())),
        }
    }
}

/// Whether the connection has ended and must not be polled again.
struct HasEnded(bool);

/// A queue of outgoing messages for one connection.
pub(super) fn new_queue() -> (OutboundSender<ClientMessage>, OutboundReceiver<ClientMessage>) {
    queue()
}

async fn connect(endpoint: &TargetEndpoint) -> io::Result<Stream> {
    match endpoint {
        TargetEndpoint::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            Stream::tcp(stream)
        }
        TargetEndpoint::Unix(path) => {
            let stream = UnixStream::connect(system_name(path)).await?;
            Ok(Stream::Unix(UnixSocket::new(stream.into_std()?)?))
        }
    }
}

async fn shake_hands(
    stream: &mut Stream,
    target: &Target,
) -> Result<(Negotiated, Vec<u8>), TransportError> {
    let Target { protocol, serializers, max_message, .. } = target;
    match protocol {
        TargetProtocol::WebSocket { host, path } => {
            websocket::connect(stream, host, path, serializers, *max_message).await
        }
        TargetProtocol::RawSocket => {
            let serializer = serializers.first().copied().unwrap_or(Serializer::MsgPack);
            let agreed = rawsocket::connect(stream, serializer, *max_message).await?;
            Ok((agreed, Vec::new()))
        }
    }
}

fn hello(realm: CompactString) -> ClientMessage {
    ClientMessage::Hello(Hello {
        realm: realm.into(),
        details: HelloDetails {
            roles: Some(CLIENT),
            agent: Some(concat!("Cloverleaf-", env!("CARGO_PKG_VERSION")).into()),
            authmethods: Some(vec!["anonymous".into()]),
            ..HelloDetails::default()
        },
    })
}

/// Polls the connection until the result of joining is known. The peer sets the result at the
/// latest when the connection ends.
async fn poll_joining(
    connection: &mut RouterConnection,
    join_result: &JoinResult,
) -> (Result<(), Error>, HasEnded) {
    poll_fn(|context| {
        let has_ended = Pin::new(&mut *connection).poll(context).is_ready();
        match join_result.get() {
            Some(join_result) => Poll::Ready((join_result.clone(), HasEnded(has_ended))),
            None => Poll::Pending,
        }
    })
    .await
}
