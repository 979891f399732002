//! Citations of the specification in comments: the profile's name, then titles in quotation marks.
//!
//! ```text
//! //! Spec: basic profile "Sessions"; advanced profile "Call Canceling", "Call Timeouts".
//! /// Ids are integers from 1 to 2^53 (basic profile, "IDs").
//! ```
//!
//! Titles are joined by commas or "and", and may be broken over lines.

use std::collections::BTreeSet;

use super::sections::Profile;

/// A section named by a comment; it may not exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Citation {
    pub(crate) profile: Profile,
    pub(crate) title: String,
}

/// The citations in a text, and the number of `Spec:` marks without a citation.
pub(crate) fn citations(text: &str) -> (BTreeSet<Citation>, usize) {
    let prose = prose(text);
    let mut found = BTreeSet::new();
    for profile in Profile::ALL {
        for (_, rest) in after(&prose, &format!("{profile}")) {
            found.extend(titles(rest).map(|title| Citation { profile, title: title.to_owned() }));
        }
    }
    let empty = after(&prose, "Spec:").filter(|(_, rest)| !begins_with_citation(rest)).count();
    (found, empty)
}

/// The text without comment marks and with single spaces, so that line breaks do not matter.
fn prose(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!', '#']));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// The rest of the text after each `needle`.
fn after<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    text.match_indices(needle).map(|(at, _)| (at, &text[at + needle.len()..]))
}

fn begins_with_citation(rest: &str) -> bool {
    let rest = rest.trim_start();
    Profile::ALL.iter().any(|profile| {
        rest.strip_prefix(&profile.to_string()).is_some_and(|rest| titles(rest).next().is_some())
    })
}

/// The quoted titles at the beginning of `rest`, joined by commas or "and".
fn titles(mut rest: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let quoted = ["", ",", ", and", " and"]
            .into_iter()
            .find_map(|joint| rest.strip_prefix(joint)?.trim_start().strip_prefix('"'))?;
        let (title, behind) = quoted.split_once('"')?;
        rest = behind;
        Some(title)
    })
}

#[cfg(test)]
mod tests {
    use super::{Profile, citations};

    fn cited(text: &str) -> Vec<(Profile, String)> {
        citations(text).0.into_iter().map(|found| (found.profile, found.title)).collect()
    }

    fn basic(title: &str) -> (Profile, String) {
        (Profile::Basic, title.to_owned())
    }

    fn advanced(title: &str) -> (Profile, String) {
        (Profile::Advanced, title.to_owned())
    }

    #[test]
    fn the_header_of_a_file_can_cite_both_profiles() {
        let head = "//! The dealer.\n//!\n\
            //! Spec: basic profile \"Remote Procedure Calls\"; advanced\n\
            //! profile \"Call Canceling\", \"Call Timeouts\". More words.\n";
        assert_eq!(
            cited(head),
            [
                basic("Remote Procedure Calls"),
                advanced("Call Canceling"),
                advanced("Call Timeouts")
            ]
        );
    }

    #[test]
    fn citations_can_be_in_sentences_and_broken_over_lines() {
        assert_eq!(cited("/// At most 2^53 (basic profile, \"IDs\")."), [basic("IDs")]);
        assert_eq!(
            cited("# Spec: advanced\n# profile \"Sharded\n# Registration\" and \"Call Timeouts\""),
            [advanced("Call Timeouts"), advanced("Sharded Registration")]
        );
    }

    #[test]
    fn other_quotations_are_no_citations() {
        assert_eq!(cited("/// A peer of the basic profile says \"no\"."), []);
        assert_eq!(cited("/// (basic profile, \"IDs\"), never \"0\""), [basic("IDs")]);
        assert_eq!(cited("/// basic profile \"an open end"), []);
    }

    #[test]
    fn spec_marks_without_a_citation_are_counted() {
        let empty = |text: &str| citations(text).1;
        assert_eq!(empty("//! Spec: basic profile \"IDs\"."), 0);
        assert_eq!(empty("//! Spec: the basic profile, \"IDs\"."), 1);
        assert_eq!(empty("//! Spec: \"IDs\".\n//! Spec: basic profile."), 2);
    }
}
