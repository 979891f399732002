//! Excerpts of text that a peer has sent, for error texts and logs.

use cloverleaf_wamp::excerpt::Excerpt;
use compact_str::{CompactString, ToCompactString};

/// The longest excerpt, in characters: enough to recognize the text.
const MAX_EXCERPT: usize = 100;

/// The beginning of a peer's text. Invalid UTF-8 becomes U+FFFD.
pub(crate) fn excerpt(text: &[u8]) -> CompactString {
    Excerpt::new(&String::from_utf8_lossy(text), MAX_EXCERPT).to_compact_string()
}

#[cfg(test)]
mod tests {
    use super::{MAX_EXCERPT, excerpt};

    #[test]
    fn excerpt_is_cut_without_a_mark_and_keeps_control_characters() {
        assert_eq!(excerpt(b"a\n\xff\x1b"), "a\n\u{fffd}\u{1b}");
        let long = "\u{e9}".repeat(MAX_EXCERPT + 1);
        assert_eq!(excerpt(long.as_bytes()), "\u{e9}".repeat(MAX_EXCERPT));
        assert_eq!(excerpt(&[0xff; 2 * MAX_EXCERPT]), "\u{fffd}".repeat(MAX_EXCERPT));
    }
}
