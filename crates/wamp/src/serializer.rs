//! The wire formats and the names that negotiate them.
//!
//! [`crate::codec`] implements the formats.

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
    /// BJData, draft 3; binary, numbers little-endian. Derived from UBJSON and negotiated under its
    /// name (docs/decisions/ubjson.md).
    BjData,
}

impl Serializer {
    /// All serializers, in the order of the router's preference.
    pub const ALL: [Self; 5] = [Self::Json, Self::MsgPack, Self::Cbor, Self::UbJson, Self::BjData];

    /// The default serializers: one for each name on the wire.
    pub const DEFAULT: [Self; 4] = [Self::Json, Self::MsgPack, Self::Cbor, Self::UbJson];

    /// The number of serializers: the size of a table with one entry for each.
    pub const COUNT: usize = Self::ALL.len();

    /// The index into a table with one entry per serializer.
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

    /// The serializer of `offered` with this WebSocket subprotocol.
    pub fn from_subprotocol(name: &str, offered: &[Self]) -> Option<Self> {
        offered.iter().copied().find(|serializer| serializer.subprotocol() == name)
    }

    /// The serializer number in the RawSocket handshake (advanced profile, "RawSocket Transport").
    pub const fn rawsocket_number(self) -> u8 {
        match self {
            Self::Json => 1,
            Self::MsgPack => 2,
            Self::Cbor => 3,
            Self::UbJson | Self::BjData => 4,
        }
    }

    /// The serializer of `offered` with this number in the RawSocket handshake.
    pub fn from_rawsocket_number(number: u8, offered: &[Self]) -> Option<Self> {
        offered.iter().copied().find(|serializer| serializer.rawsocket_number() == number)
    }

    /// The media type of a message in HTTP (advanced profile, "HTTP Longpoll Transport").
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::MsgPack => "application/x-msgpack",
            Self::Cbor => "application/cbor",
            Self::UbJson | Self::BjData => "application/ubjson",
        }
    }

    /// The number in stored records. Fixed: records outlive the program that wrote them.
    pub const fn stored_number(self) -> u8 {
        match self {
            Self::Json => 1,
            Self::MsgPack => 2,
            Self::Cbor => 3,
            Self::UbJson => 4,
            Self::BjData => 0x14,
        }
    }

    /// The serializer with this number in stored records.
    pub fn from_stored_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|serializer| serializer.stored_number() == number)
    }

    /// Whether messages are UTF-8 text, which WebSocket sends in text frames.
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
