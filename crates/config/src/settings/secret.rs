//! A string that must not be seen in logs.

use std::fmt;

/// A secret from a configuration. It prints as `***`, and [`Secret::reveal`] gives it out.
///
/// Equality is for tests; secrets of peers are compared in constant time elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a string secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret in clear.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
