//! Conversion between bytes and tokens or serde values.
//!
//! A format implements [`TokenReader`] and [`TokenWriter`] (`json`, `msgpack`, `cbor`, `ubjson`).
//! Messages, serde values and transcoding are generic over these traits.
//! docs/decisions/transcoding.md lists the values that another format cannot represent.
//!
//! Readers validate everything that they skip. They never recurse, never trust an announced length
//! and never allocate more than they have read.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::DecodeError;

pub mod cbor;
mod cursor;
pub mod de;
mod dispatch;
pub mod json;
pub mod msgpack;
mod next_item;
pub mod ser;
#[cfg(test)]
mod tests;
pub mod transcode;
pub mod ubjson;
mod value_error;

/// One element of an encoded value.
///
/// In a map, a [`Token::Key`] precedes each value. Formats with other keys than strings (msgpack,
/// cbor) convert integers to decimal digits and reject other keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// Null. Also values without an equivalent: CBOR `undefined`, msgpack extensions, numbers too
    /// large for a float, and `NaN` and infinities in JSON.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 0 and above.
    Unsigned(u64),
    /// An integer below 0.
    Negative(i64),
    /// A number with a fraction or exponent, or outside the two above.
    Float(f64),
    /// Text. U+FFFD replaces unpaired surrogates ([`TokenReader::has_replaced`]).
    Text(Cow<'a, str>),
    /// Bytes; in JSON a string of U+0000 and base64 (advanced profile, "Binary support in
    /// JSON").
    Binary(Cow<'a, [u8]>),
    /// A list begins.
    ListStart,
    /// The innermost list ends.
    ListEnd,
    /// A map begins.
    MapStart,
    /// The key of the value that follows.
    Key(Cow<'a, str>),
    /// The innermost map ends.
    MapEnd,
}

/// The type of the next token, known from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Null, boolean, number.
    Scalar,
    /// Text; a JSON string may turn out to be binary.
    Text,
    /// Bytes.
    Binary,
    /// A list.
    List,
    /// A map.
    Map,
    /// The end of the innermost list or map.
    End,
}

/// Reads one encoded value, token by token.
pub trait TokenReader<'a>: Sized {
    /// An empty list.
    const EMPTY_LIST: &'static [u8];

    /// Whether the first bytes of a valid value are those of a list. Does not look behind the tags
    /// of CBOR.
    fn starts_list(value: &[u8]) -> bool;

    /// Whether the first byte of a valid value is that of a map. Does not look behind the tags of
    /// CBOR.
    fn starts_map(value: &[u8]) -> bool;

    /// Whether the entries of this valid list or map have no marker: all have one announced type
    /// (UBJSON, draft 12, "Optimized Format").
    fn has_typed_entries(_value: &[u8]) -> bool {
        false
    }

    /// Starts at the first byte of `input`.
    fn new(input: &'a [u8]) -> Self;

    /// The next token. Must not be called after the outermost value has ended.
    ///
    /// Fails on malformed input, text that is not UTF-8 and nesting deeper than
    /// [`MAX_DEPTH`](crate::limits::MAX_DEPTH).
    fn next(&mut self) -> Result<Token<'a>, DecodeError>;

    /// The type of the next token, without reading it. Before a key this is [`TokenKind::Text`].
    fn peek(&mut self) -> Result<TokenKind, DecodeError>;

    /// Skips the next value and validates it. Returns its bytes, without separators and white space
    /// around it. The next token must be a value, not a key or an end.
    ///
    /// The bytes are a value of their own. In UBJSON, the values of a list or map with one type
    /// have no marker: there this fails, and [`TokenReader::ignore`] does not.
    fn skip(&mut self) -> Result<Range<usize>, DecodeError>;

    /// Skips the next value and validates it. For values that are not used.
    fn ignore(&mut self) -> Result<(), DecodeError> {
        self.skip().map(drop)
    }

    /// The bytes that replace the last skipped value, which is at `span`. `None` where the bytes
    /// can be passed on unchanged: always, except in JSON.
    fn rewritten(&self, _span: &Range<usize>) -> Option<Vec<u8>> {
        None
    }

    /// Whether the last text had unpaired surrogates, which were replaced by U+FFFD. Only JSON can
    /// contain them. Such a text is no URI and no name, because two different ones read the same.
    fn has_replaced(&self) -> bool {
        false
    }

    /// Checks that nothing follows the outermost value, except for white space where the format
    /// allows it.
    fn finish(&mut self) -> Result<(), DecodeError>;
}

/// Writes one value, token by token, to the end of a buffer.
///
/// The number of entries is given first, as msgpack requires. Entries are written between
/// `list_start`/`map_start` and the matching end.
pub trait TokenWriter {
    /// Null.
    fn null(&mut self);
    /// A boolean.
    fn bool(&mut self, value: bool);
    /// An integer of 0 and above.
    fn unsigned(&mut self, value: u64);
    /// Any signed integer. Written as [`TokenWriter::unsigned`] if it is not negative.
    fn signed(&mut self, value: i64);
    /// A float. Null where the format cannot represent it (JSON: NaN, infinities).
    fn float(&mut self, value: f64);
    /// Text.
    fn text(&mut self, value: &str);
    /// Bytes. In JSON a string of U+0000 and base64.
    fn binary(&mut self, value: &[u8]);
    /// A list with this number of entries begins.
    fn list_start(&mut self, entries: usize);
    /// The innermost list ends.
    fn list_end(&mut self);
    /// A map with this number of entries begins.
    fn map_start(&mut self, entries: usize);
    /// The key of the value that follows.
    fn key(&mut self, key: &str);
    /// The innermost map ends.
    fn map_end(&mut self);
    /// A valid value that is already encoded in this format.
    fn encoded(&mut self, value: &[u8]);
}

impl<W: TokenWriter + ?Sized> TokenWriter for &mut W {
    fn null(&mut self) {
        (**self).null();
    }

    fn bool(&mut self, value: bool) {
        (**self).bool(value);
    }

    fn unsigned(&mut self, value: u64) {
        (**self).unsigned(value);
    }

    fn signed(&mut self, value: i64) {
        (**self).signed(value);
    }

    fn float(&mut self, value: f64) {
        (**self).float(value);
    }

    fn text(&mut self, value: &str) {
        (**self).text(value);
    }

    fn binary(&mut self, value: &[u8]) {
        (**self).binary(value);
    }

    fn list_start(&mut self, entries: usize) {
        (**self).list_start(entries);
    }

    fn list_end(&mut self) {
        (**self).list_end();
    }

    fn map_start(&mut self, entries: usize) {
        (**self).map_start(entries);
    }

    fn key(&mut self, key: &str) {
        (**self).key(key);
    }

    fn map_end(&mut self) {
        (**self).map_end();
    }

    fn encoded(&mut self, value: &[u8]) {
        (**self).encoded(value);
    }
}
