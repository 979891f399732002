//! JSON, RFC 8259, read strictly, with the WAMP convention for bytes and two exceptions.
//!
//! `NaN`, `Infinity`, `-Infinity` and numbers too large for a float read as null, because deployed
//! clients send them. A payload that contains one is rewritten
//! ([`TokenReader::rewritten`](super::TokenReader::rewritten)), because strict readers reject the
//! first three. An unpaired surrogate (`"\ud800"`) is well-formed JSON without a meaning as text:
//! it reads as U+FFFD and is passed on unchanged.
//!
//! Modules: `reader` (structure), `skip` (validation without tokens), `cursor`, `string` and
//! `number` (shared by both), `finite` (rewriting), `writer`. Bytes are a string of U+0000 followed
//! by standard base64 (advanced profile, "Binary support in JSON"). A string that begins with
//! U+0000 and continues otherwise is text.

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
