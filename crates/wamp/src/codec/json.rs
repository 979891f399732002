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
