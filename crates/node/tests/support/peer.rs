//! Peers of all transports: sending and receiving WAMP messages.

use serde_json::Value;

use super::{JSON, NodeProcess, RawSocketPeer};

/// A HELLO to `realm1` that announces every role.
pub(crate) const HELLO: &str =
    r#"[1,"realm1",{"roles":{"caller":{},"callee":{},"publisher":{},"subscriber":{}}}]"#;

/// A HELLO to this realm that announces every role.
pub(crate) fn hello(realm: &str) -> String {
    HELLO.replace("realm1", realm)
}

/// The client's side of a connection that carries WAMP messages, as raw octets.
pub(crate) trait RawPeer {
    /// Sends a message in the serializer of the connection.
    fn send_octets(&mut self, message: &[u8]);

    /// Receives a message in the serializer of the connection.
    fn receive_octets(&mut self) -> Vec<u8>;

    /// Asserts that the router closes the connection without another message.
    fn receive_end(&mut self);

    /// Sends a JSON message.
    fn send(&mut self, message: &str) {
        self.send_octets(message.as_bytes());
    }

    /// Receives a JSON message.
    fn receive(&mut self) -> String {
        String::from_utf8(self.receive_octets()).expect("JSON")
    }

    /// Sends a JSON message and returns the next message.
    fn request(&mut self, message: &str) -> String {
        self.send(message);
        self.receive()
    }

    /// Receives a JSON message and parses it.
    fn receive_json(&mut self) -> Value {
        serde_json::from_slice(&self.receive_octets()).expect("JSON")
    }

    /// Sends a JSON message and returns the next message, parsed.
    fn request_json(&mut self, message: &str) -> Value {
        self.send(message);
        self.receive_json()
    }

    /// Joins `realm1` and returns the session id.
    fn join(&mut self) -> u64 {
        self.join_realm("realm1")[1].as_u64().expect("an id")
    }

    /// Joins a realm and returns WELCOME.
    fn join_realm(&mut self, realm: &str) -> Value {
        let welcome = self.request_json(&hello(realm));
        assert_eq!(welcome[0], 2, "WELCOME was expected, not {welcome}");
        assert_eq!(welcome[2]["realm"], realm, "{welcome}");
        welcome
    }

    /// Sends SUBSCRIBE or REGISTER and returns the id of the subscription or registration.
    fn obtain_id(&mut self, message: &str) -> u64 {
        let answer = self.request_json(message);
        assert!(matches!(answer[0].as_u64(), Some(33 | 65)), "{message} is answered by {answer}");
        answer[2].as_u64().expect("an id")
    }
}

/// The ABORT of a router with this reason URI and this message, as JSON.
pub(crate) fn abort(reason: &str, message: &str) -> String {
    let message = Value::from(message);
    format!(r#"[3,{{"message":{message}}},"{reason}"]"#)
}

/// The transports over which tests reach a router.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TestTransport {
    Tcp,
    Unix,
    WebSocket,
    LongPoll,
}

impl TestTransport {
    /// All transports.
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Unix, Self::WebSocket, Self::LongPoll];

    /// The transports over which the router can send without a pending request.
    pub(crate) const CONNECTED: [Self; 3] = [Self::Tcp, Self::Unix, Self::WebSocket];

    /// Connects a peer with the JSON serializer, without joining.
    pub(crate) fn open(self, node: &NodeProcess) -> Box<dyn RawPeer> {
        match self {
            Self::Tcp => Box::new(RawSocketPeer::open(node.tcp(), JSON)),
            Self::Unix => Box::new(node.rawsocket(JSON)),
            Self::WebSocket => Box::new(node.websocket("wamp.2.json")),
            Self::LongPoll => Box::new(node.longpoll("wamp.2.json")),
        }
    }

    /// Connects a peer with the JSON serializer and joins `realm1`.
    pub(crate) fn join(self, node: &NodeProcess) -> Box<dyn RawPeer> {
        let mut peer = self.open(node);
        peer.join();
        peer
    }
}
