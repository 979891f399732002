//! The state of loading one configuration: its surroundings, and the faults found so far.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::document::Mark;
use crate::env::{self, Environment};
use crate::fault::{ConfigFault, Faults, Warning, sanitized};
use crate::location::SourceLocation;
use crate::names::NameRegistry;

/// The version of the format that a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormatVersion {
    /// Without `version`, or with version 1.
    V1,
    /// With version 2.
    V2,
}

/// The context of loading one configuration file.
///
/// The readers of all sections share it, so it changes behind a shared reference.
pub(crate) struct LoadContext<'e> {
    file: Arc<str>,
    directory: &'e Path,
    environment: &'e dyn Environment,
    format_version: Cell<FormatVersion>,
    faults: RefCell<Vec<ConfigFault>>,
    omitted: Cell<usize>,
    warnings: RefCell<Vec<Warning>>,
    /// The realms, roles and addresses that the file declares and refers to.
    pub(crate) names: RefCell<NameRegistry>,
}

impl<'e> LoadContext<'e> {
    pub(crate) fn new(file: &str, directory: &'e Path, environment: &'e dyn Environment) -> Self {
        Self {
            file: file.into(),
            directory,
            environment,
            format_version: Cell::new(FormatVersion::V2),
            faults: RefCell::default(),
            omitted: Cell::new(0),
            warnings: RefCell::default(),
            names: RefCell::default(),
        }
    }

    pub(crate) fn format_version(&self) -> FormatVersion {
        self.format_version.get()
    }

    pub(crate) fn set_format_version(&self, version: FormatVersion) {
        self.format_version.set(version);
    }

    pub(crate) fn location(&self, mark: Mark, path: &str) -> SourceLocation {
        SourceLocation {
            file: self.file.clone(),
            line: mark.line,
            column: mark.column,
            path: path.to_owned(),
        }
    }

    /// Records a fault, up to [`Faults::MAX`]; further ones are only counted.
    pub(crate) fn fault(&self, fault: ConfigFault) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < Faults::MAX {
            let message = sanitized(&fault.message);
            let suggestion = fault.suggestion.as_deref().map(sanitized);
            faults.push(ConfigFault { message, suggestion, ..fault });
        } else {
            self.omitted.set(self.omitted.get() + 1);
        }
    }

    /// Whether a fault has been recorded.
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    /// Records a warning, up to [`Faults::MAX`]; further ones are dropped.
    pub(crate) fn warn(&self, location: SourceLocation, message: impl Into<String>) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < Faults::MAX {
            warnings.push(Warning { location, message: sanitized(&message.into()) });
        }
    }

    /// Replaces the references `${…}` in a text by their values.
    ///
    /// # Errors
    /// A sentence about the first reference without a value.
    pub(crate) fn substitute(&self, text: &str) -> Result<String, String> {
        env::substitute(text, self.directory, self.environment)
    }

    pub(crate) fn environment(&self) -> &'e dyn Environment {
        self.environment
    }

    /// A path of the file, resolved against the node directory.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// The warnings if there was no fault, else the faults; both in the order of the file.
    pub(crate) fn finish(self) -> Result<Vec<Warning>, Faults> {
        let order = |location: &SourceLocation| (location.line, location.column);
        let mut warnings = self.warnings.into_inner();
        warnings.sort_by_key(|warning| order(&warning.location));
        let mut faults = self.faults.into_inner();
        if faults.is_empty() {
            return Ok(warnings);
        }
        faults.sort_by_key(|fault| order(&fault.location));
        Err(Faults { faults, omitted: self.omitted.get(), warnings })
    }
}
