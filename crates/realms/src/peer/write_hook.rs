//! The work of a session at each write of its connection.

use super::cut_results::CutResults;
use crate::meter::Meter;

/// Exists while a session waits for its WELCOME to be written, has a meter, or has calls whose
/// results were cut. Without it, writes do not involve the session.
#[derive(Debug, Default)]
pub(super) struct WriteHook {
    /// The WELCOME of the session has not been written.
    pub(super) awaits_welcome: bool,
    /// Counts what the session receives and sends, if its realm publishes that.
    pub(super) meter: Option<Box<Meter>>,
    /// Calls whose results could not be sent completely.
    pub(super) cut_results: CutResults,
}

impl WriteHook {
    /// Whether the hook has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        !self.awaits_welcome && self.meter.is_none() && self.cut_results.is_empty()
    }
}
