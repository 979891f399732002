//! MessagePack, version 5 of its specification. Reads everything and writes the smallest form;
//! floats always have 64 bits.
//!
//! Extensions have no meaning in WAMP and read as null. Modules: `reader`, `skip` (validation
//! without tokens), `cursor` (shared by both), `writer`.

mod cursor;
mod reader;
mod skip;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::MsgPackReader;
pub use writer::MsgPackWriter;
