//! Text of a peer, shortened and made safe for logs and messages.

use std::fmt::{self, Write as _};

/// The first characters of a text that a peer has sent. Displaying it allocates nothing.
///
/// ```
/// use cloverleaf_wamp::excerpt::Excerpt;
///
/// assert_eq!(Excerpt::new("com.example", 3).to_string(), "com");
/// let line = Excerpt::new("one\ntwo three", 7).escape_controls().mark_cut();
/// assert_eq!(line.to_string(), r"one\ntwo…");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<'t> {
    text: &'t str,
    max_chars: usize,
    controls: Controls,
    marks_cut: bool,
}

/// How control characters are shown.
#[derive(Debug, Clone, Copy)]
enum Controls {
    Kept,
    Escaped,
    Replaced,
}

/// How many characters of a peer's text a log line shows.
const LOGGED_CHARS: usize = 200;

impl<'t> Excerpt<'t> {
    /// An excerpt for a log line: at most 200 characters on one line, marked if it was cut.
    pub const fn for_log(text: &'t str) -> Self {
        Self::new(text, LOGGED_CHARS).escape_controls().mark_cut()
    }

    /// The first `max_chars` characters of the text, unchanged.
    pub const fn new(text: &'t str, max_chars: usize) -> Self {
        Self { text, max_chars, controls: Controls::Kept, marks_cut: false }
    }

    /// Shows control characters as escapes, such as `\n`. For text that must stay on one line.
    #[must_use]
    pub const fn escape_controls(mut self) -> Self {
        self.controls = Controls::Escaped;
        self
    }

    /// Shows U+FFFD for each control character. For text that a terminal shows.
    #[must_use]
    pub const fn replace_controls(mut self) -> Self {
        self.controls = Controls::Replaced;
        self
    }

    /// Shows `…` after a text that was cut.
    #[must_use]
    pub const fn mark_cut(mut self) -> Self {
        self.marks_cut = true;
        self
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ends = self.text.char_indices().map(|(end, _)| end);
        let end = ends.nth(self.max_chars).unwrap_or(self.text.len());
        let shown = &self.text[..end];
        match self.controls {
            Controls::Kept => f.write_str(shown)?,
            Controls::Escaped | Controls::Replaced => {
                for piece in shown.split_inclusive(char::is_control) {
                    let plain = piece.trim_end_matches(char::is_control);
                    f.write_str(plain)?;
                    for control in piece[plain.len()..].chars() {
                        match self.controls {
                            Controls::Escaped => write!(f, "{}", control.escape_default())?,
                            _ => f.write_char(char::REPLACEMENT_CHARACTER)?,
                        }
                    }
                }
            }
        }
        if self.marks_cut && end < self.text.len() { f.write_char('…') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, LOGGED_CHARS};

    #[test]
    fn a_text_within_the_limit_is_shown_whole() {
        for text in ["", "abc", "äöü€"] {
            assert_eq!(Excerpt::new(text, 4).mark_cut().to_string(), text);
        }
    }

    #[test]
    fn a_longer_text_is_cut_after_a_character() {
        assert_eq!(Excerpt::new("äöü€!", 4).to_string(), "äöü€");
        assert_eq!(Excerpt::new("äöü€!", 4).mark_cut().to_string(), "äöü€…");
        assert_eq!(Excerpt::new("a", 0).mark_cut().to_string(), "…");
    }

    #[test]
    fn control_characters_count_as_one_character_each() {
        let text = "\n\u{1b}[1m\u{85}a";
        assert_eq!(Excerpt::new(text, 9).to_string(), text);
        let escaped = Excerpt::new(text, 6).escape_controls().mark_cut();
        assert_eq!(escaped.to_string(), r"\n\u{1b}[1m\u{85}…");
        let replaced = Excerpt::new(text, 6).replace_controls().mark_cut();
        assert_eq!(replaced.to_string(), "\u{fffd}\u{fffd}[1m\u{fffd}…");
    }

    #[test]
    fn text_of_a_peer_stays_on_its_line() {
        assert_eq!(
            Excerpt::for_log("a realm: »\n\u{1b}[31m«").to_string(),
            "a realm: »\\n\\u{1b}[31m«"
        );
        let long = "é".repeat(LOGGED_CHARS + 1);
        assert_eq!(Excerpt::for_log(&long).to_string(), format!("{}…", "é".repeat(LOGGED_CHARS)));
        let whole = "é".repeat(LOGGED_CHARS);
        assert_eq!(Excerpt::for_log(&whole).to_string(), whole);
    }
}
