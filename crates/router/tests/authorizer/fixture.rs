//! A realm with an authorizer.

use std::time::Duration;

use cloverleaf_router::limits::AUTHORIZATION_TIMEOUT_MILLIS;
use cloverleaf_router::{Admitted, Decision, DecisionTicket, Permission, RealmSettings, Role};
use cloverleaf_testkit::messages::{args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, RecordedQuestion, RecordingAuthorizer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{ClientMessage, RequestKind, RouterMessage};

pub(crate) const ALLOW: Decision = Decision::Allow(Permission::ALL);

pub(crate) const TIMEOUT: Duration = Duration::from_millis(AUTHORIZATION_TIMEOUT_MILLIS);

/// A realm in which an authorizer decides on the requests of `guest`, and `host` may do everything.
pub(crate) struct Fixture {
    pub(crate) lab: Lab,
    pub(crate) authorizer: RecordingAuthorizer,
    pub(crate) guest: Peer,
    pub(crate) host: Peer,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(settings(), |_| {})
    }

    /// A realm with other settings, and a guest that is attached otherwise.
    pub(crate) fn with(mut settings: RealmSettings, attach: impl FnOnce(&mut Admitted)) -> Self {
        let authorizer = RecordingAuthorizer::default();
        settings.roles.push(Role::with_authorizer("guest"));
        settings.authorizer = Some(Box::new(authorizer.clone()));
        let mut lab = Lab::with(settings);
        let host = lab.join("host");
        let mut admitted = Admitted::from(Client { role: "guest", ..Client::named("guest") });
        attach(&mut admitted);
        let guest = lab.attach(admitted).unwrap();
        Self { lab, authorizer, guest, host }
    }

    /// A realm whose guest has independent requests, as the session of the HTTP bridge.
    pub(crate) fn independent() -> Self {
        Self::with(settings(), |admitted| {
            (admitted.is_internal, admitted.has_independent_requests) = (true, true);
        })
    }

    pub(crate) fn questions(&self) -> Vec<RecordedQuestion> {
        self.authorizer.take_questions()
    }

    /// The tickets of the questions that were asked since the last call.
    pub(crate) fn tickets(&self) -> Vec<DecisionTicket> {
        self.questions().into_iter().map(|question| question.ticket).collect()
    }

    /// Sends a message of the guest. Returns the ticket of its question.
    pub(crate) fn ask(&mut self, message: ClientMessage) -> DecisionTicket {
        self.lab.send(self.guest, message);
        self.tickets()[0]
    }

    pub(crate) fn received(&mut self) -> Vec<RouterMessage> {
        self.lab.received(self.guest)
    }

    /// Lets the host register a procedure and subscribe to a topic, both called `com.a`.
    pub(crate) fn serve(&mut self) {
        self.lab.send(self.host, client::register(1, "com.a"));
        self.lab.send(self.host, client::subscribe(2, "com.a"));
        self.lab.received(self.host);
    }
}

pub(crate) fn publish(number: u64) -> ClientMessage {
    client::publish_with(number, client::acknowledged(), "com.a", args([number]))
}

pub(crate) fn denied(kind: RequestKind, number: u64, text: &str) -> RouterMessage {
    router::refused(kind, number, error_uri::NOT_AUTHORIZED, text)
}

pub(crate) fn timed_out(kind: RequestKind, number: u64) -> RouterMessage {
    let text = "the authorizer has not decided in time";
    router::refused(kind, number, error_uri::AUTHORIZATION_FAILED, text)
}

pub(crate) fn busy(kind: RequestKind, number: u64) -> RouterMessage {
    let text = "too many requests wait for authorization";
    router::refused(kind, number, error_uri::UNAVAILABLE, text)
}
