//! A bridge over a fake router, and a builder of requests.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cloverleaf_client::{Link, Payload, SendError, Serializer, Session};
use cloverleaf_http_bridge::{
    BodyError, Bridge, BridgeResponse, BridgeSettings, RequestPeer, Resource,
};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use http::header::CONTENT_TYPE;
use parking_lot::Mutex;

use crate::caller::result_of;
use crate::publisher::outcome_of;

/// The default time of requests: 2011-10-14T16:59:51Z.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_318_611_591)
}

/// A fake router: records each message and answers it before `send` returns.
pub(crate) struct FakeRouter {
    session: OnceLock<Session>,
    received: Mutex<Vec<ClientMessage>>,
    gone: bool,
}

impl FakeRouter {
    fn answer(&self, message: RouterMessage) {
        self.session.get().expect("a session").handle_message(message);
    }
}

struct ToRouter(Arc<FakeRouter>);

impl Link for ToRouter {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        if self.0.gone {
            return Err(SendError::Closed);
        }
        self.0.received.lock().push(message.clone());
        let answer = match message {
            ClientMessage::Call(call) => result_of(&call),
            ClientMessage::Publish(publish) => Some(outcome_of(&publish)),
            _ => None,
        };
        answer.into_iter().for_each(|answer| self.0.answer(answer));
        Ok(())
    }
}

pub(crate) struct Lab {
    pub(crate) bridge: Bridge,
    router: Arc<FakeRouter>,
}

impl Lab {
    pub(crate) fn caller() -> Self {
        Self::new(Resource::Caller, BridgeSettings::default())
    }

    pub(crate) fn publisher() -> Self {
        Self::new(Resource::Publisher, BridgeSettings::default())
    }

    pub(crate) fn new(resource: Resource, settings: BridgeSettings) -> Self {
        Self::over(resource, settings, false)
    }

    pub(crate) fn without_router(resource: Resource) -> Self {
        Self::over(resource, BridgeSettings::default(), true)
    }

    fn over(resource: Resource, settings: BridgeSettings, gone: bool) -> Self {
        let router = FakeRouter { session: OnceLock::new(), received: Mutex::default(), gone };
        let router = Arc::new(router);
        let (session, _) = Session::new(ToRouter(Arc::clone(&router)), Serializer::Json);
        assert!(router.session.set(session.clone()).is_ok());
        Self { bridge: Bridge::new(session, resource, settings), router }
    }

    /// All messages that the router has received.
    pub(crate) fn received(&self) -> Vec<ClientMessage> {
        self.router.received.lock().clone()
    }

    /// Drops the bridge. Returns all messages that the router has received.
    pub(crate) fn drop_bridge(self) -> Vec<ClientMessage> {
        let Self { bridge, router } = self;
        drop(bridge);
        router.received.lock().clone()
    }

    /// Sends a message of the router to the bridge's session.
    pub(crate) fn router_says(&self, message: RouterMessage) {
        self.router.answer(message);
    }

    /// Ends the bridge's session.
    pub(crate) fn session_ends(&self) {
        self.router.session.get().expect("a session").close("wamp.close.system_shutdown");
    }

    /// The response to a request. Panics if the bridge waits.
    pub(crate) fn reply(&self, request: BridgeRequest) -> BridgeResponse {
        self.reply_at(now(), request)
    }

    /// The response to a request at another time.
    pub(crate) fn reply_at(&self, now: SystemTime, request: BridgeRequest) -> BridgeResponse {
        match poll_once(pin!(self.start_at(now, request))) {
            Poll::Ready(reply) => reply,
            Poll::Pending => panic!("the bridge waits"),
        }
    }

    /// The response to a request that may wait for the router.
    pub(crate) async fn start(&self, request: BridgeRequest) -> BridgeResponse {
        self.start_at(now(), request).await
    }

    async fn start_at(&self, now: SystemTime, request: BridgeRequest) -> BridgeResponse {
        let parts = request.parts.body(()).expect("a request").into_parts().0;
        self.bridge.handle(&parts, request.peer, request.body, now).await
    }

    /// Status and body.
    pub(crate) fn ask(&self, request: BridgeRequest) -> (u16, String) {
        text(&self.reply(request))
    }
}

pub(crate) fn text(reply: &BridgeResponse) -> (u16, String) {
    (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).expect("UTF-8"))
}

/// Status and body of a denial with this text.
pub(crate) fn denied(status: u16, text: &str) -> (u16, String) {
    let text = serde_json::to_string(text).expect("JSON");
    (status, format!(r#"{{"error": {text}, "args": [], "kwargs": {{}}}}"#))
}

pub(crate) fn poll_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Positional and keyword arguments as JSON.
pub(crate) fn json(payload: &Payload) -> (serde_json::Value, serde_json::Value) {
    let (args, kwargs) = (payload.decode_args(), payload.decode_kwargs());
    (args.expect("args"), kwargs.expect("kwargs"))
}

/// A builder of requests.
pub(crate) struct BridgeRequest {
    parts: http::request::Builder,
    peer: RequestPeer,
    body: Result<Bytes, BodyError>,
}

impl BridgeRequest {
    /// A POST with the content type JSON and no other header field.
    pub(crate) fn post(body: impl Into<Vec<u8>>) -> Self {
        Self::with_method("POST", body).header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// A request without header fields.
    pub(crate) fn with_method(method: &str, body: impl Into<Vec<u8>>) -> Self {
        let parts = http::Request::builder().method(method).uri("/");
        Self { parts, peer: RequestPeer::default(), body: Ok(body.into().into()) }
    }

    /// A POST whose body the HTTP server could not read.
    pub(crate) fn failing(error: BodyError) -> Self {
        Self { body: Err(error), ..Self::post("") }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { parts: self.parts.header(name, value), ..self }
    }

    pub(crate) fn query(self, query: &str) -> Self {
        Self { parts: self.parts.uri(format!("/?{query}")), ..self }
    }

    pub(crate) fn coming_from(self, ip: &str) -> Self {
        let ip: IpAddr = ip.parse().expect("an address");
        Self { peer: RequestPeer { ip: Some(ip), ..self.peer }, ..self }
    }

    pub(crate) fn over_tls(self) -> Self {
        Self { peer: RequestPeer { is_tls: true, ..self.peer }, ..self }
    }
}
