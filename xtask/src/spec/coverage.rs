//! The files that cite each section, and the faults of citations and gaps.
//!
//! [`super::report`] prints them.

use std::collections::BTreeSet;

use super::citation::{Citation, citations};
use super::gaps::Gap;
use super::sections::{Profile, SpecFile};

/// The kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourcePart {
    Code,
    Tests,
}

/// A file, or its part that is code or tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the root of the repository.
    pub(crate) path: String,
    pub(crate) part: SourcePart,
    pub(crate) text: String,
}

/// A section and the files that cite it.
#[derive(Debug)]
pub(crate) struct CoverageRow {
    pub(crate) profile: Profile,
    pub(crate) title: &'static str,
    pub(crate) code: BTreeSet<String>,
    pub(crate) tests: BTreeSet<String>,
    /// The reason if code or tests do not cite it.
    pub(crate) gap: Option<&'static Gap>,
}

impl CoverageRow {
    /// Whether code and tests cite it.
    pub(crate) fn is_covered(&self) -> bool {
        !self.code.is_empty() && !self.tests.is_empty()
    }

    fn fault(&self) -> Option<String> {
        let section = format!("{} \"{}\"", self.profile, self.title);
        let missing = match (self.code.is_empty(), self.tests.is_empty()) {
            (true, true) => "neither code nor tests cite it",
            (true, false) => "no code cites it",
            (false, true) => "no tests cite it",
            (false, false) => {
                return self.gap.map(|_| {
                    format!("{section}: code and tests cite it, so its row in gaps.rs can go")
                });
            }
        };
        self.gap.is_none().then(|| format!("{section}: {missing}, and gaps.rs does not say why"))
    }
}

/// Every section in the specification's order, and every fault as one sentence.
#[derive(Debug)]
pub(crate) struct Coverage {
    pub(crate) rows: Vec<CoverageRow>,
    pub(crate) faults: Vec<String>,
}

/// Compares the citations of the sources with the sections and the gaps.
pub(crate) fn judge(
    sources: &[Source],
    pages: &'static [SpecFile],
    gaps: &'static [Gap],
) -> Coverage {
    let mut rows: Vec<CoverageRow> = pages
        .iter()
        .flat_map(|page| page.titles.iter().map(|title| empty_row(page.profile, title, gaps)))
        .collect();
    let mut faults = Vec::new();
    for gap in gaps.iter().filter(|gap| row_of(&mut rows, gap.profile, gap.title).is_none()) {
        faults
            .push(format!("gaps.rs names {} \"{}\", which is no section", gap.profile, gap.title));
    }
    for source in sources {
        let (found, empty) = citations(&source.text);
        if empty > 0 {
            faults.push(format!("{}: `Spec:` is followed by no citation", source.path));
        }
        faults.extend(found.iter().filter_map(|citation| enter(&mut rows, source, citation)));
    }
    faults.extend(rows.iter().filter_map(CoverageRow::fault));
    Coverage { rows, faults }
}

fn empty_row(profile: Profile, title: &'static str, gaps: &'static [Gap]) -> CoverageRow {
    let gap = gaps.iter().find(|gap| gap.profile == profile && gap.title == title);
    CoverageRow { profile, title, code: BTreeSet::new(), tests: BTreeSet::new(), gap }
}

fn row_of<'a>(
    rows: &'a mut [CoverageRow],
    profile: Profile,
    title: &str,
) -> Option<&'a mut CoverageRow> {
    rows.iter_mut().find(|row| row.profile == profile && row.title == title)
}

/// Adds a citation to its section. Returns a fault if there is no such section.
fn enter(rows: &mut [CoverageRow], source: &Source, citation: &Citation) -> Option<String> {
    let Citation { profile, title } = citation;
    let Some(row) = row_of(rows, *profile, title) else {
        return Some(format!("{} cites {profile} \"{title}\", which is no section", source.path));
    };
    let paths = match source.part {
        SourcePart::Code => &mut row.code,
        SourcePart::Tests => &mut row.tests,
    };
    paths.insert(source.path.clone());
    None
}

#[cfg(test)]
mod tests {
    use super::{Source, SourcePart, judge};
    use crate::spec::gaps::{Gap, Why};
    use crate::spec::sections::{Profile, SpecFile};

    const PAGES: &[SpecFile] =
        &[SpecFile { profile: Profile::Basic, file: "ids", titles: &["IDs", "Sessions"] }];

    const fn gap(title: &'static str) -> Gap {
        Gap { profile: Profile::Basic, title, why: Why::Planned, reason: "Comes later." }
    }

    fn source(path: &str, part: SourcePart, title: &str) -> Source {
        let text = format!("//! Spec: basic profile \"{title}\".");
        Source { path: path.to_owned(), part, text }
    }

    fn faults(sources: &[Source], gaps: &'static [Gap]) -> Vec<String> {
        judge(sources, PAGES, gaps).faults
    }

    #[test]
    fn a_section_that_code_and_tests_cite_must_not_have_a_reason() {
        let sources = [
            source("ids.rs", SourcePart::Code, "IDs"),
            source("ids.rs", SourcePart::Tests, "IDs"),
            source("session.rs", SourcePart::Code, "Sessions"),
            source("tests/session.rs", SourcePart::Tests, "Sessions"),
        ];
        assert_eq!(faults(&sources, &[]), Vec::<String>::new());
        assert_eq!(
            faults(&sources, const { &[gap("IDs")] }),
            ["basic profile \"IDs\": code and tests cite it, so its row in gaps.rs can go"]
        );
    }

    #[test]
    fn a_section_without_code_or_tests_needs_a_reason() {
        let sources = [source("tests/ids.rs", SourcePart::Tests, "IDs")];
        assert_eq!(
            faults(&sources, &[]),
            [
                "basic profile \"IDs\": no code cites it, and gaps.rs does not say why",
                "basic profile \"Sessions\": neither code nor tests cite it, and gaps.rs does not \
                 say why"
            ]
        );
        assert_eq!(
            faults(&sources, const { &[gap("IDs"), gap("Sessions")] }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_unknown_title_is_a_fault_in_files_and_in_reasons() {
        let sources = [
            source("ids.rs", SourcePart::Code, "Identities"),
            Source {
                path: "no.rs".to_owned(),
                part: SourcePart::Code,
                text: "// Spec: IDs".to_owned(),
            },
        ];
        assert_eq!(
            faults(&sources, const { &[gap("IDs"), gap("Sessions"), gap("Numbers")] }),
            [
                "gaps.rs names basic profile \"Numbers\", which is no section",
                "ids.rs cites basic profile \"Identities\", which is no section",
                "no.rs: `Spec:` is followed by no citation"
            ]
        );
    }
}
