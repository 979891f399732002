//! The wire formats and the names by which peers ask for them.
//!
//! Only names and numbers; how a format is written is the business of [`crate::codec`].

use std::fmt;

/// A format of messages on the wire (basic profile, "Serializers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Serializer {
    /// JSON, RFC 8259; text.
    Json,
    /// MessagePack, version 5; binary.
    MsgPack,
    /// CBOR, RFC 8949; binary.
    Cbor,
}

impl Serializer {
    /// Every serializer, in the order in which the router prefers them when a peer does not say.
    pub const ALL: [Self; 3] = [Self::Json, Self::MsgPack, Self::Cbor];

    /// How many serializers there are; the size of a table with one entry for each.
    pub const COUNT: usize = Self::ALL.len();

    /// A dense number, for tables with one entry per serializer.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in configurations: `json`, `msgpack`, `cbor`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MsgPack => "msgpack",
            Self::Cbor => "cbor",
        }
    }

    /// The serializer with this configuration name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|serializer| serializer.name() == name)
    }

    /// The WebSocket subprotocol (basic profile, "WebSocket Transport").
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "wamp.2.json",
            Self::MsgPack => "wamp.2.msgpack",
            Self::Cbor => "wamp.2.cbor",
        }
    }

    /// The serializer that a WebSocket subprotocol names.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|serializer| serializer.subprotocol() == name)
    }

    /// The nibble of the RawSocket handshake (advanced profile, "RawSocket Transport").
    pub const fn rawsocket_number(self) -> u8 {
        match self {
            Self::Json => 1,
            Self::MsgPack => 2,
            Self::Cbor => 3,
        }
    }

    /// The serializer that a RawSocket handshake nibble names.
    pub fn from_rawsocket_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|serializer| serializer.rawsocket_number() == number)
    }

    /// The media type of a message that HTTP carries (advanced profile, "HTTP Longpoll Transport").
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::MsgPack => "application/x-msgpack",
            Self::Cbor => "application/cbor",
        }
    }

    /// Whether messages are UTF-8 text, so that WebSocket carries them in text frames.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Json)
    }
}

impl fmt::Debug for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
