//! An accepted connection and its client, for the tests of the steps.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cloverleaf_realms::settings::Admission;
use cloverleaf_realms::settings::Anonymous;
use cloverleaf_realms::{Memory, Realms, WampService};
use cloverleaf_transport::limits::DEFAULT_MAX_MESSAGE;
use cloverleaf_transport::listener::{Listener, TcpOptions};
use cloverleaf_transport::outbound::HighWaterMark;
use cloverleaf_transport::{ConnectionPeer, Connections, ListenerId, SlowConsumer, Stream};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_web::{HttpOptions, HttpServer, Routes, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::incoming::Incoming;

/// The client's side of a connection.
#[derive(Debug)]
pub(super) struct TestClient(TcpStream);

impl TestClient {
    /// The bytes that the client has received until the end of the connection.
    pub(super) async fn received(mut self) -> Vec<u8> {
        let mut received = Vec::new();
        let reading = self.0.read_to_end(&mut received);
        let read = tokio::time::timeout(Duration::from_secs(5), reading).await;
        // A reset is an end, too: the server may have left bytes unread.
        let _ = read.expect("the connection ends");
        received
    }
}

/// A connection whose client has sent these bytes and the end.
pub(super) async fn incoming(sent: &[u8]) -> (TestClient, Incoming, Arc<Connections>) {
    let (mut client, incoming, connections) = sending(sent).await;
    client.0.shutdown().await.expect("an open connection");
    (client, incoming, connections)
}

/// A connection whose client has sent these bytes and may send more.
pub(super) async fn sending(sent: &[u8]) -> (TestClient, Incoming, Arc<Connections>) {
    let (mut client, incoming, connections) = silent().await;
    client.0.write_all(sent).await.expect("an open connection");
    (client, incoming, connections)
}

/// A connection over TCP whose client sends nothing. It is the only one that is counted.
pub(super) async fn silent() -> (TestClient, Incoming, Arc<Connections>) {
    let options = TcpOptions { backlog: 1, shared: false, user_timeout: None };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut listener = Listener::tcp(address, options).expect("a free port");
    let address = listener.local_address().expect("an address");
    let client = TcpStream::connect(address).await.expect("the listener accepts");
    let (socket, address) = listener.accept().await;
    let stream = Stream::accepted(socket).expect("a stream");
    let connections = Connections::new(1);
    let guard = connections.accept(ListenerId(1), &address);
    let peer = ConnectionPeer::plain(address);
    (TestClient(client), Incoming { stream, peer, guard }, connections)
}

/// A server that has no path.
pub(super) fn http() -> Arc<HttpServer> {
    let options =
        HttpOptions { access_log: false, fast_path: true, hsts: None, timeouts: Timeouts::DEFAULT };
    let memory = Memory::of_machine();
    Arc::new(HttpServer::new(Routes::default(), options, memory, Arc::default()))
}

/// A service without realms.
pub(super) fn rawsocket() -> Arc<WampService> {
    let anonymous = Anonymous { realm: None, role: None, authid: None };
    Arc::new(WampService {
        realms: Arc::new(Realms::default()),
        admission: Arc::new(Admission::default().with_method(anonymous)),
        serializers: vec![Serializer::Json],
        limits: Arc::default(),
        max_message: DEFAULT_MAX_MESSAGE,
        slow_consumer: SlowConsumer::DropEvents,
        high_water_mark: HighWaterMark::default(),
        announces_agent: true,
        memory: Memory::of_machine(),
    })
}
