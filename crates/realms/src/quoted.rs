//! Text of peers as the log shows it.

use std::fmt::{self, Write as _};

/// The most characters of a peer's text that one line repeats; enough to recognize it.
const MAX_QUOTED_CHARS: usize = 200;

/// Text of a peer as the log shows it: on one line, without control characters, not all of it.
#[derive(Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(MAX_QUOTED_CHARS) {
            match c.is_control() {
                true => write!(f, "{}", c.escape_default())?,
                false => f.write_char(c)?,
            }
        }
        if chars.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_QUOTED_CHARS, Quoted};

    #[test]
    fn text_of_a_peer_stays_on_its_line() {
        assert_eq!(Quoted("a realm: »\n\u{1b}[31m«").to_string(), "a realm: »\\n\\u{1b}[31m«");
        let long = "é".repeat(MAX_QUOTED_CHARS + 1);
        assert_eq!(Quoted(&long).to_string(), format!("{}…", "é".repeat(MAX_QUOTED_CHARS)));
        let whole = "é".repeat(MAX_QUOTED_CHARS);
        assert_eq!(Quoted(&whole).to_string(), whole);
    }
}
