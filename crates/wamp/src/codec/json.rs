//! JSON, RFC 8259, taken strictly, with WAMP's convention for bytes.
//!
//! The rooms: `reader` (structure), `pass` (the same, only passed over), `cursor`, `string` and
//! `number` (what both stand on), `writer`. Bytes are a string of U+0000 followed by standard
//! base64 (advanced profile, "Binary support in JSON"); a string that begins with
//! U+0000 and goes on otherwise is text.

mod cursor;
mod number;
mod pass;
mod reader;
mod string;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::JsonReader;
pub use writer::JsonWriter;

use super::{Token, TokenReader as _};

/// The number that `text` is from its first to its last byte: numbers of other formats may be
/// written so.
#[cold]
pub(super) fn number(text: &[u8]) -> Option<Token<'static>> {
    let mut reader = JsonReader::new(text);
    let number = match reader.next().ok()? {
        Token::Unsigned(number) => Token::Unsigned(number),
        Token::Negative(number) => Token::Negative(number),
        Token::Float(number) => Token::Float(number),
        _ => return None,
    };
    let alone = reader.finish().is_ok() && !text.iter().any(u8::is_ascii_whitespace);
    alone.then_some(number)
}
