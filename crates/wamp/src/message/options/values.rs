//! The types of options: ids, booleans, numbers, strings, lists and values that are passed on as
//! they are.

use std::sync::Arc;

use compact_str::CompactString;

use super::{FieldReader, OptionValue};
use crate::codec::{Token, TokenKind, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::heap_size::HeapSize;
use crate::ids::{RegistrationId, SessionId, SubscriptionId};
use crate::limits::MAX_LIST_OPTION_ENTRIES;
use crate::payload::{EncodeError, Encoded, write_encoded};
use crate::serializer::Serializer;

/// Implements [`OptionValue`] for a type that is one token. `read` makes the value of the token, or
/// `None`; `write` writes it.
macro_rules! scalar_value {
    (
        $type:ty, $expected:literal,
        read |$field:ident| $token:pat => $read:expr,
        write |$value:ident, $writer:ident| $write:expr
    ) => {
        impl OptionValue for $type {
            const EXPECTED: &'static str = $expected;

            fn read<'f, R: TokenReader<'f>>(
                first: Token<'f>,
                $field: &mut FieldReader<'_, 'f, R>,
            ) -> Result<Self, DecodeError> {
                let value = match first {
                    $token => $read,
                    _ => None,
                };
                value.ok_or_else(|| $field.wrong::<Self>())
            }

            fn write<W: TokenWriter>(
                &self,
                _: Serializer,
                $writer: &mut W,
            ) -> Result<(), EncodeError> {
                let $value = self;
                $write;
                Ok(())
            }
        }
    };
}

macro_rules! id_value {
    ($($id:ty),*) => {$(
        scalar_value! {
            $id, "an id between 1 and 2^53",
            read |field| Token::Unsigned(number) => <$id>::new(number),
            write |id, writer| writer.unsigned(id.number())
        }
    )*};
}

id_value!(SessionId, RegistrationId, SubscriptionId);

scalar_value! {
    bool, "a boolean",
    read |field| Token::Bool(value) => Some(value),
    write |value, writer| writer.bool(*value)
}

scalar_value! {
    u64, "an integer of 0 or more",
    read |field| Token::Unsigned(value) => Some(value),
    write |value, writer| writer.unsigned(*value)
}

scalar_value! {
    CompactString, "a string",
    // Copies: text that was unescaped has memory for the escapes, too.
    read |field| Token::Text(text) => (!field.reader.has_replaced()).then(|| Self::new(text)),
    write |text, writer| writer.text(text)
}

// Text that several messages share.
scalar_value! {
    Arc<str>, "a string",
    read |field| Token::Text(text) => Some(Self::from(text)),
    write |text, writer| writer.text(text)
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
    /// The name of a list of this type in an error message, such as `a list of strings`.
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
        read_encoded::<Self, R>(TokenKind::Map, field)
    }

    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError> {
        write_encoded(self, serializer, writer)
    }
}

/// The routers that a message passed: a list of dictionaries, as the last router wrote it.
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
        let list = read_encoded::<Self, R>(TokenKind::List, field)?;
        Ok(list.map(|list| Self(Box::new(list))))
    }

    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError> {
        write_encoded(&self.0, serializer, writer)
    }
}

impl HeapSize for ForwardFor {
    fn heap_size(&self) -> usize {
        self.0.heap_size()
    }
}

/// Takes a value of the wanted kind without decoding it. `null` reads as an absent option.
fn read_encoded<'f, T: OptionValue, R: TokenReader<'f>>(
    wanted: TokenKind,
    field: &mut FieldReader<'_, 'f, R>,
) -> Result<Option<Encoded>, DecodeError> {
    if field.reader.peek()? == wanted {
        return field.encoded().map(Some);
    }
    match field.reader.next()? {
        Token::Null => Ok(None),
        _ => Err(field.wrong::<T>()),
    }
}
