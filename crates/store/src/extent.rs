//! The extent of a history: the places and the bytes of its records.
//!
//! It is kept beside the records with a checksum. So nothing has to be counted at the start, and
//! records that a damaged file no longer shows are known to be missing.

use std::ops::Range;

use redb::ReadTransaction;

use crate::database::{EVENTS, EXTENTS, WrittenExtent};
use crate::record;

/// Estimated bytes that the file needs for a record beside its content.
pub(crate) const OVERHEAD: u64 = 64;

/// The places and the bytes of the records of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// From the place of the oldest record to the place of the next one.
    pub(crate) places: Range<u64>,
    /// Bytes of the records, with [`OVERHEAD`].
    pub(crate) bytes: u64,
}

impl Extent {
    fn checksum(&self, number: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&number.to_le_bytes());
        for part in [self.places.start, self.places.end, self.bytes] {
            hasher.update(&part.to_le_bytes());
        }
        hasher.finalize()
    }

    /// The extent as it is kept in the file, with a checksum.
    pub(crate) fn written(&self, number: u32) -> WrittenExtent {
        (self.places.start, self.places.end, self.bytes, self.checksum(number))
    }

    /// Reads the extent of a history. `None` if it is damaged or was never written.
    pub(crate) fn of(
        transaction: &ReadTransaction,
        number: u32,
    ) -> Result<Option<Self>, redb::Error> {
        let Some(written) = transaction.open_table(EXTENTS)?.get(number)? else { return Ok(None) };
        let (start, end, bytes, checksum) = written.value();
        let extent = Self { places: start..end, bytes };
        Ok(Some(extent).filter(|extent| start <= end && extent.checksum(number) == checksum))
    }

    /// Measures the extent of a history by its records: from the first intact one to the last.
    pub(crate) fn measured(
        transaction: &ReadTransaction,
        number: u32,
    ) -> Result<Self, redb::Error> {
        let events = transaction.open_table(EVENTS)?;
        let mut extent = Self::default();
        for entry in events.range((number, 0)..=(number, u64::MAX))? {
            let (key, written) = entry?;
            let ((_, place), written) = (key.value(), written.value());
            extent.bytes += written.len() as u64 + OVERHEAD;
            if record::read((number, place), written).is_ok() {
                let is_first = extent.places.is_empty();
                let start = if is_first { place } else { extent.places.start.min(place) };
                extent.places = start..extent.places.end.max(place + 1);
            }
        }
        Ok(extent)
    }
}
