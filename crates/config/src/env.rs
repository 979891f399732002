//! The environment of a configuration: variables, other files, and checks of the paths, users and
//! classes that the configuration names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest configuration, in bytes. Real configurations are a thousand times smaller.
pub const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// The longest file that `${file:…}` includes, in bytes: enough for keys and certificates.
const MAX_INCLUDED_BYTES: u64 = 64 * 1024;

/// The owner of a file. Users and groups are given by name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOwner {
    /// The user; none leaves it unchanged.
    pub user: Option<String>,
    /// The group; none leaves it unchanged.
    pub group: Option<String>,
}

/// The parts of the machine that loading a configuration may access. Nothing is changed.
pub trait Environment {
    /// The value of an environment variable, if it is set.
    fn variable(&self, name: &str) -> Option<String>;

    /// Reads a text file.
    ///
    /// # Errors
    /// The file cannot be read, is not UTF-8, or is longer than `limit` bytes.
    fn read_file(&self, path: &Path, limit: u64) -> io::Result<String>;

    /// Whether `path` is a directory.
    fn is_directory(&self, path: &Path) -> bool;

    /// The classes of components that the program has; none if every class is accepted.
    fn component_classes(&self) -> Option<Vec<String>> {
        None
    }

    /// Checks whether the program could listen on the Unix socket `path`, without creating it.
    /// Returns the canonical path, which is the same for every spelling of the file.
    ///
    /// # Errors
    /// A sentence about a permanent obstacle, such as another file at this path.
    fn check_socket(&self, path: &Path) -> Result<PathBuf, String> {
        Ok(path.to_owned())
    }

    /// Checks whether the system knows the user and group of a file owner.
    ///
    /// # Errors
    /// A sentence that names the unknown user or group.
    fn check_owner(&self, _owner: &FileOwner) -> Result<(), String> {
        Ok(())
    }

    /// Checks whether the program could open or create the file of a store, without creating it.
    /// Returns the canonical path, which is the same for every spelling of the file.
    ///
    /// # Errors
    /// A sentence about the obstacle.
    fn check_store(&self, path: &Path) -> Result<PathBuf, String> {
        Ok(path.to_owned())
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &Path, limit: u64) -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(limit.saturating_add(1)).read_to_string(&mut text)?;
        if u64::try_from(text.len()).is_ok_and(|length| length <= limit) {
            Ok(text)
        } else {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")))
        }
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

/// Whether a text contains references `${…}`.
pub(crate) fn has_references(text: &str) -> bool {
    text.contains("${")
}

/// Replaces `${NAME}`, `${NAME:-default}` and `${file:path}` by their values, and `$${` by a plain
/// `${`. References in the values are not replaced.
///
/// # Errors
/// A sentence about the first reference without a value.
pub(crate) fn substitute(
    text: &str,
    directory: &Path,
    environment: &dyn Environment,
) -> Result<String, String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            whole.push_str(before);
            whole.push_str("${");
            rest = reference;
            continue;
        }
        let Some((reference, after)) = reference.split_once('}') else {
            return Err("'${' without '}' (a plain '${' is written '$${')".to_owned());
        };
        whole.push_str(before);
        whole.push_str(&resolve(reference, directory, environment)?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

/// The value of the reference `${reference}`.
fn resolve(
    reference: &str,
    directory: &Path,
    environment: &dyn Environment,
) -> Result<String, String> {
    if let Some(path) = reference.strip_prefix("file:") {
        return include(&directory.join(path), environment);
    }
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    if !is_name(name) {
        return Err(format!("'{name}' is no name of an environment variable"));
    }
    // As in a shell, the default of `:-` also replaces an empty value.
    match (environment.variable(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => variable(name, environment),
    }
}

/// The text of another file, without the line breaks at its end.
fn include(path: &Path, environment: &dyn Environment) -> Result<String, String> {
    let text = environment
        .read_file(path, MAX_INCLUDED_BYTES)
        .map_err(|error| format!("the file '{}' cannot be read: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Replaces each `$NAME` by the value of the variable, as Crossbar.io does in paths of sockets.
/// Other dollar signs are kept.
///
/// # Errors
/// A sentence about the first variable that is not set.
pub(crate) fn expand(text: &str, environment: &dyn Environment) -> Result<String, String> {
    let mut parts = text.split('$');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        let (name, after) = part.split_at(end.unwrap_or(part.len()));
        if is_name(name) {
            whole.push_str(&variable(name, environment)?);
        } else {
            whole.push('$');
            whole.push_str(name);
        }
        whole.push_str(after);
    }
    Ok(whole)
}

/// The value of a required variable.
///
/// # Errors
/// A sentence if it is not set.
pub(crate) fn variable(name: &str, environment: &dyn Environment) -> Result<String, String> {
    let value = environment.variable(name);
    value.ok_or_else(|| format!("the environment variable '{name}' is not set"))
}

/// The name in `$NAME`, if the text is nothing else.
pub(crate) fn bare_name(text: &str) -> Option<&str> {
    text.strip_prefix('$').filter(|name| is_name(name))
}

/// Whether a text is a valid name of an environment variable.
pub(crate) fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    starts_well && text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// An environment with the contents that a test gives.
    #[derive(Debug, Default)]
    pub(crate) struct GivenEnvironment {
        pub(crate) variables: BTreeMap<&'static str, &'static str>,
        pub(crate) files: BTreeMap<&'static str, &'static str>,
        pub(crate) directories: Vec<&'static str>,
    }

    impl Environment for GivenEnvironment {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).map(|value| (*value).to_owned())
        }

        fn read_file(&self, path: &Path, _: u64) -> io::Result<String> {
            let text = path.to_str().and_then(|path| self.files.get(path));
            text.map(|text| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        fn is_directory(&self, path: &Path) -> bool {
            self.directories.iter().any(|directory| Path::new(directory) == path)
        }
    }

    fn substituted(text: &str) -> Result<String, String> {
        let environment = GivenEnvironment {
            variables: BTreeMap::from([("NAME", "value"), ("EMPTY", ""), ("AGAIN", "${NAME}")]),
            files: BTreeMap::from([("/node/key", "abc\n"), ("/run/secret", "x\r\ny\r\n")]),
            directories: Vec::new(),
        };
        substitute(text, Path::new("/node"), &environment)
    }

    fn gives(text: &str, expected: &str) {
        assert_eq!(substituted(text), Ok(expected.to_owned()), "{text}");
    }

    #[test]
    fn references_to_variables_and_files_are_replaced() {
        gives("plain", "plain");
        gives("${NAME}", "value");
        gives("a ${NAME} and ${NAME}.", "a value and value.");
        gives("${file:key}", "abc");
        gives("${file:/run/secret}", "x\r\ny");
    }

    #[test]
    fn a_default_replaces_an_unset_or_empty_variable() {
        gives("${UNSET:-default}", "default");
        gives("${EMPTY:-default}", "default");
        gives("${NAME:-default}", "value");
        gives("${UNSET:-}", "");
        gives("${EMPTY}", "");
    }

    #[test]
    fn a_doubled_dollar_is_plain_and_references_in_values_are_not_replaced() {
        gives("$${NAME}", "${NAME}");
        gives("$NAME costs $5$", "$NAME costs $5$");
        gives("${AGAIN}", "${NAME}");
    }

    #[test]
    fn references_without_a_value_are_errors() {
        let fault = |text| substituted(text).expect_err(text);
        assert_eq!(fault("${UNSET}"), "the environment variable 'UNSET' is not set");
        assert_eq!(fault("${NAME"), "'${' without '}' (a plain '${' is written '$${')");
        assert_eq!(fault("${a b}"), "'a b' is no name of an environment variable");
        assert_eq!(fault("${}"), "'' is no name of an environment variable");
        assert_eq!(fault("${file:none}"), "the file '/node/none' cannot be read: entity not found");
    }

    #[test]
    fn expand_replaces_bare_names() {
        let variables = BTreeMap::from([("RUN", "/run"), ("N", "1")]);
        let environment = GivenEnvironment { variables, ..GivenEnvironment::default() };
        let expanded = |text| expand(text, &environment);
        assert_eq!(expanded("$RUN/node-$N.sock"), Ok("/run/node-1.sock".to_owned()));
        assert_eq!(expanded("plain$ $$ $1 5$"), Ok("plain$ $$ $1 5$".to_owned()));
        let unset = "the environment variable 'HOME' is not set".to_owned();
        assert_eq!(expanded("$HOME/x"), Err(unset));
    }

    #[test]
    fn a_bare_name_has_no_text_around_it() {
        assert_eq!(bare_name("$PORT"), Some("PORT"));
        assert_eq!(bare_name("$_x1"), Some("_x1"));
        for text in ["PORT", "$", "$1", "$PORT ", "${PORT}", "a$PORT"] {
            assert_eq!(bare_name(text), None, "{text}");
        }
    }
}
