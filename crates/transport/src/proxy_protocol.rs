//! Peers behind a proxy: the header of the PROXY protocol, with which a proxy says for whom it
//! connects. Versions 1 and 2, as HAProxy's document `proxy-protocol.txt` has them.
//!
//! Not for what HTTP proxies say in headers of their own.

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::time::timeout;

use crate::error::TransportError;
use crate::limits::OPENING_TIMEOUT;
use crate::listener::PeerAddress;
use crate::stream::Stream;

/// How a header of version 1 begins. The shortest one is longer than the signature of version 2.
const NAME: &[u8] = b"PROXY ";

/// How one of version 2 begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What stands behind it where the proxy speaks for itself: version 2, command LOCAL.
const LOCAL: u8 = 0x20;

/// The octets of version 2 up to the length of the rest, which are the last two of them.
const FIXED: usize = SIGNATURE.len() + 4;

/// The longest header of version 1, with its line end.
const LONGEST_LINE: usize = 107;

/// The longest header of version 2: some proxies send a few hundred octets about a client's
/// certificate.
const LONGEST: usize = 4_096;

/// Reads the header, and nothing behind it. The address of the proxy's client; that of the proxy
/// itself, where it speaks for itself or knows no address.
///
/// A connection without a header is refused: whoever could choose not to send one could choose what
/// address it has.
pub async fn peer_address(
    stream: &mut Stream,
    proxy: PeerAddress,
) -> Result<PeerAddress, TransportError> {
    let header = timeout(OPENING_TIMEOUT, read_header(stream))
        .await
        .map_err(|_| TransportError::Timeout)??;
    if header.starts_with(SIGNATURE) && header[SIGNATURE.len()] == LOCAL {
        // Whatever addresses stand behind it are to be passed over.
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
        // What comes behind the line is the client's, so the line is not read past.
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
