//! The path of the file of a store, and its checks before the file is opened.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Name of the file if the configured path is a directory.
const NAME_IN_DIRECTORY: &str = "events.redb";

/// The reason why a store can't be opened.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Its directory can't be created.
    #[error("the directory of the event store {0} can't be made: {1}")]
    Directory(PathBuf, std::io::Error),
    /// The database can't open or read the file.
    #[error(
        "the event store {0} can't be used: {1}. If its events are not needed, move the file away"
    )]
    Unusable(PathBuf, String),
    /// Another process has the file open.
    #[error(
        "the event store {0} is open already: is another node running with it? Stop it, or choose \
         another file in the configuration"
    )]
    InUse(PathBuf),
    /// The operating system can't read the file.
    #[error("the event store {0} can't be used: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The path belongs to something else than a store.
    #[error("the event store {0} can't be used: this is another file")]
    NoStore(PathBuf),
}

/// First bytes of a file of redb.
const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";

/// Checks whether the file of a store could be opened or created, without changing anything.
/// Returns the path of the file. Not checked: whether another process has it open, and the
/// permission to write it.
///
/// # Errors
/// The path of the file or of one of its directories belongs to something else, or no file can have
/// this path.
pub fn check(path: &Path) -> Result<PathBuf, StoreError> {
    let path = file_of(path);
    let directories = path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    if let Some(directory) = directories.into_iter().find(|directory| directory.exists())
        && !directory.is_dir()
    {
        let error = ErrorKind::NotADirectory.into();
        return Err(StoreError::Directory(directory.to_owned(), error));
    }
    let unreadable = |error| StoreError::Unreadable(path.clone(), error);
    match path.metadata() {
        Ok(file) if file.is_file() => {}
        // Opening a named pipe would wait for its other end.
        Ok(_) => return Err(StoreError::NoStore(path)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            return Ok(path);
        }
        Err(error) => return Err(unreadable(error)),
    }
    let mut beginning = Vec::new();
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    file.take(MAGIC.len() as u64).read_to_end(&mut beginning).map_err(unreadable)?;
    match beginning.is_empty() || beginning == MAGIC {
        true => Ok(path),
        false => Err(StoreError::NoStore(path)),
    }
}

/// The file of a configured path: the path itself, or a file in it if it is a directory.
fn file_of(path: &Path) -> PathBuf {
    let is_directory = path.is_dir() || (path.extension().is_none() && !path.is_file());
    if is_directory { path.join(NAME_IN_DIRECTORY) } else { path.to_owned() }
}

/// The file of a configured path. Creates its directory.
///
/// # Errors
/// The directory can't be created.
pub(crate) fn prepare(path: &Path) -> Result<PathBuf, StoreError> {
    let path = file_of(path);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| StoreError::Directory(directory.to_owned(), error))?;
    }
    Ok(path)
}
