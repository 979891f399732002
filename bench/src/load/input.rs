//! The receiving half of a connection: decodes bytes to messages, handshake included.
//!
//! Reads and writes no sockets. [`InputEvent`] tells the caller what to answer.

use std::mem;

use cloverleaf_wamp::rawsocket::{self, FrameKind, FrameSplitter};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::handshake::client::UpgradeRequest;
use cloverleaf_wamp::websocket::{
    WebSocketLimits, WebSocketMessage, WebSocketReceiver, WebSocketRole,
};

/// Longest message in bytes: the most that RawSocket can announce.
pub const MAX_MESSAGE: usize = rawsocket::MAX_FRAME;

const LIMITS: WebSocketLimits =
    WebSocketLimits { max_message: MAX_MESSAGE, max_frame: MAX_MESSAGE };

/// The result of decoding.
#[derive(Debug, PartialEq, Eq)]
pub enum InputEvent<'a> {
    /// The handshake is complete: messages can be sent.
    Connected,
    /// A WAMP message.
    LoadMessage(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// Input that needs no answer.
    Pong,
}

/// The request of a WebSocket handshake, kept until the response.
#[derive(Debug, Clone)]
pub struct Upgrade {
    /// The host of the request.
    pub host: String,
    /// The path of the request.
    pub path: String,
    /// The key of the request.
    pub key: [u8; 16],
    /// The requested subprotocol.
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

/// The state of the receiving half.
#[derive(Debug)]
pub enum Input {
    /// Waits for the four bytes that answer a RawSocket handshake.
    RawSocketReply(Serializer, Vec<u8>),
    /// Waits for the response to a WebSocket handshake.
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

    /// Takes bytes from the front of `input` until something arrived; `None` once it is used up.
    ///
    /// # Errors
    /// A sentence about the error of the peer, or its closing message.
    #[inline]
    pub fn receive<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<InputEvent<'s>>, String> {
        if matches!(self, Self::RawSocketReply(..) | Self::WebSocketResponse(..)) {
            return self.shake_hands(input);
        }
        match self {
            Self::RawSocket(splitter) => from_rawsocket(splitter, input),
            Self::WebSocket(receiver) => from_websocket(receiver, input),
            Self::RawSocketReply(..) | Self::WebSocketResponse(..) => Ok(None),
        }
    }

    fn shake_hands<'s>(&mut self, input: &mut &mut [u8]) -> Result<Option<InputEvent<'s>>, String> {
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
        Ok(Some(InputEvent::Connected))
    }
}

#[inline]
fn from_rawsocket<'s, 'i: 's>(
    splitter: &'s mut FrameSplitter,
    input: &mut &'i mut [u8],
) -> Result<Option<InputEvent<'s>>, String> {
    let frame = splitter.receive(input).map_err(|fault| fault.to_string())?;
    Ok(frame.map(|frame| match frame.kind {
        FrameKind::Message => InputEvent::LoadMessage(frame.payload),
        FrameKind::Ping => InputEvent::Ping(frame.payload),
        FrameKind::Pong => InputEvent::Pong,
    }))
}

#[inline]
fn from_websocket<'s, 'i: 's>(
    receiver: &'s mut WebSocketReceiver,
    input: &mut &'i mut [u8],
) -> Result<Option<InputEvent<'s>>, String> {
    match receiver.receive(input).map_err(|fault| fault.to_string())? {
        Some(WebSocketMessage::Text(text)) => Ok(Some(InputEvent::LoadMessage(text.as_bytes()))),
        Some(WebSocketMessage::UncheckedText(bytes) | WebSocketMessage::Binary(bytes)) => {
            Ok(Some(InputEvent::LoadMessage(bytes)))
        }
        Some(WebSocketMessage::Ping(bytes)) => Ok(Some(InputEvent::Ping(bytes))),
        Some(WebSocketMessage::Close(_)) => Err("the router closed the WebSocket".to_owned()),
        Some(WebSocketMessage::Pong(_)) => Ok(Some(InputEvent::Pong)),
        None => Ok(None),
    }
}

/// Takes the first `count` bytes, which must exist.
fn take_front<'i>(input: &mut &'i mut [u8], count: usize) -> &'i [u8] {
    let (front, rest) = mem::take(input).split_at_mut(count);
    *input = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All arrivals of `octets` in two parts, as text.
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
    fn messages_follow_a_rawsocket_handshake_wherever_the_bytes_are_split() {
        let octets = [0x7f, 0xf2, 0, 0, 0, 0, 0, 1, 7, 1, 0, 0, 0, 2, 0, 0, 0];
        for cut in 0..=octets.len() {
            let input = Input::RawSocketReply(Serializer::MsgPack, Vec::new());
            let expected = ["Connected", "LoadMessage([7])", "Ping([])", "Pong"].map(String::from);
            assert_eq!(arrivals(input, &octets, cut), Ok(expected.into()), "cut at {cut}");
        }
    }

    #[test]
    fn messages_follow_a_websocket_handshake_wherever_the_bytes_are_split() {
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
            let expected = ["Connected", "LoadMessage([91, 93])", "Ping([])", "Pong"];
            let expected = expected.map(String::from);
            assert_eq!(arrivals(input, &octets, cut), Ok(expected.into()), "cut at {cut}");
        }
    }

    #[test]
    fn a_refused_handshake_is_an_error() {
        let input = Input::RawSocketReply(Serializer::MsgPack, Vec::new());
        let refusal = arrivals(input, &[0x7f, 0x10, 0, 0], 4);
        assert_eq!(refusal, Err("the serializer is not supported by the router".to_owned()));
    }
}
