//! One value: scalars are written at once, lists and maps begun.

use serde::ser::{Error as _, Serialize, Serializer};

use super::super::TokenWriter as _;
use super::compound::{ListSerializer, MapSerializer};
use super::{Format, ValueError};

/// Writes one value.
pub(super) struct ValueSerializer<'w, 'b, F: Format>(pub(super) &'w mut F::Writer<'b>);

impl<'w, 'b, F: Format> ValueSerializer<'w, 'b, F> {
    /// Begins the map of one entry that an enum variant with content is.
    fn variant(self, variant: &str) -> Self {
        self.0.map_start(1);
        self.0.key(variant);
        self
    }
}

impl<'w, 'b, F: Format> Serializer for ValueSerializer<'w, 'b, F> {
    type Ok = ();
    type Error = ValueError;
    type SerializeSeq = ListSerializer<'w, 'b, F>;
    type SerializeTuple = ListSerializer<'w, 'b, F>;
    type SerializeTupleStruct = ListSerializer<'w, 'b, F>;
    type SerializeTupleVariant = ListSerializer<'w, 'b, F>;
    type SerializeMap = MapSerializer<'w, 'b, F>;
    type SerializeStruct = MapSerializer<'w, 'b, F>;
    type SerializeStructVariant = MapSerializer<'w, 'b, F>;

    fn serialize_bool(self, value: bool) -> Result<(), ValueError> {
        self.0.bool(value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), ValueError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), ValueError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), ValueError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), ValueError> {
        self.0.signed(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), ValueError> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.serialize_u64(value),
            (_, Ok(value)) => self.serialize_i64(value),
            _ => Err(outside_64_bits(value)),
        }
    }

    fn serialize_u8(self, value: u8) -> Result<(), ValueError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), ValueError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), ValueError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), ValueError> {
        self.0.unsigned(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), ValueError> {
        match u64::try_from(value) {
            Ok(value) => self.serialize_u64(value),
            Err(_) => Err(outside_64_bits(value)),
        }
    }

    fn serialize_f32(self, value: f32) -> Result<(), ValueError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), ValueError> {
        self.0.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), ValueError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), ValueError> {
        self.0.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), ValueError> {
        self.0.binary(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), ValueError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), ValueError> {
        self.0.null();
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), ValueError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), ValueError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        let Self(writer) = self.variant(variant);
        value.serialize(ValueSerializer::<F>(writer))?;
        writer.map_end();
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, ValueError> {
        Ok(ListSerializer::begin(self.0, length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, ValueError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, ValueError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, ValueError> {
        Ok(ListSerializer::begin(self.variant(variant).0, Some(length)).in_variant())
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, ValueError> {
        Ok(MapSerializer::begin(self.0, length))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, ValueError> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, ValueError> {
        Ok(MapSerializer::begin(self.variant(variant).0, Some(length)).in_variant())
    }
}

#[cold]
fn outside_64_bits(value: impl std::fmt::Display) -> ValueError {
    ValueError::custom(format_args!("the integer {value} does not fit into 64 bits"))
}
