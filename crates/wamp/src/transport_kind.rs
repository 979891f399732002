//! The transports that carry WAMP sessions.

/// A transport of the specification (basic profile, "WebSocket Transport"; advanced profile,
/// "RawSocket Transport", "HTTP Longpoll Transport").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// WebSocket.
    WebSocket,
    /// RawSocket, over TCP or a Unix socket.
    RawSocket,
    /// HTTP long-polling.
    LongPoll,
}

impl TransportKind {
    /// The name in the session meta API and in logs: `websocket`, `rawsocket`, `longpoll`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::RawSocket => "rawsocket",
            Self::LongPoll => "longpoll",
        }
    }
}
