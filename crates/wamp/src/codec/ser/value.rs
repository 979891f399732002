//! One value: scalars are written at once; the entries of lists and maps follow one by one.
//!
//! A format that counts needs the number of entries first. Where serde does not know it, the
//! entries are buffered until the end.

use compact_str::CompactString;
use serde::ser::{self, Error as _, Serialize, Serializer};

use super::super::TokenWriter as _;
use super::super::value_error::ValueError;
use super::format::ValueFormat;
use super::key::KeySerializer;

/// Writes one value.
pub(super) struct ValueSerializer<'w, 'b, F: ValueFormat>(pub(super) &'w mut F::Writer<'b>);

impl<'w, 'b, F: ValueFormat> ValueSerializer<'w, 'b, F> {
    /// Begins the map with one entry that represents an enum variant with content.
    fn variant(self, variant: &str) -> Self {
        self.0.map_start(1);
        self.0.key(variant);
        self
    }
}

impl<'w, 'b, F: ValueFormat> Serializer for ValueSerializer<'w, 'b, F> {
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

/// Entries of a list or map whose number is not known yet.
#[derive(Debug, Default)]
struct BufferedEntries {
    /// The encoded values, without separators.
    values: Vec<u8>,
    /// The end of each value in `values`.
    ends: Vec<usize>,
    /// The keys of a map.
    keys: Vec<CompactString>,
}

impl BufferedEntries {
    fn push<F: ValueFormat, T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        value.serialize(ValueSerializer::<F>(&mut F::writer(&mut self.values)))?;
        self.ends.push(self.values.len());
        Ok(())
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.values[start..end])
    }
}

/// The entries of a list or map so far.
#[derive(Debug)]
struct WrittenEntries {
    written: usize,
    announced: Option<usize>,
    buffered: Option<BufferedEntries>,
}

impl WrittenEntries {
    fn new<F: ValueFormat>(announced: Option<usize>) -> Self {
        let wait = F::COUNTED && announced.is_none();
        Self { written: 0, announced, buffered: wait.then(BufferedEntries::default) }
    }

    /// Checks the announced number, which formats with counts have already written.
    fn check(&self) -> Result<(), ValueError> {
        match self.announced {
            Some(announced) if announced != self.written => Err(ValueError::custom(format_args!(
                "{announced} entries were announced and {} serialized",
                self.written
            ))),
            _ => Ok(()),
        }
    }
}

/// Writes a list.
pub(super) struct ListSerializer<'w, 'b, F: ValueFormat> {
    writer: &'w mut F::Writer<'b>,
    entries: WrittenEntries,
    in_variant: bool,
}

impl<'w, 'b, F: ValueFormat> ListSerializer<'w, 'b, F> {
    pub(super) fn begin(writer: &'w mut F::Writer<'b>, announced: Option<usize>) -> Self {
        let entries = WrittenEntries::new::<F>(announced);
        if entries.buffered.is_none() {
            writer.list_start(announced.unwrap_or_default());
        }
        ListSerializer { writer, entries, in_variant: false }
    }

    /// The list is the content of an enum variant. Its map ends after the list.
    pub(super) fn in_variant(mut self) -> Self {
        self.in_variant = true;
        self
    }

    fn entry<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entries.written += 1;
        match &mut self.entries.buffered {
            Some(buffered) => buffered.push::<F, T>(value),
            None => value.serialize(ValueSerializer::<F>(self.writer)),
        }
    }

    fn finish(self) -> Result<(), ValueError> {
        self.entries.check()?;
        if let Some(buffered) = &self.entries.buffered {
            self.writer.list_start(self.entries.written);
            buffered.values().for_each(|value| self.writer.encoded(value));
        }
        self.writer.list_end();
        if self.in_variant {
            self.writer.map_end();
        }
        Ok(())
    }
}

/// Writes a map.
pub(super) struct MapSerializer<'w, 'b, F: ValueFormat> {
    writer: &'w mut F::Writer<'b>,
    entries: WrittenEntries,
    in_variant: bool,
}

impl<'w, 'b, F: ValueFormat> MapSerializer<'w, 'b, F> {
    pub(super) fn begin(writer: &'w mut F::Writer<'b>, announced: Option<usize>) -> Self {
        let entries = WrittenEntries::new::<F>(announced);
        if entries.buffered.is_none() {
            writer.map_start(announced.unwrap_or_default());
        }
        MapSerializer { writer, entries, in_variant: false }
    }

    /// The map is the content of an enum variant. The variant's own map ends after it.
    pub(super) fn in_variant(mut self) -> Self {
        self.in_variant = true;
        self
    }

    fn key(&mut self, key: &str) {
        match &mut self.entries.buffered {
            Some(buffered) => buffered.keys.push(key.into()),
            None => self.writer.key(key),
        }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entries.written += 1;
        match &mut self.entries.buffered {
            Some(buffered) => buffered.push::<F, T>(value),
            None => value.serialize(ValueSerializer::<F>(self.writer)),
        }
    }

    fn finish(self) -> Result<(), ValueError> {
        self.entries.check()?;
        if let Some(buffered) = &self.entries.buffered {
            self.writer.map_start(self.entries.written);
            for (key, value) in buffered.keys.iter().zip(buffered.values()) {
                self.writer.key(key);
                self.writer.encoded(value);
            }
        }
        self.writer.map_end();
        if self.in_variant {
            self.writer.map_end();
        }
        Ok(())
    }
}

macro_rules! list_serializer {
    ($($list:ident::$entry:ident)*) => {$(
        impl<F: ValueFormat> ser::$list for ListSerializer<'_, '_, F> {
            type Ok = ();
            type Error = ValueError;

            fn $entry<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.entry(value)
            }

            fn end(self) -> Result<(), ValueError> {
                self.finish()
            }
        }
    )*};
}

list_serializer! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl<F: ValueFormat> ser::SerializeMap for MapSerializer<'_, '_, F> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        let key = key.serialize(KeySerializer)?;
        self.key(&key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.value(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

macro_rules! struct_serializer {
    ($($map:ident)*) => {$(
        impl<F: ValueFormat> ser::$map for MapSerializer<'_, '_, F> {
            type Ok = ();
            type Error = ValueError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), ValueError> {
                self.key(key);
                self.value(value)
            }

            fn end(self) -> Result<(), ValueError> {
                self.finish()
            }
        }
    )*};
}

struct_serializer! {
    SerializeStruct
    SerializeStructVariant
}
