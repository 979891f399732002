//! A realm with its host, and sessions whose connections are woken like real ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use cloverleaf_router::SessionKey;
use cloverleaf_testkit::{Client, settings};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};

use crate::outbound::{EncodedBatch, OutboundReceiver, queue};
use crate::ports::{Port, Waiting};
use crate::realm_host::RealmHost;
use crate::task::until_ready_with;

/// A realm in which every session has all permissions.
#[derive(Debug, Clone)]
pub struct Realm(Arc<RealmHost>);

/// A session of a realm. The test decides when its connection takes messages.
#[derive(Debug)]
pub struct Session {
    realm: Arc<RealmHost>,
    key: SessionKey,
    receiver: OutboundReceiver<Waiting>,
    received: VecDeque<Waiting>,
}

impl Default for Realm {
    fn default() -> Self {
        Self(Arc::new(RealmHost::new(settings())))
    }
}

impl Realm {
    /// Opens a session, which has received its WELCOME.
    ///
    /// # Panics
    /// The realm refuses the session.
    pub fn join(&self, name: &'static str) -> Session {
        let (outbound, receiver) = queue();
        let key = self.0.attach(Client::named(name).into(), Port(outbound)).expect("a role");
        let realm = Arc::clone(&self.0);
        let mut session = Session { realm, key, receiver, received: VecDeque::new() };
        assert!(matches!(session.receive(), RouterMessage::Welcome(_)));
        session
    }

    /// Sends GOODBYE to all sessions.
    pub fn close(&self) {
        self.0.close("wamp.close.system_shutdown");
    }

    /// The number of open sessions.
    pub fn session_count(&self) -> usize {
        self.0.session_count()
    }
}

impl Session {
    /// Sends a message to the realm.
    pub fn send(&self, message: ClientMessage) {
        let _ = self.realm.handle_message(self.key, message);
    }

    /// Waits for the next message. The thread that wakes the session enters the realm at once. If
    /// it still holds the realm's lock, it deadlocks, which loom finds.
    ///
    /// # Panics
    /// The queue has ended.
    pub fn receive(&mut self) -> RouterMessage {
        let (receiver, received) = (&mut self.receiver, &mut self.received);
        if received.is_empty() {
            let realm = Arc::clone(&self.realm);
            let look = move || assert!(realm.session_count() < 10);
            let end = until_ready_with(look, |context| {
                receiver.poll_take(&mut EncodedBatch::default(), received, context)
            });
            assert_eq!(end, None);
        }
        let Waiting(message) = received.pop_front().expect("what was taken");
        message
    }

    /// Whether no message is left.
    pub fn has_received_all(&mut self) -> bool {
        let context = Context::from_waker(Waker::noop());
        let taken =
            self.receiver.poll_take(&mut EncodedBatch::default(), &mut self.received, &context);
        self.received.is_empty() && taken.is_pending()
    }

    /// Ends the session, as the end of its connection does.
    pub fn leave(self) {
        self.realm.detach(self.key);
    }
}
