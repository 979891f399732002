//! Map keys: text. Integers, booleans and unit variants are converted to text.

use compact_str::{CompactString, ToCompactString as _};
use serde::ser::{Error as _, Impossible, Serialize, Serializer};

use super::super::value_error::ValueError;

/// Converts a key to text.
pub(super) struct KeySerializer;

type KeyResult = Result<CompactString, ValueError>;

#[cold]
fn unsupported_key() -> ValueError {
    ValueError::custom("a map key must be text, an integer or a boolean")
}

/// Types whose `Display` output is the key.
macro_rules! displayed {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> KeyResult {
            Ok(value.to_compact_string())
        })*
    };
}

impl Serializer for KeySerializer {
    type Ok = CompactString;
    type Error = ValueError;
    type SerializeSeq = Impossible<CompactString, ValueError>;
    type SerializeTuple = Impossible<CompactString, ValueError>;
    type SerializeTupleStruct = Impossible<CompactString, ValueError>;
    type SerializeTupleVariant = Impossible<CompactString, ValueError>;
    type SerializeMap = Impossible<CompactString, ValueError>;
    type SerializeStruct = Impossible<CompactString, ValueError>;
    type SerializeStructVariant = Impossible<CompactString, ValueError>;

    displayed! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
        serialize_str: &str,
    }

    fn serialize_f32(self, _value: f32) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_f64(self, _value: f64) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_bytes(self, _value: &[u8]) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_none(self) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> KeyResult {
        value.serialize(self)
    }

    fn serialize_unit(self) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> KeyResult {
        Ok(CompactString::const_new(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> KeyResult {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> KeyResult {
        Err(unsupported_key())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Self::SerializeSeq, ValueError> {
        Err(unsupported_key())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple, ValueError> {
        Err(unsupported_key())
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleStruct, ValueError> {
        Err(unsupported_key())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, ValueError> {
        Err(unsupported_key())
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Self::SerializeMap, ValueError> {
        Err(unsupported_key())
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStruct, ValueError> {
        Err(unsupported_key())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, ValueError> {
        Err(unsupported_key())
    }
}
