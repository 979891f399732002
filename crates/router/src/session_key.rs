//! Keys of sessions.

use cloverleaf_wamp::ids::SessionId;

/// Identifies one session of one realm to the host. The key stays harmless after the session has
/// ended: its place may be taken again, its id is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    pub(crate) place: u32,
    pub(crate) id: SessionId,
}

impl SessionKey {
    /// A key for unit tests.
    #[doc(hidden)]
    pub const fn of_tests(id: SessionId) -> Self {
        Self { place: 0, id }
    }

    /// The session's id on the wire.
    pub const fn id(self) -> SessionId {
        self.id
    }
}
