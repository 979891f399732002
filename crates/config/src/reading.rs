//! One reading of a configuration: where it comes from, and all that is noticed on the way.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::document::Mark;
use crate::env::{self, Environment};
use crate::fault::{ConfigFault, Faults, Warning, tamed};
use crate::names::Names;
use crate::place::Place;
use crate::settings::Settings;
use crate::source::Loaded;

/// The form of a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without `version`, or with version 1.
    Older,
    /// With version 2.
    Current,
}

/// One reading of a configuration file.
///
/// It is shared by everything that reads a part of the file, which is why it changes behind a
/// shared reference.
pub(crate) struct Reading<'e> {
    file: Arc<str>,
    directory: &'e Path,
    environment: &'e dyn Environment,
    form: Cell<Form>,
    faults: RefCell<Vec<ConfigFault>>,
    omitted: Cell<usize>,
    warnings: RefCell<Vec<Warning>>,
    /// The realms and roles that there are, and where they are referred to.
    pub(crate) names: RefCell<Names>,
}

impl<'e> Reading<'e> {
    pub(crate) fn new(file: &str, directory: &'e Path, environment: &'e dyn Environment) -> Self {
        Self {
            file: file.into(),
            directory,
            environment,
            form: Cell::new(Form::Current),
            faults: RefCell::default(),
            omitted: Cell::new(0),
            warnings: RefCell::default(),
            names: RefCell::default(),
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form.get()
    }

    pub(crate) fn set_form(&self, form: Form) {
        self.form.set(form);
    }

    pub(crate) fn place(&self, mark: Mark, path: &str) -> Place {
        Place {
            file: self.file.clone(),
            line: mark.line,
            column: mark.column,
            path: path.to_owned(),
        }
    }

    pub(crate) fn fault(&self, fault: ConfigFault) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < Faults::MAX {
            let message = tamed(&fault.message);
            let suggestion = fault.suggestion.as_deref().map(tamed);
            faults.push(ConfigFault { message, suggestion, ..fault });
        } else {
            self.omitted.set(self.omitted.get() + 1);
        }
    }

    /// Whether there is a fault so far.
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    /// Keeps a warning, as long as there are not more than anybody would read.
    pub(crate) fn warn(&self, place: Place, message: impl Into<String>) {
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < Faults::MAX {
            warnings.push(Warning { place, message: tamed(&message.into()) });
        }
    }

    /// A text with what it refers to taken in.
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

    /// What was read, if there was no fault, or else the faults, in the order of the file.
    pub(crate) fn finish(self, settings: Option<Settings>) -> Result<Loaded, Faults> {
        let order = |place: &Place| (place.line, place.column);
        let mut warnings = self.warnings.into_inner();
        warnings.sort_by_key(|warning| order(&warning.place));
        let mut faults = self.faults.into_inner();
        match settings {
            Some(settings) if faults.is_empty() => Ok(Loaded { settings, warnings }),
            _ => {
                faults.sort_by_key(|fault| order(&fault.place));
                Err(Faults { faults, omitted: self.omitted.get(), warnings })
            }
        }
    }
}
