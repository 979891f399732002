//! Type names that may be defined more than once.

/// A type name with several definitions, and why it has them.
#[derive(Debug)]
pub(crate) struct SharedName {
    /// The name of the types.
    pub(crate) name: &'static str,
    /// Why one name is right for all of them.
    pub(crate) reason: &'static str,
}

/// Names that are right in each of their places.
pub(crate) const SHARED_NAMES: &[SharedName] = &[
    SharedName {
        name: "Event",
        reason: "the message, and the event that the client library gives to an application",
    },
    SharedName {
        name: "Invocation",
        reason: "the message, and the invocation that the client library gives to a procedure",
    },
    SharedName {
        name: "Registration",
        reason: "the specification's noun: the router's record, and the client library's handle",
    },
    SharedName {
        name: "Session",
        reason: "the specification's noun: the router's record, and the client library's handle",
    },
    SharedName {
        name: "Subscription",
        reason: "the specification's noun: the router's record, and the client library's handle",
    },
];
