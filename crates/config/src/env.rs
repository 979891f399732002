//! What a configuration takes from outside of its file: environment variables, other files, and
//! whether the program could use what the configuration names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::settings::FileOwner;

/// The longest configuration, in bytes. Larger ones are accidents; those in use are a thousand
/// times smaller.
pub const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// The longest file that `${file:…}` takes in, in bytes: enough for keys and certificates.
const MAX_INCLUDED_BYTES: u64 = 64 * 1024;

/// The part of the machine that reading a configuration may see.
pub trait Environment {
    /// The value of an environment variable, if it is set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file.
    ///
    /// # Errors
    /// When it cannot be read, is not UTF-8, or is longer than `limit` bytes.
    fn read_file(&self, path: &Path, limit: u64) -> io::Result<String>;

    /// Whether there is a directory.
    fn is_directory(&self, path: &Path) -> bool;

    /// The classes of components that the program has; none where any class is accepted.
    fn component_classes(&self) -> Option<Vec<String>> {
        None
    }

    /// Looks whether the program could listen at the file of a Unix socket, without making it.
    /// Returns a path that is the same for every spelling of this file.
    ///
    /// # Errors
    /// A sentence about what is in the way and will not go away by itself.
    fn check_socket(&self, path: &Path) -> Result<PathBuf, String> {
        Ok(path.to_owned())
    }

    /// Looks whether the program knows a user and a group to whom it should give a file.
    ///
    /// # Errors
    /// A sentence about the one that it does not know.
    fn check_owner(&self, _owner: &FileOwner) -> Result<(), String> {
        Ok(())
    }

    /// Looks whether the program could open or make the file of a store, without making it.
    /// Returns a path that is the same for every spelling of this file.
    ///
    /// # Errors
    /// A sentence about what is in the way.
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

/// Whether a text refers to something outside of the file, as `${…}` does.
pub(crate) fn refers(text: &str) -> bool {
    text.contains("${")
}

/// A text with `${NAME}`, `${NAME:-default}` and `${file:path}` replaced by what they stand for,
/// and `$${` by a plain `${`. What is taken in is not searched again.
///
/// # Errors
/// A sentence about the first reference that stands for nothing.
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

/// What the inside of `${…}` stands for.
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
    // As in a shell, the default of `:-` also stands in for an empty value.
    match (environment.variable(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => variable(name, environment),
    }
}

/// The text of another file, without the line break at its end.
fn include(path: &Path, environment: &dyn Environment) -> Result<String, String> {
    let text = environment
        .read_file(path, MAX_INCLUDED_BYTES)
        .map_err(|error| format!("the file '{}' cannot be read: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A text with every `$NAME` replaced by the value of the variable, as Crossbar.io does it in the
/// paths of sockets. Other dollars are plain.
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

/// The value of a variable that must be set.
pub(crate) fn variable(name: &str, environment: &dyn Environment) -> Result<String, String> {
    let value = environment.variable(name);
    value.ok_or_else(|| format!("the environment variable '{name}' is not set"))
}

/// The name in `$NAME`, if that is the whole text.
pub(crate) fn bare_name(text: &str) -> Option<&str> {
    text.strip_prefix('$').filter(|name| is_name(name))
}

/// Whether a text can be the name of an environment variable.
pub(crate) fn is_name(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    starts_well && text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// An environment made of what a test says.
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
    fn variables_and_files_are_taken_in_where_they_are_named() {
        gives("plain", "plain");
        gives("${NAME}", "value");
        gives("a ${NAME} and ${NAME}.", "a value and value.");
        gives("${file:key}", "abc");
        gives("${file:/run/secret}", "x\r\ny");
    }

    #[test]
    fn a_default_stands_in_for_what_is_unset_or_empty() {
        gives("${UNSET:-default}", "default");
        gives("${EMPTY:-default}", "default");
        gives("${NAME:-default}", "value");
        gives("${UNSET:-}", "");
        gives("${EMPTY}", "");
    }

    #[test]
    fn a_doubled_dollar_is_plain_and_values_are_not_searched_again() {
        gives("$${NAME}", "${NAME}");
        gives("$NAME costs $5$", "$NAME costs $5$");
        gives("${AGAIN}", "${NAME}");
    }

    #[test]
    fn what_stands_for_nothing_is_said_in_a_sentence() {
        let fault = |text| substituted(text).expect_err(text);
        assert_eq!(fault("${UNSET}"), "the environment variable 'UNSET' is not set");
        assert_eq!(fault("${NAME"), "'${' without '}' (a plain '${' is written '$${')");
        assert_eq!(fault("${a b}"), "'a b' is no name of an environment variable");
        assert_eq!(fault("${}"), "'' is no name of an environment variable");
        assert_eq!(fault("${file:none}"), "the file '/node/none' cannot be read: entity not found");
    }

    #[test]
    fn bare_names_are_expanded_where_this_is_asked_for() {
        let variables = BTreeMap::from([("RUN", "/run"), ("N", "1")]);
        let environment = GivenEnvironment { variables, ..GivenEnvironment::default() };
        let expanded = |text| expand(text, &environment);
        assert_eq!(expanded("$RUN/node-$N.sock"), Ok("/run/node-1.sock".to_owned()));
        assert_eq!(expanded("plain$ $$ $1 5$"), Ok("plain$ $$ $1 5$".to_owned()));
        let unset = "the environment variable 'HOME' is not set".to_owned();
        assert_eq!(expanded("$HOME/x"), Err(unset));
    }

    #[test]
    fn a_bare_name_is_the_whole_text() {
        assert_eq!(bare_name("$PORT"), Some("PORT"));
        assert_eq!(bare_name("$_x1"), Some("_x1"));
        for text in ["PORT", "$", "$1", "$PORT ", "${PORT}", "a$PORT"] {
            assert_eq!(bare_name(text), None, "{text}");
        }
    }
}
