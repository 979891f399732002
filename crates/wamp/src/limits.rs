//! Limits on messages that do not come from the specification.

/// The maximum nesting of lists and maps in a message. Far above the nesting of application data,
/// and small enough that a reader's stack stays within a few hundred bytes.
pub const MAX_DEPTH: usize = 128;

/// The maximum number of entries of a list option (`exclude`, `eligible_authid` …). One-byte
/// entries grow twenty-fold in memory; this limits them to a few megabytes per message.
pub const MAX_LIST_OPTION_ENTRIES: usize = 16_384;

/// The maximum number of custom attributes (`_…`) of one message. Each new one is compared with all
/// others.
pub const MAX_CUSTOM_ATTRIBUTES: usize = 32;
