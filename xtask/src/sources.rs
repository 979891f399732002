//! The text files of the repository, without those that git ignores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file under the given folders of the repository whose name ends in one of `endings`: its
/// path from the root, and its text. Files that are not added to git yet are included.
///
/// # Errors
/// `git ls-files` can't be run or fails, or a file is not UTF-8.
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
    // A deleted file stays listed until the deletion is committed.
    let there = wanted.filter(|path| root().join(path).is_file());
    there.map(|path| Ok((path.to_owned(), text_of(path)?))).collect()
}

fn text_of(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))
}
