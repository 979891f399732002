//! Clients: raw HTTP connections, and a load of calls, publications and requests without errors.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloverleaf_client::{Args, Failure, Session};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn};
use tokio::time::timeout;

use crate::fixture::{TIMEOUT, TestNode};

/// A keep-alive HTTP connection.
#[derive(Debug)]
pub(crate) struct Http(TcpStream);

impl Http {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.expect("the listener accepts"))
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("an open connection");
    }

    /// Gets a path. Returns status and body.
    pub(crate) async fn get(&mut self, path: &str) -> (u16, String) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        self.receive().await
    }

    /// Posts JSON. Returns status and body.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> (u16, String) {
        self.send(post_request(path, body).as_bytes()).await;
        self.receive().await
    }

    /// Calls a procedure through the caller at `/call`.
    pub(crate) async fn call(&mut self, procedure: &str, args: Value) -> (u16, String) {
        self.post("/call", &json!({"procedure": procedure, "args": args})).await
    }

    /// Asserts that the realm of the caller at `/call` has no such procedure.
    pub(crate) async fn call_nothing(&mut self, procedure: &str) {
        let (_, body) = self.call(procedure, json!([])).await;
        assert!(body.contains("wamp.error.no_such_procedure"), "{body}");
    }

    /// Receives a response with a length.
    pub(crate) async fn receive(&mut self) -> (u16, String) {
        timeout(TIMEOUT, self.receive_response()).await.expect("a response in time")
    }

    async fn receive_response(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("a whole head"));
        }
        let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        self.0.read_exact(&mut body).await.expect("a whole body");
        (status.expect("a status"), String::from_utf8_lossy(&body).into_owned())
    }

    /// Receives bytes until these have come.
    pub(crate) async fn skip_until(&mut self, end: &[u8]) {
        let mut received = Vec::new();
        let read = async {
            while !received.ends_with(end) {
                received.push(self.0.read_u8().await.expect("more bytes"));
            }
        };
        timeout(TIMEOUT, read).await.expect("the bytes come in time");
    }

    /// Waits until the server has closed the connection without another byte.
    pub(crate) async fn receive_end(&mut self) {
        let mut rest = Vec::new();
        let read = timeout(TIMEOUT, self.0.read_to_end(&mut rest)).await;
        // A reset is an end, too.
        let _ = read.expect("the connection ends in time");
        assert_eq!(rest.escape_ascii().to_string(), "");
    }
}

/// A POST request with a JSON body.
pub(crate) fn post_request(path: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Adds two numbers.
async fn add(Args((a, b)): Args<(u64, u64)>) -> Result<u64, Failure> {
    Ok(a + b)
}

/// Registers `com.add`, which stays as long as the session.
pub(crate) async fn register_add(session: &Session) {
    session.register("com.add", add).await.expect("registered");
}

/// Clients that call and publish without a pause. Each error panics.
#[derive(Debug)]
pub(crate) struct Load {
    /// Subscriber and callee.
    session: Session,
    is_over: Arc<AtomicBool>,
    rounds: Vec<Arc<AtomicUsize>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts two sessions that call and publish in `realm1`, through the RawSocket listener at
    /// the first place.
    pub(crate) async fn start(node: &TestNode) -> Self {
        let session = node.join(0).await;
        register_add(&session).await;
        let mut load = Self {
            session: session.clone(),
            is_over: Arc::default(),
            rounds: Vec::new(),
            tasks: Vec::new(),
        };
        let mut events = session.subscribe("com.load").await.expect("subscribed");
        let received = load.counter();
        load.tasks.push(spawn(async move {
            while events.next().await.is_some() {
                received.fetch_add(1, Ordering::Relaxed);
            }
        }));
        for _ in 0..2 {
            let (session, rounds) = (node.join(0).await, load.counter());
            let is_over = Arc::clone(&load.is_over);
            load.tasks.push(spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let call = session.call("com.add").args((20, 22));
                    let reply = timeout(TIMEOUT, call).await.expect("in time").expect("a result");
                    assert_eq!(reply.value::<u64>().expect("a number"), 42);
                    let publishing = session.publish("com.load").args((1,));
                    let sent = timeout(TIMEOUT, publishing.send()).await.expect("in time");
                    sent.expect("published");
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                session.leave().expect("an open session");
            }));
        }
        load
    }

    /// Adds an HTTP connection that calls through the web listener at this place.
    pub(crate) async fn call_over_http(&mut self, address: SocketAddr) {
        let (mut http, rounds) = (Http::connect(address).await, self.counter());
        let is_over = Arc::clone(&self.is_over);
        self.tasks.push(spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let (status, body) = http.call("com.add", json!([20, 22])).await;
                assert_eq!(status, 200, "{body}");
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    fn counter(&mut self) -> Arc<AtomicUsize> {
        let counter = Arc::default();
        self.rounds.push(Arc::clone(&counter));
        counter
    }

    /// The session that subscribes and answers calls.
    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    /// Waits until each client has made some more rounds.
    pub(crate) async fn go_on(&self) {
        for rounds in &self.rounds {
            let before = rounds.load(Ordering::Relaxed);
            let has_gone_on = || {
                self.tasks.iter().any(JoinHandle::is_finished)
                    || rounds.load(Ordering::Relaxed) > before + 3
            };
            crate::fixture::wait_until("rounds of the load", has_gone_on).await;
        }
        assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a client has failed");
    }

    /// Ends the load. Fails if a client has seen an error.
    pub(crate) async fn finish(self) {
        self.go_on().await;
        self.is_over.store(true, Ordering::Relaxed);
        let mut tasks = self.tasks;
        // The first one subscribes, for the session that answers the calls of the others.
        let subscriber = tasks.remove(0);
        for task in tasks {
            timeout(TIMEOUT, task).await.expect("the client ends in time").expect("no error");
        }
        self.session.leave().expect("an open session");
        timeout(TIMEOUT, subscriber).await.expect("the client ends in time").expect("no error");
    }
}
