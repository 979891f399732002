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

/// Reads the policy of a transport.
pub(crate) fn slow_consumer(
    section: &mut Section<'_>,
    key: &'static str,
    default: SlowConsumerPolicy,
) -> SlowConsumerPolicy {
    optional_slow_consumer(section, key).unwrap_or(default)
}

/// Reads the policy of a role.
pub(crate) fn optional_slow_consumer(
    section: &mut Section<'_>,
    key: &'static str,
) -> Option<SlowConsumerPolicy> {
    let policies = [
        ("drop-events", SlowConsumerPolicy::DropEvents),
        ("disconnect", SlowConsumerPolicy::Disconnect),
        ("block-publisher", SlowConsumerPolicy::BlockPublisher),
    ];
    section.optional(key)?.choice("policy for slow consumers", &policies, &[])
}
