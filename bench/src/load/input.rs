//! The receiving half of a connection: bytes to messages, the handshake included.
//!
//! Reads no socket and writes none; what has to be answered at once is told by [`Arrived`].

use std::mem;

use cloverleaf_wamp::rawsocket::{self, FrameKind, FrameSplitter};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::handshake::client::UpgradeRequest;
use cloverleaf_wamp::websocket::{
    WebSocketLimits, WebSocketMessage, WebSocketReceiver, WebSocketRole,
};

/// What the load takes in one message: the most that RawSocket can announce.
pub const MAX_MESSAGE: usize = rawsocket::MAX_FRAME;

const LIMITS: WebSocketLimits =
    WebSocketLimits { max_message: MAX_MESSAGE, max_frame: MAX_MESSAGE };

/// What bytes turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrived<'a> {
    /// The handshake is done: messages can be sent.
    Connected,
    /// A WAMP message.
    Message(&'a [u8]),
    /// To be answered by a pong with the same bytes.
    Ping(&'a [u8]),
    /// Nothing that has to be answered.
    Pong,
}

/// The request of a WebSocket handshake, kept until it is answered.
#[derive(Debug, Clone)]
pub struct Upgrade {
    /// The host of the request.
    pub host: String,
    /// The path of the request.
    pub path: String,
    /// The key of the request.
    pub key: [u8; 16],
    /// The subprotocol that is asked for.
    pub subprotocol: &'static str,
}

impl Upgrade {
    /// Does `with` to the request that this describes.
    pub fn request<T>(&self, with: impl FnOnce(UpgradeRequest<'_>) -> T) -> T {
        let subprotocols = [self.subprotocol];
        let Self { host, path, key, .. } = self;
        with(UpgradeRequest { host, path, key: *key, subprotocols: &subprotocols, headers: &[] })
    }
}

/// What a connection has received so far.
#[derive(Debug)]
pub enum Input {
    /// Waits for the four octets that answer a RawSocket handshake.
    RawSocketReply(Serializer, Vec<u8>),
    /// Waits for the response that answers a WebSocket handshake.
    WebSocketResponse(Box<Upgrade>, Vec<u8>),
    /// RawSocket frames.
    RawSocket(FrameSplitter),
    /// WebSocket frames.
    WebSocket(Box<WebSocketReceiver>),
}

impl Input {
    /// The input of a peer that sends RawSocket frames without a handshake.
    pub fn bare() -> Self {
        Self::RawSocket(FrameSplitter::new(MAX_MESSAGE))
    }

    /// Takes bytes from the front of `input` until something has arrived; none once it is used up.
    ///
    /// # Errors
    /// A sentence about what the peer did wrong, or how it said farewell.
    #[inline]
    pub fn receive<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Arrived<'s>>, String> {
        if matches!(self, Self::RawSocketReply(..) | Self::WebSocketResponse(..)) {
            return self.shake_hands(input);
        }
        match self {
            Self::RawSocket(splitter) => from_rawsocket(splitter, input),
            Self::WebSocket(receiver) => from_websocket(receiver, input),
            Self::RawSocketReply(..) | Self::WebSocketResponse(..) => Ok(None),
        }
    }

    fn shake_hands<'s>(&mut self, input: &mut &mut [u8]) -> Result<Option<Arrived<'s>>, String> {
        let opened = match self {
            Self::RawSocketReply(serializer, octets) => {
                let missing = (4 - octets.len()).min(input.len());
                octets.extend_from_slice(take_front(input, missing));
                let Ok(reply) = <[u8; 4]>::try_from(octets.as_slice()) else { return Ok(None) };
                rawsocket::HandshakeReply::parse(reply, *serializer)
                    .map_err(|error| error.to_string())?;
                Self::bare()
            }
            Self::WebSocketResponse(upgrade, head) => {
                let before = head.len();
                head.extend_from_slice(input);
                let response = upgrade
                    .request(|request| request.read_response(head).map(|r| r.map(|r| r.consumed)))
                    .map_err(|error| error.to_string())?;
                let consumed = response.map_or(input.len(), |consumed| consumed - before);
                take_front(input, consumed);
                if response.is_none() {
                    return Ok(None);
                }
                Self::WebSocket(Box::new(WebSocketReceiver::new(WebSocketRole::Client, LIMITS)))
            }
            Self::RawSocket(_) | Self::WebSocket(_) => return Ok(None),
        };
        *self = opened;
        Ok(Some(Arrived::Connected))
    }
}

#[inline]
fn from_rawsocket<'s, 'i: 's>(
    splitter: &'s mut FrameSplitter,
    input: &mut &'i mut [u8],
) -> Result<Option<Arrived<'s>>, String> {
    let frame = splitter.receive(input).map_err(|fault| fault.to_string())?;
    Ok(frame.map(|frame| match frame.kind {
        FrameKind::Message => Arrived::Message(frame.payload),
        FrameKind::Ping => Arrived::Ping(frame.payload),
        FrameKind::Pong => Arrived::Pong,
    }))
}

#[inline]
fn from_websocket<'s, 'i: 's>(
    receiver: &'s mut WebSocketReceiver,
    input: &mut &'i mut [u8],
) -> Result<Option<Arrived<'s>>, String> {
    match receiver.receive(input).map_err(|fault| fault.to_string())? {
        Some(WebSocketMessage::Text(text)) => Ok(Some(Arrived::Message(text.as_bytes()))),
        Some(WebSocketMessage::UncheckedText(bytes) | WebSocketMessage::Binary(bytes)) => {
            Ok(Some(Arrived::Message(bytes)))
        }
        Some(WebSocketMessage::Ping(bytes)) => Ok(Some(Arrived::Ping(bytes))),
        Some(WebSocketMessage::Close(_)) => Err("the router closed the WebSocket".to_owned()),
        Some(WebSocketMessage::Pong(_)) => Ok(Some(Arrived::Pong)),
        None => Ok(None),
    }
}

/// Takes the first `count` bytes; there are so many.
fn take_front<'i>(input: &mut &'i mut [u8], count: usize) -> &'i [u8] {
    let (front, rest) = mem::take(input).split_at_mut(count);
    *input = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that arrives on `input` when `octets` come in two parts, as text.
    fn arrivals(mut input: Input, octets: &[u8], cut: usize) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        for part in [&octets[..cut], &octets[cut..]] {
            let mut part = part.to_vec();
            let mut rest = part.as_mut_slice();
            while let Some(arrived) = input.receive(&mut rest)? {
                found.push(format!("{arrived:?}"));
            }
        }
        Ok(found)
    }

    #[test]
    fn a_rawsocket_handshake_is_followed_by_messages_wherever_the_octets_are_cut() {
        let octets = [0x7f, 0xf2, 0, 0, 0, 0, 0, 1, 7, 1, 0, 0, 0, 2, 0, 0, 0];
        for cut in 0..=octets.len() {
            let input = Input::RawSocketReply(Serializer::MsgPack, Vec::new());
            let expected = ["Connected", "Message([7])", "Ping([])", "Pong"].map(String::from);
            assert_eq!(arrivals(input, &octets, cut), Ok(expected.into()), "cut at {cut}");
        }
    }

    #[test]
    fn a_websocket_handshake_is_followed_by_messages_wherever_the_octets_are_cut() {
        let upgrade = Upgrade {
            host: "localhost".to_owned(),
            path: "/".to_owned(),
            key: *b"the sample nonce",
            subprotocol: "wamp.2.json",
        };
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                    Connection: Upgrade\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let octets = [head.as_bytes(), b"\x81\x02[]\x89\x00\x8a\x00"].concat();
        for cut in 0..=octets.len() {
            let input = Input::WebSocketResponse(Box::new(upgrade.clone()), Vec::new());
            let expected = ["Connected", "Message([91, 93])", "Ping([])", "Pong"];
            let expected = expected.map(String::from);
            assert_eq!(arrivals(input, &octets, cut), Ok(expected.into()), "cut at {cut}");
        }
    }

    #[test]
    fn a_refused_handshake_is_told() {
        let input = Input::RawSocketReply(Serializer::MsgPack, Vec::new());
        let told = arrivals(input, &[0x7f, 0x10, 0, 0], 4);
        assert_eq!(told, Err("the serializer is not supported by the router".to_owned()));
    }
}
