//! Formats as types, for serializers that open further writers.

use super::super::TokenWriter;
use super::super::cbor::CborWriter;
use super::super::json::JsonWriter;
use super::super::msgpack::MsgPackWriter;
use super::super::ubjson::{BjDataWriter, UbJsonWriter};

/// A format, named by its writer: how to open writers for entries whose number is not known yet.
pub(super) trait ValueFormat {
    /// Whether lists and maps begin with the number of their entries.
    const COUNTED: bool;

    /// The writer of this format.
    type Writer<'b>: TokenWriter;

    /// A writer that appends to `out`.
    fn writer(out: &mut Vec<u8>) -> Self::Writer<'_>;
}

macro_rules! value_formats {
    ($($writer:ident { counted: $counted:literal })*) => {$(
        impl ValueFormat for $writer<'static> {
            const COUNTED: bool = $counted;
            type Writer<'b> = $writer<'b>;

            #[inline]
            fn writer(out: &mut Vec<u8>) -> $writer<'_> {
                $writer::new(out)
            }
        }
    )*};
}

value_formats! {
    JsonWriter { counted: false }
    MsgPackWriter { counted: true }
    CborWriter { counted: true }
    UbJsonWriter { counted: false }
    BjDataWriter { counted: false }
}
