//! The types that options have: ids, booleans, numbers, strings, lists, values passed on unread.

use std::sync::Arc;

use compact_str::CompactString;

use super::{FieldReader, OptionValue};
use crate::codec::{
    EncodeError, Kind, MAX_LIST_OPTION_ENTRIES, Token, TokenReader, TokenWriter, write_encoded,
};
use crate::error::DecodeError;
use crate::ids::{RegistrationId, SessionId, SubscriptionId};
use crate::payload::Encoded;
use crate::serializer::Serializer;

macro_rules! id_value {
    ($($id:ty),*) => {$(
        impl OptionValue for $id {
            const EXPECTED: &'static str = "an id between 1 and 2^53";

            fn read<'f, R: TokenReader<'f>>(
                first: Token<'f>,
                field: &mut FieldReader<'_, 'f, R>,
            ) -> Result<Self, DecodeError> {
                match first {
                    Token::Unsigned(number) => {
                        Self::new(number).ok_or_else(|| field.wrong::<Self>())
                    }
                    _ => Err(field.wrong::<Self>()),
                }
            }

            fn write<W: TokenWriter>(
                &self,
                _: Serializer,
                writer: &mut W,
            ) -> Result<(), EncodeError> {
                writer.unsigned(self.number());
                Ok(())
            }
        }
    )*};
}

id_value!(SessionId, RegistrationId, SubscriptionId);

impl OptionValue for bool {
    const EXPECTED: &'static str = "a boolean";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        match first {
            Token::Bool(value) => Ok(value),
            _ => Err(field.wrong::<Self>()),
        }
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        writer.bool(*self);
        Ok(())
    }
}

impl OptionValue for u64 {
    const EXPECTED: &'static str = "an integer of 0 or more";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        match first {
            Token::Unsigned(value) => Ok(value),
            _ => Err(field.wrong::<Self>()),
        }
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        writer.unsigned(*self);
        Ok(())
    }
}

impl OptionValue for CompactString {
    const EXPECTED: &'static str = "a string";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        match first {
            // A copy: text that was unescaped has memory for the escapes, too.
            Token::Text(text) if !field.reader.has_replaced() => Ok(Self::new(text)),
            _ => Err(field.wrong::<Self>()),
        }
    }

    fn size(&self) -> usize {
        if self.is_heap_allocated() { self.capacity() } else { 0 }
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        writer.text(self);
        Ok(())
    }
}

/// Text that several messages share.
impl OptionValue for Arc<str> {
    const EXPECTED: &'static str = "a string";

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        match first {
            Token::Text(text) => Ok(Self::from(text)),
            _ => Err(field.wrong::<Self>()),
        }
    }

    fn size(&self) -> usize {
        self.len()
    }

    fn write<W: TokenWriter>(&self, _: Serializer, writer: &mut W) -> Result<(), EncodeError> {
        writer.text(self);
        Ok(())
    }
}

impl<T: ListEntry> OptionValue for Vec<T> {
    const EXPECTED: &'static str = T::LIST_EXPECTED;

    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        if first != Token::ListStart {
            return Err(field.wrong::<Self>());
        }
        let mut entries = Self::new();
        loop {
            match field.reader.next()? {
                Token::ListEnd => return Ok(entries),
                _ if entries.len() == MAX_LIST_OPTION_ENTRIES => return Err(field.too_long()),
                entry => {
                    let entry = T::read(entry, field).map_err(|_| field.wrong::<Self>())?;
                    entries.push(entry);
                }
            }
        }
    }

    fn size(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(OptionValue::size).sum::<usize>()
    }

    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError> {
        writer.list_start(self.len());
        self.iter().try_for_each(|entry| entry.write(serializer, writer))?;
        writer.list_end();
        Ok(())
    }
}

/// A type that stands in list options.
pub trait ListEntry: OptionValue {
    /// What a list of it is called in a sentence.
    const LIST_EXPECTED: &'static str;
}

impl ListEntry for CompactString {
    const LIST_EXPECTED: &'static str = "a list of strings";
}

impl ListEntry for SessionId {
    const LIST_EXPECTED: &'static str = "a list of session ids";
}

impl OptionValue for Encoded {
    const EXPECTED: &'static str = "a dictionary";

    fn read<'f, R: TokenReader<'f>>(
        _: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        Err(field.wrong::<Self>())
    }

    fn read_field<'f, R: TokenReader<'f>>(
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Option<Self>, DecodeError> {
        read_encoded(Kind::Map, field)
    }

    fn size(&self) -> usize {
        Self::size(self)
    }

    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError> {
        write_encoded(self, serializer, writer)
    }
}

/// The routers that a message passed, as the last of them wrote it: a list of dictionaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardFor(Box<Encoded>);

impl OptionValue for ForwardFor {
    const EXPECTED: &'static str = "a list";

    fn read<'f, R: TokenReader<'f>>(
        _: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError> {
        Err(field.wrong::<Self>())
    }

    fn read_field<'f, R: TokenReader<'f>>(
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(read_encoded(Kind::List, field)?.map(|list| Self(Box::new(list))))
    }

    fn size(&self) -> usize {
        size_of::<Encoded>() + self.0.size()
    }

    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError> {
        write_encoded(&self.0, serializer, writer)
    }
}

fn read_encoded<'f, R: TokenReader<'f>>(
    wanted: Kind,
    field: &mut FieldReader<'_, 'f, R>,
) -> Result<Option<Encoded>, DecodeError> {
    if field.reader.peek()? == wanted {
        return field.encoded().map(Some);
    }
    match field.reader.next()? {
        Token::Null => Ok(None),
        _ if wanted == Kind::List => Err(field.wrong::<ForwardFor>()),
        _ => Err(field.wrong::<Encoded>()),
    }
}
