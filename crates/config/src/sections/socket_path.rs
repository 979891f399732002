//! Paths of Unix sockets.

use std::path::{Path, PathBuf};

use crate::env;
use crate::section::Section;

/// The longest name of the abstract namespace on Linux, in bytes, with the `@` that stands for NUL.
const MAX_ABSTRACT_NAME: usize = 108;

/// Reads the path of an endpoint. Variables in it are expanded, and a relative path is
/// resolved against the node directory. A name of the abstract namespace has no directory.
pub(crate) fn socket_path(section: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    let field = section.required(key)?;
    let path = field.non_empty_text()?;
    match env::expand(&path, field.context.environment()) {
        Ok(name) if name == "@" => {
            field.report("a name of the abstract namespace is missing behind '@'", None, None)
        }
        Ok(name) if is_abstract(Path::new(&name)) && name.len() > MAX_ABSTRACT_NAME => {
            field.report("a name of the abstract namespace has at most 107 bytes", None, None)
        }
        Ok(name) if is_abstract(Path::new(&name)) => Some(name.into()),
        Ok(path) => Some(field.context.resolve(&path)),
        Err(message) => field.report(message, None, None),
    }
}

/// Whether the path of a socket is a name of the abstract namespace.
pub(crate) fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"@")
}
