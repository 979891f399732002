//! Map keys, which are text; integers, booleans and unit variants are written as theirs.

use compact_str::{CompactString, ToCompactString as _};
use serde::ser::{Error as _, Impossible, Serialize, Serializer};

use super::super::value_error::ValueError;

/// Turns a key into text.
pub(super) struct KeySerializer;

type Key = Result<CompactString, ValueError>;

#[cold]
fn no_text() -> ValueError {
    ValueError::custom("a map key must be text, an integer or a boolean")
}

/// Types whose `Display` is their text as a key.
macro_rules! displayed {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Key {
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

    fn serialize_f32(self, _value: f32) -> Key {
        Err(no_text())
    }

    fn serialize_f64(self, _value: f64) -> Key {
        Err(no_text())
    }

    fn serialize_bytes(self, _value: &[u8]) -> Key {
        Err(no_text())
    }

    fn serialize_none(self) -> Key {
        Err(no_text())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Key {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Key {
        Err(no_text())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Key {
        Err(no_text())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Key {
        Ok(CompactString::const_new(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Key {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Key {
        Err(no_text())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Self::SerializeSeq, ValueError> {
        Err(no_text())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple, ValueError> {
        Err(no_text())
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleStruct, ValueError> {
        Err(no_text())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, ValueError> {
        Err(no_text())
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Self::SerializeMap, ValueError> {
        Err(no_text())
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStruct, ValueError> {
        Err(no_text())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, ValueError> {
        Err(no_text())
    }
}
