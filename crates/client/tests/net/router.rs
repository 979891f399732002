//! A minimal router on a real socket.
//!
//! It routes among its own sessions, records every received message, and can misbehave on request.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloverleaf_client::{Client, Serializer, Target, TargetEndpoint, TargetProtocol};
use cloverleaf_transport::limits::OPENING_TIMEOUT;
use cloverleaf_transport::listener::{Listener, TcpOptions, UnixOptions};
use cloverleaf_transport::outbound::queue;
use cloverleaf_transport::rawsocket::Negotiated;
use cloverleaf_transport::{
    CloseReason, Connection, Flow, Framing, Lifecycle, OutboundSender, Peer, ServerSide, Stream,
    Undeliverable, WaitingMessage, WampHandler, rawsocket,
};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::ROUTER;
use cloverleaf_wamp::ids::{
    InvocationId, PublicationId, RegistrationId, SessionId, SubscriptionId,
};
use cloverleaf_wamp::message::{
    Abort, Call, CallResult, Challenge, ClientMessage, Event, EventDetails, Goodbye, Hello,
    Interrupt, InterruptOptions, Invocation, InvocationDetails, Publish, Published, Registered,
    RequestError, RequestRef, ResultDetails, RouterMessage, SharedEvent, Subscribed, Unregistered,
    Unsubscribed, Welcome, WelcomeDetails,
};
use cloverleaf_wamp::payload::{Encoded, Payload};
use cloverleaf_wamp::websocket::handshake::server::{UpgradeHead, accept};
use cloverleaf_wamp::websocket::{CloseCode, WebSocketLimits, WebSocketRole};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};

/// Maximum time that a test waits before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The transport that a router listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouterTransport {
    WebSocket,
    Tcp,
    Unix,
    /// An abstract Unix socket, without a file.
    Abstract,
}

/// Realms with special behaviour. Every other realm is joined.
pub(crate) mod realm {
    /// HELLO is answered with ABORT.
    pub(crate) const MISSING: &str = "realm.missing";
    /// HELLO is answered with CHALLENGE.
    pub(crate) const SECRET: &str = "realm.secret";
    /// HELLO is answered with PUBLISHED.
    pub(crate) const CONFUSED: &str = "realm.confused";
    /// GOODBYE is not answered.
    pub(crate) const DEAF: &str = "realm.deaf";
}

/// A procedure that never answers.
pub(crate) const SILENCE: &str = "router.silence";
/// A procedure that returns its arguments.
pub(crate) const ECHO: &str = "router.echo";
/// A procedure that fails with its arguments.
pub(crate) const FAIL: &str = "router.fail";
/// A procedure whose registration is refused; see [`Router::refuse_taken`].
pub(crate) const TAKEN: &str = "router.taken";

struct RouterSession {
    outbound: OutboundSender<WaitingMessage>,
    realm: String,
}

struct OpenCall {
    caller: usize,
    request: RequestRef,
    callee: usize,
}

#[derive(Default)]
struct RouterTables {
    sessions: HashMap<usize, RouterSession>,
    procedures: HashMap<String, (usize, RegistrationId)>,
    topics: Vec<(String, SubscriptionId, Vec<usize>)>,
    invocations: HashMap<InvocationId, OpenCall>,
    received: Vec<ClientMessage>,
    connections: Vec<AbortHandle>,
    refusals_of_taken: usize,
}

struct RouterShared {
    tables: Mutex<RouterTables>,
    changed: Notify,
    last_id: AtomicU64,
    serializers: Vec<Serializer>,
    max_message: usize,
}

impl RouterShared {
    fn number(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The router. Dropping it closes its socket and connections.
pub(crate) struct Router {
    shared: Arc<RouterShared>,
    target: Target,
    accepting: JoinHandle<()>,
}

impl Drop for Router {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// A unique path for a socket file.
pub(crate) fn socket_path() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("cloverleaf-client-{}-{number}.sock", std::process::id()))
}

impl Router {
    /// A router with all serializers and messages of up to 1 MiB.
    pub(crate) fn new(transport: RouterTransport) -> Self {
        Self::with(transport, &Serializer::ALL, 1 << 20)
    }

    /// A router with these serializers and this limit for received messages, in bytes.
    pub(crate) fn with(
        transport: RouterTransport,
        serializers: &[Serializer],
        max_message: usize,
    ) -> Self {
        let mut path = socket_path();
        if transport == RouterTransport::Abstract {
            path = format!("@{}", path.display()).into();
        }
        let listener = match transport {
            RouterTransport::Unix | RouterTransport::Abstract => {
                Listener::unix(&path, UnixOptions::waiting(16)).expect("a socket")
            }
            RouterTransport::Tcp | RouterTransport::WebSocket => {
                let options = TcpOptions { backlog: 16, shared: false, user_timeout: None };
                Listener::tcp(([127, 0, 0, 1], 0).into(), options).expect("a port")
            }
        };
        let endpoint = match listener.local_address() {
            Some(address) => {
                TargetEndpoint::Tcp { host: "127.0.0.1".to_owned(), port: address.port() }
            }
            None => TargetEndpoint::Unix(path),
        };
        let target = match transport {
            RouterTransport::WebSocket => Target::websocket(endpoint, "127.0.0.1", "/ws"),
            RouterTransport::Tcp | RouterTransport::Unix | RouterTransport::Abstract => {
                Target::rawsocket(endpoint)
            }
        };
        let shared = Arc::new(RouterShared {
            tables: Mutex::default(),
            changed: Notify::new(),
            // Large ids, as real routers send them.
            last_id: AtomicU64::new(1 << 40),
            serializers: serializers.to_vec(),
            max_message,
        });
        let accepting = tokio::spawn(accept_all(listener, transport, Arc::clone(&shared)));
        Self { shared, target, accepting }
    }

    /// A client of this router.
    pub(crate) fn client(&self) -> Client {
        Client::at(self.target.clone())
    }

    /// The address of this router.
    pub(crate) fn address(&self) -> String {
        match (&self.target.protocol, &self.target.endpoint) {
            (TargetProtocol::RawSocket, _) => self.target.to_string(),
            (TargetProtocol::WebSocket { path, .. }, TargetEndpoint::Tcp { host, port }) => {
                format!("ws://{host}:{port}{path}")
            }
            (TargetProtocol::WebSocket { .. }, TargetEndpoint::Unix(_)) => {
                unreachable!("not listened on")
            }
        }
    }

    /// Closes all connections abruptly.
    pub(crate) fn cut(&self) {
        for connection in self.shared.tables.lock().connections.drain(..) {
            connection.abort();
        }
    }

    /// Sends a message to every session.
    pub(crate) fn say(&self, message: &RouterMessage) {
        for session in self.shared.tables.lock().sessions.values() {
            let _ = session.outbound.push(message.clone().into());
        }
    }

    /// Sends GOODBYE to every session.
    pub(crate) fn say_goodbye(&self, reason: &str) {
        self.say(&RouterMessage::Goodbye(Goodbye::new(reason)));
    }

    /// Refuses this many registrations of [`TAKEN`].
    pub(crate) fn refuse_taken(&self, times: usize) {
        self.shared.tables.lock().refusals_of_taken = times;
    }

    /// All received messages, in order.
    pub(crate) fn received(&self) -> Vec<ClientMessage> {
        self.shared.tables.lock().received.clone()
    }

    /// The names of all received messages, in order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.received().iter().map(ClientMessage::name).collect()
    }

    /// Waits until this many messages with this name were received.
    pub(crate) async fn until_received(&self, name: &str, count: usize) {
        let enough = || self.names().iter().filter(|found| **found == name).count() >= count;
        let wait = async {
            loop {
                let changed = self.shared.changed.notified();
                if enough() {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("{count} times {name} expected, but received {:?}", self.names());
        }
    }
}

async fn accept_all(mut listener: Listener, transport: RouterTransport, shared: Arc<RouterShared>) {
    loop {
        let (socket, _) = listener.accept().await;
        let stream = Stream::accepted(socket).expect("a connection");
        let number = usize::try_from(shared.number()).expect("a few connections");
        let connection = tokio::spawn(serve(stream, transport, number, Arc::clone(&shared)));
        shared.tables.lock().connections.push(connection.abort_handle());
    }
}

async fn serve(
    mut stream: Stream,
    transport: RouterTransport,
    number: usize,
    shared: Arc<RouterShared>,
) {
    let agreed = match transport {
        RouterTransport::WebSocket => upgrade(&mut stream, &shared).await,
        RouterTransport::Tcp | RouterTransport::Unix | RouterTransport::Abstract => {
            rawsocket::accept(
                &mut stream,
                None,
                &shared.serializers,
                shared.max_message,
                OPENING_TIMEOUT,
            )
            .await
            .ok()
        }
    };
    let Some(Negotiated { serializer, framing }) = agreed else { return };
    let (outbound, receiver) = queue();
    let client = ClientPeer { number, shared, outbound, is_open: false };
    let handler = WampHandler::<ServerSide, _>::new(serializer, client);
    Connection::new(stream, framing, handler, receiver, &mut []).await;
}

struct RequestFields(Vec<(String, String)>);

impl UpgradeHead for RequestFields {
    fn method(&self) -> &str {
        "GET"
    }

    fn is_http_1_1(&self) -> bool {
        true
    }

    fn header<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_bytes())
    }
}

/// The server's side of the WebSocket handshake.
async fn upgrade(stream: &mut Stream, shared: &RouterShared) -> Option<Negotiated> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let head =
        RequestFields(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    let accepted = accept(&head).ok()?;
    let mut names = accepted.subprotocols.iter();
    let spoken = &shared.serializers;
    let Some(serializer) = names.find_map(|name| Serializer::from_subprotocol(name, spoken)) else {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok()?;
        return None;
    };
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        accepted.accept_key,
        serializer.subprotocol()
    );
    stream.write_all(response.as_bytes()).await.ok()?;
    let max_message = shared.max_message;
    let limits = WebSocketLimits { max_message, max_frame: max_message };
    Some(Negotiated { serializer, framing: Framing::websocket(WebSocketRole::Server, limits) })
}

/// The server side of one client's connection.
struct ClientPeer {
    number: usize,
    shared: Arc<RouterShared>,
    outbound: OutboundSender<WaitingMessage>,
    is_open: bool,
}

impl ClientPeer {
    fn reply(&self, message: RouterMessage) {
        let _ = self.outbound.push(message.into());
    }

    fn refuse(&self, request: RequestRef, uri: &str, payload: Payload) {
        let error = RequestError::new(request, uri, payload);
        self.reply(RouterMessage::Error(error));
    }

    fn hello(&mut self, hello: &Hello) -> Flow {
        let realm = hello.realm.as_str().to_owned();
        match realm.as_str() {
            realm::MISSING => {
                let abort = Abort::new(error_uri::NO_SUCH_REALM, "there is no such realm");
                self.reply(RouterMessage::Abort(abort));
                return Flow::Close(CloseCode::NORMAL, "refused".to_owned());
            }
            realm::SECRET => {
                let extra = Encoded::from_value(Serializer::Json, &HashMap::<u8, u8>::new());
                let extra = extra.expect("a map");
                self.reply(RouterMessage::Challenge(Challenge {
                    authmethod: "wampcra".into(),
                    extra,
                }));
                return Flow::Continue;
            }
            realm::CONFUSED => {
                self.send_unexpected_published();
                return Flow::Continue;
            }
            _ => {}
        }
        self.is_open = true;
        let session = SessionId::new(self.number as u64).expect("an id");
        let details = WelcomeDetails { roles: Some(ROUTER), ..WelcomeDetails::default() };
        self.reply(RouterMessage::Welcome(Welcome { session, details: Box::new(details) }));
        let outbound = self.outbound.clone();
        self.shared.tables.lock().sessions.insert(self.number, RouterSession { outbound, realm });
        Flow::Continue
    }

    fn send_unexpected_published(&self) {
        self.reply(RouterMessage::Published(Published {
            request: cloverleaf_wamp::ids::RequestId::new(1).expect("an id"),
            publication: PublicationId::new(1).expect("an id"),
        }));
    }

    fn goodbye(&self, goodbye: &Goodbye) -> Flow {
        let realm = {
            let mut tables = self.shared.tables.lock();
            tables.sessions.remove(&self.number).map(|session| session.realm)
        };
        if realm.as_deref() == Some(realm::DEAF) {
            return Flow::Continue;
        }
        if goodbye.reason != error_uri::GOODBYE_AND_OUT {
            self.reply(RouterMessage::Goodbye(Goodbye::new(error_uri::GOODBYE_AND_OUT)));
        }
        Flow::Continue
    }

    fn call(&self, call: Call) {
        let request = call.reference();
        match call.procedure.as_str() {
            SILENCE => {}
            ECHO => self.reply(RouterMessage::Result(CallResult {
                request: call.request,
                details: ResultDetails::default(),
                payload: call.payload,
            })),
            FAIL => self.refuse(request, error_uri::RUNTIME_ERROR, call.payload),
            procedure => {
                let mut tables = self.shared.tables.lock();
                let Some(&(callee, registration)) = tables.procedures.get(procedure) else {
                    return self.refuse(request, error_uri::NO_SUCH_PROCEDURE, Payload::EMPTY);
                };
                let id = InvocationId::new(self.shared.number()).expect("an id");
                tables.invocations.insert(id, OpenCall { caller: self.number, request, callee });
                let details = InvocationDetails::default();
                let Call { payload, .. } = call;
                let invocation = Invocation { request: id, registration, details, payload };
                if let Some(callee) = tables.sessions.get(&callee) {
                    let _ = callee.outbound.push(RouterMessage::Invocation(invocation).into());
                }
            }
        }
    }

    fn cancel(&self, request: cloverleaf_wamp::ids::RequestId) {
        let tables = self.shared.tables.lock();
        let mut waiting = tables.invocations.iter();
        let found = waiting
            .find(|(_, waiting)| waiting.caller == self.number && waiting.request.id() == request);
        if let Some((id, waiting)) = found
            && let Some(callee) = tables.sessions.get(&waiting.callee)
        {
            let options = InterruptOptions::default();
            let interrupt = Interrupt { request: *id, options };
            let _ = callee.outbound.push(RouterMessage::Interrupt(interrupt).into());
        }
    }

    fn answer(&self, request: InvocationId, outcome: Result<Payload, (String, Payload)>) {
        let mut tables = self.shared.tables.lock();
        let Some(waiting) = tables.invocations.remove(&request) else { return };
        let answer = match outcome {
            Ok(payload) => RouterMessage::Result(CallResult {
                request: waiting.request.id(),
                details: ResultDetails::default(),
                payload,
            }),
            Err((error, payload)) => {
                RouterMessage::Error(RequestError::new(waiting.request, error, payload))
            }
        };
        if let Some(caller) = tables.sessions.get(&waiting.caller) {
            let _ = caller.outbound.push(answer.into());
        }
    }

    fn register(&self, register: &cloverleaf_wamp::message::Register) {
        let procedure = register.procedure.as_str().to_owned();
        let mut tables = self.shared.tables.lock();
        if procedure == TAKEN && tables.refusals_of_taken > 0 {
            tables.refusals_of_taken -= 1;
            let uri = error_uri::PROCEDURE_ALREADY_EXISTS;
            return self.refuse(register.reference(), uri, Payload::EMPTY);
        }
        let registration = RegistrationId::new(self.shared.number()).expect("an id");
        tables.procedures.insert(procedure, (self.number, registration));
        self.reply(RouterMessage::Registered(Registered {
            request: register.request,
            registration,
        }));
    }

    fn subscribe(&self, subscribe: &cloverleaf_wamp::message::Subscribe) {
        let topic = subscribe.topic.as_str();
        let mut tables = self.shared.tables.lock();
        let found = tables.topics.iter().position(|(found, ..)| found == topic);
        let position = found.unwrap_or_else(|| {
            let id = SubscriptionId::new(self.shared.number()).expect("an id");
            tables.topics.push((topic.to_owned(), id, Vec::new()));
            tables.topics.len() - 1
        });
        let (_, subscription, subscribers) = &mut tables.topics[position];
        if !subscribers.contains(&self.number) {
            subscribers.push(self.number);
        }
        let (request, subscription) = (subscribe.request, *subscription);
        self.reply(RouterMessage::Subscribed(Subscribed { request, subscription }));
    }

    fn publish(&self, publish: &Publish) {
        let publication = PublicationId::new(self.shared.number()).expect("an id");
        let tables = self.shared.tables.lock();
        let topic = tables.topics.iter().find(|(topic, ..)| topic == publish.topic.as_str());
        if let Some((_, subscription, subscribers)) = topic {
            let event = SharedEvent::new(Event {
                subscription: *subscription,
                publication,
                details: Box::new(EventDetails::default()),
                payload: publish.payload.clone(),
            });
            let is_included = |number: &usize| {
                publish.options.exclude_me == Some(false) || *number != self.number
            };
            for number in subscribers.iter().filter(|number| is_included(number)) {
                if let Some(session) = tables.sessions.get(number) {
                    let _ = session.outbound.push(RouterMessage::Event(event.clone()).into());
                }
            }
        }
        if publish.options.acknowledge == Some(true) {
            let request = publish.request;
            self.reply(RouterMessage::Published(Published { request, publication }));
        }
    }

    fn leave_topic(&self, subscription: SubscriptionId) {
        let mut tables = self.shared.tables.lock();
        for (_, _, subscribers) in tables.topics.iter_mut().filter(|(_, id, _)| *id == subscription)
        {
            subscribers.retain(|number| *number != self.number);
        }
    }
}

impl Peer<ServerSide> for ClientPeer {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        self.shared.tables.lock().received.push(message.clone());
        let mut flow = Flow::Continue;
        match message {
            ClientMessage::Hello(hello) => flow = self.hello(&hello),
            ClientMessage::Goodbye(goodbye) => flow = self.goodbye(&goodbye),
            ClientMessage::Call(call) => self.call(call),
            ClientMessage::Cancel(cancel) => self.cancel(cancel.request),
            ClientMessage::Yield(answer) => self.answer(answer.request, Ok(answer.payload)),
            ClientMessage::Error(error) => {
                let failure = (error.error.as_str().to_owned(), error.payload);
                self.answer(error.request, Err(failure));
            }
            ClientMessage::Register(register) => self.register(&register),
            ClientMessage::Unregister(unregister) => {
                let mut tables = self.shared.tables.lock();
                tables.procedures.retain(|_, (_, id)| *id != unregister.registration);
                let answer = Unregistered::Answer(unregister.request);
                self.reply(RouterMessage::Unregistered(answer));
            }
            ClientMessage::Subscribe(subscribe) => self.subscribe(&subscribe),
            ClientMessage::Unsubscribe(unsubscribe) => {
                self.leave_topic(unsubscribe.subscription);
                let answer = Unsubscribed::Answer(unsubscribe.request);
                self.reply(RouterMessage::Unsubscribed(answer));
            }
            ClientMessage::Publish(publish) => self.publish(&publish),
            ClientMessage::Abort(_)
            | ClientMessage::Authenticate(_)
            | ClientMessage::EventReceived(_) => {}
        }
        self.shared.changed.notify_waiters();
        flow
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        Flow::Close(CloseCode::PROTOCOL_ERROR, error.to_string())
    }

    fn handle_undeliverable(
        &mut self,
        _: RouterMessage,
        _: &Undeliverable,
    ) -> Option<RouterMessage> {
        None
    }
}

impl Lifecycle for ClientPeer {
    type Message = RouterMessage;

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn closed(&mut self, _: &CloseReason) {
        let mut tables = self.shared.tables.lock();
        tables.sessions.remove(&self.number);
        tables.procedures.retain(|_, (number, _)| *number != self.number);
        for (_, _, subscribers) in &mut tables.topics {
            subscribers.retain(|number| *number != self.number);
        }
    }
}
