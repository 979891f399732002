//! The checks of a configuration against this program and its machine.

use std::io;
use std::path::{Component, Path, PathBuf};

use cloverleaf_config::settings::FileOwner;
use cloverleaf_config::{Environment, ProcessEnvironment};
use cloverleaf_transport::listener::Listener;

use cloverleaf_hosting::Components;

use crate::owner;

/// The environment in which `check` and `start` read a configuration: what it names must be
/// something that this program can use. Nothing is made or changed.
#[derive(Debug)]
pub(crate) struct Program<'c> {
    components: &'c Components,
}

impl<'c> Program<'c> {
    /// The environment of a program with these components.
    pub(crate) const fn with(components: &'c Components) -> Self {
        Self { components }
    }
}

impl Environment for Program<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        ProcessEnvironment.variable(name)
    }

    fn read_file(&self, path: &Path, limit: u64) -> io::Result<String> {
        ProcessEnvironment.read_file(path, limit)
    }

    fn is_directory(&self, path: &Path) -> bool {
        ProcessEnvironment.is_directory(path)
    }

    fn component_classes(&self) -> Option<Vec<String>> {
        Some(self.components.classes())
    }

    fn check_socket(&self, path: &Path) -> Result<PathBuf, String> {
        Listener::check_file(path).map_err(|error| error.to_string())?;
        // The file itself is no link: a socket is not made through one.
        Ok(match (path.parent(), path.file_name()) {
            (Some(directory), Some(name)) => resolved(directory).join(name),
            _ => path.to_owned(),
        })
    }

    fn check_owner(&self, owner: &FileOwner) -> Result<(), String> {
        owner::numbers(Some(owner)).map(drop).map_err(|error| error.to_string())
    }

    fn check_store(&self, path: &Path) -> Result<PathBuf, String> {
        let file =
            cloverleaf_realms::event_store::check(path).map_err(|error| error.to_string())?;
        Ok(resolved(&file))
    }
}

/// An absolute path that is the same for every spelling: without `.` and `..`, and with the links
/// followed of its part that exists.
fn resolved(path: &Path) -> PathBuf {
    let Ok(path) = Path::new(".").canonicalize().map(|here| here.join(path)) else {
        return path.to_owned();
    };
    let exists = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, mut resolved)) = exists else { return path };
    for component in path.strip_prefix(part).unwrap_or(&path).components() {
        match component {
            Component::ParentDir => _ = resolved.pop(),
            component => resolved.push(component),
        }
    }
    resolved
}
