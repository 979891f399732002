//! Reads the file on any thread, and reads past damaged parts.
//!
//! The records of a history have consecutive places, which its extent names. A place without an
//! intact record is reported. Where the database fails or skips places, the next readable place is
//! searched and reading continues there.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use parking_lot::Mutex;
use redb::{Database, ReadOnlyTable, ReadableDatabase as _};

use crate::database::{EVENTS, FileError, PLACES, guarded};
use crate::extent::Extent;
use crate::record::{self, RecordKey};

/// Records and bytes of one slice. A search step counts as a record.
const SLICE_RECORDS: usize = 4_096;
const SLICE_BYTES: usize = 4 << 20;

/// Gaps that are remembered. Further ones are searched again each time.
const MAX_GAPS: usize = 10_000;

/// The content of one or more places of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FoundRecord<'a> {
    /// A record as it was written.
    Record(&'a [u8]),
    /// The record at this place is not what was written.
    Damaged(u64),
    /// Nothing can be read at these places.
    Missing(Range<u64>),
}

/// The direction in which a history is visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOrder {
    OldestFirst,
    NewestFirst,
}

impl ReadOrder {
    /// The place that is visited next.
    const fn next(self, left: &Range<u64>) -> u64 {
        match self {
            Self::OldestFirst => left.start,
            Self::NewestFirst => left.end.saturating_sub(1),
        }
    }

    /// Splits off the next `count` places.
    fn take(self, left: &mut Range<u64>, count: u64) -> Range<u64> {
        let count = count.min(left.end - left.start);
        match self {
            Self::OldestFirst => {
                let middle = left.start + count;
                std::mem::replace(&mut left.start, middle)..middle
            }
            Self::NewestFirst => {
                let middle = left.end - count;
                middle..std::mem::replace(&mut left.end, middle)
            }
        }
    }

    /// Splits off everything before `place`, and `place` itself without returning it.
    fn take_to(self, left: &mut Range<u64>, place: u64) -> Range<u64> {
        let count = place.abs_diff(self.next(left));
        let before = self.take(left, count);
        self.take(left, 1);
        before
    }
}

/// The known places that can't be read: by history and first place the end of each gap.
#[derive(Debug, Default)]
pub(crate) struct Gaps(Mutex<BTreeMap<RecordKey, u64>>);

impl Gaps {
    /// The gap that contains this place.
    pub(crate) fn at(&self, number: u32, place: u64) -> Option<Range<u64>> {
        let gaps = self.0.lock();
        let (&(_, start), &end) = gaps.range((number, 0)..=(number, place)).next_back()?;
        (place < end).then_some(start..end)
    }

    fn add(&self, number: u32, gap: Range<u64>) {
        let mut gaps = self.0.lock();
        if gaps.len() < MAX_GAPS {
            gaps.insert((number, gap.start), gap.end);
        }
    }
}

/// The end of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SliceEnd {
    /// All places were visited, or the visitor ended the visit.
    Done,
    /// Places are left for the next slice.
    More,
}

/// The end of a scan.
enum ScanEnd {
    /// The visitor ended the visit.
    Stopped,
    /// The budget of the slice is spent.
    Spent,
    /// The database has no further record. Places may be left.
    Ended,
}

/// The records and bytes that are left to a slice.
struct SliceBudget {
    records: usize,
    bytes: usize,
}

impl SliceBudget {
    const fn spend(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    const fn is_spent(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }
}

/// A reader of the file of a store.
#[derive(Clone)]
pub(crate) struct FileReader {
    database: Arc<Database>,
    numbers: Vec<u32>,
    gaps: Arc<Gaps>,
}

type EventTable = ReadOnlyTable<RecordKey, &'static [u8]>;

impl FileReader {
    pub(crate) const fn new(database: Arc<Database>, numbers: Vec<u32>, gaps: Arc<Gaps>) -> Self {
        Self { database, numbers, gaps }
    }

    fn number(&self, history: usize) -> u32 {
        self.numbers.get(history).copied().unwrap_or(u32::MAX)
    }

    /// The places of the records of a history.
    pub(crate) fn places(&self, history: usize) -> Result<Range<u64>, FileError> {
        Ok(self.open(self.number(history))?.1)
    }

    /// The present table of records, and the places of a history in it.
    fn open(&self, number: u32) -> Result<(EventTable, Range<u64>), FileError> {
        guarded(|| {
            let transaction = self.database.begin_read()?;
            let events = transaction.open_table(EVENTS)?;
            if let Some(extent) = Extent::of(&transaction, number)? {
                return Ok((events, extent.places));
            }
            let mut range = events.range((number, 0)..=(number, u64::MAX))?;
            let first = range.next().transpose()?.map(|(key, _)| key.value().1);
            let last = range.next_back().transpose()?.map(|(key, _)| key.value().1).or(first);
            let places = first.zip(last).map_or(0..0, |(first, last)| first..last + 1);
            Ok((events, places))
        })
    }

    /// The place of a record by its id.
    pub(crate) fn place(&self, history: usize, id: u64) -> Result<Option<u64>, FileError> {
        let number = self.number(history);
        guarded(|| {
            let transaction = self.database.begin_read()?;
            let place = transaction.open_table(PLACES)?.get((number, id))?;
            let Some(place) = place.map(|place| place.value()) else { return Ok(None) };
            let event = transaction.open_table(EVENTS)?.get((number, place))?;
            let is_there = event.is_some_and(|event| record::id(event.value()) == Some(id));
            Ok(is_there.then_some(place))
        })
    }

    /// Visits the records of a history at the places `left`, for one slice. Removes from `left` the
    /// visited places and those that the history no longer has.
    pub(crate) fn visit(
        &self,
        history: usize,
        left: &mut Range<u64>,
        order: ReadOrder,
        mut visit: impl FnMut(FoundRecord<'_>) -> ControlFlow<()>,
    ) -> Result<SliceEnd, FileError> {
        let number = self.number(history);
        let (events, kept) = self.open(number)?;
        *left = left.start.max(kept.start)..left.end.min(kept.end);
        let mut budget = SliceBudget { records: SLICE_RECORDS, bytes: SLICE_BYTES };
        while !left.is_empty() {
            if budget.is_spent() {
                return Ok(SliceEnd::More);
            }
            let mut rest = self.before_next_gap(number, order, left);
            let before = rest.end - rest.start;
            let scanned =
                guarded(|| scan(&events, number, &mut rest, order, &mut budget, &mut visit));
            order.take(left, before - (rest.end - rest.start));
            match scanned {
                Ok(ScanEnd::Stopped) => return Ok(SliceEnd::Done),
                Ok(ScanEnd::Spent) => return Ok(SliceEnd::More),
                Ok(ScanEnd::Ended) => {}
                Err(error) if error.is_local() => {}
                Err(error) => return Err(error),
            }
            if left.is_empty() {
                break;
            }
            let next = order.next(left);
            let is_known_gap = self.gaps.at(number, next).is_some();
            let record = if is_known_gap { None } else { single(&events, (number, next))? };
            let flow = match record {
                Some(bytes) => {
                    order.take(left, 1);
                    visit(FoundRecord::Record(&bytes))
                }
                None => {
                    let gap = self.gap(&events, number, left, order, &mut budget)?;
                    visit(FoundRecord::Missing(gap))
                }
            };
            if flow.is_break() {
                return Ok(SliceEnd::Done);
            }
        }
        Ok(SliceEnd::Done)
    }

    /// The part of `left` before the next known gap.
    fn before_next_gap(&self, number: u32, order: ReadOrder, left: &Range<u64>) -> Range<u64> {
        let gaps = self.gaps.0.lock();
        let mut known = gaps.range((number, 0)..(number, left.end));
        match order {
            ReadOrder::OldestFirst => {
                let next = known.find(|(_, end)| **end > left.start);
                left.start..next.map_or(left.end, |((_, start), _)| (*start).max(left.start))
            }
            ReadOrder::NewestFirst => {
                let next = known.next_back().map_or(left.start, |(_, end)| *end);
                next.clamp(left.start, left.end)..left.end
            }
        }
    }

    /// Splits the next gap off `left`: a known one, or the places up to the next readable one, at
    /// least one.
    fn gap(
        &self,
        events: &EventTable,
        number: u32,
        left: &mut Range<u64>,
        order: ReadOrder,
        budget: &mut SliceBudget,
    ) -> Result<Range<u64>, FileError> {
        if let Some(known) = self.gaps.at(number, order.next(left)) {
            let inside = left.start.max(known.start)..left.end.min(known.end);
            return Ok(order.take(left, inside.end - inside.start));
        }
        let mut is_readable_after = |count: u64| {
            let mut rest = left.clone();
            order.take(&mut rest, count);
            budget.spend(0);
            match guarded(|| has_record(events, number, &rest, order)) {
                Err(error) if error.is_local() => Ok(false),
                outcome => outcome,
            }
        };
        // The count is doubled until a record is readable after it, then bisected.
        let total = left.end - left.start;
        let (mut unreadable, mut readable) = (0, 1);
        while readable < total && !is_readable_after(readable)? {
            unreadable = readable;
            readable = (2 * readable).min(total);
        }
        while readable - unreadable > 1 {
            let middle = unreadable.midpoint(readable);
            if is_readable_after(middle)? {
                readable = middle;
            } else {
                unreadable = middle;
            }
        }
        let gap = order.take(left, readable);
        self.gaps.add(number, gap.clone());
        Ok(gap)
    }
}

/// The record at `key` if it is intact. It may be readable although a scan fails: a scan fails one
/// record before a page that can't be read.
fn single(events: &EventTable, key: RecordKey) -> Result<Option<Vec<u8>>, FileError> {
    let intact = guarded(|| {
        let written = events.get(key)?;
        let record = written.as_ref().and_then(|written| record::read(key, written.value()).ok());
        Ok(record.map(|(_, bytes)| bytes.to_vec()))
    });
    match intact {
        Err(error) if error.is_local() => Ok(None),
        outcome => outcome,
    }
}

/// Whether the database finds an intact record at the first of these places that it has.
fn has_record(
    events: &EventTable,
    number: u32,
    places: &Range<u64>,
    order: ReadOrder,
) -> Result<bool, redb::Error> {
    let mut range = events.range((number, places.start)..(number, places.end))?;
    let next = match order {
        ReadOrder::OldestFirst => range.next(),
        ReadOrder::NewestFirst => range.next_back(),
    };
    let Some(entry) = next else { return Ok(false) };
    let (key, written) = entry?;
    Ok(places.contains(&key.value().1) && record::read(key.value(), written.value()).is_ok())
}

/// Visits the records that the database finds at the places `left`.
fn scan(
    events: &EventTable,
    number: u32,
    left: &mut Range<u64>,
    order: ReadOrder,
    budget: &mut SliceBudget,
    visit: &mut impl FnMut(FoundRecord<'_>) -> ControlFlow<()>,
) -> Result<ScanEnd, redb::Error> {
    let mut range = events.range((number, left.start)..(number, left.end))?;
    while !left.is_empty() {
        if budget.is_spent() {
            return Ok(ScanEnd::Spent);
        }
        let next = match order {
            ReadOrder::OldestFirst => range.next(),
            ReadOrder::NewestFirst => range.next_back(),
        };
        let Some(entry) = next else { break };
        let (key, written) = entry?;
        let (key, written) = (key.value(), written.value());
        budget.spend(written.len());
        // The checksum covers the place, since a damaged entry may have a wrong place.
        let flow = match record::read(key, written) {
            Ok((_, bytes)) if key.0 == number && left.contains(&key.1) => {
                let missing = order.take_to(left, key.1);
                if !missing.is_empty() && visit(FoundRecord::Missing(missing)).is_break() {
                    return Ok(ScanEnd::Stopped);
                }
                visit(FoundRecord::Record(bytes))
            }
            Err(_) if key == (number, order.next(left)) => {
                order.take(left, 1);
                visit(FoundRecord::Damaged(key.1))
            }
            _ => ControlFlow::Continue(()),
        };
        if flow.is_break() {
            return Ok(ScanEnd::Stopped);
        }
    }
    Ok(ScanEnd::Ended)
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader").field("numbers", &self.numbers).finish_non_exhaustive()
    }
}
