//! Tells the program which commit it is built from, in `CLOVERLEAF_VERSION`.
//!
//! A build without git, or from a source archive, has a version without a commit. The script runs
//! again only when `HEAD` moves.

use std::path::Path;
use std::process::Command;

/// Digits of the commit that are shown: enough to be unique for good.
const COMMIT: &str = "--short=12";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = env!("CARGO_PKG_VERSION");
    let text = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo::rustc-env=CLOVERLEAF_VERSION={text}");
}

/// The commit of the working tree that this workspace is, if it is one.
fn commit() -> Option<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().ok()?;
    // Sources unpacked within another repository are not of its commits.
    let toplevel = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&toplevel).canonicalize().ok()? != workspace {
        return None;
    }
    watch_head();
    git(&["rev-parse", COMMIT, "HEAD"])
}

/// Has cargo run this script again when `HEAD` moves. A file that is not there would have it run
/// each time.
fn watch_head() {
    let reference = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let names = ["HEAD", "logs/HEAD", "packed-refs"].into_iter().chain(reference.as_deref());
    for name in names {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// What git prints, or none where it fails or there is no git.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // Set within hooks, where they may mean another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then(|| text.trim_end().to_owned())
}
