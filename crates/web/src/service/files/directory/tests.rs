//! Which names are hidden, and that a path is opened only where nothing in it is a link.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::{ServedDirectory, is_hidden, open_no_links};

#[test]
fn names_that_begin_with_a_dot_are_hidden_except_the_well_known_one() {
    for hidden in [".env", ".git/config", "a/.b", "a/.b/c", ".well-known/.x", "a/.well-known/b"] {
        assert!(is_hidden(Path::new(hidden)), "{hidden}");
    }
    for shown in ["", "a", "a.b", "a/b.c", ".well-known", ".well-known/security.txt"] {
        assert!(!is_hidden(Path::new(shown)), "{shown}");
    }
}

/// A directory of this test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cloverleaf-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("web/sub")).expect("a directory");
        std::fs::write(path.join("secret"), "secret").expect("a file");
        std::fs::write(path.join("web/sub/page"), "page").expect("a file");
        Self(path.canonicalize().expect("a path"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A directory can become a link after the path was resolved.
#[test]
fn a_resolved_path_with_a_link_in_it_is_not_opened() {
    let scratch = Scratch::new("links");
    assert!(open_no_links(&scratch.path("web/sub/page")).is_ok());
    symlink(scratch.path("web/sub"), scratch.path("web/link")).expect("a link");
    symlink(scratch.path("secret"), scratch.path("web/file")).expect("a link");
    for path in ["web/file", "web/link/page"] {
        let error = open_no_links(&scratch.path(path)).expect_err(path);
        assert_eq!(Errno::from_io_error(&error), Some(Errno::LOOP), "{path}");
    }
}

#[test]
fn a_path_outside_of_the_root_is_not_resolved() {
    let scratch = Scratch::new("root");
    for follow_symlinks in [false, true] {
        let directory = ServedDirectory::new(&scratch.path("web"), follow_symlinks, true);
        assert!(directory.resolve(&scratch.path("web/sub/page")).is_ok());
        let error = directory.resolve(&scratch.path("secret")).expect_err("it is outside");
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}
