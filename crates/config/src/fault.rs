//! Faults of a configuration, which prevent a start, and warnings, which do not.
//!
//! Neither copies lines of the file, so that secrets in it do not end up in logs.

use std::error::Error;
use std::fmt;

use cloverleaf_wamp::excerpt::Excerpt;

use crate::location::SourceLocation;

/// A fault: the configuration is invalid because of it.
///
/// Displayed as one sentence with its location:
/// `config.json:14:21: workers[0].typ: unknown key 'typ' in a worker; did you mean 'type'?`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The position of the faulty value.
    pub location: SourceLocation,
    /// What was found there.
    pub message: String,
    /// What was expected instead, if that can be said.
    pub expected: Option<String>,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
    /// The short name, such as `tls`, of a feature of Crossbar.io that the configuration asks for
    /// and that this version does not have.
    pub unsupported_feature: Option<&'static str>,
}

impl ConfigFault {
    /// A fault with only a location and a message.
    pub(crate) fn new(location: SourceLocation, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { location, message, expected: None, suggestion: None, unsupported_feature: None }
    }
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
    /// The number of further faults, which were not kept.
    pub omitted: usize,
    /// The warnings, in the order of the file.
    pub warnings: Vec<Warning>,
}

impl Faults {
    /// The most faults that are kept: more than an operator fixes in one go.
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

/// A part of a valid configuration that its author should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The position of the value.
    pub location: SourceLocation,
    /// The text of the warning.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

/// The longest part of the file that a message repeats, in characters.
const MAX_EXCERPT: usize = 60;

/// The longest message, in characters. Longer ones contain text from outside of the file.
const MAX_MESSAGE: usize = 500;

/// A part of the file as a message repeats it: cut, and without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    cut(text, MAX_EXCERPT)
}

/// A message without control characters, which a terminal would act on.
pub(crate) fn sanitized(message: &str) -> String {
    cut(message, MAX_MESSAGE)
}

/// The first `length` characters of a text, with control characters replaced.
fn cut(text: &str, length: usize) -> String {
    Excerpt::new(text, length).replace_controls().mark_cut().to_string()
}
