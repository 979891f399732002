//! The PROXY protocol: a header with which a proxy tells the address of its client. Versions 1 and
//! 2 of HAProxy's document `proxy-protocol.txt`.
//!
//! HTTP proxies use HTTP header fields instead, which this module does not read.

use std::time::Duration;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::time::timeout;

use crate::error::TransportError;
use crate::listener::PeerAddress;
use crate::stream::Stream;

/// The beginning of a header of version 1. The shortest header is longer than the signature of
/// version 2.
const NAME: &[u8] = b"PROXY ";

/// The signature of a header of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The octet behind the signature if the proxy connects for itself: version 2, command LOCAL.
const LOCAL: u8 = 0x20;

/// The fixed part of a header of version 2. Its last two octets are the length of the rest.
const FIXED: usize = SIGNATURE.len() + 4;

/// The longest header of version 1, with its line end.
const LONGEST_LINE: usize = 107;

/// The longest header of version 2 that is accepted: some proxies send a few hundred octets about a
/// client's certificate.
const LONGEST: usize = 4_096;

/// Reads the header, and nothing behind it. Returns the address of the proxy's client, or that of
/// the proxy itself if it connects for itself or knows no address.
///
/// # Errors
/// The header does not arrive within `limit`, is invalid or missing. A connection without a header
/// must be refused: a client that may omit the header may also forge one.
pub async fn peer_address(
    stream: &mut Stream,
    proxy: PeerAddress,
    limit: Duration,
) -> Result<PeerAddress, TransportError> {
    let header =
        timeout(limit, read_header(stream)).await.map_err(|_| TransportError::Timeout)??;
    if header.starts_with(SIGNATURE) && header[SIGNATURE.len()] == LOCAL {
        // The specification says to ignore the addresses behind it.
        return Ok(proxy);
    }
    let (header, _) = ProxyHeader::parse(&header, ParseConfig::default())
        .map_err(|error| TransportError::ProxyProtocol(error.to_string()))?;
    let client = header.proxied_address().map(|address| address.source);
    Ok(client.map_or(proxy, PeerAddress::ip))
}

async fn read_header(stream: &mut Stream) -> Result<Vec<u8>, TransportError> {
    let mut header = vec![0; SIGNATURE.len()];
    let reading = || TransportError::io("reading the header of the PROXY protocol");
    stream.read_exact(&mut header).await.map_err(reading())?;
    if header == SIGNATURE {
        header.resize(FIXED, 0);
        stream.read_exact(&mut header[SIGNATURE.len()..]).await.map_err(reading())?;
        let rest = usize::from(u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]));
        if FIXED + rest > LONGEST {
            let text = format!("a header of {} octets is too long", FIXED + rest);
            return Err(TransportError::ProxyProtocol(text));
        }
        header.resize(FIXED + rest, 0);
        stream.read_exact(&mut header[FIXED..]).await.map_err(reading())?;
    } else if header.starts_with(NAME) {
        // Octet by octet, since the bytes behind the line belong to the client.
        while !header.ends_with(b"\r\n") {
            if header.len() == LONGEST_LINE {
                let text = format!("no line ends within {LONGEST_LINE} octets");
                return Err(TransportError::ProxyProtocol(text));
            }
            let mut next = [0];
            stream.read_exact(&mut next).await.map_err(reading())?;
            header.extend(next);
        }
    } else {
        return Err(TransportError::ProxyProtocol("the first octets are no header".to_owned()));
    }
    Ok(header)
}
