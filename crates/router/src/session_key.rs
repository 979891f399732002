//! The key of a session.

use cloverleaf_wamp::ids::SessionId;

/// Names one session of one realm to the host. It stays harmless after the session has ended: the
/// place may be taken again, the id is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    pub(crate) place: u32,
    pub(crate) id: SessionId,
}

impl SessionKey {
    /// A key for tests of single parts.
    #[doc(hidden)]
    pub const fn of_tests(id: SessionId) -> Self {
        Self { place: 0, id }
    }

    /// The session's id on the wire.
    pub const fn id(self) -> SessionId {
        self.id
    }
}
