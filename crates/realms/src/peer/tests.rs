//! Peers of one realm, without connections.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use cloverleaf_auth::Admission;
use cloverleaf_router::{Decision, Permission, RealmSettings, Role};
use cloverleaf_testkit::RecordingAuthorizer;
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::{
    ConnectionPeer, Flow, Lifecycle as _, OutboundReceiver, Peer as _, PeerInfo, SlowConsumer,
    Undeliverable, WaitingMessage, outbound,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId, RequestId, SessionId};
use cloverleaf_wamp::message::{
    Call, CallOptions, ClientMessage, Goodbye, Hello, HelloDetails, Invocation, InvocationDetails,
    Register, RegisterOptions, RouterMessage, Welcome,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UriPattern;

use super::{Attachment, RouterPeer};
use crate::realm_host::RealmHost;
use crate::realms::Realms;

mod joining;

/// Two peers of one realm. Nothing is taken from their queues.
struct Pair {
    realm: Arc<RealmHost>,
    caller: RouterPeer,
    callee: RouterPeer,
    _receivers: [OutboundReceiver<WaitingMessage>; 2],
}

/// A realm in which anonymous clients have all permissions.
fn open_realm() -> Arc<RealmHost> {
    let everything = UriPattern::from_starred("*").expect("a pattern");
    Arc::new(RealmHost::new(RealmSettings {
        roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
        ..RealmSettings::named("realm1")
    }))
}

fn pair() -> Pair {
    let realm = open_realm();
    let (realms, admission) = (Arc::new(Realms::default()), Arc::new(Admission::open()));
    realms.insert("realm1", Arc::clone(&realm));
    let peer = || {
        let (sender, receiver) = outbound::queue();
        let (realms, admission) = (Arc::clone(&realms), Arc::clone(&admission));
        let attachment = Attachment {
            peer: PeerInfo::rawsocket(ConnectionPeer::plain(PeerAddress::Unix)),
            format: MessageFormat { serializer: Serializer::Json, is_batched: false },
            slow_consumer: SlowConsumer::default(),
            announces_agent: true,
        };
        (RouterPeer::new(realms, admission, sender, attachment), receiver)
    };
    let ((caller, one), (callee, other)) = (peer(), peer());
    Pair { realm, caller, callee, _receivers: [one, other] }
}

fn request(number: u64) -> RequestId {
    RequestId::new(number).expect("an id")
}

fn join(peer: &mut RouterPeer) {
    let details = HelloDetails { roles: Some(CLIENT), ..HelloDetails::default() };
    let hello = Hello { realm: "realm1".into(), details };
    assert_eq!(peer.handle_message(ClientMessage::Hello(hello)), Flow::Continue);
}

fn register(peer: &mut RouterPeer) {
    let options = RegisterOptions::default();
    let register = Register { request: request(1), options, procedure: "com.a".into() };
    assert_eq!(peer.handle_message(ClientMessage::Register(register)), Flow::Continue);
}

fn call(peer: &mut RouterPeer, number: u64) {
    let (options, payload) = (CallOptions::default(), Payload::EMPTY);
    let call = Call { request: request(number), options, procedure: "com.a".into(), payload };
    assert_eq!(peer.handle_message(ClientMessage::Call(call)), Flow::Continue);
}

/// The first invocation of any session is too long to be sent.
fn fail_first_invocation(peer: &mut RouterPeer) {
    let invocation = Invocation {
        request: InvocationId::new(1).expect("an id"),
        registration: RegistrationId::new(1).expect("an id"),
        details: InvocationDetails::default(),
        payload: Payload::EMPTY,
    };
    let reason = Undeliverable::TooLong { length: 513, limit: 512 };
    let message = RouterMessage::Invocation(invocation);
    assert_eq!(peer.handle_undeliverable(message, &reason), None);
}

fn welcome(peer: &mut RouterPeer) {
    let session = SessionId::new(1).expect("an id");
    let welcome = RouterMessage::Welcome(Welcome { session, details: Box::default() });
    peer.after_write(&welcome, 100);
}

#[test]
fn undeliverable_invocation_of_an_earlier_session_ends_no_call() {
    let Pair { realm, mut caller, mut callee, _receivers } = pair();
    join(&mut caller);
    join(&mut callee);
    register(&mut callee);
    call(&mut caller, 1);
    let goodbye = Goodbye::new(cloverleaf_wamp::error_uri::CLOSE_NORMAL);
    assert_eq!(callee.handle_message(ClientMessage::Goodbye(goodbye)), Flow::Continue);
    join(&mut callee);
    register(&mut callee);
    call(&mut caller, 2);
    fail_first_invocation(&mut callee);
    assert_eq!(realm.calls_in_flight(), 1);
    welcome(&mut callee);
    fail_first_invocation(&mut callee);
    assert_eq!(realm.calls_in_flight(), 0);
}

#[test]
fn abort_that_is_too_long_is_sent_without_its_explanation() {
    let Pair { mut caller, _receivers, .. } = pair();
    let abort = super::Abort::new(cloverleaf_wamp::error_uri::NO_SUCH_REALM, "x".repeat(600));
    let reason = Undeliverable::TooLong { length: 650, limit: 512 };
    let sent = caller.handle_undeliverable(RouterMessage::Abort(abort), &reason);
    let short = super::Abort {
        details: Default::default(),
        reason: cloverleaf_wamp::error_uri::NO_SUCH_REALM.into(),
    };
    assert_eq!(sent, Some(RouterMessage::Abort(short.clone())));
    assert_eq!(caller.handle_undeliverable(RouterMessage::Abort(short), &reason), None);
}

#[test]
fn client_that_aborts_is_detached_and_closed_normally() {
    let Pair { realm, mut caller, _receivers, .. } = pair();
    join(&mut caller);
    assert_eq!(realm.session_count(), 1);
    let abort = super::Abort::new(cloverleaf_wamp::error_uri::CLOSE_NORMAL, "enough");
    let flow = caller.handle_message(ClientMessage::Abort(abort));
    assert!(matches!(flow, Flow::Close(super::CloseCode::NORMAL, _)), "{flow:?}");
    assert_eq!(realm.session_count(), 0);
}

#[tokio::test]
async fn connection_of_an_ended_session_is_closed_without_other_work_in_its_realm() {
    let Pair { realm, mut caller, callee: _callee, _receivers: [mut receiver, _] } = pair();
    let task = tokio::spawn(Arc::clone(&realm).run());
    join(&mut caller);
    let session = caller.session().and_then(SessionId::new).expect("a session");
    // The task waits for work.
    tokio::task::yield_now().await;
    assert!(realm.end_session(session, "wamp.close.killed"));
    let ended = async { while poll_fn(|context| receiver.poll_next(context)).await.is_ok() {} };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(10), ended);
    in_time.await.expect("the client does not answer GOODBYE");
    task.abort();
}

#[test]
fn connection_whose_goodbye_was_parked_can_join_again() {
    let authorizer = RecordingAuthorizer::default();
    let realm = Arc::new(RealmHost::new(RealmSettings {
        roles: vec![Role::with_authorizer("anonymous")],
        authorizer: Some(Box::new(authorizer.clone())),
        ..RealmSettings::named("realm1")
    }));
    let realms = Arc::new(Realms::default());
    realms.insert("realm1", Arc::clone(&realm));
    let (sender, _receiver) = outbound::queue();
    let attachment = Attachment {
        peer: PeerInfo::rawsocket(ConnectionPeer::plain(PeerAddress::Unix)),
        format: MessageFormat { serializer: Serializer::Json, is_batched: false },
        slow_consumer: SlowConsumer::default(),
        announces_agent: true,
    };
    let mut peer = RouterPeer::new(realms, Arc::new(Admission::open()), sender, attachment);
    join(&mut peer);
    register(&mut peer);
    let goodbye = ClientMessage::Goodbye(Goodbye::new("wamp.close.close_realm"));
    assert_eq!(peer.handle_message(goodbye), Flow::Wait, "it waits behind the parked request");
    let context = Context::from_waker(Waker::noop());
    assert!(peer.poll_ready(&context).is_pending());
    let [question] = &authorizer.take_questions()[..] else { panic!("one question") };
    realm.decided(question.ticket, Decision::Allow(Permission::ALL));
    let mut task = pin!(Arc::clone(&realm).run());
    let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(peer.poll_ready(&context).is_ready());
    assert_eq!(realm.session_count(), 0);
    join(&mut peer);
    assert_eq!(realm.session_count(), 1);
}
