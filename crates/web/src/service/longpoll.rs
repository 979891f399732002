//! WAMP over HTTP long-polling: the requests that open, poll, send to and close sessions.
//!
//! Spec: advanced profile "HTTP Longpoll Transport". The sessions themselves are in
//! [`cloverleaf_transport::longpoll`]. An empty response has status 204
//! (`docs/decisions/longpoll.md`).

use std::sync::Arc;

use bytes::Bytes;
use cloverleaf_http_bridge::BodyError;
use cloverleaf_transport::longpoll::{LongPollSession, LongPollTimeouts, Received};
use cloverleaf_transport::outbound::{HighWaterMark, queue_with};
use cloverleaf_transport::{Flow, HttpInfo, PeerInfo, log_limited};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::origin::OriginRule;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::transport_kind::TransportKind;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::task::yield_now;

use crate::connections::HttpConnection;
use crate::response::{self, Body, full, session_headers};
use crate::{request_body, response_body};
use cloverleaf_realms::WampService;

mod cors;
mod sessions;

use sessions::{Attached, LongPollSessions, TransportId};

/// The longest body of a request that opens a session: enough for more protocols than exist.
const MAX_OPENING: usize = 4 << 10;

/// A path at which sessions are served over HTTP.
#[derive(Debug)]
pub struct LongPoll {
    /// WAMP for the sessions.
    pub wamp: WampService,
    /// The origins that may connect.
    pub origins: OriginRule,
    /// The timeouts of sessions and polls.
    pub timeouts: LongPollTimeouts,
    /// The limit of the queue of each session.
    pub high_water_mark: HighWaterMark,
    /// The most sessions, such as
    /// [`MAX_LONGPOLL_SESSIONS`](cloverleaf_transport::limits::MAX_LONGPOLL_SESSIONS).
    pub max_sessions: usize,
    /// The open sessions.
    pub sessions: Arc<LongPollSessions>,
}

/// The body of a request that opens a session.
#[derive(Deserialize)]
struct Opening {
    protocols: Vec<String>,
}

/// The action of a request in its session.
enum LongPollAction {
    Receive,
    Send,
    Close,
}

impl LongPoll {
    /// Responds to a request. `at` is the offset of the part of the path below this service.
    pub(crate) async fn respond(
        &self,
        request: Request<Incoming>,
        at: usize,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        let origin = request.headers().get(ORIGIN).cloned();
        let mut origins = request.headers().get_all(ORIGIN).into_iter();
        // A value that is no text is no origin, and refused.
        if !origins.all(|origin| self.origins.allows(Some(origin.to_str().unwrap_or_default()))) {
            return refuse(connection, StatusCode::FORBIDDEN, "This origin may not connect.");
        }
        let mut response = match *request.method() {
            Method::POST => self.post(request, at, connection).await,
            Method::OPTIONS => cors::preflight(&request),
            _ => not_allowed(),
        };
        cors::allow(origin, response.headers_mut());
        response
    }

    async fn post(
        &self,
        request: Request<Incoming>,
        at: usize,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if &path[at..] == "/open" {
            return self.open(&parts.headers, body, connection).await;
        }
        let Some((id, action)) = parse(&path[at..]) else { return response::not_found() };
        let attached = TransportId::parse(id).and_then(|id| self.sessions.with(id));
        let Some(attached) = attached else { return no_session() };
        match action {
            LongPollAction::Receive => receive(&attached, connection).await,
            LongPollAction::Send => self.send(&attached, body, connection).await,
            LongPollAction::Close => {
                attached.session.close();
                empty()
            }
        }
    }

    async fn open(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        connection: &HttpConnection,
    ) -> Response<Body> {
        let body = match request_body::read(body, MAX_OPENING, connection).await {
            Ok(body) => body,
            Err(error) => return unread(error),
        };
        let Ok(Opening { protocols }) = serde_json::from_slice(&body) else {
            let text = "The body must be JSON such as {\"protocols\": [\"wamp.2.json\"]}.";
            return refuse(connection, StatusCode::BAD_REQUEST, text);
        };
        let Some(serializer) = self.agree(&protocols) else {
            let spoken: Vec<&str> = self.wamp.serializers.iter().map(|s| s.subprotocol()).collect();
            let text = format!("'protocols' must name one of {}.", spoken.join(", "));
            return refuse(connection, StatusCode::BAD_REQUEST, &text);
        };
        let (sender, receiver) = queue_with(self.high_water_mark, Some(self.wamp.memory.queues()));
        let http = HttpInfo { headers: session_headers(headers), compression: None };
        let peer = PeerInfo::over_http(connection.peer.clone(), TransportKind::LongPoll, http);
        let handler = self.wamp.handler(serializer, sender, peer);
        let session = LongPollSession::new(handler, receiver, self.timeouts);
        let attached = Attached::new(session, serializer);
        let Some(id) = self.sessions.take(attached, self.max_sessions) else {
            let text = "There are too many sessions at the moment.";
            return refuse(connection, StatusCode::SERVICE_UNAVAILABLE, text);
        };
        let protocol = serializer.subprotocol();
        let opened = format!("{{\"protocol\":\"{protocol}\",\"transport\":\"{id}\"}}");
        content(Serializer::Json.media_type(), full(opened))
    }

    /// The first of the client's protocols that is spoken here.
    fn agree(&self, protocols: &[String]) -> Option<Serializer> {
        protocols.iter().find_map(|name| Serializer::from_subprotocol(name, &self.wamp.serializers))
    }

    async fn send(
        &self,
        attached: &Attached,
        body: Incoming,
        connection: &HttpConnection,
    ) -> Response<Body> {
        // The body of the next send is not read before, so that its client is held back.
        let _turn = attached.sending.lock().await;
        let message = match request_body::read(body, self.wamp.max_message, connection).await {
            Ok(message) => message,
            Err(error) => return unread(error),
        };
        let flow = attached.session.send(&message);
        // Dropped before the session waits: its memory is not reserved any more.
        drop(message);
        match flow {
            None => no_session(),
            // The session has an ABORT to poll, too.
            Some(Flow::Close(_, reason)) if reason == error_uri::PROTOCOL_VIOLATION => {
                response::text(StatusCode::BAD_REQUEST, "This breaks the protocol of WAMP.\n")
            }
            Some(Flow::Wait) => {
                // The client sends its next message after this response.
                attached.session.ready().await;
                empty()
            }
            Some(Flow::Yield) => {
                yield_now().await;
                empty()
            }
            Some(Flow::Continue | Flow::Close(..)) => empty(),
        }
    }
}

/// The answer to a client that may not open a session, which the log names.
fn refuse(connection: &HttpConnection, status: StatusCode, reason: &str) -> Response<Body> {
    log_limited!(
        info,
        "connection refused",
        peer = %connection.peer,
        transport = "longpoll",
        reason
    );
    response::text(status, format!("{reason}\n"))
}

/// Waits for the next message of the session and sends it.
async fn receive(attached: &Attached, connection: &Arc<HttpConnection>) -> Response<Body> {
    let received = attached.session.receive().await;
    if connection.is_ending() {
        // The node ends, and the connection with this response. The client can't come again.
        attached.session.close();
    }
    match received {
        Received::Message(message) => {
            let body = response_body::owned(message.into(), connection);
            content(attached.serializer.media_type(), body)
        }
        Received::Nothing => empty(),
        Received::Ended => no_session(),
    }
}

/// `/<transport>/receive` and so on.
fn parse(rest: &str) -> Option<(&str, LongPollAction)> {
    let (id, action) = rest.strip_prefix('/')?.split_once('/')?;
    let action = match action {
        "receive" => LongPollAction::Receive,
        "send" => LongPollAction::Send,
        "close" => LongPollAction::Close,
        _ => return None,
    };
    Some((id, action))
}

fn content(media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn empty() -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn no_session() -> Response<Body> {
    let text = "There is no such session, or it has ended.\n";
    response::text(StatusCode::NOT_FOUND, text)
}

fn unread(error: BodyError) -> Response<Body> {
    match error {
        BodyError::TooLong => {
            response::text(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than accepted.\n")
        }
        BodyError::Incomplete { .. } => {
            response::text(StatusCode::BAD_REQUEST, "The body ended too early.\n")
        }
    }
}

fn not_allowed() -> Response<Body> {
    let mut response =
        response::text(StatusCode::METHOD_NOT_ALLOWED, "Only POST is allowed here.\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(cors::METHODS));
    response
}
