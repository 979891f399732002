//! Temporary directories.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

/// A temporary directory that is removed on drop.
#[derive(Debug)]
pub(crate) struct TempDirectory(PathBuf);

impl TempDirectory {
    /// Creates a directory with a unique name.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("cloverleaf-{}-{count}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // An earlier process with the same id was killed before it removed this directory.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{} can't be made: {error}", path.display()),
            }
        }
    }

    /// The path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and its parent directories, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.0)).expect("a directory");
        fs::write(&path, text).expect("a writable directory");
        path
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        // The operating system cleans up what cannot be removed.
        let _ = fs::remove_dir_all(&self.0);
    }
}
