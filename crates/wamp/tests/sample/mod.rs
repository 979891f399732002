//! One message of every type, as a value and as bytes, for the tests in this folder.

use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::wire::{decode_client, decode_router, encode_client, encode_router};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::payload::EncodeError;
use cloverleaf_wamp::serializer::Serializer;

mod rpc;
pub(crate) mod values;

/// A message with its direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sent {
    /// From a client.
    Client(ClientMessage),
    /// From a router.
    Router(RouterMessage),
}

impl Sent {
    /// Decodes a message of this direction.
    pub(crate) fn decode_alike(
        &self,
        serializer: Serializer,
        bytes: &[u8],
    ) -> Result<Self, DecodeError> {
        let frame = bytes.to_vec().into();
        match self {
            Self::Client(_) => decode_client(serializer, &frame).map(Self::Client),
            Self::Router(_) => decode_router(serializer, &frame).map(Self::Router),
        }
    }

    /// The message in a format.
    pub(crate) fn encode(&self, serializer: Serializer) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        match self {
            Self::Client(message) => encode_client(message, serializer, &mut out)?,
            Self::Router(message) => encode_router(message, serializer, &mut out)?,
        }
        Ok(out)
    }

    /// The name in the specification's capitals.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Client(message) => message.name(),
            Self::Router(message) => message.name(),
        }
    }
}

/// One entry of the table of golden bytes.
pub(crate) struct Sample {
    /// The entry's name.
    pub(crate) name: &'static str,
    encodings: [Vec<u8>; Serializer::COUNT],
}

impl Sample {
    /// The bytes in a format.
    pub(crate) fn bytes(&self, serializer: Serializer) -> &[u8] {
        &self.encodings[serializer.index()]
    }

    /// The message, with its payload in a format.
    pub(crate) fn message(&self, serializer: Serializer) -> Sent {
        values::message(self.name, serializer)
    }
}

/// The table of golden bytes.
pub(crate) fn samples() -> Vec<Sample> {
    let lines: Vec<&'static str> = include_str!("golden.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    lines
        .chunks(1 + Serializer::COUNT)
        .map(|entry| {
            let [name, json, binary @ ..] = entry else { panic!("an entry of one line") };
            let encodings = [json.as_bytes().to_vec()].into_iter();
            let encodings: Vec<_> = encodings.chain(binary.iter().map(|line| hex(line))).collect();
            Sample { name, encodings: encodings.try_into().expect("a line for each serializer") }
        })
        .collect()
}

/// Parses hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .map(|digit| digit.to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
