//! `cargo xtask spec-coverage`: which section of the WAMP specification is cited by which code and
//! by which tests.
//!
//! | room | what it is for |
//! |---|---|
//! | [`sections`] | the list of sections |
//! | [`gaps`] | why a section is not cited by both |
//! | [`citation`] | how a comment cites a section |
//! | [`coverage`](mod@coverage) | the two held against each other |
//! | [`report`] | what is printed |
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

/// Where code and tests are. Tools that only measure or check follow no section.
const FOLDERS: &[&str] = &["crates", "examples", "fuzz", "tests"];

/// Holds the repository against the specification.
///
/// # Errors
/// Says which files can't be read.
pub(crate) fn coverage() -> Result<Coverage, String> {
    let files = crate::sources::texts(FOLDERS, &[".rs", ".py", ".js", ".mjs"])?;
    let sources: Vec<Source> =
        files.into_iter().flat_map(|(path, text)| split(path, text)).collect();
    Ok(coverage::judge(&sources, sections::PAGES, gaps::GAPS))
}

/// A file as code, as tests, or, with its tests at its end, as both.
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
