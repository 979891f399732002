//! From bytes to tokens, messages and serde values, and back.
//!
//! A format is a [`TokenReader`] and a [`TokenWriter`] (`json`, `msgpack`, `cbor`, `ubjson`);
//! everything else is written once over these two traits: messages, serde values and the
//! transcoder. What has no form in another format is the table of docs/decisions/transcoding.md.
//! Readers validate what they pass over, never recurse, never trust an announced length and never
//! allocate more than they have read.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::DecodeError;

pub mod cbor;
pub mod de;
mod dispatch;
pub mod json;
pub mod msgpack;
pub mod ser;
#[cfg(test)]
mod tests;
pub mod transcode;
pub mod ubjson;
mod value_error;

/// One step through a value.
///
/// In a map, a [`Token::Key`] comes before each value. Formats with other keys than strings
/// (msgpack, cbor) read integers as their decimal digits and refuse the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// Null; also what has no meaning elsewhere (cbor `undefined`, msgpack extensions, numbers that
    /// no float holds, `NaN` and infinities in JSON).
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 0 and above.
    Unsigned(u64),
    /// An integer below 0.
    Negative(i64),
    /// A number with a fraction or exponent, or outside the two above.
    Float(f64),
    /// Text, with U+FFFD in the place of unpaired surrogates ([`TokenReader::has_replaced`]).
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

/// What kind of value comes next, known from its first byte.
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
    /// The innermost list or map ends here.
    End,
}

/// Reads one value of one format, token by token.
pub trait TokenReader<'a>: Sized {
    /// Starts at the first byte of `input`.
    fn new(input: &'a [u8]) -> Self;

    /// The next token. Fails on malformed input, text that is not UTF-8 and nesting deeper than
    /// [`MAX_DEPTH`]. Must not be called again once the outermost value has ended.
    fn next(&mut self) -> Result<Token<'a>, DecodeError>;

    /// The kind of what comes next, without reading it. Where a map expects a key, this is
    /// [`TokenKind::Text`] or [`TokenKind::End`].
    fn peek(&mut self) -> Result<TokenKind, DecodeError>;

    /// Passes over the next value whole, validating all of it, and says which bytes it is
    /// (without separators and white space around it). Stands before a value, never before a key
    /// or an end.
    ///
    /// These bytes are a value of their own. UBJSON has lists and maps whose values leave out what
    /// all of them have in common; there this fails, and [`TokenReader::ignore`] does not.
    fn skip(&mut self) -> Result<Range<usize>, DecodeError>;

    /// Passes over the next value as [`TokenReader::skip`] does, for whoever has no use for it.
    fn ignore(&mut self) -> Result<(), DecodeError> {
        self.skip().map(drop)
    }

    /// What to pass on in the place of the value that was passed over last, which is at `span`;
    /// none where its bytes may be passed on as they are, which is always so but in JSON.
    fn rewritten(&self, _span: &Range<usize>) -> Option<Vec<u8>> {
        None
    }

    /// Whether the text that was read last had unpaired surrogates, which were given as U+FFFD.
    /// Only JSON can say those. Such a text is no URI and no name, because two of them may read the
    /// same.
    fn has_replaced(&self) -> bool {
        false
    }

    /// Checks that nothing (but white space, where the format has it) follows the outermost value.
    fn finish(&mut self) -> Result<(), DecodeError>;
}

/// Writes one value of one format, token by token, to the end of a buffer.
///
/// Lengths are given before the entries, as msgpack wants them; entries are written between
/// `list_start`/`map_start` and the matching end.
pub trait TokenWriter {
    /// Null.
    fn null(&mut self);
    /// A boolean.
    fn bool(&mut self, value: bool);
    /// An integer of 0 and above.
    fn unsigned(&mut self, value: u64);
    /// Any signed integer; written as [`TokenWriter::unsigned`] would when it is not negative.
    fn signed(&mut self, value: i64);
    /// A float; where the format has none for it (JSON: NaN, infinities), null.
    fn float(&mut self, value: f64);
    /// Text.
    fn text(&mut self, value: &str);
    /// Bytes; in JSON a string of U+0000 and base64.
    fn binary(&mut self, value: &[u8]);
    /// A list of so many entries begins.
    fn list_start(&mut self, entries: usize);
    /// The innermost list ends.
    fn list_end(&mut self);
    /// A map of so many entries begins.
    fn map_start(&mut self, entries: usize);
    /// The key of the value that follows.
    fn key(&mut self, key: &str);
    /// The innermost map ends.
    fn map_end(&mut self);
    /// A value that is already encoded, and valid, in this format.
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
