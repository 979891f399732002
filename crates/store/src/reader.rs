//! The thread that reads, and checks the file after the start.
//!
//! Requests take turns with slices of records, so that a long one does not delay the others. While
//! no request waits, all records are read once after the start to report damaged and missing ones.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use crate::database::FileError;
use crate::file_reader::{FileReader, FoundRecord, ReadOrder, SliceEnd};
use crate::queues::{StoreReport, StoreShared};
use crate::record::RecordKey;
use crate::request::{ReadJob, ReadRequest};

/// The error of requests that fail. The error of the database is for the log only.
const UNREADABLE: &str = "the stored events can't be read at the moment";

/// Requests that take turns, since each holds the records that it has collected. The others wait.
const MAX_ACTIVE: usize = 8;

/// Damaged records and gaps that are remembered, so that each is reported once only.
const MAX_REMEMBERED: usize = 10_000;

/// The next step of the thread.
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
            ReaderStep::Read(job, None) => job.request.finish(Err(UNREADABLE)),
            ReaderStep::Check(file) => {
                if let Some(running) = &mut check
                    && running.step(&file, &mut damage)
                {
                    check = None;
                }
            }
            ReaderStep::End => return,
        }
    }
}

/// Waits for the next step.
fn next(shared: &StoreShared, is_checking: bool) -> ReaderStep {
    let mut state = shared.state.lock();
    loop {
        if state.is_closed {
            // The realm that sent them ends, too.
            return match state.requests.pop_front() {
                Some(job) => ReaderStep::Read(job, None),
                None => ReaderStep::End,
            };
        }
        let settled = state.settled;
        let is_due = |job: &ReadJob| job.after <= settled;
        if let Some(index) = state.requests.iter().position(is_due)
            && let Some(job) = state.requests.remove(index)
        {
            return ReaderStep::Read(job, state.file.clone());
        }
        match &state.file {
            Some(file) if is_checking => return ReaderStep::Check(file.clone()),
            _ => shared.has_requests.wait(&mut state),
        }
    }
}

/// Does one slice of a request. The rest waits for its next turn.
fn step(mut job: ReadJob, file: &FileReader, damage: &mut DamageReporter<'_>) {
    if !job.request.is_wanted() {
        return job.request.finish(Err(UNREADABLE));
    }
    match read(&mut job, file, damage) {
        Ok(SliceEnd::Done) => job.request.finish(Ok(())),
        Ok(SliceEnd::More) => {
            let mut state = damage.shared.state.lock();
            let place = state.requests.len().min(MAX_ACTIVE - 1);
            state.requests.insert(place, job);
        }
        Err(error) => {
            damage.shared.observer.report(StoreReport::Unreadable { reason: &error.to_string() });
            job.request.finish(Err(UNREADABLE));
        }
    }
}

fn read(
    job: &mut ReadJob,
    file: &FileReader,
    damage: &mut DamageReporter<'_>,
) -> Result<SliceEnd, FileError> {
    let ReadJob { history, request, places, .. } = job;
    let mut left = match places.take() {
        Some(places) => places,
        None => match begin(*history, request.as_ref(), file)? {
            Some(places) => places,
            None => return Ok(SliceEnd::Done),
        },
    };
    let order = if request.is_reverse() { ReadOrder::NewestFirst } else { ReadOrder::OldestFirst };
    let slice = file.visit(*history, &mut left, order, |found| {
        damage.note(*history, &found);
        if let FoundRecord::Record(bytes) = found {
            request.visit(bytes)
        } else {
            ControlFlow::Continue(())
        }
    })?;
    *places = Some(left);
    Ok(slice)
}

/// The places of the records of a request; `None` if there are none.
fn begin(
    history: usize,
    request: &dyn ReadRequest,
    file: &FileReader,
) -> Result<Option<Range<u64>>, FileError> {
    let mut failed = None;
    let mut place = |id| {
        file.place(history, id).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    };
    let places = request.places(file.places(history)?, &mut place);
    failed.map_or(Ok(places), Err)
}

/// Reports each damaged and each missing record once.
struct DamageReporter<'a> {
    shared: &'a StoreShared,
    seen: HashSet<RecordKey>,
}

impl DamageReporter<'_> {
    fn note(&mut self, history: usize, found: &FoundRecord<'_>) {
        let first = match found {
            FoundRecord::Record(_) => return,
            FoundRecord::Damaged(place) => *place,
            FoundRecord::Missing(places) => places.start,
        };
        let key = (u32::try_from(history).unwrap_or(u32::MAX), first);
        if self.seen.len() < MAX_REMEMBERED && self.seen.insert(key) {
            let history = self.shared.names.get(history).map_or("", String::as_str);
            self.shared.observer.report(match found {
                FoundRecord::Missing(places) => StoreReport::Missing {
                    history,
                    place: places.start,
                    count: places.end - places.start,
                },
                _ => StoreReport::Damaged { history, place: first },
            });
        }
    }
}

/// The check of all records after the start.
#[derive(Default)]
struct FileCheck {
    history: usize,
    places: Option<Range<u64>>,
    records: u64,
    damaged: u64,
    missing: u64,
}

impl FileCheck {
    /// Checks one slice. Returns whether the check is complete.
    fn step(&mut self, file: &FileReader, damage: &mut DamageReporter<'_>) -> bool {
        let shared = damage.shared;
        if self.history >= shared.names.len() {
            let Self { records, damaged, missing, .. } = *self;
            shared.observer.report(StoreReport::Checked { records, damaged, missing });
            return true;
        }
        match self.check_slice(file, damage) {
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

    fn check_slice(
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
                FoundRecord::Record(_) => self.records += 1,
                FoundRecord::Damaged(_) => self.damaged += 1,
                FoundRecord::Missing(places) => self.missing += places.end - places.start,
            }
            damage.note(self.history, &found);
            ControlFlow::Continue(())
        })
    }
}
