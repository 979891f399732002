//! Calls of the meta API that kill many sessions.

use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::message::{Goodbye, RequestRef};
use cloverleaf_wamp::payload::{NumberList, Payload};
use cloverleaf_wamp::serializer::Serializer;

use super::listing::take_result;
use super::session_filter::SessionFilter;
use crate::session::SessionKey;

/// Whether the end of a killed session and its testaments are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillAnnouncement {
    Everything,
    Nothing,
}

/// The form of the result.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KillResult {
    Ids,
    Count,
}

/// A call that kills sessions, and how far it has come.
#[derive(Debug)]
pub(crate) struct KillJob {
    pub(crate) caller: SessionKey,
    pub(crate) request: RequestRef,
    pub(crate) filter: SessionFilter,
    pub(crate) result: KillResult,
    pub(crate) goodbye: Goodbye,
    /// The next place in the table of sessions.
    pub(crate) next: usize,
    pub(crate) killed: Killed,
}

#[derive(Debug, Default)]
pub(crate) struct Killed {
    pub(crate) count: usize,
    pub(crate) ids: NumberList,
}

/// Without the ids of killed sessions. There are few before the first turn of the job.
impl HeapSize for KillJob {
    fn heap_size(&self) -> usize {
        let Goodbye { details, reason } = &self.goodbye;
        let message = details.message.as_ref().map_or(0, |message| message.len());
        self.filter.heap_size() + message + reason.as_str().len()
    }
}

impl KillJob {
    /// Whether the ends are published. If all sessions are killed, none is left to receive events.
    pub(crate) const fn says(&self) -> KillAnnouncement {
        if matches!(self.filter, SessionFilter::All) {
            KillAnnouncement::Nothing
        } else {
            KillAnnouncement::Everything
        }
    }

    pub(crate) fn take_result(&mut self) -> Payload {
        let Killed { count, mut ids } = std::mem::take(&mut self.killed);
        match self.result {
            KillResult::Ids => take_result(&mut ids),
            KillResult::Count => {
                Payload::from_args(Serializer::Json, &(count,)).unwrap_or_default()
            }
        }
    }
}
