//! Positions in a configuration file.

use std::fmt;
use std::sync::Arc;

/// The position of a value in a configuration file, for messages.
///
/// Displayed as `config.json:14:21: workers[0].transports[1].type`, or as `config.json` for the
/// file as a whole, which may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLocation {
    /// The name of the file, as it was given.
    pub file: Arc<str>,
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// The path from the root of the file, such as `workers[0].type`; empty for the root itself.
    pub path: String,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file)?,
            line => write!(f, "{}:{line}:{}", self.file, self.column)?,
        }
        if self.path.is_empty() { Ok(()) } else { write!(f, ": {}", self.path) }
    }
}
