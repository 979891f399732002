//! Bytes to serde values, written once for all formats.
//!
//! The counterpart of [`super::ser`]: enums are tagged externally, every format counts as human
//! readable. How deep values nest is bounded by the reader.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::{CowStrDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::cbor::CborReader;
use super::json::JsonReader;
use super::msgpack::MsgPackReader;
pub use super::ser::ValueError;
use super::ubjson::{BjDataReader, UbJsonReader};
use super::{Kind, Token, TokenReader};
use crate::serializer::Serializer;

mod compound;
mod key;

use compound::{Entries, Variant};

/// Decodes the one value in `bytes`, which may lend the result text and bytes.
///
/// # Errors
/// When the bytes are not valid, or the value is of another shape than `T`.
pub fn from_slice<'de, T: Deserialize<'de>>(
    serializer: Serializer,
    bytes: &'de [u8],
) -> Result<T, ValueError> {
    match serializer {
        Serializer::Json => read::<JsonReader<'de>, T>(bytes),
        Serializer::MsgPack => read::<MsgPackReader<'de>, T>(bytes),
        Serializer::Cbor => read::<CborReader<'de>, T>(bytes),
        Serializer::UbJson => read::<UbJsonReader<'de>, T>(bytes),
        Serializer::BjData => read::<BjDataReader<'de>, T>(bytes),
    }
}

fn read<'de, R: TokenReader<'de>, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, ValueError> {
    let mut deserializer = ValueDeserializer { reader: R::new(bytes), held: None };
    let value = T::deserialize(&mut deserializer)?;
    deserializer.reader.finish()?;
    Ok(value)
}

/// Reads values.
struct ValueDeserializer<'de, R> {
    reader: R,
    /// A scalar that was read to learn that it is not null.
    held: Option<Token<'de>>,
}

impl<'de, R: TokenReader<'de>> ValueDeserializer<'de, R> {
    fn token(&mut self) -> Result<Token<'de>, ValueError> {
        match self.held.take() {
            Some(token) => Ok(token),
            None => Ok(self.reader.next()?),
        }
    }

    /// Whether the innermost list or map ends here.
    fn at_end(&mut self) -> Result<bool, ValueError> {
        Ok(self.held.is_none() && self.reader.peek()? == Kind::End)
    }

    fn visit<V: Visitor<'de>>(
        &mut self,
        token: Token<'de>,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match token {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Negative(value) => visitor.visit_i64(value),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Token::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Token::Binary(Cow::Borrowed(bytes)) => visitor.visit_borrowed_bytes(bytes),
            Token::Binary(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Token::ListStart => self.list(visitor),
            Token::MapStart => self.map(visitor),
            Token::Key(_) | Token::ListEnd | Token::MapEnd => {
                Err(ValueError::custom("a value was asked for where none comes"))
            }
        }
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        let mut entries = Entries::new(self);
        let value = visitor.visit_seq(&mut entries)?;
        entries.end_list()?;
        Ok(value)
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        let mut entries = Entries::new(self);
        let value = visitor.visit_map(&mut entries)?;
        entries.end_map()?;
        Ok(value)
    }

    /// An enum variant with content: a map of one entry.
    fn variant<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        let Token::Key(name) = self.token()? else {
            return Err(ValueError::custom("an enum variant must be a map of one entry"));
        };
        let value = visitor.visit_enum(Variant::new(name, self))?;
        if !self.at_end()? {
            return Err(ValueError::custom("an enum variant must be a map of one entry"));
        }
        self.token()?;
        Ok(value)
    }
}

impl<'de, R: TokenReader<'de>> Deserializer<'de> for &mut ValueDeserializer<'de, R> {
    type Error = ValueError;

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct tuple
        tuple_struct map struct identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let token = self.token()?;
        self.visit(token, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.token()? {
            // Strings would take bytes that happen to be UTF-8.
            Token::Binary(bytes) => {
                Err(ValueError::invalid_type(Unexpected::Bytes(&bytes), &visitor))
            }
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.token()? {
            // Byte buffers would take the bytes of text.
            Token::Text(text) => Err(ValueError::invalid_type(Unexpected::Str(&text), &visitor)),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.held.is_none() && self.reader.peek()? != Kind::Scalar {
            return visitor.visit_some(self);
        }
        match self.token()? {
            Token::Null => visitor.visit_none(),
            token => {
                self.held = Some(token);
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    /// A list; also bytes, whose entries are numbers, for the sake of `Vec<u8>`.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.token()? {
            Token::Binary(bytes) => {
                let mut bytes = SeqDeserializer::<_, ValueError>::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.end()?;
                Ok(value)
            }
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.token()? {
            Token::Text(name) => visitor.visit_enum(CowStrDeserializer::<ValueError>::new(name)),
            Token::MapStart => self.variant(visitor),
            _ => Err(ValueError::custom("an enum must be text or a map of one entry")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.held.take().is_none() {
            self.reader.ignore()?;
        }
        visitor.visit_unit()
    }
}
