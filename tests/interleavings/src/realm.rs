//! A realm with its host, and sessions whose connections are woken as real ones are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use cloverleaf_router::SessionKey;
use cloverleaf_testkit::{Client, settings};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};

use crate::outbound::{Encoded, OutboundReceiver, queue};
use crate::ports::{Port, Waiting};
use crate::realm_host::RealmHost;
use crate::task::until_ready_with;

/// A realm in which everybody may do everything.
#[derive(Debug, Clone)]
pub struct Realm(Arc<RealmHost>);

/// A session of it; its connection reads its messages where the test says so.
#[derive(Debug)]
pub struct Session {
    realm: Arc<RealmHost>,
    key: SessionKey,
    receiver: OutboundReceiver<Waiting>,
    heard: VecDeque<Waiting>,
}

impl Default for Realm {
    fn default() -> Self {
        Self(Arc::new(RealmHost::new(settings())))
    }
}

impl Realm {
    /// Opens a session, which has heard its WELCOME.
    ///
    /// # Panics
    /// When the realm refuses it.
    pub fn join(&self, name: &'static str) -> Session {
        let (outbound, receiver) = queue();
        let key = self.0.attach(Client::named(name).into(), Port(outbound)).expect("a role");
        let realm = Arc::clone(&self.0);
        let mut session = Session { realm, key, receiver, heard: VecDeque::new() };
        assert!(matches!(session.hear(), RouterMessage::Welcome(_)));
        session
    }

    /// Says GOODBYE to everybody.
    pub fn close(&self) {
        self.0.close("wamp.close.system_shutdown");
    }

    /// How many sessions are open.
    pub fn session_count(&self) -> usize {
        self.0.session_count()
    }
}

impl Session {
    /// Says something to the realm.
    pub fn say(&self, message: ClientMessage) {
        let _ = self.realm.handle_message(self.key, message);
    }

    /// Waits for the next message. Whoever wakes the session lets it look into the realm at once:
    /// one that holds the realm's lock then waits for itself, which loom finds.
    ///
    /// # Panics
    /// When the queue has ended.
    pub fn hear(&mut self) -> RouterMessage {
        let (receiver, heard) = (&mut self.receiver, &mut self.heard);
        if heard.is_empty() {
            let realm = Arc::clone(&self.realm);
            let look = move || assert!(realm.session_count() < 10);
            let end = until_ready_with(look, |context| {
                receiver.poll_take(&mut Encoded::default(), heard, context)
            });
            assert_eq!(end, None);
        }
        let Waiting(message) = heard.pop_front().expect("what was taken");
        message
    }

    /// Whether nothing is left to be heard.
    pub fn has_heard_all(&mut self) -> bool {
        let context = Context::from_waker(Waker::noop());
        let taken = self.receiver.poll_take(&mut Encoded::default(), &mut self.heard, &context);
        self.heard.is_empty() && taken.is_pending()
    }

    /// Ends the session as the end of its connection does.
    pub fn leave(self) {
        self.realm.detach(self.key);
    }
}
