//! What peers of all transports have in common: they send messages and read what comes back.

use serde_json::Value;

use super::{JSON, NodeProcess, RawSocketPeer};

/// A HELLO that announces every role.
pub(crate) const HELLO: &str =
    r#"[1,"realm1",{"roles":{"caller":{},"callee":{},"publisher":{},"subscriber":{}}}]"#;

/// One side of a connection that speaks WAMP in raw octets.
pub(crate) trait RawPeer {
    fn send_octets(&mut self, message: &[u8]);

    fn receive_octets(&mut self) -> Vec<u8>;

    /// The router ends the connection now, without another message.
    fn receive_end(&mut self);

    fn send(&mut self, message: &str) {
        self.send_octets(message.as_bytes());
    }

    fn receive(&mut self) -> String {
        String::from_utf8(self.receive_octets()).expect("JSON")
    }

    /// Sends a request and reads its answer.
    fn request(&mut self, message: &str) -> String {
        self.send(message);
        self.receive()
    }

    /// Joins and gives the id of the session.
    fn join(&mut self) -> u64 {
        let welcome: Value = serde_json::from_str(&self.request(HELLO)).expect("JSON");
        assert_eq!(welcome[0], 2, "WELCOME was expected, not {welcome}");
        welcome[1].as_u64().expect("an id")
    }

    /// Subscribes or registers by this message, the first request of the session, and gives the id
    /// of what it got.
    fn obtain_id(&mut self, message: &str) -> u64 {
        let answer: Value = serde_json::from_str(&self.request(message)).expect("JSON");
        assert!(matches!(answer[0].as_u64(), Some(33 | 65)), "{message} is answered by {answer}");
        answer[2].as_u64().expect("an id")
    }
}

/// The ABORT of a router as JSON.
pub(crate) fn abort(reason: &str, message: &str) -> String {
    let message = Value::from(message);
    format!(r#"[3,{{"message":{message}}},"{reason}"]"#)
}

/// The ways to a router.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TestTransport {
    Tcp,
    Unix,
    WebSocket,
    LongPoll,
}

impl TestTransport {
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Unix, Self::WebSocket, Self::LongPoll];

    /// Those whose peers are told things without asking.
    pub(crate) const CONNECTED: [Self; 3] = [Self::Tcp, Self::Unix, Self::WebSocket];

    /// A peer that speaks JSON and has not joined.
    pub(crate) fn open(self, node: &NodeProcess) -> Box<dyn RawPeer> {
        match self {
            Self::Tcp => Box::new(RawSocketPeer::open(node.tcp(), JSON)),
            Self::Unix => Box::new(node.rawsocket(JSON)),
            Self::WebSocket => Box::new(node.websocket("wamp.2.json")),
            Self::LongPoll => Box::new(node.longpoll("wamp.2.json")),
        }
    }

    /// A peer that speaks JSON and has joined.
    pub(crate) fn join(self, node: &NodeProcess) -> Box<dyn RawPeer> {
        let mut peer = self.open(node);
        peer.join();
        peer
    }
}
