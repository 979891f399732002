//! The thread that reads, and checks the file after the start.
//!
//! Requests take turns, a slice of records each, so that a long one does not keep the others
//! waiting. While nothing is asked for, all records are read once after the start, to report those
//! that are damaged or missing.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use crate::file::FileError;
use crate::file_reader::{FileReader, Found, ReadOrder, SliceEnd};
use crate::record::RecordKey;
use crate::store::{StoreReport, StoreShared};

/// What the answer says to requests that fail. What the database says is for the log.
const UNREADABLE: &str = "the stored events can't be read at the moment";

/// So many requests take turns, the others wait: each holds what it has collected.
const MAX_AT_WORK: usize = 8;

/// Damaged records and gaps that are remembered, so that each is reported once.
const MAX_REMEMBERED: usize = 10_000;

/// A request for records.
pub trait ReadRequest: Send {
    /// The places between which the records stand that are asked for, of `all`; none if there are
    /// none. `place` tells the place of a record by its id.
    fn places(
        &self,
        all: Range<u64>,
        place: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Option<Range<u64>>;

    /// Whether the latest record is visited first.
    fn is_reverse(&self) -> bool;

    /// Whether the answer is still wanted.
    fn is_wanted(&self) -> bool;

    /// Visits a record; breaks when no other is wanted.
    fn visit(&mut self, record: &[u8]) -> ControlFlow<()>;

    /// All records have been visited, or can't be.
    fn finish(self: Box<Self>, outcome: Result<(), &str>);
}

/// A request, and how far it is answered.
pub(crate) struct ReadJob {
    history: usize,
    reading: Box<dyn ReadRequest>,
    /// What was appended before it is to be found.
    after: u64,
    /// The places that are left, when it has begun.
    places: Option<Range<u64>>,
}

impl ReadJob {
    pub(crate) const fn new(history: usize, reading: Box<dyn ReadRequest>, after: u64) -> Self {
        Self { history, reading, after, places: None }
    }
}

impl std::fmt::Debug for ReadJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadJob").field("places", &self.places).finish_non_exhaustive()
    }
}

/// What comes next.
enum ReaderStep {
    Read(ReadJob, Option<FileReader>),
    Check(FileReader),
    End,
}

/// Answers requests and checks the file, until the store is closed.
pub(crate) fn run(shared: &Arc<StoreShared>) {
    let mut damage = DamageReporter { shared, seen: HashSet::new() };
    let mut check = Some(FileCheck::default());
    loop {
        match next(shared, check.is_some()) {
            ReaderStep::Read(job, Some(file)) => step(job, &file, &mut damage),
            ReaderStep::Read(job, None) => job.reading.finish(Err(UNREADABLE)),
            ReaderStep::Check(file) => {
                if let Some(going) = &mut check
                    && going.step(&file, &mut damage)
                {
                    check = None;
                }
            }
            ReaderStep::End => return,
        }
    }
}

/// Waits for something to do.
fn next(shared: &StoreShared, is_to_check: bool) -> ReaderStep {
    let mut state = shared.state.lock();
    loop {
        if state.is_closed {
            // The caller of these is gone, or will be.
            return match state.readings.pop_front() {
                Some(job) => ReaderStep::Read(job, None),
                None => ReaderStep::End,
            };
        }
        let settled = state.settled;
        let is_due = |job: &ReadJob| job.after <= settled;
        if let Some(index) = state.readings.iter().position(is_due)
            && let Some(job) = state.readings.remove(index)
        {
            return ReaderStep::Read(job, state.file.clone());
        }
        match &state.file {
            Some(file) if is_to_check => return ReaderStep::Check(file.clone()),
            _ => shared.is_asked.wait(&mut state),
        }
    }
}

/// Does a slice of a request; what is left waits for its next turn.
fn step(mut job: ReadJob, file: &FileReader, damage: &mut DamageReporter<'_>) {
    if !job.reading.is_wanted() {
        return job.reading.finish(Err(UNREADABLE));
    }
    match read(&mut job, file, damage) {
        Ok(SliceEnd::Done) => job.reading.finish(Ok(())),
        Ok(SliceEnd::More) => {
            let mut state = damage.shared.state.lock();
            let place = state.readings.len().min(MAX_AT_WORK - 1);
            state.readings.insert(place, job);
        }
        Err(error) => {
            damage.shared.observer.report(StoreReport::Unreadable { reason: &error.to_string() });
            job.reading.finish(Err(UNREADABLE));
        }
    }
}

fn read(
    job: &mut ReadJob,
    file: &FileReader,
    damage: &mut DamageReporter<'_>,
) -> Result<SliceEnd, FileError> {
    let ReadJob { history, reading, places, .. } = job;
    let mut left = match places.take() {
        Some(places) => places,
        None => match begin(*history, reading.as_ref(), file)? {
            Some(places) => places,
            None => return Ok(SliceEnd::Done),
        },
    };
    let order = if reading.is_reverse() { ReadOrder::NewestFirst } else { ReadOrder::OldestFirst };
    let slice = file.visit(*history, &mut left, order, |found| {
        damage.note(*history, &found);
        if let Found::Record(bytes) = found {
            reading.visit(bytes)
        } else {
            ControlFlow::Continue(())
        }
    })?;
    *places = Some(left);
    Ok(slice)
}

/// The places that a request is about.
fn begin(
    history: usize,
    reading: &dyn ReadRequest,
    file: &FileReader,
) -> Result<Option<Range<u64>>, FileError> {
    let mut failed = None;
    let mut place = |id| {
        file.place(history, id).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    };
    let places = reading.places(file.places(history)?, &mut place);
    failed.map_or(Ok(places), Err)
}

/// Reports each damaged and each missing record once.
struct DamageReporter<'a> {
    shared: &'a StoreShared,
    seen: HashSet<RecordKey>,
}

impl DamageReporter<'_> {
    fn note(&mut self, history: usize, found: &Found<'_>) {
        let first = match found {
            Found::Record(_) => return,
            Found::Damaged(place) => *place,
            Found::Missing(places) => places.start,
        };
        let key = (u32::try_from(history).unwrap_or(u32::MAX), first);
        if self.seen.len() < MAX_REMEMBERED && self.seen.insert(key) {
            let history = self.shared.names.get(history).map_or("", String::as_str);
            self.shared.observer.report(match found {
                Found::Missing(places) => StoreReport::Missing {
                    history,
                    place: places.start,
                    count: places.end - places.start,
                },
                _ => StoreReport::Damaged { history, place: first },
            });
        }
    }
}

/// One look at every record.
#[derive(Default)]
struct FileCheck {
    history: usize,
    places: Option<Range<u64>>,
    records: u64,
    damaged: u64,
    missing: u64,
}

impl FileCheck {
    /// Looks at a slice. Whether everything has been looked at.
    fn step(&mut self, file: &FileReader, damage: &mut DamageReporter<'_>) -> bool {
        let shared = damage.shared;
        if self.history >= shared.names.len() {
            let Self { records, damaged, missing, .. } = *self;
            shared.observer.report(StoreReport::Checked { records, damaged, missing });
            return true;
        }
        match self.look(file, damage) {
            Ok(SliceEnd::More) => {}
            Ok(SliceEnd::Done) => self.next_history(),
            Err(error) => {
                shared.observer.report(StoreReport::Unreadable { reason: &error.to_string() });
                self.missing += self.places.take().map_or(0, |left| left.end - left.start);
                self.next_history();
            }
        }
        false
    }

    fn next_history(&mut self) {
        self.history += 1;
        self.places = None;
    }

    fn look(
        &mut self,
        file: &FileReader,
        damage: &mut DamageReporter<'_>,
    ) -> Result<SliceEnd, FileError> {
        let left = match &mut self.places {
            Some(places) => places,
            none => none.insert(file.places(self.history)?),
        };
        file.visit(self.history, left, ReadOrder::OldestFirst, |found| {
            match &found {
                Found::Record(_) => self.records += 1,
                Found::Damaged(_) => self.damaged += 1,
                Found::Missing(places) => self.missing += places.end - places.start,
            }
            damage.note(self.history, &found);
            ControlFlow::Continue(())
        })
    }
}
