//! Changes of registrations and subscriptions, for meta events.

use crate::session_key::SessionKey;

/// One change of a registration or subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryChange<Id> {
    /// The entry was created.
    Created(Id),
    /// A session joined it.
    Joined(Id),
    /// A session left it.
    Left(Id, SessionKey),
    /// Its last session left, so that the entry was deleted.
    Deleted(Id, SessionKey),
}
