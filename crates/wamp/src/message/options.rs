//! Options and details: dictionaries with typed entries.
//!
//! Every dictionary of the protocol is one struct made by the [`options!`] table: a field for each
//! entry that this implementation understands, all of them optional. An entry of the wrong type is
//! a protocol violation, `null` stands for an absent one, and unknown keys are passed over (basic
//! profile, "Extensibility").

use compact_str::CompactString;

use crate::codec::json::JsonReader;
use crate::codec::{
    EncodeError, Kind, MAX_LIST_OPTION_ENTRIES, Token, TokenReader, TokenWriter, write_encoded,
};
use crate::error::DecodeError;
use crate::ids::{RegistrationId, SessionId, SubscriptionId};
use crate::payload::Encoded;
use crate::serializer::Serializer;
use crate::uri::MatchPolicy;

mod roles;

/// A dictionary of typed options.
pub trait Options: Default {
    /// The message that it belongs to, in capitals.
    const MESSAGE: &'static str;

    /// Reads the value of one key into its field, or passes over it when the key is unknown.
    fn set<'f, R: TokenReader<'f>>(
        &mut self,
        key: &str,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<(), DecodeError>;

    /// How many entries are present.
    fn entries(&self) -> usize;

    /// How many bytes the entries hold outside of the struct.
    fn size(&self) -> usize;

    /// Writes the entries, without the map around them.
    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError>;
}

/// What a value of an option needs to read itself and to say what is wrong.
#[derive(Debug)]
pub struct FieldReader<'r, 'f, R> {
    pub(crate) reader: &'r mut R,
    pub(crate) frame: &'f bytes::Bytes,
    pub(crate) serializer: Serializer,
    pub(crate) message: &'static str,
    pub(crate) field: &'static str,
}

impl<'r, 'f> FieldReader<'r, 'f, JsonReader<'f>> {
    /// Reads the option that a JSON reader over `source` stands before; for options that come
    /// outside of a message, such as in the body of an HTTP request.
    pub const fn over_json<O: Options>(
        reader: &'r mut JsonReader<'f>,
        source: &'f bytes::Bytes,
    ) -> Self {
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

    /// Names the field and reads its value; `null` is none.
    pub fn read<T: OptionValue>(&mut self, name: &'static str) -> Result<Option<T>, DecodeError> {
        self.field = name;
        T::read_field(self)
    }

    /// Passes over the value of an unknown key.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        self.reader.skip().map(|_| ())
    }
}

/// A type that an option can have.
pub trait OptionValue: Sized {
    /// What a value of this type is called in a sentence.
    const EXPECTED: &'static str;

    /// Reads the value whose first token has been taken.
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

    /// How many bytes the value holds outside of itself.
    fn size(&self) -> usize {
        0
    }

    /// Writes the value.
    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError>;
}

macro_rules! options {
    (
        $(#[$doc:meta])*
        $name:ident $message:literal {
            $($(#[$field_doc:meta])* $field:ident $(as $key:literal)? : $type:ty),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>),*
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
                        self.$field = field.read($crate::message::options::key!($field $($key)?))?;
                        return Ok(());
                    }
                )*
                field.skip()
            }

            fn entries(&self) -> usize {
                0 $(+ usize::from(self.$field.is_some()))*
            }

            fn size(&self) -> usize {
                0 $(+ self.$field.as_ref().map_or(0, $crate::message::OptionValue::size))*
            }

            fn write<W: $crate::codec::TokenWriter>(
                &self,
                serializer: $crate::serializer::Serializer,
                writer: &mut W,
            ) -> Result<(), $crate::codec::EncodeError> {
                $(
                    if let Some(value) = &self.$field {
                        writer.key($crate::message::options::key!($field $($key)?));
                        $crate::message::OptionValue::write(value, serializer, writer)?;
                    }
                )*
                Ok(())
            }
        }
    };
}

/// The key of a field: its own name unless the table gives another.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

pub(crate) use {key, options};

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
            Token::Text(text) => Ok(Self::from(text)),
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
        let span = field.reader.skip()?;
        return Ok(Some(Encoded::from_frame(field.serializer, field.frame, span)));
    }
    match field.reader.next()? {
        Token::Null => Ok(None),
        _ if wanted == Kind::List => Err(field.wrong::<ForwardFor>()),
        _ => Err(field.wrong::<Encoded>()),
    }
}

/// An option whose values are a few fixed words.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident, $expected:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$word_doc])* $word),* }

        impl $name {
            /// The word on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $text),* }
            }

            /// The value that a word stands for.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$word),)* _ => None }
            }
        }

        word_value!($name, $expected);
    };
}

macro_rules! word_value {
    ($name:ident, $expected:literal) => {
        impl OptionValue for $name {
            const EXPECTED: &'static str = $expected;

            fn read<'f, R: TokenReader<'f>>(
                first: Token<'f>,
                field: &mut FieldReader<'_, 'f, R>,
            ) -> Result<Self, DecodeError> {
                match first {
                    Token::Text(name) => {
                        Self::from_name(&name).ok_or_else(|| field.wrong::<Self>())
                    }
                    _ => Err(field.wrong::<Self>()),
                }
            }

            fn write<W: TokenWriter>(
                &self,
                _: Serializer,
                writer: &mut W,
            ) -> Result<(), EncodeError> {
                writer.text(self.name());
                Ok(())
            }
        }
    };
}

word_value!(MatchPolicy, "'exact', 'prefix' or 'wildcard'");

words! {
    /// What CANCEL and INTERRUPT do (advanced profile, "Call Canceling").
    CancelMode, "'skip', 'kill' or 'killnowait'" {
        /// The caller hears at once; the callee is left alone.
        Skip = "skip",
        /// The callee is interrupted and its answer passed on.
        Kill = "kill",
        /// The callee is interrupted and the caller hears at once.
        KillNoWait = "killnowait",
    }
}

words! {
    /// How one of several callees is chosen (advanced profile, "Shared Registration").
    InvokePolicy, "'single', 'first', 'last', 'random' or 'roundrobin'" {
        /// Nobody else may register.
        Single = "single",
        /// The one that registered first.
        First = "first",
        /// The one that registered last.
        Last = "last",
        /// Any of them.
        Random = "random",
        /// One after the other.
        RoundRobin = "roundrobin",
    }
}

words! {
    /// Legacy passthru: the scheme by which a payload is encrypted, opaque to the router.
    EncAlgo, "'cryptobox', 'mqtt' or 'xbr'" {
        /// NaCl crypto box.
        Cryptobox = "cryptobox",
        /// A raw MQTT payload.
        Mqtt = "mqtt",
        /// XBR.
        Xbr = "xbr",
    }
}
