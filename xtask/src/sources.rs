//! The text files of the repository, as git knows them: what is ignored is not looked at.
//!
//! Not for what is in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file under the given folders of the repository whose name ends in one of `endings`: its
/// path from the root, and its text. New files count before they are added.
///
/// # Errors
/// Says what failed: git could not be run or refused, or a file is no text.
pub(crate) fn texts(folders: &[&str], endings: &[&str]) -> Result<Vec<(String, String)>, String> {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"])
        .args(folders)
        .output()
        .map_err(|error| format!("git can't be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let wanted = listed.split('\0').filter(|path| endings.iter().any(|end| path.ends_with(end)));
    // A file that was deleted stays listed until that is committed.
    let there = wanted.filter(|path| root().join(path).is_file());
    there.map(|path| Ok((path.to_owned(), text_of(path)?))).collect()
}

fn text_of(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))
}
