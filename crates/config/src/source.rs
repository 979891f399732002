//! Configuration files: finding one, its format, and loading it.

use std::io;
use std::path::{Path, PathBuf};

use crate::document::{self, DocumentNode, Entry, Mark};
use crate::env::{Environment, MAX_CONFIG_BYTES};
use crate::fault::{ConfigFault, Faults, Warning, excerpt};
use crate::field::Field;
use crate::load_context::LoadContext;
use crate::sections::node;
use crate::settings::Settings;

/// A valid configuration, with its warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings of the node.
    pub settings: Settings,
    /// The warnings, in the order of the file.
    pub warnings: Vec<Warning>,
}

/// The format of a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// JSON (RFC 8259)
    Json,
    /// YAML 1.2
    Yaml,
}

impl FileFormat {
    /// The format that the extension of a file's name stands for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// The names of configuration files, in the order in which they are searched.
const FILE_NAMES: [&str; 2] = ["config.yaml", "config.json"];

/// The folder in an application's directory that is the node directory.
const NODE_FOLDER: &str = ".crossbar";

/// The configuration file in a node directory, or else in its folder `.crossbar`. As with
/// Crossbar.io, `config.yaml` comes before `config.json`.
pub fn find(directory: &Path) -> Option<PathBuf> {
    [directory.to_owned(), directory.join(NODE_FOLDER)]
        .iter()
        .flat_map(|directory| FILE_NAMES.map(|name| directory.join(name)))
        .find(|path| path.is_file())
}

/// Loads a configuration file whose own directory is the node directory.
///
/// # Errors
/// All faults of the configuration. A file that cannot be read is one fault.
pub fn load(path: &Path, environment: &dyn Environment) -> Result<Loaded, Faults> {
    load_for(path, path.parent().unwrap_or_else(|| Path::new("")), environment)
}

/// Loads a configuration file. Its relative paths are resolved against `directory`, the node
/// directory.
///
/// # Errors
/// All faults of the configuration. A file that cannot be read is one fault.
pub fn load_for(
    path: &Path,
    directory: &Path,
    environment: &dyn Environment,
) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let unreadable = |message: String, expected: Option<&str>| {
        let location = LoadContext::new(&name, directory, environment).location(Mark::WHOLE, "");
        let expected = expected.map(str::to_owned);
        let fault = ConfigFault { expected, ..ConfigFault::new(location, message) };
        Faults { faults: vec![fault], omitted: 0, warnings: Vec::new() }
    };
    let format = FileFormat::of(path).ok_or_else(|| {
        let message = "the file name has no known extension".to_owned();
        unreadable(message, Some("a name that ends in .json, .yaml or .yml"))
    })?;
    let text = environment
        .read_file(path, MAX_CONFIG_BYTES)
        .map_err(|error| unreadable(read_failure(&error), None))?;
    parse(&text, format, &name, directory, environment)
}

/// Loads the text of a configuration. `file` is its name in messages.
///
/// # Errors
/// All faults of the configuration.
pub fn parse(
    text: &str,
    format: FileFormat,
    file: &str,
    directory: &Path,
    environment: &dyn Environment,
) -> Result<Loaded, Faults> {
    let context = LoadContext::new(file, directory, environment);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = match format {
        FileFormat::Json => document::json::parse(text),
        FileFormat::Yaml => document::yaml::parse(text),
    };
    let settings = match root {
        Ok(root) => read(root, directory, &context),
        Err(fault) => {
            let location = context.location(fault.mark, "");
            context.fault(ConfigFault::new(location, fault.message));
            None
        }
    };
    let whole_file = context.location(Mark::WHOLE, "");
    let warnings = context.finish()?;
    match settings {
        Some(settings) => Ok(Loaded { settings, warnings }),
        None => {
            let fault = ConfigFault::new(whole_file, "the configuration cannot be read");
            Err(Faults { faults: vec![fault], omitted: 0, warnings })
        }
    }
}

/// The message for a configuration file that cannot be read.
fn read_failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => {
            "this is a directory: name a file in it, or give it with --cbdir".to_owned()
        }
        _ => format!("the file cannot be read: {error}"),
    }
}

fn read(mut root: DocumentNode, directory: &Path, context: &LoadContext<'_>) -> Option<Settings> {
    document::repeated_keys(&root, "", &mut |path, entry, first| {
        warn_of_repeated_key(path, entry, first, context);
    });
    document::drop_repeated_keys(&mut root);
    let root = Field { context, node: &root, path: String::new() };
    let settings = node::read(&root, directory);
    context.names.take().finish().into_iter().for_each(|fault| context.fault(fault));
    settings
}

fn warn_of_repeated_key(path: &str, entry: &Entry, first: Mark, context: &LoadContext<'_>) {
    let key = excerpt(&entry.key);
    let message = format!(
        "the key '{key}' is there twice, first in line {}: only the last one counts",
        first.line
    );
    context.warn(context.location(entry.mark, path), message);
}
