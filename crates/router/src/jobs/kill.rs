//! Calls of the meta API that end many sessions: how far they have come.

use cloverleaf_wamp::message::{Goodbye, RequestRef};
use cloverleaf_wamp::payload::{NumberList, Payload};
use cloverleaf_wamp::serializer::Serializer;

use super::listing::take_result;
use super::session_filter::SessionFilter;
use crate::session::SessionKey;

/// Whether the end of a session is published, and its testaments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillAnnouncement {
    Everything,
    Nothing,
}

/// The result of a call that ends sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KillResult {
    Ids,
    Count,
}

/// Sessions that are being ended for a caller.
#[derive(Debug)]
pub(crate) struct KillJob {
    pub(crate) caller: SessionKey,
    pub(crate) request: RequestRef,
    pub(crate) filter: SessionFilter,
    pub(crate) result: KillResult,
    pub(crate) goodbye: Goodbye,
    /// The place in the table of sessions that comes next.
    pub(crate) next: usize,
    pub(crate) killed: Killed,
}

#[derive(Debug, Default)]
pub(crate) struct Killed {
    pub(crate) count: usize,
    pub(crate) ids: NumberList,
}

impl KillJob {
    /// Bytes that it holds without the ids of the sessions that it has ended: few, before it has
    /// its first turn as a job.
    pub(crate) fn size(&self) -> usize {
        let Goodbye { details, reason } = &self.goodbye;
        let message = details.message.as_ref().map_or(0, |message| message.len());
        size_of::<Self>() + self.filter.size() + message + reason.as_str().len()
    }

    /// When all are ended, none is left to receive events: no meta events, no testaments.
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
