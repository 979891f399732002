//! A connection between two steps, and why a step rejects one.

use std::fmt;

use cloverleaf_transport::{ConnectionGuard, ConnectionPeer, Stream, TransportError, log_limited};

/// A connection between two steps.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) stream: Stream,
    pub(super) peer: ConnectionPeer,
    pub(super) guard: ConnectionGuard,
}

/// Why a connection ends in one of the steps.
#[derive(Debug)]
pub(super) enum Rejected {
    /// The client breaks the rules of a step.
    Refused(String),
    /// The client is gone, or was silent for too long. That is no event: a client may connect only
    /// to see whether that can be done.
    ClosedEarly(TransportError),
}

impl Rejected {
    pub(super) fn refused(reason: impl fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }

    pub(super) fn log(&self, peer: &ConnectionPeer, transport: &'static str) {
        match self {
            Self::Refused(reason) => {
                log_limited!(info, "connection refused", %peer, transport, reason = %reason);
            }
            Self::ClosedEarly(error) => {
                tracing::debug!(%peer, transport, reason = %error, "connection closed early");
            }
        }
    }
}
