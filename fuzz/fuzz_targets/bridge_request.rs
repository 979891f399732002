//! A request is either asked of the router, in one call with what its body says, or denied in JSON
//! without a call; what passes where requests must be signed passes unsigned too.
#![no_main]

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cloverleaf_client::{Link, SendError, Serializer, Session};
use cloverleaf_http_bridge::envelope::Envelope;
use cloverleaf_http_bridge::{Bridge, BridgeSettings, RequestPeer, Resource};
use cloverleaf_http_bridge::{BridgeResponse, SigningKey};
use cloverleaf_wamp::message::{CallOptions, ClientMessage};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Small enough for an input to exceed it.
const BODY_LIMIT: usize = 400;

const SIGNED: u8 = 1;
const WITH_TYPE: u8 = 2;
const WITH_LENGTH: u8 = 4;

/// A router that answers nothing, and all that it was told.
#[derive(Clone, Default)]
struct Silent(Arc<Mutex<Vec<ClientMessage>>>);

impl Link for Silent {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        self.0.lock().expect("nobody panics with the lock").push(message);
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Asked(Vec<ClientMessage>),
    Denied(BridgeResponse),
}

/// 2011-10-14T16:59:51Z
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_318_611_591)
}

fn outcome(parts: &Parts, body: &Bytes, signed: bool) -> Outcome {
    let router = Silent::default();
    let (session, _) = Session::new(router.clone(), Serializer::Json);
    let settings = BridgeSettings {
        signed_with: signed.then(|| SigningKey::new("bazapp", "foobar")),
        post_body_limit: Some(BODY_LIMIT),
        ..BridgeSettings::default()
    };
    let bridge = Bridge::new(session, Resource::Caller, settings);
    let mut answering = pin!(bridge.handle(parts, RequestPeer::default(), Ok(body.clone()), now()));
    let polled = answering.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let told = router.0.lock().expect("nobody panics with the lock").clone();
    match polled {
        Poll::Pending => Outcome::Asked(told),
        Poll::Ready(reply) => {
            assert_eq!(told, []);
            Outcome::Denied(reply)
        }
    }
}

fn assert_asked(told: &[ClientMessage], parts: &Parts, body: &Bytes) {
    let [ClientMessage::Call(call)] = told else { panic!("one call, not {told:?}") };
    let envelope = Envelope::<CallOptions>::parse(body).expect("only what can be read is asked");
    assert_eq!(call.procedure.as_str(), envelope.uri);
    assert_eq!(call.payload, envelope.payload);
    assert!(body.len() <= BODY_LIMIT);
    if let Some(length) = parts.headers.get(CONTENT_LENGTH) {
        let length = length.to_str().expect("digits").parse();
        assert_eq!(length, Ok(body.len()));
    }
    assert!(media_type(parts).is_none_or(|media_type| media_type == b"application/json"));
}

fn assert_denied(reply: &BridgeResponse, parts: &Parts) {
    assert!(matches!(reply.status.as_u16(), 400 | 401 | 413), "{reply:?}");
    let body: Value = serde_json::from_slice(&reply.body).expect("a denial is JSON");
    let error = body["error"].as_str().expect("a denial has a text");
    assert!(!error.is_empty());
    assert_eq!(body, json!({ "error": error, "args": [], "kwargs": {} }));
    if error.starts_with("Non-accepted content type.") {
        let media_type = media_type(parts).expect("a content type");
        let given: String = String::from_utf8_lossy(&media_type).chars().take(100).collect();
        assert!(error.ends_with(&format!(", not '{given}')")), "{error}");
    }
}

/// What Content-Type says before its parameters, in small letters.
fn media_type(parts: &Parts) -> Option<Vec<u8>> {
    let content_type = parts.headers.get(CONTENT_TYPE)?.as_bytes();
    let media_type = content_type.split(|&byte| byte == b';').next()?;
    Some(media_type.trim_ascii().to_ascii_lowercase())
}

/// The input's first three lines: the query, Content-Type and Content-Length.
fn request(shape: u8, lines: [&[u8]; 3]) -> Option<Parts> {
    let [query, content_type, content_length] = lines;
    let field = |flag: u8, name: HeaderName, value| {
        let value = (shape & flag != 0).then(|| HeaderValue::from_bytes(value)).transpose();
        value.ok().map(|value| value.map(|value| (name, value)))
    };
    let fields = [
        field(WITH_TYPE, CONTENT_TYPE, content_type)?,
        field(WITH_LENGTH, CONTENT_LENGTH, content_length)?,
    ];
    let mut request = Request::post([b"/?", query].concat()).body(()).ok()?;
    request.headers_mut().extend(fields.into_iter().flatten());
    Some(request.into_parts().0)
}

fuzz_target!(|data: &[u8]| {
    let [shape, text @ ..] = data else { return };
    let mut lines = text.splitn(4, |&byte| byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let Some(parts) = request(*shape, [line(), line(), line()]) else { return };
    let body = Bytes::copy_from_slice(line());
    let signed = shape & SIGNED != 0;
    let first = outcome(&parts, &body, signed);
    assert_eq!(outcome(&parts, &body, signed), first);
    match &first {
        Outcome::Asked(told) => {
            assert_asked(told, &parts, &body);
            assert_eq!(outcome(&parts, &body, false), first);
        }
        Outcome::Denied(reply) => assert_denied(reply, &parts),
    }
});
