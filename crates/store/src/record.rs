//! The encoding of a record in the file: a checksum, its id and its bytes.
//!
//! ```text
//! CRC-32 of key, id and bytes|u32  id|u64  bytes
//! ```
//! Numbers are little-endian.

use crc32fast::Hasher;

/// The key of a record: the number of its history, and its place in it. Places count up.
pub(crate) type RecordKey = (u32, u64);

const HEAD: usize = 4 + 8;

/// A record of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Identifies the record in its history.
    pub id: u64,
    /// The content, which the store does not interpret.
    pub bytes: Vec<u8>,
}

/// The checksum of a record does not fit: it is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

impl StoredRecord {
    /// Appends the encoding of the record at `key` to `out`.
    pub(crate) fn write(&self, key: RecordKey, out: &mut Vec<u8>) {
        let checksum = checksum(key, self.id, &self.bytes);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.bytes);
    }
}

/// Decodes the record at `key`: its id and its bytes.
///
/// # Errors
/// The checksum does not fit.
pub(crate) fn read(key: RecordKey, written: &[u8]) -> Result<(u64, &[u8]), Damaged> {
    let (id, bytes) = split(written).ok_or(Damaged)?;
    let expected = written.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes));
    if expected == Some(checksum(key, id, bytes)) { Ok((id, bytes)) } else { Err(Damaged) }
}

/// The id of a record, which may be damaged; `None` if it is too short.
pub(crate) fn id(written: &[u8]) -> Option<u64> {
    split(written).map(|(id, _)| id)
}

fn split(written: &[u8]) -> Option<(u64, &[u8])> {
    let (head, bytes) = written.split_first_chunk::<HEAD>()?;
    let id = head.last_chunk::<8>()?;
    Some((u64::from_le_bytes(*id), bytes))
}

fn checksum((history, place): RecordKey, id: u64, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&history.to_le_bytes());
    hasher.update(&place.to_le_bytes());
    hasher.update(&id.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::{Damaged, StoredRecord, read};

    #[test]
    fn every_flipped_bit_is_noticed() {
        let record = StoredRecord { id: 7, bytes: b"a record".to_vec() };
        let mut written = Vec::new();
        record.write((1, 2), &mut written);
        assert_eq!(read((1, 2), &written), Ok((7, &b"a record"[..])));
        for bit in 0..8 * written.len() {
            let mut damaged = written.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read((1, 2), &damaged), Err(Damaged), "bit {bit}");
        }
        for key in [(0, 2), (1, 3), (2, 1)] {
            assert_eq!(read(key, &written), Err(Damaged), "at {key:?}");
        }
        for length in 0..written.len() {
            assert_eq!(read((1, 2), &written[..length]), Err(Damaged), "{length} bytes");
        }
    }
}
