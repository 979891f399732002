//! The ids of the protocol, one type per scope.
//!
//! Ids are integers from 1 to 2^53 (basic profile, "IDs"). The types keep a caller's request id
//! apart from a callee's. This crate has no random numbers: random bits are an argument.
//!
//! [`RequestId`] also allows 0, the first number of clients of the specification's early drafts.

use std::fmt;
use std::num::NonZeroU64;

use crate::heap_size::HeapSize;

/// The largest id, inclusive: 2^53, the largest integer that every JSON reader represents exactly.
pub const MAX_ID: u64 = 1 << 53;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id with this number. `None` outside 1..=2^53.
            pub const fn new(number: u64) -> Option<Self> {
                if number > MAX_ID {
                    return None;
                }
                match NonZeroU64::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// An id from 64 random bits: uniform over 1..=2^53.
            pub const fn from_random(bits: u64) -> Self {
                match NonZeroU64::new((bits & (MAX_ID - 1)) + 1) {
                    Some(number) => Self(number),
                    None => Self(NonZeroU64::MIN),
                }
            }

            /// The number on the wire.
            pub const fn number(self) -> u64 {
                self.0.get()
            }
        }

        id_traits!($name);
    };
}

/// Implements display and conversion of an id.
macro_rules! id_traits {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl HeapSize for $name {
            fn heap_size(&self) -> usize {
                0
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> u64 {
                id.number()
            }
        }
    };
}

id! {
    /// A session. Global scope, random.
    SessionId
}
impl SessionId {
    /// Whether the number is no id when it is read in the wrong byte order, so that the peer
    /// notices its mistake. True for all but one of two thousand ids.
    pub const fn shows_byte_order(self) -> bool {
        let turned = self.number().swap_bytes();
        turned > MAX_ID
    }
}

id! {
    /// A publication. Global scope, random.
    PublicationId
}
id! {
    /// A subscription. Router scope.
    SubscriptionId
}
id! {
    /// A registration. Router scope.
    RegistrationId
}
/// A request from a client to the router. Session scope, counted by the client from 1.
///
/// Clients of the specification's early drafts count from 0. The router answers such requests
/// unless it requires consecutive numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The id with this number. `None` above 2^53.
    pub const fn new(number: u64) -> Option<Self> {
        if number > MAX_ID { None } else { Some(Self(number)) }
    }

    /// An id from 64 random bits: uniform over 1..=2^53.
    pub const fn from_random(bits: u64) -> Self {
        Self((bits & (MAX_ID - 1)) + 1)
    }

    /// The number on the wire.
    pub const fn number(self) -> u64 {
        self.0
    }
}

id_traits!(RequestId);

id! {
    /// An INVOCATION from the router to a callee. Session scope, counted by the router for each
    /// callee session.
    InvocationId
}

/// The ids of one direction of one session: 1, 2, 3 … 2^53, 1 (basic profile, "IDs").
#[derive(Clone, Debug, Default)]
pub struct IdSequence {
    last: u64,
}

impl IdSequence {
    /// A sequence whose first number is 1.
    pub const fn new() -> Self {
        Self { last: 0 }
    }

    /// The next request id of a client.
    pub fn next_request(&mut self) -> RequestId {
        RequestId(self.advance().get())
    }

    /// The next invocation id of the router towards one callee.
    pub fn next_invocation(&mut self) -> InvocationId {
        InvocationId(self.advance())
    }

    /// The next registration id of a router.
    pub fn next_registration(&mut self) -> RegistrationId {
        RegistrationId(self.advance())
    }

    /// The next subscription id of a router.
    pub fn next_subscription(&mut self) -> SubscriptionId {
        SubscriptionId(self.advance())
    }

    /// The last number, 0 before the first.
    pub const fn last(&self) -> u64 {
        self.last
    }

    fn advance(&mut self) -> NonZeroU64 {
        self.last = if self.last == MAX_ID { 1 } else { self.last + 1 };
        NonZeroU64::new(self.last).unwrap_or(NonZeroU64::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::{IdSequence, InvocationId, MAX_ID, RequestId, SessionId};

    #[test]
    fn an_id_is_between_one_and_two_to_the_53rd() {
        assert_eq!(InvocationId::new(0), None);
        assert_eq!(InvocationId::new(1).map(u64::from), Some(1));
        assert_eq!(InvocationId::new(MAX_ID).map(u64::from), Some(MAX_ID));
        assert_eq!(InvocationId::new(MAX_ID + 1), None);
    }

    #[test]
    fn a_request_may_have_the_number_0() {
        assert_eq!(RequestId::new(0).map(u64::from), Some(0));
        assert_eq!(RequestId::new(1).map(u64::from), Some(1));
        assert_eq!(RequestId::new(MAX_ID).map(u64::from), Some(MAX_ID));
        assert_eq!(RequestId::new(MAX_ID + 1), None);
        assert_eq!(RequestId::new(0).unwrap().to_string(), "0");
    }

    #[test]
    fn random_bits_reach_both_ends_of_the_range() {
        assert_eq!(SessionId::from_random(0).number(), 1);
        assert_eq!(SessionId::from_random(u64::MAX).number(), MAX_ID);
        assert_eq!(RequestId::from_random(0).number(), 1);
        assert_eq!(RequestId::from_random(u64::MAX).number(), MAX_ID);
    }

    #[test]
    fn most_session_ids_are_invalid_in_reverse_byte_order() {
        let shows = |number| SessionId::new(number).unwrap().shows_byte_order();
        assert!(shows(1) && shows(255));
        assert!(shows(0x0012_3456_789a_bcde));
        assert!(!shows(256), "2^48");
        assert!(!shows(0x0012_3456_789a_1f00), "0x001f_9a78_5634_1200");
        assert!(shows(0x0012_3456_789a_2000), "0x0020_9a78_5634_1200, beyond 2^53");
        assert!(!shows(MAX_ID), "8192");
    }

    #[test]
    fn a_sequence_counts_from_one_and_wraps() {
        let mut sequence = IdSequence::new();
        assert_eq!(sequence.next_request().number(), 1);
        assert_eq!(sequence.next_request().number(), 2);
        let mut at_the_end = IdSequence { last: MAX_ID };
        assert_eq!(at_the_end.next_request().number(), 1);
    }
}
