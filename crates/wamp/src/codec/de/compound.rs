//! The entries of lists and maps, and the content of enum variants.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde::de::value::CowStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::key::KeyDeserializer;
use super::{Token, TokenReader, ValueDeserializer, ValueError};

/// The entries of a list or map that has begun.
pub(super) struct Entries<'d, 'de, R> {
    deserializer: &'d mut ValueDeserializer<'de, R>,
    taken: usize,
}

impl<'d, 'de, R: TokenReader<'de>> Entries<'d, 'de, R> {
    pub(super) fn new(deserializer: &'d mut ValueDeserializer<'de, R>) -> Self {
        Entries { deserializer, taken: 0 }
    }

    /// Passes over the end of a list, which must come now.
    pub(super) fn end_list(self) -> Result<(), ValueError> {
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

    /// Passes over the end of a map, which must come now.
    pub(super) fn end_map(self) -> Result<(), ValueError> {
        if self.deserializer.at_end()? {
            return self.deserializer.token().map(drop);
        }
        Err(ValueError::custom(format_args!("a map with more than {} entries", self.taken)))
    }
}

impl<'de, R: TokenReader<'de>> SeqAccess<'de> for &mut Entries<'_, 'de, R> {
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

impl<'de, R: TokenReader<'de>> MapAccess<'de> for &mut Entries<'_, 'de, R> {
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

/// An enum variant whose content comes next.
pub(super) struct Variant<'d, 'de, R> {
    name: Cow<'de, str>,
    deserializer: &'d mut ValueDeserializer<'de, R>,
}

impl<'d, 'de, R> Variant<'d, 'de, R> {
    pub(super) fn new(
        name: Cow<'de, str>,
        deserializer: &'d mut ValueDeserializer<'de, R>,
    ) -> Self {
        Variant { name, deserializer }
    }
}

impl<'d, 'de, R: TokenReader<'de>> EnumAccess<'de> for Variant<'d, 'de, R> {
    type Error = ValueError;
    type Variant = Content<'d, 'de, R>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), ValueError> {
        let variant = seed.deserialize(CowStrDeserializer::<ValueError>::new(self.name))?;
        Ok((variant, Content(self.deserializer)))
    }
}

/// The content of an enum variant.
pub(super) struct Content<'d, 'de, R>(&'d mut ValueDeserializer<'de, R>);

impl<'de, R: TokenReader<'de>> VariantAccess<'de> for Content<'_, 'de, R> {
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
