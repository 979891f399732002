//! `cargo xtask spec-coverage`: the sections of the WAMP specification with the code and the tests
//! that cite them.
//!
//! | module | purpose |
//! |---|---|
//! | [`sections`] | the list of sections |
//! | [`gaps`] | the reasons for sections that code or tests do not cite |
//! | [`citation`] | the form of a citation in a comment |
//! | [`coverage`](mod@coverage) | the citations compared with the list |
//! | [`report`] | the output |
//! | [`headings`] | the list compared with a checkout of the specification |

mod citation;
mod coverage;
mod gaps;
mod headings;
mod report;
mod sections;

use std::path::Path;

use coverage::{Source, SourcePart};

pub(crate) use coverage::Coverage;
pub(crate) use headings::differences;
pub(crate) use report::{counts, markdown, table};

/// The folders of code and tests. Tools for measurements and checks follow no section.
const FOLDERS: &[&str] = &["crates", "examples", "fuzz", "tests"];

/// Compares the citations of the repository with the list of sections.
///
/// # Errors
/// A file can't be read.
pub(crate) fn coverage() -> Result<Coverage, String> {
    let files = crate::sources::texts(FOLDERS, &[".rs", ".py", ".js", ".mjs"])?;
    let sources: Vec<Source> =
        files.into_iter().flat_map(|(path, text)| split(path, text)).collect();
    Ok(coverage::judge(&sources, sections::PAGES, gaps::GAPS))
}

/// Splits a file into code and tests. A file can be both, with its tests at its end.
fn split(path: String, mut text: String) -> Vec<Source> {
    if path.starts_with("crates/testkit/") {
        return Vec::new();
    }
    let is_tests = path.starts_with("fuzz/")
        || Path::new(&path)
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    if is_tests {
        return vec![Source { path, part: SourcePart::Tests, text }];
    }
    let tests = text.find("\n#[cfg(test)]\nmod tests {").map(|at| text.split_off(at));
    let tests = tests.map(|text| Source { path: path.clone(), part: SourcePart::Tests, text });
    [Some(Source { path, part: SourcePart::Code, text }), tests].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::coverage::SourcePart::{self, Code, Tests};
    use super::split;

    fn parts(path: &str, text: &str) -> Vec<(SourcePart, String)> {
        let sources = split(path.to_owned(), text.to_owned());
        sources.into_iter().map(|source| (source.part, source.text)).collect()
    }

    #[test]
    fn tests_are_files_in_folders_of_tests_and_the_ends_of_others() {
        let whole = |part| vec![(part, "a".to_owned())];
        assert_eq!(parts("crates/wamp/src/ids.rs", "a"), whole(Code));
        assert_eq!(parts("crates/wamp/tests/golden.rs", "a"), whole(Tests));
        assert_eq!(parts("crates/wamp/src/codec/tests.rs", "a"), whole(Tests));
        assert_eq!(parts("tests/interop/test_rpc.py", "a"), whole(Tests));
        assert_eq!(parts("fuzz/fuzz_targets/rawsocket.rs", "a"), whole(Tests));
        assert_eq!(parts("crates/testkit/src/lab.rs", "a"), []);
        assert_eq!(
            parts("crates/wamp/src/ids.rs", "a\n#[cfg(test)]\nmod tests {}"),
            [(Code, "a".to_owned()), (Tests, "\n#[cfg(test)]\nmod tests {}".to_owned())]
        );
    }
}
