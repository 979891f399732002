//! From an accepted socket to the protocol that it speaks, step by step.
//!
//! ```text
//!  limits ─▶ PROXY header ─▶ TLS ─▶ detection ─▶ protocol
//! ```
//!
//! Each step is one function. The limits are checked by the accepting thread; the other steps run
//! on the thread that owns the connection. A step that fails ends the connection.
//!
//! | module | step |
//! |---|---|
//! | `limits` | counts the connection, if its listener may have one more |
//! | `proxy_header` | the address of the client behind a proxy |
//! | `encryption` | TLS |
//! | `detection` | the protocol by the first octet |
//! | `protocol` | serves the connection to its end |
//!
//! `incoming` is a connection between two steps.

mod detection;
mod encryption;
mod incoming;
mod limits;
mod protocol;
mod proxy_header;
#[cfg(test)]
mod test_client;

use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::{ConnectionGuard, ConnectionPeer, Stream};

use incoming::Incoming;

pub(crate) use encryption::Encryption;
pub(crate) use limits::{AcceptLimits, check_limits};
pub(crate) use protocol::Protocol;

/// How the connections of a listener begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preamble {
    /// The header of the PROXY protocol comes first.
    pub(crate) proxy_protocol: bool,
    /// How the connections are encrypted.
    pub(crate) encryption: Encryption,
}

/// Takes a connection through the steps behind the limits, and serves it to its end.
pub(crate) async fn serve(
    protocol: Protocol,
    preamble: Preamble,
    limits: AcceptLimits,
    stream: Stream,
    address: PeerAddress,
    guard: ConnectionGuard,
) {
    let mut incoming = Incoming { stream, peer: ConnectionPeer::plain(address), guard };
    let transport = protocol.name();
    let timeout = limits.opening_timeout;
    if preamble.proxy_protocol
        && let Err(rejected) = proxy_header::read(&mut incoming, timeout).await
    {
        return rejected.log(&incoming.peer, transport);
    }
    let mut incoming = encryption::encrypt(incoming, preamble.encryption);
    match detection::detect(&mut incoming, protocol, timeout).await {
        Ok((service, first)) => protocol::serve(service, incoming, first).await,
        Err(rejected) => rejected.log(&incoming.peer, transport),
    }
}
