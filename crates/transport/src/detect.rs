//! Detects the protocol of a peer on a port that several protocols share, by its first octet.
//!
//! Only that octet is read. The server of the protocol gets it from the caller.

use std::fmt;
use std::time::Duration;

use cloverleaf_wamp::rawsocket;
use tokio::time::timeout;

use crate::error::TransportError;
use crate::stream::Stream;

/// The first octet of MQTT's CONNECT: packet type 1, no flags (MQTT 3.1.1 section 3.1.1).
const MQTT_CONNECT: u8 = 0x10;

/// A protocol that can share a port with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetectedProtocol {
    /// WAMP over RawSocket.
    RawSocket,
    /// MQTT.
    Mqtt,
    /// HTTP, or anything else: the HTTP server rejects what it cannot parse.
    Http,
}

impl DetectedProtocol {
    const fn of(octet: u8) -> Self {
        match octet {
            rawsocket::MAGIC => Self::RawSocket,
            MQTT_CONNECT => Self::Mqtt,
            _ => Self::Http,
        }
    }
}

impl fmt::Display for DetectedProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RawSocket => "RawSocket",
            Self::Mqtt => "MQTT",
            Self::Http => "HTTP",
        })
    }
}

/// Reads the first octet of a peer. Returns the protocol and the octet.
///
/// # Errors
/// The peer sends nothing within `limit`, or the connection ends.
pub async fn detect(
    stream: &mut Stream,
    limit: Duration,
) -> Result<(DetectedProtocol, u8), TransportError> {
    let mut first = [0];
    timeout(limit, stream.read_exact(&mut first))
        .await
        .map_err(|_| TransportError::Timeout)?
        .map_err(TransportError::io("reading the first octet"))?;
    let [first] = first;
    Ok((DetectedProtocol::of(first), first))
}
