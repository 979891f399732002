//! What a peer speaks at a port that several protocols share: its first octet tells.
//!
//! Nothing is read but that octet, which whoever serves the protocol has to be told.

use std::fmt;

use cloverleaf_wamp::rawsocket;
use tokio::time::timeout;

use crate::error::TransportError;
use crate::limits::OPENING_TIMEOUT;
use crate::stream::Stream;

/// The first octet of MQTT's CONNECT: packet type 1, no flags (MQTT 3.1.1 section 3.1.1).
const MQTT_CONNECT: u8 = 0x10;

/// A protocol of those that can share a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetectedProtocol {
    /// WAMP over RawSocket.
    RawSocket,
    /// MQTT.
    Mqtt,
    /// HTTP, or something that its server will find to be none.
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

/// Reads the first octet of a peer, and says what it speaks. A peer that says nothing is not waited
/// for.
pub async fn detect(stream: &mut Stream) -> Result<(DetectedProtocol, u8), TransportError> {
    let mut first = [0];
    timeout(OPENING_TIMEOUT, stream.read_exact(&mut first))
        .await
        .map_err(|_| TransportError::Timeout)?
        .map_err(TransportError::io("reading the first octet"))?;
    let [first] = first;
    Ok((DetectedProtocol::of(first), first))
}
