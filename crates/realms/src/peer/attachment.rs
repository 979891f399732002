//! How a connection is attached to the router.

use std::fmt;

use cloverleaf_auth::{ConnectionFacts, TransportDetails};
use cloverleaf_transport::{PeerInfo, SlowConsumer};
use cloverleaf_wamp::batch::MessageFormat;

/// How a connection is attached to the router.
#[derive(Debug)]
pub struct Attachment {
    /// Address and transport of the peer, for the log and the session meta API.
    pub peer: PeerInfo,
    /// How messages are encoded.
    pub format: MessageFormat,
    /// The policy for events that the peer reads too slowly, unless its role has one.
    pub slow_consumer: SlowConsumer,
    /// Whether WELCOME carries the router's name and version.
    pub announces_agent: bool,
}

impl Attachment {
    /// The properties of the session that the connection decides.
    pub(super) fn facts(&self) -> ConnectionFacts {
        let transport = Some(Box::new(self.transport_details()));
        ConnectionFacts { transport, tells_agent: self.announces_agent }
    }

    /// The details for the session meta API.
    fn transport_details(&self) -> TransportDetails {
        let PeerInfo { connection, transport, http } = &self.peer;
        TransportDetails {
            kind: *transport,
            format: self.format,
            peer: connection.address.descriptor().into(),
            compression: http.as_ref().and_then(|http| http.compression),
            http_headers: http.as_ref().map(|http| http.headers.clone()),
        }
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer.fmt(f)
    }
}
