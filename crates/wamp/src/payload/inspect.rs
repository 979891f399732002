//! Access to the entries of an encoded list or map. The entries stay encoded.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::{Encoded, SMALL_FRAME};
use crate::codec::transcode::transcode_into;
use crate::codec::{Token, TokenKind, TokenReader};
use crate::error::DecodeError;
use crate::{with_token_reader, with_token_writer};

impl Encoded {
    /// The first `N` entries of a list. `None` for entries beyond its end.
    pub fn first_items<const N: usize>(&self) -> Result<[Option<Self>; N], DecodeError> {
        let mut entries = [const { None }; N];
        let full = self.with_markers()?;
        let value = &*full;
        with_token_reader!(value.serializer, R => read_entries::<R<'_>>(value, &mut entries))?;
        Ok(entries)
    }

    /// Whether the value is an empty list or map.
    pub fn has_no_entries(&self) -> bool {
        with_token_reader!(self.serializer, R => read_is_empty::<R<'_>>(self)).unwrap_or_default()
    }

    /// The value of a key of a map. `None` if the map does not contain the key.
    pub fn field(&self, key: &str) -> Result<Option<Self>, DecodeError> {
        let full = self.with_markers()?;
        let value = &*full;
        with_token_reader!(value.serializer, R => read_field::<R<'_>>(value, key))
    }

    /// The value with a marker for each entry. UBJSON may give one type for all entries.
    pub(crate) fn with_markers(&self) -> Result<Cow<'_, Self>, DecodeError> {
        let (serializer, value) = (self.serializer, &self.bytes[..]);
        if !with_token_reader!(serializer, R => R::has_typed_entries(value)) {
            return Ok(Cow::Borrowed(self));
        }
        let mut bytes = Vec::new();
        let written = with_token_writer!(serializer, W => {
            transcode_into(serializer, value, &mut W::new(&mut bytes))
        });
        written?;
        Ok(Cow::Owned(Self { serializer, bytes: bytes.into() }))
    }

    /// The next value of a reader over this value.
    fn inner<'a, R: TokenReader<'a>>(&self, reader: &mut R) -> Result<Self, DecodeError> {
        let span = reader.skip()?;
        let bytes = match reader.rewritten(&span) {
            None => self.detached_bytes(span),
            Some(bytes) => bytes.into(),
        };
        Ok(Self { serializer: self.serializer, bytes })
    }

    /// The bytes at `span`. Copied unless the value is small: it may share a longer frame, and a
    /// value inside it would keep that frame alive, too.
    pub(crate) fn detached_bytes(&self, span: Range<usize>) -> Bytes {
        let shares = self.bytes.len() <= SMALL_FRAME;
        if shares { self.bytes.slice(span) } else { Bytes::copy_from_slice(&self.bytes[span]) }
    }
}

const fn wrong(expected: &'static str) -> DecodeError {
    DecodeError::WrongType { message: "the value", field: "value", expected }
}

fn read_is_empty<'a, R: TokenReader<'a>>(value: &'a Encoded) -> Result<bool, DecodeError> {
    let mut reader = R::new(&value.bytes);
    let begins = matches!(reader.next()?, Token::ListStart | Token::MapStart);
    Ok(begins && reader.peek()? == TokenKind::End)
}

fn read_entries<'a, R: TokenReader<'a>>(
    value: &'a Encoded,
    entries: &mut [Option<Encoded>],
) -> Result<(), DecodeError> {
    let mut reader = R::new(&value.bytes);
    if reader.next()? != Token::ListStart {
        return Err(wrong("a list"));
    }
    for entry in entries {
        if reader.peek()? == TokenKind::End {
            break;
        }
        *entry = Some(value.inner(&mut reader)?);
    }
    Ok(())
}

fn read_field<'a, R: TokenReader<'a>>(
    value: &'a Encoded,
    wanted: &str,
) -> Result<Option<Encoded>, DecodeError> {
    let mut reader = R::new(&value.bytes);
    if reader.next()? != Token::MapStart {
        return Err(wrong("a dictionary"));
    }
    while let Token::Key(key) = reader.next()? {
        if key == wanted {
            return value.inner(&mut reader).map(Some);
        }
        reader.skip()?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use crate::message::PublishOptions;
    use crate::payload::Encoded;
    use crate::serializer::Serializer;

    fn encoded<T: serde::Serialize>(serializer: Serializer, value: &T) -> Encoded {
        Encoded::from_value(serializer, value).unwrap()
    }

    #[test]
    fn the_first_items_of_a_list_are_found_in_every_format() {
        for serializer in Serializer::ALL {
            let list = encoded(serializer, &("a", [1, 2]));
            let [first, second, third] = list.first_items().unwrap();
            assert_eq!(first, Some(encoded(serializer, &"a")));
            assert_eq!(second, Some(encoded(serializer, &[1, 2])));
            assert_eq!(third, None);
            assert!(encoded(serializer, &"a").first_items::<1>().is_err());
        }
    }

    /// "[$" and a type begin a list whose entries have no markers (UBJSON, draft 12).
    #[test]
    fn entries_of_a_typed_list_get_a_marker() {
        for (serializer, number) in
            [(Serializer::UbJson, b"\x01\x2c"), (Serializer::BjData, b"\x2c\x01")]
        {
            let list = [&b"[$I#U\x02"[..], number, number].concat();
            let list = Encoded { serializer, bytes: list.into() };
            let [first, second, third] = list.first_items().unwrap();
            assert_eq!(first, Some(encoded(serializer, &300)));
            assert_eq!((&second, third), (&first, None));
            let map = [&b"{$I#U\x01U\x03ttl"[..], number].concat();
            let map = Encoded { serializer, bytes: map.into() };
            assert_eq!(map.field("ttl").unwrap(), Some(encoded(serializer, &300)));
            assert_eq!(map.to_options::<PublishOptions>().unwrap().ttl, Some(300));
        }
    }

    #[test]
    fn an_entry_or_field_does_not_keep_a_large_value_alive() {
        for serializer in Serializer::ALL {
            let large = "x".repeat(1 << 16);
            let list = encoded(serializer, &[&large]);
            let [entry] = list.first_items().unwrap();
            let map = encoded(serializer, &std::collections::BTreeMap::from([("_long", &large)]));
            let (field, options) = (map.field("_long"), map.to_options::<PublishOptions>());
            assert!(list.bytes.is_unique() && map.bytes.is_unique(), "{serializer}");
            assert_eq!(entry, field.unwrap());
            assert!(options.unwrap().passthru.is_some());
        }
    }

    #[test]
    fn fields_of_a_map_are_found_by_key_and_read_as_options() {
        #[derive(serde::Serialize)]
        struct Options {
            exclude_me: bool,
            ttl: u64,
        }
        for serializer in Serializer::ALL {
            let map = encoded(serializer, &Options { exclude_me: false, ttl: 7 });
            assert_eq!(map.field("ttl").unwrap(), Some(encoded(serializer, &7)));
            assert_eq!(map.field("other").unwrap(), None);
            let options: PublishOptions = map.to_options().unwrap();
            let expected = PublishOptions {
                exclude_me: Some(false),
                ttl: Some(7),
                ..PublishOptions::default()
            };
            assert_eq!(options, expected);
            assert!(encoded(serializer, &[1]).field("a").is_err());
        }
    }
}
