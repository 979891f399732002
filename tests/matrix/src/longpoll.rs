//! A long-polling session: one connection sends, another one receives.

use bytes::Bytes;
use cloverleaf_client::{Link, SendError, Serializer, Session};
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::message::wire::WireMessage as _;
use cloverleaf_wamp::message::{ClientMessage, Hello, HelloDetails, RouterMessage};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// The session's link to the task that posts its messages.
#[derive(Debug)]
struct Posting(mpsc::UnboundedSender<ClientMessage>);

impl Link for Posting {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        self.0.send(message).map_err(|_| SendError::Closed)
    }
}

/// Joins `realm1` at the service `lp` of a web transport.
pub(crate) async fn join(address: &str, serializer: Serializer) -> Session {
    let mut sending = Http::connect(address).await;
    let opening = format!(r#"{{"protocols":["{}"]}}"#, serializer.subprotocol());
    let opened = sending.post("/lp/open", opening.as_bytes()).await.expect("an answer");
    let opened: Value = serde_json::from_slice(&opened).expect("JSON");
    let path = format!("/lp/{}", opened["transport"].as_str().expect("an id"));

    let (link, messages) = mpsc::unbounded_channel();
    let hello = Hello {
        realm: "realm1".into(),
        details: HelloDetails { roles: Some(CLIENT), ..HelloDetails::default() },
    };
    link.send(ClientMessage::Hello(hello)).expect("it is open");
    let (session, driver) = Session::new(Posting(link), serializer);
    tokio::spawn(driver);
    tokio::spawn(post_all(sending, format!("{path}/send"), serializer, messages));
    let closing = Http::connect(address).await;
    tokio::spawn(close_at_end(closing, format!("{path}/close"), session.clone()));
    let (joined, has_joined) = oneshot::channel();
    let receiving = Http::connect(address).await;
    let path = format!("{path}/receive");
    tokio::spawn(receive_all(receiving, path, serializer, session.clone(), joined));
    has_joined.await.expect("WELCOME");
    session
}

async fn post_all(
    mut http: Http,
    path: String,
    serializer: Serializer,
    mut messages: mpsc::UnboundedReceiver<ClientMessage>,
) {
    while let Some(message) = messages.recv().await {
        let mut octets = Vec::new();
        message.encode(serializer, &mut octets).expect("a form");
        http.post(&path, &octets).await;
    }
}

/// Receives until the session has ended.
async fn receive_all(
    mut http: Http,
    path: String,
    serializer: Serializer,
    session: Session,
    joined: oneshot::Sender<()>,
) {
    let mut joined = Some(joined);
    while let Some(octets) = http.post(&path, b"").await {
        if octets.is_empty() {
            continue;
        }
        let message = RouterMessage::decode(serializer, &Bytes::from(octets)).expect("a message");
        session.handle_message(message);
        if let Some(joined) = joined.take() {
            joined.send(()).expect("the opener waits");
        }
    }
    session.close("the router has ended the session");
}

/// Closes the session with a request, since no connection ends with it.
async fn close_at_end(mut http: Http, path: String, session: Session) {
    session.ended().await;
    http.post(&path, b"").await;
}

/// A connection with sequential requests.
struct Http(BufReader<TcpStream>);

impl Http {
    async fn connect(address: &str) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.expect("the router listens")))
    }

    /// The body of a successful response; `None` for any other one.
    async fn post(&mut self, path: &str, body: &[u8]) -> Option<Vec<u8>> {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", body.len());
        let request = [head.as_bytes(), body].concat();
        self.0.write_all(&request).await.expect("a request");
        let (mut is_success, mut length) = (false, 0);
        let mut line = String::new();
        while self.0.read_line(&mut line).await.expect("a line") > 0 && line != "\r\n" {
            let text = line.to_ascii_lowercase();
            is_success |= text.starts_with("http/1.1 2");
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("a body");
        is_success.then_some(body)
    }
}
