//! Joining over WebSocket, RawSocket and long-polling: challenges and late decisions on the wire.
//!
//! The methods exist in tests only. Each test runs with each transport, over TCP sockets.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use cloverleaf_realms::settings::{Permission, RealmSettings, Role};
use cloverleaf_realms::{Memory, RealmHost, Realms, WampService};
use cloverleaf_testkit::auth::{SECRET, Tickets, accept, admission};
use cloverleaf_transport::limits::MAX_LONGPOLL_SESSIONS;
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::longpoll::LongPollTimeouts;
use cloverleaf_transport::outbound::HighWaterMark;
use cloverleaf_transport::{
    ConnectionLimits, ConnectionPeer, Connections, ListenerId, PeerInfo, SlowConsumer, Stream,
    rawsocket,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::origin::OriginRule;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UriPattern;
use cloverleaf_wamp::websocket::WebSocketLimits;
use cloverleaf_web::{
    FrameOptions, HttpOptions, HttpServer, LongPoll, Routes, Service, Timeouts, WebSocketEndpoint,
    WebSocketPurpose,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest message in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    WebSocket,
    RawSocket,
    LongPoll,
}

const TRANSPORTS: [Transport; 3] =
    [Transport::WebSocket, Transport::RawSocket, Transport::LongPoll];

/// A listener for each transport, and the realm behind them.
struct Router {
    transport: Transport,
    address: std::net::SocketAddr,
    realm: Arc<RealmHost>,
    tickets: Tickets,
}

impl Router {
    /// A router whose clients have to join within `opening`.
    async fn start(transport: Transport, opening: Duration) -> Self {
        let everything = UriPattern::from_starred("*").expect("a pattern");
        let realm = Arc::new(RealmHost::new(RealmSettings {
            roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
            ..RealmSettings::named("realm1")
        }));
        let realms = Arc::new(Realms::default());
        realms.insert("realm1", Arc::clone(&realm));
        let tickets = Tickets::default();
        let limits = ConnectionLimits { opening_timeout: opening, ..ConnectionLimits::default() };
        let service = || WampService {
            realms: Arc::clone(&realms),
            admission: Arc::new(admission(&tickets)),
            serializers: vec![Serializer::Json],
            limits: Arc::new(limits),
            max_message: MAX_MESSAGE,
            slow_consumer: SlowConsumer::default(),
            high_water_mark: HighWaterMark::default(),
            announces_agent: true,
            memory: Memory::of_machine(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        match transport {
            Transport::RawSocket => {
                tokio::spawn(serve_rawsocket(listener, Arc::new(service())));
            }
            Transport::WebSocket => {
                let endpoint = websocket(Arc::new(service()));
                tokio::spawn(serve_http(listener, Service::WebSocket(endpoint)));
            }
            Transport::LongPoll => {
                let service = longpoll(service(), opening);
                tokio::spawn(serve_http(listener, Service::LongPoll(Box::new(service))));
            }
        }
        Self { transport, address, realm, tickets }
    }

    async fn connect(&self) -> Client {
        match self.transport {
            Transport::WebSocket => Client::WebSocket(connect_websocket(self.address).await),
            Transport::RawSocket => Client::RawSocket(connect_rawsocket(self.address).await),
            Transport::LongPoll => {
                let body = json!({"protocols": ["wamp.2.json"]}).to_string();
                let (status, opened) = post(self.address, "/open", &body).await;
                assert_eq!(status, 200);
                let opened: Value = serde_json::from_slice(&opened).expect("JSON");
                let id = opened["transport"].as_str().expect("an id").to_owned();
                Client::LongPoll { address: self.address, id }
            }
        }
    }

    /// A client that has sent HELLO with this method.
    async fn join(&self, method: &str) -> Client {
        let mut client = self.connect().await;
        client.send(&hello(method)).await;
        client
    }

    /// Waits until nothing of any client is left in the realm.
    async fn wait_until_empty(&self) {
        let is_empty = || self.realm.joining_count() + self.realm.session_count() == 0;
        wait_until(is_empty).await;
    }

    /// Waits for a ticket of the method `late`.
    async fn ticket(&self) -> cloverleaf_auth::AdmissionTicket {
        let mut ticket = None;
        wait_until(|| {
            ticket = self.tickets.pop();
            ticket.is_some()
        })
        .await;
        ticket.expect("a ticket")
    }
}

async fn wait_until(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("in time");
}

fn websocket(service: Arc<WampService>) -> WebSocketEndpoint {
    let limits = WebSocketLimits { max_message: MAX_MESSAGE, max_frame: MAX_MESSAGE };
    WebSocketEndpoint {
        endpoint: WebSocketPurpose::Wamp(service),
        is_enabled: true,
        origins: OriginRule::new(["*"], true),
        external_port: None,
        require_subprotocol: true,
        webstatus: false,
        server: None,
        frame_options: FrameOptions {
            limits,
            server_options: Default::default(),
            compression: None,
            nodelay: true,
        },
    }
}

fn longpoll(wamp: WampService, opening: Duration) -> LongPoll {
    LongPoll {
        wamp,
        origins: OriginRule::new(["*"], true),
        timeouts: LongPollTimeouts { opening, receive: PATIENCE, session: PATIENCE },
        high_water_mark: HighWaterMark::default(),
        max_sessions: MAX_LONGPOLL_SESSIONS,
        sessions: Arc::default(),
    }
}

async fn serve_rawsocket(listener: TcpListener, service: Arc<WampService>) {
    loop {
        let (socket, address) = listener.accept().await.expect("a connection");
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let mut stream = Stream::tcp(socket).expect("a socket");
            let serializers = [Serializer::Json];
            let agreed =
                rawsocket::accept(&mut stream, None, &serializers, MAX_MESSAGE, PATIENCE).await;
            let agreed = agreed.expect("a handshake");
            let format = MessageFormat { serializer: agreed.serializer, is_batched: false };
            let peer = PeerInfo::rawsocket(ConnectionPeer::plain(PeerAddress::ip(address)));
            service.serve(stream, format, agreed.framing, &mut [], peer).await;
        });
    }
}

async fn serve_http(listener: TcpListener, service: Service) {
    let options = HttpOptions {
        access_log: false,
        fast_path: false,
        hsts: None,
        timeouts: Timeouts::DEFAULT,
    };
    let (memory, in_flight) = (Memory::of_machine(), Arc::new(AtomicUsize::new(0)));
    let routes = Routes::everywhere(service);
    let server = Arc::new(HttpServer::new(routes, options, memory, in_flight));
    let connections = Connections::new(1);
    loop {
        let (socket, address) = listener.accept().await.expect("a connection");
        let address = PeerAddress::ip(address);
        let guard = connections.accept(ListenerId(0), &address);
        let peer = ConnectionPeer::plain(address);
        let stream = Stream::tcp(socket).expect("a socket");
        tokio::spawn(Arc::clone(&server).serve(stream, &[], peer, guard));
    }
}

/// A client that sends and receives messages in JSON.
enum Client {
    WebSocket(TcpStream),
    RawSocket(TcpStream),
    LongPoll { address: std::net::SocketAddr, id: String },
}

impl Client {
    async fn send(&mut self, message: &Value) {
        let text = message.to_string();
        match self {
            Self::WebSocket(socket) => {
                socket.write_all(&text_frame(text.as_bytes())).await.expect("a connection");
            }
            Self::RawSocket(socket) => {
                let header = (text.len() as u32).to_be_bytes();
                socket.write_all(&[&header, text.as_bytes()].concat()).await.expect("a connection");
            }
            Self::LongPoll { address, id } => {
                post(*address, &format!("/{id}/send"), &text).await;
            }
        }
    }

    /// The next message. None: the connection has ended.
    async fn receive(&mut self) -> Option<Value> {
        let bytes = timeout(PATIENCE, self.receive_bytes()).await.expect("in time")?;
        Some(serde_json::from_slice(&bytes).expect("JSON"))
    }

    async fn receive_bytes(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::WebSocket(socket) => {
                let [first, length] = read::<2>(socket).await?;
                let length = match length {
                    126 => usize::from(u16::from_be_bytes(read(socket).await?)),
                    short => usize::from(short),
                };
                let payload = read_vec(socket, length).await?;
                (first == 0x81).then_some(payload)
            }
            Self::RawSocket(socket) => {
                let length = u32::from_be_bytes(read(socket).await?) as usize;
                read_vec(socket, length).await
            }
            Self::LongPoll { address, id } => {
                let (status, body) = post(*address, &format!("/{id}/receive"), "").await;
                (status == 200).then_some(body)
            }
        }
    }

    /// Ends the connection without a message of WAMP.
    async fn vanish(self) {
        if let Self::LongPoll { address, id } = self {
            post(address, &format!("/{id}/close"), "").await;
        }
    }
}

/// A frame of a client, with a mask of zeros.
fn text_frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short message");
    let mut frame = match length {
        0..126 => vec![0x81, 0x80 | length as u8],
        _ => [&[0x81, 0x80 | 126][..], &length.to_be_bytes()].concat(),
    };
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

async fn read<const N: usize>(socket: &mut TcpStream) -> Option<[u8; N]> {
    let mut octets = [0; N];
    socket.read_exact(&mut octets).await.ok().map(|_| octets)
}

async fn read_vec(socket: &mut TcpStream, length: usize) -> Option<Vec<u8>> {
    let mut octets = vec![0; length];
    socket.read_exact(&mut octets).await.ok().map(|_| octets)
}

async fn connect_rawsocket(address: std::net::SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("a listener");
    socket.write_all(&[0x7f, 0xf1, 0, 0]).await.expect("a connection");
    let answer = read::<4>(&mut socket).await.expect("a handshake");
    assert_eq!((answer[0], answer[1] & 0x0f), (0x7f, 1));
    socket
}

async fn connect_websocket(address: std::net::SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("a listener");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("a connection");
    let head = read_head(&mut socket).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    socket
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a response"));
    }
    String::from_utf8(head).expect("text")
}

/// Sends a POST request on a connection of its own. Returns the status and the body.
fn post(
    address: std::net::SocketAddr,
    path: &str,
    body: &str,
) -> Pin<Box<dyn Future<Output = (u16, Vec<u8>)> + Send>> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Box::pin(async move {
        let mut socket = TcpStream::connect(address).await.expect("a listener");
        socket.write_all(request.as_bytes()).await.expect("a connection");
        let head = read_head(&mut socket).await;
        let status = head[9..12].parse().expect("a status");
        let mut body = Vec::new();
        socket.read_to_end(&mut body).await.expect("a body");
        (status, body)
    })
}

fn hello(method: &str) -> Value {
    json!([1, "realm1", {"roles": {"caller": {}, "subscriber": {}}, "authmethods": [method]}])
}

fn authenticate(signature: &str) -> Value {
    json!([5, signature, {}])
}

/// Asserts that the client has joined, and that its session is served.
async fn assert_joined(client: &mut Client) {
    let welcome = client.receive().await.expect("WELCOME");
    assert_eq!((&welcome[0], &welcome[2]["authid"]), (&json!(2), &json!("alice")));
    client.send(&json!([32, 1, {}, "com.topic"])).await;
    let subscribed = client.receive().await.expect("SUBSCRIBED");
    assert_eq!((&subscribed[0], &subscribed[1]), (&json!(33), &json!(1)));
}

/// Asserts that the client gets ABORT with this reason, and nothing after it.
async fn assert_aborted(client: &mut Client, reason: &str) {
    let abort = client.receive().await.expect("ABORT");
    assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!(reason)));
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn client_that_answers_the_challenge_joins() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("secret").await;
        assert_eq!(client.receive().await, Some(json!([4, "secret", {}])));
        assert_eq!((router.realm.joining_count(), router.realm.session_count()), (1, 0));
        client.send(&authenticate(SECRET)).await;
        assert_joined(&mut client).await;
        assert_eq!((router.realm.joining_count(), router.realm.session_count()), (0, 1));
        client.vanish().await;
        router.wait_until_empty().await;
    }
}

#[tokio::test]
async fn client_with_a_wrong_secret_is_aborted() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("secret").await;
        client.receive().await;
        client.send(&authenticate("wrong")).await;
        assert_aborted(&mut client, "wamp.error.authentication_denied").await;
        router.wait_until_empty().await;
    }
}

/// All of a test runs on one thread, so the second client shows that the thread is not blocked.
#[tokio::test]
async fn late_decision_of_another_thread_opens_the_session_and_delays_no_other_client() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("late").await;
        let ticket = router.ticket().await;
        let mut other = router.join("anonymous").await;
        assert_eq!(other.receive().await.expect("WELCOME")[0], json!(2));
        assert_eq!((router.realm.joining_count(), router.realm.session_count()), (1, 1));
        let decider = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            ticket.decide(accept("anonymous"))
        });
        assert_joined(&mut client).await;
        assert!(decider.join().expect("no panic"));
    }
}

#[tokio::test]
async fn decision_may_follow_the_answer_to_a_challenge() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("secret").await;
        client.receive().await;
        client.send(&authenticate("ask")).await;
        let ticket = router.ticket().await;
        tokio::task::yield_now().await;
        assert!(ticket.decide(accept("anonymous")));
        assert_joined(&mut client).await;
    }
}

#[tokio::test]
async fn ticket_that_is_dropped_aborts_the_client() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("late").await;
        drop(router.ticket().await);
        assert_aborted(&mut client, "wamp.error.authentication_failed").await;
        router.wait_until_empty().await;
    }
}

#[tokio::test]
async fn client_that_aborts_cancels_the_decision() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("late").await;
        let mut ticket = router.ticket().await;
        assert!(!ticket.is_cancelled());
        client.send(&json!([3, {}, "wamp.close.normal"])).await;
        let cancelled = std::future::poll_fn(|context| ticket.poll_cancelled(context));
        timeout(PATIENCE, cancelled).await.expect("in time");
        assert!(!ticket.decide(accept("anonymous")));
        assert_eq!(client.receive().await, None, "ABORT is not answered");
        router.wait_until_empty().await;
    }
}

#[tokio::test]
async fn client_that_vanishes_cancels_the_decision() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let client = router.join("late").await;
        let mut ticket = router.ticket().await;
        client.vanish().await;
        let cancelled = std::future::poll_fn(|context| ticket.poll_cancelled(context));
        timeout(PATIENCE, cancelled).await.expect("in time");
        router.wait_until_empty().await;
    }
}

#[tokio::test]
async fn request_before_the_decision_is_a_violation() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.join("late").await;
        let ticket = router.ticket().await;
        client.send(&json!([32, 1, {}, "com.topic"])).await;
        assert_aborted(&mut client, "wamp.error.protocol_violation").await;
        router.wait_until_empty().await;
        assert!(ticket.is_cancelled());
    }
}

#[tokio::test]
async fn authenticate_before_hello_is_a_violation() {
    for transport in TRANSPORTS {
        let router = Router::start(transport, PATIENCE).await;
        let mut client = router.connect().await;
        client.send(&authenticate(SECRET)).await;
        assert_aborted(&mut client, "wamp.error.protocol_violation").await;
    }
}

#[tokio::test]
async fn client_that_joins_too_slowly_is_aborted() {
    for (transport, method) in
        TRANSPORTS.into_iter().flat_map(|transport| ["late", "secret"].map(|m| (transport, m)))
    {
        let router = Router::start(transport, Duration::from_millis(100)).await;
        let mut client = router.join(method).await;
        if method == "secret" {
            assert_eq!(client.receive().await, Some(json!([4, "secret", {}])));
        }
        assert_aborted(&mut client, "wamp.error.authentication_failed").await;
        router.wait_until_empty().await;
        assert!(router.tickets.pop().is_none_or(|ticket| ticket.is_cancelled()));
    }
}
