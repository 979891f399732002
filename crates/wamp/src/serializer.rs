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
    /// UBJSON, draft 12; binary, numbers big-endian.
    UbJson,
    /// BJData, draft 3; binary, numbers little-endian. On the wire it goes by the name of UBJSON,
    /// whose offspring it is (docs/decisions/ubjson.md).
    BjData,
}

impl Serializer {
    /// Every serializer, in the order in which the router prefers them when a peer does not say.
    pub const ALL: [Self; 5] = [Self::Json, Self::MsgPack, Self::Cbor, Self::UbJson, Self::BjData];

    /// What is spoken where nobody has chosen: one serializer of each name on the wire.
    pub const DEFAULT: [Self; 4] = [Self::Json, Self::MsgPack, Self::Cbor, Self::UbJson];

    /// How many serializers there are; the size of a table with one entry for each.
    pub const COUNT: usize = Self::ALL.len();

    /// A dense number, for tables with one entry per serializer.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in configurations: `json`, `msgpack`, `cbor`, `ubjson`, `bjdata`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MsgPack => "msgpack",
            Self::Cbor => "cbor",
            Self::UbJson => "ubjson",
            Self::BjData => "bjdata",
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
            Self::UbJson | Self::BjData => "wamp.2.ubjson",
        }
    }

    /// The one of `offered` that a WebSocket subprotocol names.
    pub fn from_subprotocol(name: &str, offered: &[Self]) -> Option<Self> {
        offered.iter().copied().find(|serializer| serializer.subprotocol() == name)
    }

    /// The nibble of the RawSocket handshake (advanced profile, "RawSocket Transport").
    pub const fn rawsocket_number(self) -> u8 {
        match self {
            Self::Json => 1,
            Self::MsgPack => 2,
            Self::Cbor => 3,
            Self::UbJson | Self::BjData => 4,
        }
    }

    /// The one of `offered` that a RawSocket handshake nibble names.
    pub fn from_rawsocket_number(number: u8, offered: &[Self]) -> Option<Self> {
        offered.iter().copied().find(|serializer| serializer.rawsocket_number() == number)
    }

    /// The media type of a message that HTTP carries (advanced profile, "HTTP Longpoll Transport").
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::MsgPack => "application/x-msgpack",
            Self::Cbor => "application/cbor",
            Self::UbJson | Self::BjData => "application/ubjson",
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
