//! CBOR, RFC 8949: every well-formed item is read, and the shortest form of everything is written,
//! with definite lengths (floats always with 64 bits).
//!
//! Tags say how their content is meant; they are passed over and the content is read, bignums
//! excepted, which are numbers. `undefined` is read as null; simple values that nobody has defined
//! are refused.

mod number;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use number::half;
pub use reader::CborReader;
pub use writer::CborWriter;
