//! Requests for records, and their progress.

use std::fmt;
use std::ops::{ControlFlow, Range};

/// A request for records.
pub trait ReadRequest: Send {
    /// The places of the requested records within `all`; `None` if there are none. `place` returns
    /// the place of a record by its id.
    fn places(
        &self,
        all: Range<u64>,
        place: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Option<Range<u64>>;

    /// Whether the newest record is visited first.
    fn is_reverse(&self) -> bool;

    /// Whether the requester still waits for the answer.
    fn is_wanted(&self) -> bool;

    /// Visits a record. `Break` ends the request.
    fn visit(&mut self, record: &[u8]) -> ControlFlow<()>;

    /// Ends the request: all records have been visited, or they can't be read. The text of an error
    /// may be sent to clients.
    fn finish(self: Box<Self>, outcome: Result<(), &str>);
}

/// A request in progress.
pub(crate) struct ReadJob {
    pub(crate) history: usize,
    pub(crate) request: Box<dyn ReadRequest>,
    /// Number of the last record that was appended before it. The request waits until that one is
    /// written.
    pub(crate) after: u64,
    /// The places that are left; `None` before it begins.
    pub(crate) places: Option<Range<u64>>,
}

impl ReadJob {
    pub(crate) const fn new(history: usize, request: Box<dyn ReadRequest>, after: u64) -> Self {
        Self { history, request, after, places: None }
    }
}

impl fmt::Debug for ReadJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadJob").field("places", &self.places).finish_non_exhaustive()
    }
}
