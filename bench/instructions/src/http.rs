//! The measured call over HTTP: its head is parsed, its reply is written, and the whole path from
//! the bytes of the request through bridge and realm to the bytes of the reply.

use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use cloverleaf_client::{DeliveryOutcome, InboundLimits, Link, SendError, Session};
use cloverleaf_http_bridge::http1::{self, Persistence};
use cloverleaf_http_bridge::{Bridge, BridgeResponse, BridgeSettings, RequestPeer, Resource};
use cloverleaf_router::{Delivery, Moment, Outbox, Realm, SessionKey};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::payload::copy_frame;
use cloverleaf_wamp::serializer::Serializer;
use parking_lot::Mutex;

use super::realm::{UNCOUNTED_CALLS, join, realm, sent};
use super::{Cases, measure};

/// The request of `bench/wrk/call.lua`.
const REQUEST: &[u8] = b"POST /call?seq=7919 HTTP/1.1\r\n\
    Content-Length: 73\r\n\
    Content-Type: application/json\r\n\
    Host: 127.0.0.1:8080\r\n\r\n\
    {\"procedure\":\"com.example.add2\",\"args\":[13,3],\"kwargs\":{\"verbose\":false}}";

/// The request on the heap, as a read buffer is: the check for UTF-8 takes a number of instructions
/// that depends on the alignment, and that of a constant changes with every build.
fn request() -> Vec<u8> {
    REQUEST.to_vec()
}

/// The body of its answer.
const ANSWER: &str = r#"{"args":[16]}"#;

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

pub(super) fn add(cases: &mut Cases) {
    cases.insert("http/head".into(), Box::new(head));
    cases.insert("http/reply".into(), Box::new(reply));
    cases.insert("http/call".into(), Box::new(call));
}

/// The outbox of a session: the session of the bridge, or a callee whose messages are ignored.
enum CaseOutbox {
    Bridge(Session),
    Callee,
}

impl Outbox for CaseOutbox {
    fn send(&self, message: RouterMessage) -> Delivery {
        let Self::Bridge(session) = self else { return Delivery::Queued };
        match session.deliver(message) {
            DeliveryOutcome::Accepted => Delivery::Queued,
            DeliveryOutcome::AboveHighWater => Delivery::AboveHighWater,
            DeliveryOutcome::Dropped => Delivery::Dropped,
            DeliveryOutcome::Closed => Delivery::Closed,
        }
    }

    fn close(&self, _: cloverleaf_router::CloseCause, _: &str) {}
}

type SharedRealm = Arc<Mutex<Realm<CaseOutbox>>>;

/// The link from the bridge's session into the realm: a function call, as in a node.
struct IntoRealm {
    realm: SharedRealm,
    key: Arc<OnceLock<SessionKey>>,
}

impl Link for IntoRealm {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        let key = *self.key.get().ok_or(SendError::Closed)?;
        let _ = self.realm.lock().handle_message(key, message, Moment::default());
        Ok(())
    }
}

/// A bridge, its realm, and a callee of `com.example.add2`.
struct HttpSetup {
    bridge: Bridge,
    realm: SharedRealm,
    callee: SessionKey,
}

impl HttpSetup {
    fn new() -> Self {
        let realm = SharedRealm::new(Mutex::new(realm()));
        let key = Arc::new(OnceLock::new());
        let link = IntoRealm { realm: Arc::clone(&realm), key: Arc::clone(&key) };
        let (session, _) = Session::with_limits(link, Serializer::Json, InboundLimits::default());
        let _ = key.set(join(&mut realm.lock(), CaseOutbox::Bridge(session.clone())));
        let callee = join(&mut realm.lock(), CaseOutbox::Callee);
        let register = sent(r#"[64,1,{},"com.example.add2"]"#);
        let _ = realm.lock().handle_message(callee, register, Moment::default());
        let bridge = Bridge::new(session, Resource::Caller, BridgeSettings::default());
        Self { bridge, realm, callee }
    }

    /// What the request is answered, after the callee has answered so.
    fn answer(&self, request: &[u8], answer: ClientMessage) -> BridgeResponse {
        let head = http1::parse_head(request).expect("a usual request");
        let body = copy_frame(&request[head.length()..]);
        let answering =
            self.bridge.handle(&head, RequestPeer::default(), Ok(body), SystemTime::UNIX_EPOCH);
        let _ = self.realm.lock().handle_message(self.callee, answer, Moment::default());
        match pin!(answering).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(reply) => reply,
            Poll::Pending => panic!("the callee has answered"),
        }
    }
}

/// The callee's answer, in the format of the bridge.
fn yielded(number: usize) -> ClientMessage {
    let frame = format!("[70,{number},{{}},[16]]");
    super::codec::message_of(Serializer::Json, frame.as_bytes())
}

fn write(reply: &BridgeResponse, out: &mut Vec<u8>) {
    out.clear();
    http1::write_head(reply, DATE, Persistence::KeepAlive, out);
    out.extend_from_slice(&reply.body);
}

/// The expected bytes of the reply.
fn expected() -> String {
    format!(
        "HTTP/1.1 200 OK\r\n\
         content-type: application/json; charset=UTF-8\r\n\
         cache-control: no-store,no-cache,must-revalidate,max-age=0\r\n\
         vary: Origin\r\n\
         access-control-allow-origin: *\r\n\
         access-control-allow-credentials: true\r\n\
         content-length: {}\r\n\
         date: {DATE}\r\n\r\n{ANSWER}",
        ANSWER.len()
    )
}

fn head(rounds: usize) {
    let (request, mut last) = (request(), None);
    measure(vec![request.as_slice(); rounds], |request| {
        last = Some(http1::parse_head(request));
        black_box(&last);
    });
    let head = last.expect("at least one round").expect("a usual request");
    let found = (head.path(), head.length() + head.body_length());
    assert_eq!(found, ("/call", REQUEST.len()));
}

fn reply(rounds: usize) {
    let reply = HttpSetup::new().answer(&request(), yielded(1));
    let mut out = Vec::with_capacity(1024);
    measure(vec![&reply; rounds], |reply| {
        write(reply, &mut out);
        black_box(&out);
    });
    assert_eq!(String::from_utf8_lossy(&out), expected());
}

fn call(rounds: usize) {
    let (place, request) = (HttpSetup::new(), request());
    for number in 1..=UNCOUNTED_CALLS {
        let _ = place.answer(&request, yielded(number));
    }
    let numbers = UNCOUNTED_CALLS + 1..=UNCOUNTED_CALLS + rounds;
    let mut out = Vec::with_capacity(1024);
    measure(numbers.map(yielded).collect(), |answer| {
        write(&place.answer(&request, answer), &mut out);
        black_box(&out);
    });
    assert_eq!(String::from_utf8_lossy(&out), expected());
}
