//! Maps a [`Serializer`](crate::serializer::Serializer) to its reader and writer.

/// Evaluates an expression with the type that reads a serializer's format.
///
/// ```
/// use cloverleaf_wamp::codec::{TokenKind, TokenReader};
/// use cloverleaf_wamp::serializer::Serializer;
/// use cloverleaf_wamp::with_token_reader;
///
/// let serializer = Serializer::Cbor;
/// let kind = with_token_reader!(serializer, Reader => Reader::new(b"\x80").peek());
/// assert_eq!(kind, Ok(TokenKind::List));
/// ```
#[macro_export]
macro_rules! with_token_reader {
    ($serializer:expr, $reader:ident => $body:expr) => {
        match $serializer {
            $crate::serializer::Serializer::Json => {
                type $reader<'a> = $crate::codec::json::JsonReader<'a>;
                $body
            }
            $crate::serializer::Serializer::MsgPack => {
                type $reader<'a> = $crate::codec::msgpack::MsgPackReader<'a>;
                $body
            }
            $crate::serializer::Serializer::Cbor => {
                type $reader<'a> = $crate::codec::cbor::CborReader<'a>;
                $body
            }
            $crate::serializer::Serializer::UbJson => {
                type $reader<'a> = $crate::codec::ubjson::UbJsonReader<'a>;
                $body
            }
            $crate::serializer::Serializer::BjData => {
                type $reader<'a> = $crate::codec::ubjson::BjDataReader<'a>;
                $body
            }
        }
    };
}

/// Evaluates an expression with the type that writes a serializer's format. UBJSON and BJData take
/// the expression after `rare`, if there is one.
///
/// ```
/// use cloverleaf_wamp::codec::TokenWriter;
/// use cloverleaf_wamp::serializer::Serializer;
/// use cloverleaf_wamp::with_token_writer;
///
/// let mut out = Vec::new();
/// with_token_writer!(Serializer::Json, Writer => Writer::new(&mut out).unsigned(7));
/// assert_eq!(out, b"7");
/// ```
#[macro_export]
macro_rules! with_token_writer {
    ($serializer:expr, $writer:ident => $body:expr) => {
        $crate::with_token_writer!($serializer, $writer => $body, rare => $body)
    };
    ($serializer:expr, $writer:ident => $body:expr, rare => $rare:expr) => {
        match $serializer {
            $crate::serializer::Serializer::Json => {
                type $writer<'a> = $crate::codec::json::JsonWriter<'a>;
                $body
            }
            $crate::serializer::Serializer::MsgPack => {
                type $writer<'a> = $crate::codec::msgpack::MsgPackWriter<'a>;
                $body
            }
            $crate::serializer::Serializer::Cbor => {
                type $writer<'a> = $crate::codec::cbor::CborWriter<'a>;
                $body
            }
            $crate::serializer::Serializer::UbJson => {
                type $writer<'a> = $crate::codec::ubjson::UbJsonWriter<'a>;
                $rare
            }
            $crate::serializer::Serializer::BjData => {
                type $writer<'a> = $crate::codec::ubjson::BjDataWriter<'a>;
                $rare
            }
        }
    };
}
