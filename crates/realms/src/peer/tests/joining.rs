//! Joining with a method that challenges and one that decides late.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_testkit::auth::{SECRET, Tickets, accept, admission};
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::outbound::EncodedBatch;
use cloverleaf_transport::{
    CloseReason, ConnectionPeer, Flow, Lifecycle as _, OutboundReceiver, Peer as _, PeerInfo,
    SlowConsumer, Undeliverable, WaitingMessage, outbound,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::message::{
    Abort, Authenticate, ClientMessage, Goodbye, Hello, HelloDetails, RouterMessage,
};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::CloseCode;
use tokio::runtime::Handle;

use super::super::{Attachment, RouterPeer};
use crate::realm_host::RealmHost;
use crate::realms::{Realms, TemplateRule};

/// A client without a connection, its realms, and the tickets of the method `late`.
struct Client {
    realms: Arc<Realms>,
    realm: Arc<RealmHost>,
    tickets: Tickets,
    peer: RouterPeer,
    receiver: OutboundReceiver<WaitingMessage>,
}

impl Client {
    fn new() -> Self {
        let (realms, realm) = (Arc::new(Realms::default()), super::open_realm());
        realms.insert("realm1", Arc::clone(&realm));
        let tickets = Tickets::default();
        let (sender, receiver) = outbound::queue();
        let attachment = Attachment {
            peer: PeerInfo::rawsocket(ConnectionPeer::plain(PeerAddress::Unix)),
            format: MessageFormat { serializer: Serializer::Json, is_batched: false },
            slow_consumer: SlowConsumer::default(),
            announces_agent: true,
        };
        let admission = Arc::new(admission(&tickets));
        let peer = RouterPeer::new(Arc::clone(&realms), admission, sender, attachment);
        Self { realms, realm, tickets, peer, receiver }
    }

    /// A client that has sent HELLO with this method.
    fn joining(method: &str) -> Self {
        let mut client = Self::new();
        assert_eq!(client.hello(method), Flow::Continue);
        assert_eq!((client.realm.joining_count(), client.realm.session_count()), (1, 0));
        assert!(!client.peer.is_open());
        client
    }

    fn hello(&mut self, method: &str) -> Flow {
        self.hello_to("realm1", method)
    }

    fn hello_to(&mut self, realm: &str, method: &str) -> Flow {
        let details = HelloDetails {
            roles: Some(CLIENT),
            authmethods: Some(vec![method.into()]),
            ..HelloDetails::default()
        };
        self.peer.handle_message(ClientMessage::Hello(Hello { realm: realm.into(), details }))
    }

    fn authenticate(&mut self, signature: &str) -> Flow {
        let extra = cloverleaf_wamp::payload::Encoded::EMPTY_DICTIONARY;
        let answer = Authenticate { signature: signature.into(), extra };
        self.peer.handle_message(ClientMessage::Authenticate(answer))
    }

    fn poll_opening(&mut self) -> Poll<Flow> {
        self.peer.poll_opening(&Context::from_waker(Waker::noop()))
    }

    /// The next message that the client gets.
    fn received(&mut self) -> Option<RouterMessage> {
        let mut batch = VecDeque::new();
        let context = Context::from_waker(Waker::noop());
        let _ = self.receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context);
        assert!(batch.len() < 2, "{batch:?}");
        batch.pop_front().map(Into::into)
    }

    /// The reason of the ABORT that the client gets.
    fn abort(&mut self) -> String {
        match self.received() {
            Some(RouterMessage::Abort(abort)) => abort.reason.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Whether nothing of the client is left in the realm.
    fn is_gone(&self) -> bool {
        (self.realm.joining_count(), self.realm.session_count()) == (0, 0)
    }
}

#[track_caller]
fn assert_violation(flow: &Flow) {
    let reason = error_uri::PROTOCOL_VIOLATION.to_owned();
    assert_eq!(*flow, Flow::Close(CloseCode::PROTOCOL_ERROR, reason));
}

#[test]
fn challenged_client_joins_with_its_secret() {
    let mut client = Client::joining("secret");
    let challenge = client.received();
    let Some(RouterMessage::Challenge(challenge)) = challenge else { panic!("{challenge:?}") };
    assert_eq!(challenge.authmethod, "secret");
    assert_eq!(client.authenticate(SECRET), Flow::Continue);
    let welcome = client.received();
    let Some(RouterMessage::Welcome(welcome)) = welcome else { panic!("{welcome:?}") };
    assert_eq!(welcome.details.authid.as_deref(), Some("alice"));
    assert!(client.peer.is_open());
    assert_eq!((client.realm.joining_count(), client.realm.session_count()), (0, 1));
    let goodbye = Goodbye::new(error_uri::CLOSE_NORMAL);
    assert_eq!(client.peer.handle_message(ClientMessage::Goodbye(goodbye)), Flow::Continue);
    client.received();
    assert_eq!(client.hello("secret"), Flow::Continue, "another session of the connection");
    assert_eq!(client.realm.joining_count(), 1);
}

#[test]
fn wrong_secret_is_refused() {
    let mut client = Client::joining("secret");
    client.received();
    assert!(matches!(client.authenticate("wrong"), Flow::Close(..)));
    assert_eq!(client.abort(), error_uri::AUTHENTICATION_DENIED);
    assert!(client.is_gone());
}

#[test]
fn decision_of_another_thread_opens_the_session() {
    let mut client = Client::joining("late");
    assert!(client.poll_opening().is_pending());
    let ticket = client.tickets.pop().expect("a ticket");
    let decider = std::thread::spawn(move || ticket.decide(accept("anonymous")));
    assert!(decider.join().expect("no panic"));
    assert_eq!(client.received(), None, "before the connection has polled");
    assert_eq!(client.poll_opening(), Poll::Ready(Flow::Continue));
    assert!(matches!(client.received(), Some(RouterMessage::Welcome(_))));
    assert!(client.peer.is_open());
    assert!(client.poll_opening().is_pending());
}

#[test]
fn decision_after_the_challenge_opens_the_session() {
    let mut client = Client::joining("secret");
    client.received();
    assert_eq!(client.authenticate("ask"), Flow::Continue);
    assert!(client.poll_opening().is_pending());
    let ticket = client.tickets.pop().expect("a ticket");
    assert!(ticket.decide(client.tickets.challenge()));
    assert_eq!(client.poll_opening(), Poll::Ready(Flow::Continue));
    assert!(matches!(client.received(), Some(RouterMessage::Challenge(_))));
    assert_eq!(client.authenticate(SECRET), Flow::Continue);
    assert!(matches!(client.received(), Some(RouterMessage::Welcome(_))));
}

#[test]
fn ticket_that_is_dropped_aborts_the_session() {
    let mut client = Client::joining("late");
    drop(client.tickets.pop());
    assert!(matches!(client.poll_opening(), Poll::Ready(Flow::Close(..))));
    assert_eq!(client.abort(), error_uri::AUTHENTICATION_FAILED);
    assert!(client.is_gone());
}

#[test]
fn role_that_the_realm_does_not_have_is_refused_after_the_decision() {
    let mut client = Client::joining("late");
    assert!(client.tickets.pop().expect("a ticket").decide(accept("admin")));
    assert!(matches!(client.poll_opening(), Poll::Ready(Flow::Close(..))));
    assert_eq!(client.abort(), error_uri::NO_SUCH_ROLE);
    assert!(client.is_gone());
}

#[test]
fn realm_that_closes_meanwhile_refuses_the_session() {
    let mut client = Client::joining("late");
    client.realm.close(error_uri::SYSTEM_SHUTDOWN);
    assert!(client.tickets.pop().expect("a ticket").decide(accept("anonymous")));
    assert!(matches!(client.poll_opening(), Poll::Ready(Flow::Close(..))));
    assert_eq!(client.abort(), error_uri::SYSTEM_SHUTDOWN);
    assert!(client.is_gone());
}

#[test]
fn abort_of_the_client_cancels_the_attempt() {
    for method in ["secret", "late"] {
        let mut client = Client::joining(method);
        client.received();
        let abort = Abort::new(error_uri::CLOSE_NORMAL, "enough");
        let flow = client.peer.handle_message(ClientMessage::Abort(abort));
        assert!(matches!(flow, Flow::Close(CloseCode::NORMAL, _)), "{flow:?}");
        assert_eq!(client.received(), None, "ABORT is not answered");
        assert!(client.is_gone());
        assert!(client.tickets.pop().is_none_or(|ticket| ticket.is_cancelled()));
    }
}

#[test]
fn lost_connection_cancels_the_attempt() {
    for method in ["secret", "late"] {
        let mut client = Client::joining(method);
        client.peer.closed(&CloseReason::ByPeer);
        assert!(client.is_gone());
        assert!(client.tickets.pop().is_none_or(|ticket| !ticket.decide(accept("anonymous"))));
    }
}

#[test]
fn peer_that_is_dropped_cancels_the_attempt() {
    let Client { realm, tickets, peer, .. } = Client::joining("late");
    drop(peer);
    assert_eq!(realm.joining_count(), 0);
    assert!(tickets.pop().expect("a ticket").is_cancelled());
}

#[test]
fn messages_that_the_attempt_does_not_expect_are_violations() {
    let goodbye = || ClientMessage::Goodbye(Goodbye::new(error_uri::CLOSE_NORMAL));
    for method in ["secret", "late"] {
        let mut client = Client::joining(method);
        client.received();
        assert_violation(&client.peer.handle_message(goodbye()));
        assert_eq!(client.abort(), error_uri::PROTOCOL_VIOLATION);
        assert!(client.is_gone());
        assert!(client.tickets.pop().is_none_or(|ticket| ticket.is_cancelled()));

        let mut client = Client::joining(method);
        assert_violation(&client.hello(method));
        assert!(client.is_gone());
    }
    let mut client = Client::joining("late");
    assert_violation(&client.authenticate(SECRET));
    assert!(client.is_gone());
}

#[test]
fn authenticate_before_hello_is_a_violation() {
    let mut client = Client::new();
    assert_violation(&client.authenticate(SECRET));
    let abort = client.received();
    let Some(RouterMessage::Abort(abort)) = abort else { panic!("{abort:?}") };
    let text = "AUTHENTICATE was sent before the session was open; the first message must be HELLO";
    assert_eq!(abort.details.message.as_deref(), Some(text));
}

#[test]
fn attempt_that_takes_too_long_is_aborted() {
    for method in ["secret", "late"] {
        let mut client = Client::joining(method);
        client.received();
        assert!(client.peer.on_opening_timeout());
        assert_eq!(client.abort(), error_uri::AUTHENTICATION_FAILED);
        assert!(client.is_gone());
        assert!(client.tickets.pop().is_none_or(|ticket| ticket.is_cancelled()));
    }
    assert!(!Client::new().peer.on_opening_timeout(), "a client without HELLO gets no ABORT");
}

#[test]
fn challenge_that_is_too_long_aborts_the_session() {
    let mut client = Client::joining("secret");
    let challenge = client.received().expect("CHALLENGE");
    let reason = Undeliverable::TooLong { length: 650, limit: 512 };
    let sent = client.peer.handle_undeliverable(challenge, &reason);
    let Some(RouterMessage::Abort(abort)) = sent else { panic!("{sent:?}") };
    assert_eq!(abort.reason, error_uri::PAYLOAD_SIZE_EXCEEDED);
    assert!(client.is_gone());
}

#[test]
fn waiting_attempt_keeps_little_of_a_long_hello() {
    let mut client = Client::new();
    let details = HelloDetails {
        roles: Some(CLIENT),
        authmethods: Some(vec!["late".into()]),
        agent: Some("ü".repeat(100_000).into()),
        ..HelloDetails::default()
    };
    let hello = Hello { realm: "realm1".into(), details };
    assert_eq!(client.peer.handle_message(ClientMessage::Hello(hello)), Flow::Continue);
    let kept = format!("{:?}", client.peer);
    assert!(kept.contains(&"ü".repeat(128)) && !kept.contains(&"ü".repeat(129)));
    assert!(client.tickets.pop().expect("a ticket").decide(accept("anonymous")));
    assert_eq!(client.poll_opening(), Poll::Ready(Flow::Continue));
}

#[tokio::test]
async fn realm_of_a_template_ends_with_the_last_attempt() {
    let mut client = Client::new();
    let make = Box::new(|_: &str| super::open_realm());
    let compatibility = cloverleaf_router::Compatibility::Wamp;
    let rule = TemplateRule { make, max_realms: 1, compatibility };
    client.realms.set_template(rule, Handle::current());
    assert_eq!(client.hello_to("realm2", "late"), Flow::Continue);
    assert_eq!(client.realms.made().len(), 1);
    client.peer.closed(&CloseReason::ByPeer);
    assert!(client.realms.made().is_empty());
}
