//! What has changed in a registration or subscription, for the meta API.

use crate::session_key::SessionKey;

/// One step of the life of a registration or subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change<Id> {
    /// The first session has come.
    Created(Id),
    /// A session has come.
    Joined(Id),
    /// A session has gone.
    Left(Id, SessionKey),
    /// The last session has gone.
    Deleted(Id, SessionKey),
}
