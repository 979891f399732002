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
mod reader;
mod skip;
mod string;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::JsonReader;
pub(super) use reader::number_of;
pub use writer::JsonWriter;
