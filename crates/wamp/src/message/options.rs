//! Options and details: dictionaries with typed entries.
//!
//! The [`options!`] macro declares each dictionary as a struct with one optional field per
//! supported entry. An entry of the wrong type is a protocol violation, `null` means absent, and
//! unknown keys are ignored (basic profile, "Extensibility"). Rarely used entries are grouped in an
//! [`OptionGroup`] behind one pointer, which keeps messages without them small.
//!
//! An entry marked as `(hint)` with a value of another type is treated as absent. These are entries
//! that Crossbar.io does not read and that do not change what a message means: its clients send
//! them with values of other types.

use bytes::Bytes;

use crate::codec::json::JsonReader;
use crate::codec::{Token, TokenKind, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::heap_size::HeapSize;
use crate::payload::{EncodeError, Encoded};
use crate::serializer::Serializer;
use crate::with_token_reader;

mod enums;
mod parts;
mod roles;
mod values;

pub use enums::{
    CallTimeoutUnit, CancelMode, EncAlgo, InvokePolicy, OpenEnum, OptionEnum, RunMode,
};
pub use parts::{
    CalleeIdentity, CallerIdentity, CustomAttributes, InvalidAttribute, PassthruDetails, Sharding,
};
pub use values::{ForwardFor, ListEntry};

/// A dictionary of typed options.
pub trait Options: Default + HeapSize {
    /// The name of its message, in capitals.
    const MESSAGE: &'static str;

    /// Reads the value of one key into its field. Skips the value of an unknown key.
    fn set<'f, R: TokenReader<'f>>(
        &mut self,
        key: &str,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<(), DecodeError>;

    /// The number of entries that are present.
    fn entries(&self) -> usize;

    /// Bytes that the entries own outside of the struct.
    fn size(&self) -> usize {
        self.heap_size()
    }

    /// Writes the entries, without the map around them.
    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError>;
}

/// The context in which the value of an option is read, and its position for errors.
#[derive(Debug)]
pub struct FieldReader<'r, 'f, R> {
    pub(crate) reader: &'r mut R,
    pub(crate) frame: &'f Bytes,
    pub(crate) serializer: Serializer,
    pub(crate) message: &'static str,
    pub(crate) field: &'static str,
}

impl<'r, 'f> FieldReader<'r, 'f, JsonReader<'f>> {
    /// Reads an option outside of a message, such as in the body of an HTTP request. `reader` reads
    /// `source` and stands before the value.
    pub const fn over_json<O: Options>(reader: &'r mut JsonReader<'f>, source: &'f Bytes) -> Self {
        let (serializer, message) = (Serializer::Json, O::MESSAGE);
        FieldReader { reader, frame: source, serializer, message, field: "" }
    }
}

impl<'f, R: TokenReader<'f>> FieldReader<'_, 'f, R> {
    fn wrong<T: OptionValue>(&self) -> DecodeError {
        DecodeError::WrongType { message: self.message, field: self.field, expected: T::EXPECTED }
    }

    fn too_long(&self) -> DecodeError {
        DecodeError::OptionTooLong { message: self.message, field: self.field }
    }

    /// Reads the value of the field `name`. `null` is `None`.
    pub fn read<T: OptionValue>(&mut self, name: &'static str) -> Result<Option<T>, DecodeError> {
        self.field = name;
        T::read_field(self)
    }

    /// Takes the encoded value.
    fn encoded(&mut self) -> Result<Encoded, DecodeError> {
        Encoded::take(self.reader, self.serializer, self.frame)
    }

    /// Like [`read`](Self::read), but a value of another type is `None`.
    pub(crate) fn read_hint<T: OptionValue>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        if matches!(self.reader.peek()?, TokenKind::List | TokenKind::Map) {
            self.reader.ignore()?;
            return Ok(None);
        }
        match self.read(name) {
            Err(DecodeError::WrongType { .. }) => Ok(None),
            read => read,
        }
    }

    /// Skips the value of an unknown key.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        self.reader.ignore()
    }
}

impl Encoded {
    /// Decodes a map as typed options.
    ///
    /// # Errors
    ///
    /// The value is no map, or an entry is of the wrong type.
    pub fn to_options<O: Options>(&self) -> Result<O, DecodeError> {
        let full = self.with_markers()?;
        let value = full.detached_bytes(0..full.bytes().len());
        let serializer = self.serializer();
        with_token_reader!(serializer, R => read_options::<R<'_>, O>(serializer, &value))
    }
}

fn read_options<'f, R: TokenReader<'f>, O: Options>(
    serializer: Serializer,
    frame: &'f Bytes,
) -> Result<O, DecodeError> {
    let mut reader = R::new(frame);
    if reader.next()? != Token::MapStart {
        let (message, field, expected) = ("the value", "value", "a dictionary");
        return Err(DecodeError::WrongType { message, field, expected });
    }
    read_entries(&mut reader, frame, serializer)
}

/// Reads the entries of a dictionary that has begun, and its end.
#[inline]
pub(super) fn read_entries<'f, R: TokenReader<'f>, O: Options>(
    reader: &mut R,
    frame: &'f Bytes,
    serializer: Serializer,
) -> Result<O, DecodeError> {
    let mut options = O::default();
    while let Token::Key(key) = reader.next()? {
        let mut field =
            FieldReader { reader: &mut *reader, frame, serializer, message: O::MESSAGE, field: "" };
        options.set(&key, &mut field)?;
    }
    Ok(options)
}

/// A type of an option.
pub trait OptionValue: Sized + HeapSize {
    /// The name of the type in an error message, such as `a string`.
    const EXPECTED: &'static str;

    /// Reads the value. `first` is its first token.
    fn read<'f, R: TokenReader<'f>>(
        first: Token<'f>,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Self, DecodeError>;

    /// Reads the value or `null`.
    fn read_field<'f, R: TokenReader<'f>>(
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<Option<Self>, DecodeError> {
        match field.reader.next()? {
            Token::Null => Ok(None),
            first => Self::read(first, field).map(Some),
        }
    }

    /// Writes the value.
    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError>;
}

/// A group of rarely used entries of a dictionary, stored behind a pointer.
pub trait OptionGroup: Options {
    /// Whether a key belongs to this group.
    fn has_key(key: &str) -> bool;
}

/// Reads the value of a key of a group. Removes the group if it stays empty.
pub(crate) fn set_group<'f, G: OptionGroup, R: TokenReader<'f>>(
    group: &mut Option<Box<G>>,
    key: &str,
    field: &mut FieldReader<'_, 'f, R>,
) -> Result<(), DecodeError> {
    let entries = group.get_or_insert_default();
    entries.set(key, field)?;
    if entries.entries() == 0 {
        *group = None;
    }
    Ok(())
}

macro_rules! options {
    (
        $(#[$doc:meta])*
        $name:ident $message:literal {
            $(
                $(#[$field_doc:meta])*
                $field:ident $(as $key:literal)? $(($hint:ident))? : $type:ty
            ),* $(,)?
        }
        $(with {
            $($(#[$group_doc:meta])* $group:ident : $group_type:ty),* $(,)?
        })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            $($($(#[$group_doc])* pub $group: Option<Box<$group_type>>,)*)?
        }

        impl $crate::message::Options for $name {
            const MESSAGE: &'static str = $message;

            fn set<'f, R: $crate::codec::TokenReader<'f>>(
                &mut self,
                key: &str,
                field: &mut $crate::message::options::FieldReader<'_, 'f, R>,
            ) -> Result<(), $crate::error::DecodeError> {
                $(
                    if key == $crate::message::options::key!($field $($key)?) {
                        let key = $crate::message::options::key!($field $($key)?);
                        self.$field =
                            $crate::message::options::read!(field, key $(, $hint)?)?;
                        return Ok(());
                    }
                )*
                $($(
                    if <$group_type as $crate::message::options::OptionGroup>::has_key(key) {
                        return $crate::message::options::set_group(&mut self.$group, key, field);
                    }
                )*)?
                field.skip()
            }

            fn entries(&self) -> usize {
                0 $(+ usize::from(self.$field.is_some()))*
                    $($(+ self.$group.as_ref().map_or(0, |group| group.entries()))*)?
            }

            fn write<W: $crate::codec::TokenWriter>(
                &self,
                serializer: $crate::serializer::Serializer,
                writer: &mut W,
            ) -> Result<(), $crate::payload::EncodeError> {
                $(
                    if let Some(value) = &self.$field {
                        writer.key($crate::message::options::key!($field $($key)?));
                        $crate::message::OptionValue::write(value, serializer, writer)?;
                    }
                )*
                $($(
                    if let Some(group) = &self.$group {
                        group.write(serializer, writer)?;
                    }
                )*)?
                Ok(())
            }
        }

        impl $crate::heap_size::HeapSize for $name {
            fn heap_size(&self) -> usize {
                0 $(+ $crate::heap_size::HeapSize::heap_size(&self.$field))*
                    $($(+ $crate::heap_size::HeapSize::heap_size(&self.$group))*)?
            }
        }

        impl $crate::message::options::OptionGroup for $name {
            fn has_key(key: &str) -> bool {
                $(key == $crate::message::options::key!($field $($key)?) ||)*
                    $($(<$group_type as $crate::message::options::OptionGroup>::has_key(key) ||)*)? false
            }
        }
    };
}

/// The key of a field: its name unless the declaration gives another.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

/// Reads a field; leniently if the declaration marks it as a hint.
macro_rules! read {
    ($reader:ident, $key:ident) => {
        $reader.read($key)
    };
    ($reader:ident, $key:ident, hint) => {
        $reader.read_hint($key)
    };
}

pub(crate) use {key, options, read};
