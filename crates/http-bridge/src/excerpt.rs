//! Excerpts of text that a peer has sent, for error texts and logs.

use compact_str::CompactString;

/// The longest excerpt, in characters: enough to recognize the text.
const MAX_EXCERPT: usize = 100;

/// The beginning of a peer's text. Invalid UTF-8 becomes U+FFFD.
pub(crate) fn excerpt(text: &[u8]) -> CompactString {
    String::from_utf8_lossy(text).chars().take(MAX_EXCERPT).collect()
}
