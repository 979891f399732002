//! One value, the entries of lists and maps, and the content of enum variants.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde::de::value::{CowStrDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::super::value_error::ValueError;
use super::super::{Token, TokenKind, TokenReader};
use super::key::KeyDeserializer;
use crate::error::DecodeError;

/// Reads values.
pub(super) struct ValueDeserializer<'de, R> {
    reader: R,
    /// A scalar that was read to find out whether it is null.
    peeked: Option<Token<'de>>,
}

impl<'de, R: TokenReader<'de>> ValueDeserializer<'de, R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, peeked: None }
    }

    /// Checks that nothing follows the value.
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        self.reader.finish()
    }

    fn token(&mut self) -> Result<Token<'de>, ValueError> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => Ok(self.reader.next()?),
        }
    }

    /// Whether the innermost list or map ends.
    fn at_end(&mut self) -> Result<bool, ValueError> {
        Ok(self.peeked.is_none() && self.reader.peek()? == TokenKind::End)
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
        let mut entries = RemainingEntries::new(self);
        let value = visitor.visit_seq(&mut entries)?;
        entries.end_list()?;
        Ok(value)
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        let mut entries = RemainingEntries::new(self);
        let value = visitor.visit_map(&mut entries)?;
        entries.end_map()?;
        Ok(value)
    }

    /// An enum variant with content: a map with one entry.
    fn variant<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ValueError> {
        let Token::Key(name) = self.token()? else {
            return Err(ValueError::custom("an enum variant must be a map of one entry"));
        };
        let value = visitor.visit_enum(VariantReader::new(name, self))?;
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
            // A string type would accept bytes that are valid UTF-8.
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
            // A byte buffer would accept the bytes of text.
            Token::Text(text) => Err(ValueError::invalid_type(Unexpected::Str(&text), &visitor)),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.peeked.is_none() && self.reader.peek()? != TokenKind::Scalar {
            return visitor.visit_some(self);
        }
        match self.token()? {
            Token::Null => visitor.visit_none(),
            token => {
                self.peeked = Some(token);
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

    /// A list. Bytes are accepted as a list of numbers, for `Vec<u8>`.
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
        if self.peeked.take().is_none() {
            self.reader.ignore()?;
        }
        visitor.visit_unit()
    }
}

/// The remaining entries of a list or map.
struct RemainingEntries<'d, 'de, R> {
    deserializer: &'d mut ValueDeserializer<'de, R>,
    taken: usize,
}

impl<'d, 'de, R: TokenReader<'de>> RemainingEntries<'d, 'de, R> {
    fn new(deserializer: &'d mut ValueDeserializer<'de, R>) -> Self {
        RemainingEntries { deserializer, taken: 0 }
    }

    /// Reads the end of a list. Fails if entries remain.
    fn end_list(self) -> Result<(), ValueError> {
        let mut entries = self.taken;
        while !self.deserializer.at_end()? {
            self.deserializer.reader.ignore()?;
            entries += 1;
        }
        self.deserializer.reader.next()?;
        if entries == self.taken {
            return Ok(());
        }
        let expected = format!("a list of {}", self.taken);
        Err(ValueError::invalid_length(entries, &expected.as_str()))
    }

    /// Reads the end of a map. Fails if entries remain.
    fn end_map(self) -> Result<(), ValueError> {
        if self.deserializer.at_end()? {
            return self.deserializer.token().map(drop);
        }
        Err(ValueError::custom(format_args!("a map with more than {} entries", self.taken)))
    }
}

impl<'de, R: TokenReader<'de>> SeqAccess<'de> for &mut RemainingEntries<'_, 'de, R> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        if self.deserializer.at_end()? {
            return Ok(None);
        }
        self.taken += 1;
        seed.deserialize(&mut *self.deserializer).map(Some)
    }
}

impl<'de, R: TokenReader<'de>> MapAccess<'de> for &mut RemainingEntries<'_, 'de, R> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ValueError> {
        if self.deserializer.at_end()? {
            return Ok(None);
        }
        self.taken += 1;
        match self.deserializer.token()? {
            Token::Key(key) => seed.deserialize(KeyDeserializer(key)).map(Some),
            _ => Err(ValueError::custom("a key was asked for where a value comes")),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ValueError> {
        seed.deserialize(&mut *self.deserializer)
    }
}

/// An enum variant before its content.
struct VariantReader<'d, 'de, R> {
    name: Cow<'de, str>,
    deserializer: &'d mut ValueDeserializer<'de, R>,
}

impl<'d, 'de, R> VariantReader<'d, 'de, R> {
    fn new(name: Cow<'de, str>, deserializer: &'d mut ValueDeserializer<'de, R>) -> Self {
        VariantReader { name, deserializer }
    }
}

impl<'d, 'de, R: TokenReader<'de>> EnumAccess<'de> for VariantReader<'d, 'de, R> {
    type Error = ValueError;
    type Variant = VariantContent<'d, 'de, R>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ValueError> {
        let variant = seed.deserialize(CowStrDeserializer::<ValueError>::new(self.name))?;
        Ok((variant, VariantContent(self.deserializer)))
    }
}

/// The content of an enum variant.
struct VariantContent<'d, 'de, R>(&'d mut ValueDeserializer<'de, R>);

impl<'de, R: TokenReader<'de>> VariantAccess<'de> for VariantContent<'_, 'de, R> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        <()>::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ValueError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.0.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.0.deserialize_struct("", fields, visitor)
    }
}
