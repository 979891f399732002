//! Secrets, which must not appear in logs.

use std::fmt;

/// A secret of a configuration. Its debug form is `***`; [`Secret::reveal`] returns the text.
///
/// Equality is not constant-time and serves tests. The secrets of peers are compared elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
