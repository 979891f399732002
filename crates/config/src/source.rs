//! Configuration files: where they are, which format they have, and reading them whole.

use std::io;
use std::path::{Path, PathBuf};

use crate::document::{self, Entry, Mark, Node, SyntaxFault};
use crate::env::{Environment, MAX_CONFIG_BYTES};
use crate::fault::{ConfigFault, Faults, Warning, shortened};
use crate::field::Field;
use crate::load_context::LoadContext;
use crate::schema;
use crate::settings::Settings;

/// What a configuration says, and what its author should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What the node is to do.
    pub settings: Settings,
    /// What there is to know, in the order of the file.
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
    /// The format that a file's name tells.
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

/// The folder for the node directory inside of an application's directory.
const NODE_FOLDER: &str = ".crossbar";

/// The configuration file of a node directory, or of the `.crossbar` folder in it. As with
/// Crossbar.io, `config.yaml` comes before `config.json`.
pub fn find(directory: &Path) -> Option<PathBuf> {
    [directory.to_owned(), directory.join(NODE_FOLDER)]
        .iter()
        .flat_map(|directory| FILE_NAMES.map(|name| directory.join(name)))
        .find(|path| path.is_file())
}

/// Reads a configuration file whose own directory is the node directory.
///
/// # Errors
/// All faults of the configuration; a file that cannot be read is one.
pub fn load(path: &Path, environment: &dyn Environment) -> Result<Loaded, Faults> {
    load_for(path, path.parent().unwrap_or_else(|| Path::new("")), environment)
}

/// Reads a configuration file for a node directory, against which its relative paths are
/// resolved.
///
/// # Errors
/// All faults of the configuration; a file that cannot be read is one.
pub fn load_for(
    path: &Path,
    directory: &Path,
    environment: &dyn Environment,
) -> Result<Loaded, Faults> {
    let name = path.display().to_string();
    let unreadable = |message: String, expected: Option<&str>| {
        let location = LoadContext::new(&name, directory, environment).location(Mark::WHOLE, "");
        let expected = expected.map(str::to_owned);
        let fault = ConfigFault {
            location,
            message,
            expected,
            suggestion: None,
            unsupported_feature: None,
        };
        Faults { faults: vec![fault], omitted: 0, warnings: Vec::new() }
    };
    let format = FileFormat::of(path).ok_or_else(|| {
        let message = "the name tells no format of a configuration".to_owned();
        unreadable(message, Some("a name that ends in .json, .yaml or .yml"))
    })?;
    let text = environment
        .read_file(path, MAX_CONFIG_BYTES)
        .map_err(|error| unreadable(cannot_be_read(&error), None))?;
    parse(&text, format, &name, directory, environment)
}

/// Reads the text of a configuration. The file's name is for messages.
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
    let mut root = match format {
        FileFormat::Json => document::json::parse(text),
        FileFormat::Yaml => document::yaml::parse(text),
    };
    let settings = match &mut root {
        Ok(root) => read(root, directory, &context),
        Err(fault) => {
            report_syntax(fault, &context);
            None
        }
    };
    context.finish(settings)
}

/// Why there is no text of a configuration file.
fn cannot_be_read(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => {
            "this is a directory: name a file in it, or give it with --cbdir".to_owned()
        }
        _ => format!("the file cannot be read: {error}"),
    }
}

fn read(root: &mut Node, directory: &Path, context: &LoadContext<'_>) -> Option<Settings> {
    document::repeated_keys(root, "", &mut |path, entry, first| {
        warn_of_repeated(path, entry, first, context);
    });
    document::drop_repeated_keys(root);
    let root = Field { context, node: root, path: String::new() };
    let settings = schema::settings(&root, directory);
    context.names.take().finish(context);
    settings
}

fn report_syntax(fault: &SyntaxFault, context: &LoadContext<'_>) {
    context.fault(ConfigFault {
        location: context.location(fault.mark, ""),
        message: fault.message.clone(),
        expected: None,
        suggestion: None,
        unsupported_feature: None,
    });
}

fn warn_of_repeated(path: &str, entry: &Entry, first: Mark, context: &LoadContext<'_>) {
    let key = shortened(&entry.key);
    let message = format!(
        "the key '{key}' is there twice, first in line {}: only the last one counts",
        first.line
    );
    context.warn(context.location(entry.mark, path), message);
}
