//! References from an ERROR to the request that it answers.

use std::fmt;

use super::code;
use crate::ids::RequestId;

/// The type of the request that an ERROR answers: its second element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// PUBLISH
    Publish,
    /// SUBSCRIBE
    Subscribe,
    /// UNSUBSCRIBE
    Unsubscribe,
    /// CALL
    Call,
    /// REGISTER
    Register,
    /// UNREGISTER
    Unregister,
    /// CANCEL
    Cancel,
}

impl RequestKind {
    const ALL: [Self; 7] = [
        Self::Publish,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Call,
        Self::Register,
        Self::Unregister,
        Self::Cancel,
    ];

    /// The message type of the request.
    pub const fn code(self) -> u64 {
        match self {
            Self::Publish => code::PUBLISH,
            Self::Subscribe => code::SUBSCRIBE,
            Self::Unsubscribe => code::UNSUBSCRIBE,
            Self::Call => code::CALL,
            Self::Register => code::REGISTER,
            Self::Unregister => code::UNREGISTER,
            Self::Cancel => code::CANCEL,
        }
    }

    /// The request type with this code.
    pub(crate) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Identifies one request of one client. Only requests create it, so an answer always has the right
/// type and id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestRef {
    kind: RequestKind,
    id: RequestId,
}

impl RequestRef {
    pub(crate) const fn new(kind: RequestKind, id: RequestId) -> Self {
        Self { kind, id }
    }

    /// The type of the request.
    pub const fn kind(self) -> RequestKind {
        self.kind
    }

    /// The request id.
    pub const fn id(self) -> RequestId {
        self.id
    }
}

impl fmt::Debug for RequestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.id)
    }
}
