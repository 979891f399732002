//! The file system of a static service: the files of one directory that may be served.
//!
//! Without `follow_symlinks`, a file is served only if it lies in the directory after all symbolic
//! links are resolved. The resolved path is opened without following links, so that a link that is
//! made in between leads nowhere. Without `dotfiles`, names that begin with a dot are not found.
//! This is about the names that clients ask for, not about where links within the directory lead:
//! mounted volumes of Kubernetes are made of such links.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{self, Backend};

/// The directory of well-known locations, which is served although its name begins with a dot
/// (RFC 8615 section 3).
const WELL_KNOWN: &str = ".well-known";

/// A directory, and the rules for the files that may be served.
#[derive(Debug, Clone)]
pub(super) struct ServedDirectory {
    root: Arc<Path>,
    follow_symlinks: bool,
    dotfiles: bool,
}

/// An open regular file, with its metadata at that time.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: tokio::fs::File,
    metadata: Metadata,
}

/// The result of work on a thread that may block.
type Blocking<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl ServedDirectory {
    pub(super) fn new(root: &Path, follow_symlinks: bool, dotfiles: bool) -> Self {
        // Paths come with this prefix from `ServeDir`.
        let root = Path::new(".").join(root);
        Self { root: root.into(), follow_symlinks, dotfiles }
    }

    /// The path to open for a path below the root. Blocks.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let inside = path.strip_prefix(&self.root).map_err(|_| not_found())?;
        if !self.dotfiles && is_hidden(inside) {
            return Err(not_found());
        }
        if self.follow_symlinks {
            return Ok(path.to_owned());
        }
        // The root is resolved each time, since a link to the current release may change.
        let root = self.root.canonicalize()?;
        let resolved = root.join(inside).canonicalize()?;
        if resolved.starts_with(&root) { Ok(resolved) } else { Err(not_found()) }
    }

    /// Opens a regular file. Blocks.
    fn open_file(&self, path: &Path) -> io::Result<(File, Metadata)> {
        let path = self.resolve(path)?;
        let file =
            if self.follow_symlinks { open(&path, OFlags::empty()) } else { open_no_links(&path) }?;
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok((file, metadata)) } else { Err(not_found()) }
    }

    /// The metadata of a file or directory. Blocks.
    fn look_at(&self, path: &Path) -> io::Result<Metadata> {
        let metadata = self.resolve(path)?.metadata()?;
        if metadata.is_file() || metadata.is_dir() { Ok(metadata) } else { Err(not_found()) }
    }

    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Blocking<T> {
        let directory = self.clone();
        let work = tokio::task::spawn_blocking(move || work(&directory).map_err(as_not_found));
        Box::pin(async move { work.await? })
    }
}

impl Backend for ServedDirectory {
    type File = OpenFile;
    type Metadata = Metadata;
    type OpenFuture = Blocking<OpenFile>;
    type MetadataFuture = Blocking<Metadata>;

    fn open(&self, path: PathBuf) -> Blocking<OpenFile> {
        self.blocking(move |directory| {
            let (file, metadata) = directory.open_file(&path)?;
            Ok(OpenFile { file: file.into(), metadata })
        })
    }

    fn metadata(&self, path: PathBuf) -> Blocking<Metadata> {
        self.blocking(move |directory| directory.look_at(&path))
    }
}

impl fs::File for OpenFile {
    type Metadata = Metadata;
    type MetadataFuture<'a> = std::future::Ready<io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        std::future::ready(Ok(self.metadata.clone()))
    }
}

impl AsyncRead for OpenFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(context, buffer)
    }
}

impl AsyncSeek for OpenFile {
    fn start_seek(mut self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.file).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.file).poll_complete(context)
    }
}

/// Whether a name in the path begins with a dot, other than a leading `.well-known`.
fn is_hidden(inside: &Path) -> bool {
    let mut names = inside.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let begins_with_dot = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let first_is_hidden =
        names.next().is_some_and(|name| begins_with_dot(name) && name != WELL_KNOWN);
    first_is_hidden || names.any(begins_with_dot)
}

/// Opens without waiting: a named pipe would otherwise block until something writes to it.
fn open(path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | more;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Opens a path in which nothing is a symbolic link. Fails where something is.
fn open_no_links(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, Mode, ResolveFlags, openat2};
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // Older systems don't know the call, and some sandboxes don't permit it.
            Err(Errno::NOSYS | Errno::PERM) => {}
            opened => return Ok(opened?.into()),
        }
    }
    open(path, OFlags::NOFOLLOW)
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

/// A path that leads to no file, whatever the reason, is not found. Other errors are the system's.
fn as_not_found(error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::ACCESS | Errno::LOOP | Errno::NAMETOOLONG | Errno::NOTDIR) => not_found(),
        // A name with a zero byte, which the system is not asked for.
        None if error.kind() == io::ErrorKind::InvalidInput => not_found(),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
