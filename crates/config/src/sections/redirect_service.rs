//! Redirect services: a redirection to a URL.

use super::ids::TYPE_AND_ID;
use crate::section::{Section, SectionKeys};

pub(crate) static REDIRECT_SERVICE: SectionKeys =
    SectionKeys::closed("a redirect service", &[URL]).with(&[TYPE_AND_ID]);

const URL: &str = "url";

/// Reads a redirect service: its URL.
pub(crate) fn service(mut section: Section<'_>) -> Option<String> {
    section.narrow(&REDIRECT_SERVICE);
    let field = section.required(URL);
    section.finish();
    let field = field?;
    let url = field.non_empty_text()?;
    // A line break would end the header field.
    if url.chars().all(|c| c.is_ascii_graphic()) {
        Some(url)
    } else {
        field.expected("a URL of printable ASCII characters without spaces")
    }
}
