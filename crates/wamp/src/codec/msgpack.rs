//! MessagePack, version 5 of its specification: everything is read, and the smallest form of
//! everything is written (floats always with 64 bits).
//!
//! Extensions mean nothing in WAMP and are read as null. The rooms: `reader`, `pass` (the same,
//! only passed over), `cursor` (what both stand on), `writer`.

mod cursor;
mod reader;
mod skip;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::MsgPackReader;
pub use writer::MsgPackWriter;
