//! The reasons for which a connection ends or can't be made.

use std::io;

use cloverleaf_wamp::rawsocket::HandshakeError;
use thiserror::Error;

/// Why a connection has ended. The texts are stable, since they appear in logs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    ByPeer,
    /// This side closed it, for this reason.
    #[error("{0}")]
    ByUs(String),
    /// The peer broke the transport's protocol.
    #[error("the peer broke the transport's rules: {0}")]
    Fault(String),
    /// The session was not opened in time.
    #[error("no session was opened in time")]
    OpeningTimeout,
    /// A message of the peer was not complete in time.
    #[error("a message that had begun was not finished in time")]
    SlowMessage,
    /// The peer reads too slowly, or not at all.
    #[error("the peer does not read what it is sent")]
    SlowConsumer,
    /// The peer of a long-poll session does not poll any more.
    #[error("the peer does not ask for what it is sent")]
    Unpolled,
    /// The peer does not answer pings.
    #[error("the peer does not answer pings")]
    Unanswered,
    /// The network failed.
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
    /// A system call failed.
    #[error("{what}: {source}")]
    Io {
        /// The attempted operation.
        what: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The RawSocket handshake failed.
    #[error("RawSocket handshake: {0}")]
    RawSocket(#[from] HandshakeError),
    /// The WebSocket handshake failed.
    #[error("WebSocket handshake: {0}")]
    WebSocket(String),
    /// The header of the PROXY protocol is invalid.
    #[error("PROXY protocol: {0}")]
    ProxyProtocol(String),
    /// The peer took too long.
    #[error("the handshake took longer than allowed")]
    Timeout,
}

impl TransportError {
    /// Wraps an error of the system. `what` is the attempted operation.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
