//! The policy for slow consumers.

use crate::section::Section;

/// What happens to events for a peer that reads more slowly than the router writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowConsumerPolicy {
    /// `drop-events`: they are dropped.
    #[default]
    DropEvents,
    /// `disconnect`: the session ends.
    Disconnect,
    /// `block-publisher`: the router reads nothing from the publisher until there is room.
    BlockPublisher,
}

/// Reads the key `slow_consumer` of a transport or role.
pub(crate) fn slow_consumer(section: &mut Section<'_>) -> Option<SlowConsumerPolicy> {
    let policies = [
        ("drop-events", SlowConsumerPolicy::DropEvents),
        ("disconnect", SlowConsumerPolicy::Disconnect),
        ("block-publisher", SlowConsumerPolicy::BlockPublisher),
    ];
    section.optional("slow_consumer")?.choice("policy for slow consumers", &policies, &[])
}
