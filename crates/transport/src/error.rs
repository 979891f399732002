//! What ends a connection and what keeps one from being made.

use std::io;

use cloverleaf_wamp::rawsocket::HandshakeError;
use thiserror::Error;

/// Why a connection has ended. The texts are stable: they stand in logs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    ByPeer,
    /// This side closed it, for this reason.
    #[error("{0}")]
    ByUs(String),
    /// The peer broke the rules of its transport.
    #[error("the peer broke the transport's rules: {0}")]
    Fault(String),
    /// The session was not opened in time.
    #[error("no session was opened in time")]
    OpeningTimeout,
    /// A message of the peer that had begun did not come to its end in time.
    #[error("a message that had begun was not finished in time")]
    SlowMessage,
    /// The peer reads too slowly, or not at all.
    #[error("the peer does not read what it is sent")]
    SlowConsumer,
    /// The peer of a long-poll session asks for nothing any more.
    #[error("the peer does not ask for what it is sent")]
    Unpolled,
    /// The peer does not answer pings.
    #[error("the peer does not answer pings")]
    Unanswered,
    /// The network.
    #[error("the connection was lost: {0}")]
    Lost(String),
}

impl From<io::Error> for CloseReason {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Why a connection or listener could not be made.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The operating system.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// The RawSocket handshake.
    #[error("RawSocket handshake: {0}")]
    RawSocket(#[from] HandshakeError),
    /// The WebSocket handshake.
    #[error("WebSocket handshake: {0}")]
    WebSocket(String),
    /// The header with which a proxy says for whom it connects.
    #[error("PROXY protocol: {0}")]
    ProxyProtocol(String),
    /// The peer took too long.
    #[error("the handshake took longer than allowed")]
    Timeout,
}

impl TransportError {
    /// Wraps an error of the operating system.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
