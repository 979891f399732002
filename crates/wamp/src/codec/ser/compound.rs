//! Lists and maps, whose entries wait in a buffer where their number comes first and is not known.

use compact_str::CompactString;
use serde::ser::{self, Error as _, Serialize};

use super::super::TokenWriter as _;
use super::key::KeySerializer;
use super::value::ValueSerializer;
use super::{Format, ValueError};

/// Entries that wait for their number.
#[derive(Debug, Default)]
struct Waiting {
    /// The values, one after the other.
    values: Vec<u8>,
    /// Where each value ends in `values`.
    ends: Vec<usize>,
    /// The keys, of a map.
    keys: Vec<CompactString>,
}

impl Waiting {
    fn push<F: Format, T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
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
struct Entries {
    written: usize,
    announced: Option<usize>,
    waiting: Option<Waiting>,
}

impl Entries {
    fn new<F: Format>(announced: Option<usize>) -> Self {
        let wait = F::COUNTED && announced.is_none();
        Self { written: 0, announced, waiting: wait.then(Waiting::default) }
    }

    /// Checks a number that was announced: the formats that count believe it.
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
pub(super) struct ListSerializer<'w, 'b, F: Format> {
    writer: &'w mut F::Writer<'b>,
    entries: Entries,
    in_variant: bool,
}

impl<'w, 'b, F: Format> ListSerializer<'w, 'b, F> {
    pub(super) fn begin(writer: &'w mut F::Writer<'b>, announced: Option<usize>) -> Self {
        let entries = Entries::new::<F>(announced);
        if entries.waiting.is_none() {
            writer.list_start(announced.unwrap_or_default());
        }
        ListSerializer { writer, entries, in_variant: false }
    }

    /// The list is the content of an enum variant, whose map ends with it.
    pub(super) fn in_variant(mut self) -> Self {
        self.in_variant = true;
        self
    }

    fn entry<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entries.written += 1;
        match &mut self.entries.waiting {
            Some(waiting) => waiting.push::<F, T>(value),
            None => value.serialize(ValueSerializer::<F>(self.writer)),
        }
    }

    fn finish(self) -> Result<(), ValueError> {
        self.entries.check()?;
        if let Some(waiting) = &self.entries.waiting {
            self.writer.list_start(self.entries.written);
            waiting.values().for_each(|value| self.writer.encoded(value));
        }
        self.writer.list_end();
        if self.in_variant {
            self.writer.map_end();
        }
        Ok(())
    }
}

/// Writes a map.
pub(super) struct MapSerializer<'w, 'b, F: Format> {
    writer: &'w mut F::Writer<'b>,
    entries: Entries,
    in_variant: bool,
}

impl<'w, 'b, F: Format> MapSerializer<'w, 'b, F> {
    pub(super) fn begin(writer: &'w mut F::Writer<'b>, announced: Option<usize>) -> Self {
        let entries = Entries::new::<F>(announced);
        if entries.waiting.is_none() {
            writer.map_start(announced.unwrap_or_default());
        }
        MapSerializer { writer, entries, in_variant: false }
    }

    /// The map is the content of an enum variant, whose own map ends with it.
    pub(super) fn in_variant(mut self) -> Self {
        self.in_variant = true;
        self
    }

    fn key(&mut self, key: &str) {
        match &mut self.entries.waiting {
            Some(waiting) => waiting.keys.push(key.into()),
            None => self.writer.key(key),
        }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entries.written += 1;
        match &mut self.entries.waiting {
            Some(waiting) => waiting.push::<F, T>(value),
            None => value.serialize(ValueSerializer::<F>(self.writer)),
        }
    }

    fn finish(self) -> Result<(), ValueError> {
        self.entries.check()?;
        if let Some(waiting) = &self.entries.waiting {
            self.writer.map_start(self.entries.written);
            for (key, value) in waiting.keys.iter().zip(waiting.values()) {
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

impl<F: Format> ser::SerializeSeq for ListSerializer<'_, '_, F> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entry(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl<F: Format> ser::SerializeTuple for ListSerializer<'_, '_, F> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entry(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl<F: Format> ser::SerializeTupleStruct for ListSerializer<'_, '_, F> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entry(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl<F: Format> ser::SerializeTupleVariant for ListSerializer<'_, '_, F> {
    type Ok = ();
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.entry(value)
    }

    fn end(self) -> Result<(), ValueError> {
        self.finish()
    }
}

impl<F: Format> ser::SerializeMap for MapSerializer<'_, '_, F> {
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

impl<F: Format> ser::SerializeStruct for MapSerializer<'_, '_, F> {
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

impl<F: Format> ser::SerializeStructVariant for MapSerializer<'_, '_, F> {
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
