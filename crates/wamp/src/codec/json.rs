//! JSON, RFC 8259, taken strictly, with WAMP's convention for bytes and two exceptions.
//!
//! `NaN`, `Infinity`, `-Infinity` and numbers that no float holds are read as null, because
//! deployed clients send them. A payload that contains one is rewritten
//! ([`TokenReader::rewritten`]), because strict readers refuse the first three. An unpaired
//! surrogate (`"\ud800"`) is well-formed JSON without a meaning as text: it is read as U+FFFD and
//! passed on as it is.
//!
//! The rooms: `reader` (structure), `pass` (the same, only passed over), `cursor`, `string` and
//! `number` (what both stand on), `finite` (rewriting), `writer`. Bytes are a string of U+0000
//! followed by standard base64 (advanced profile, "Binary support in JSON"); a string that begins
//! with U+0000 and goes on otherwise is text.

mod cursor;
mod finite;
mod number;
mod pass;
mod reader;
mod string;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::JsonReader;
pub use writer::JsonWriter;

use super::{Token, TokenReader};

/// The number that `text` is from its first to its last byte: numbers of other formats may be
/// written so. Null where no float is so large.
#[cold]
pub(super) fn number(text: &[u8]) -> Option<Token<'static>> {
    let mut reader = JsonReader::new(text);
    let number = match reader.next().ok()? {
        Token::Unsigned(number) => Token::Unsigned(number),
        Token::Negative(number) => Token::Negative(number),
        Token::Float(number) => Token::Float(number),
        // Every number ends with a digit; no other form of null does.
        Token::Null if text.last().is_some_and(u8::is_ascii_digit) => Token::Null,
        _ => return None,
    };
    let alone = reader.finish().is_ok() && !text.iter().any(u8::is_ascii_whitespace);
    alone.then_some(number)
}
