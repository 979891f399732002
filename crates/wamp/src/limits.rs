//! Limits on messages that do not come from the specification.

/// The deepest nesting of lists and maps in a message. Above what any application writes by hand,
/// and small enough that the stack of a reader stays a few hundred bytes.
pub const MAX_DEPTH: usize = 128;

/// The most entries of a list option (`exclude`, `eligible_authid` …). A list of one-byte entries
/// grows twenty-fold in memory; this bounds it to a few megabytes a message.
pub const MAX_LIST_OPTION_ENTRIES: usize = 16_384;

/// The most custom attributes (`_…`) of one message. They are compared with each other, one by one.
pub const MAX_CUSTOM_ATTRIBUTES: usize = 32;
