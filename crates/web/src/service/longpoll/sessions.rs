//! The sessions of one service by the ids that their clients know.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cloverleaf_transport::longpoll::LongPollSession;
use cloverleaf_transport::{ServerSide, WampHandler};
use cloverleaf_wamp::serializer::Serializer;
use parking_lot::Mutex;
use rand::TryRng as _;
use rand::rngs::SysRng;

use cloverleaf_realms::peer::RouterPeer;

/// Names a session in the path of a request. It is the only credential of the session, so all of
/// its 128 bits come from the random source of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TransportId(u128);

impl TransportId {
    /// An id that can't be guessed. None if the random source fails.
    fn new() -> Option<Self> {
        let mut octets = [0; 16];
        SysRng.try_fill_bytes(&mut octets).ok()?;
        Some(Self(u128::from_ne_bytes(octets)))
    }

    /// Parses the canonical text of an id.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = u128::from_str_radix(text, 16).map(Self).ok()?;
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A session and its serializer.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) session: LongPollSession<WampHandler<ServerSide, RouterPeer>>,
    pub(super) serializer: Serializer,
    /// Locked by the request that sends a message, until the session takes another one. The others
    /// wait in the order in which they came, and their bodies are not read meanwhile.
    pub(super) sending: tokio::sync::Mutex<()>,
}

impl Attached {
    pub(super) fn new(
        session: LongPollSession<WampHandler<ServerSide, RouterPeer>>,
        serializer: Serializer,
    ) -> Self {
        Self { session, serializer, sending: tokio::sync::Mutex::new(()) }
    }
}

/// See the [module](self). Requests of one session arrive on any thread.
#[derive(Debug, Default)]
struct SessionTable(Mutex<HashMap<TransportId, Arc<Attached>>>);

/// The sessions of a service. A service that replaces another one at its path may share them. They
/// end with the last service, since they can't be reached any more.
#[derive(Debug, Default)]
pub struct LongPollSessions(Arc<SessionTable>);

impl LongPollSessions {
    /// Takes a session; see [`SessionTable::take`].
    pub(super) fn take(&self, attached: Attached, max: usize) -> Option<TransportId> {
        SessionTable::take(&self.0, attached, max)
    }

    /// The session with this id.
    pub(super) fn with(&self, id: TransportId) -> Option<Arc<Attached>> {
        self.0.with(id)
    }
}

impl Drop for LongPollSessions {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl SessionTable {
    /// Keeps a session until it has ended. None if there are `max` sessions already. Must be called
    /// on a runtime.
    fn take(this: &Arc<Self>, attached: Attached, max: usize) -> Option<TransportId> {
        let id = TransportId::new()?;
        let attached = Arc::new(attached);
        let mut sessions = this.0.lock();
        if sessions.len() >= max {
            return None;
        }
        sessions.insert(id, Arc::clone(&attached));
        drop(sessions);
        let sessions = Arc::clone(this);
        tokio::spawn(async move {
            attached.session.live().await;
            sessions.0.lock().remove(&id);
        });
        Some(id)
    }

    /// Ends all sessions.
    fn close(&self) {
        let sessions: Vec<Arc<Attached>> = self.0.lock().values().cloned().collect();
        for attached in sessions {
            attached.session.close();
        }
    }

    /// The session with this id.
    pub(super) fn with(&self, id: TransportId) -> Option<Arc<Attached>> {
        self.0.lock().get(&id).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use cloverleaf_realms::settings::Admission;
    use cloverleaf_transport::limits::{MAX_LONGPOLL_SESSIONS, OPENING_TIMEOUT};
    use cloverleaf_transport::listener::PeerAddress;
    use cloverleaf_transport::longpoll::{LongPollSession, LongPollTimeouts};
    use cloverleaf_transport::outbound::{HighWaterMark, queue};
    use cloverleaf_transport::{ConnectionPeer, PeerInfo, SlowConsumer};
    use cloverleaf_wamp::serializer::Serializer;

    use super::{Attached, SessionTable, TransportId};
    use cloverleaf_realms::Memory;
    use cloverleaf_realms::WampService;

    /// A session without a table entry.
    fn attached() -> Attached {
        let wamp = WampService {
            realms: Arc::default(),
            admission: Arc::new(Admission::open()),
            serializers: Vec::new(),
            limits: Arc::default(),
            high_water_mark: HighWaterMark::default(),
            max_message: 0,
            slow_consumer: SlowConsumer::default(),
            announces_agent: true,
            memory: Memory::of_machine(),
        };
        let (sender, receiver) = queue();
        let peer = PeerInfo::rawsocket(ConnectionPeer::plain(PeerAddress::Unix));
        let handler = wamp.handler(Serializer::Json, sender, peer);
        let timeouts = LongPollTimeouts {
            opening: OPENING_TIMEOUT,
            receive: Duration::from_secs(10),
            session: Duration::from_secs(30),
        };
        let session = LongPollSession::new(handler, receiver, timeouts);
        Attached::new(session, Serializer::Json)
    }

    #[tokio::test]
    async fn sessions_are_limited_and_the_end_of_one_makes_room() {
        let sessions = Arc::<SessionTable>::default();
        let take = || SessionTable::take(&sessions, attached(), MAX_LONGPOLL_SESSIONS);
        let mut ids: Vec<TransportId> =
            (0..MAX_LONGPOLL_SESSIONS).map(|_| take().expect("room")).collect();
        assert_eq!(take(), None);
        let id = ids.pop().expect("an id");
        sessions.with(id).expect("a session").session.close();
        while sessions.with(id).is_some() {
            tokio::task::yield_now().await;
        }
        assert!(take().is_some());
        assert_eq!(take(), None);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = TransportId(0xab);
        let text = "000000000000000000000000000000ab";
        assert_eq!(id.to_string(), text);
        assert_eq!(TransportId::parse(text), Some(id));
        for other in
            ["", "ab", "000000000000000000000000000000AB", "+00000000000000000000000000000ab"]
        {
            assert_eq!(TransportId::parse(other), None, "{other}");
        }
        assert_eq!(TransportId::parse(&"f".repeat(33)), None);
    }

    #[test]
    fn ids_differ() {
        let [one, other] = [(); 2].map(|()| TransportId::new().expect("an operating system"));
        assert_ne!(one, other);
    }
}
