//! The RawSocket handshake, both sides.
//!
//! Spec: advanced profile "RawSocket Transport".

use std::time::Duration;

use cloverleaf_wamp::rawsocket::{HandshakeReply, HandshakeRequest, announced};
use cloverleaf_wamp::serializer::Serializer;
use tokio::time::timeout;

use crate::error::TransportError;
use crate::framing::Framing;
use crate::limits::CONNECT_TIMEOUT;
use crate::stream::Stream;

/// The result of an opening handshake.
#[derive(Debug)]
pub struct Negotiated {
    /// The serializer of the messages.
    pub serializer: Serializer,
    /// The framing, with the limits of both sides.
    pub framing: Framing,
}

/// Answers a client's request, whose `first` octet may have been read already. A refused client
/// gets the error code of the handshake, if there is one for the reason.
///
/// # Errors
/// The request does not arrive within `limit`, or is refused.
pub async fn accept(
    stream: &mut Stream,
    first: Option<u8>,
    offered: &[Serializer],
    max_message: usize,
    limit: Duration,
) -> Result<Negotiated, TransportError> {
    let mut octets = [first.unwrap_or_default(), 0, 0, 0];
    let unread = &mut octets[usize::from(first.is_some())..];
    timeout(limit, stream.read_exact(unread))
        .await
        .map_err(|_| TransportError::Timeout)?
        .map_err(TransportError::io("reading the RawSocket handshake"))?;
    match HandshakeRequest::parse(octets, offered) {
        Ok(HandshakeRequest { serializer, max_message: peer_limit }) => {
            let reply = HandshakeReply { serializer, max_message };
            write(stream, reply.octets()).await?;
            let our_limit = announced(max_message);
            Ok(Negotiated { serializer, framing: Framing::rawsocket(our_limit, peer_limit) })
        }
        Err(error) => {
            if let Some(reply) = error.reply() {
                write(stream, reply).await?;
            }
            Err(error.into())
        }
    }
}

/// Sends a request to a router and reads its reply.
pub async fn connect(
    stream: &mut Stream,
    serializer: Serializer,
    max_message: usize,
) -> Result<Negotiated, TransportError> {
    write(stream, HandshakeRequest { serializer, max_message }.octets()).await?;
    let mut octets = [0; 4];
    timeout(CONNECT_TIMEOUT, stream.read_exact(&mut octets))
        .await
        .map_err(|_| TransportError::Timeout)?
        .map_err(TransportError::io("reading the reply to the RawSocket handshake"))?;
    let HandshakeReply { max_message: peer_limit, .. } = HandshakeReply::parse(octets, serializer)?;
    let our_limit = announced(max_message);
    Ok(Negotiated { serializer, framing: Framing::rawsocket(our_limit, peer_limit) })
}

async fn write(stream: &mut Stream, octets: [u8; 4]) -> Result<(), TransportError> {
    stream.write_all(&octets).await.map_err(TransportError::io("writing the RawSocket handshake"))
}
