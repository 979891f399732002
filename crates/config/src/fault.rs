//! What a configuration may be blamed for, and what is only worth a word.
//!
//! Faults never copy lines of the file, so that secrets in it don't end up in logs.

use std::error::Error;
use std::fmt;

use crate::location::SourceLocation;

/// Something in a configuration that keeps it from being valid.
///
/// Displayed as one sentence with its place:
/// `config.json:14:21: workers[0].typ: unknown key 'typ' in a worker; did you mean 'type'?`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Where it stands.
    pub location: SourceLocation,
    /// What was found there.
    pub message: String,
    /// What was expected, where that can be said.
    pub expected: Option<String>,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
    /// The short name of the feature of Crossbar.io that is asked for and that this version does
    /// not have, such as `tls`.
    pub unsupported_feature: Option<&'static str>,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean '{suggestion}'?"),
            None => Ok(()),
        }
    }
}

/// All faults of a configuration, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The faults; never empty.
    pub faults: Vec<ConfigFault>,
    /// How many more there are that were not kept.
    pub omitted: usize,
    /// What else there is to know, in the order of the file.
    pub warnings: Vec<Warning>,
}

impl Faults {
    /// The most faults that are kept. Whoever sees as many has enough to do.
    pub const MAX: usize = 100;
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let line_break = if number == 0 { "" } else { "\n" };
            write!(f, "{line_break}{fault}")?;
        }
        match self.omitted {
            0 => Ok(()),
            omitted => write!(f, "\nand {omitted} more"),
        }
    }
}

impl Error for Faults {}

/// Something in a valid configuration that its author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub location: SourceLocation,
    /// What there is to know.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

/// The longest part of the file that a message repeats, in characters.
const MAX_REPEATED: usize = 60;

/// The longest message, in characters. What is longer came from outside of the file.
const MAX_MESSAGE: usize = 500;

/// A part of the file as a message repeats it.
pub(crate) fn shortened(text: &str) -> String {
    cut(text, MAX_REPEATED)
}

/// A message without what a terminal would obey.
pub(crate) fn sanitized(message: &str) -> String {
    cut(message, MAX_MESSAGE)
}

/// A text without control characters, cut where it becomes too long.
fn cut(text: &str, length: usize) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = text.chars().take(length).map(plain).collect();
    if text.chars().nth(length).is_some() {
        short.push('…');
    }
    short
}
