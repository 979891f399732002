//! The coverage as a table, as Markdown, and as counts.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use super::coverage::{Coverage, CoverageRow};
use super::gaps::Why;
use super::sections::Profile;

/// One line for each profile.
pub(crate) fn counts(coverage: &Coverage) -> String {
    Profile::ALL.map(|profile| format!("{profile}: {}\n", Count::of(coverage, profile))).concat()
}

/// Every section with the files that cite it, for a terminal.
pub(crate) fn table(coverage: &Coverage) -> String {
    let mut text = String::new();
    for profile in Profile::ALL {
        let _ = writeln!(text, "{profile}: {}\n", Count::of(coverage, profile));
        for row in of(coverage, profile) {
            let gap = row.gap.map(|gap| format!("{}: {}", gap.why, gap.reason));
            let mut title = row.title;
            let lines = paths("code", &row.code).chain(paths("test", &row.tests)).chain(gap);
            for line in lines {
                let _ = writeln!(text, "  {title:41} {line}");
                title = "";
            }
            if !title.is_empty() {
                let _ = writeln!(text, "  {title:41} nothing");
            }
        }
        text.push('\n');
    }
    text
}

/// Every section with the files that cite it, as a page in Markdown.
pub(crate) fn markdown(coverage: &Coverage) -> String {
    let mut text = "# Coverage of the WAMP specification\n\n\
        Written by `cargo xtask spec-coverage --markdown`.\n"
        .to_owned();
    for profile in Profile::ALL {
        let _ = write!(text, "\n## The {profile}\n\n{}.\n\n", Count::of(coverage, profile));
        text.push_str("| section | code | tests | why not |\n|---|---|---|---|\n");
        for row in of(coverage, profile) {
            let gap = row.gap.map(|gap| format!("{}: {}", gap.why, gap.reason));
            let (code, tests) = (cell(&row.code), cell(&row.tests));
            let gap = gap.unwrap_or_default();
            let _ = writeln!(text, "| {} | {code} | {tests} | {gap} |", row.title);
        }
    }
    text
}

fn of(coverage: &Coverage, profile: Profile) -> impl Iterator<Item = &CoverageRow> {
    coverage.rows.iter().filter(move |row| row.profile == profile)
}

fn paths(what: &str, paths: &BTreeSet<String>) -> impl Iterator<Item = String> {
    paths.iter().map(move |path| format!("{what} {path}"))
}

fn cell(paths: &BTreeSet<String>) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}

/// Numbers of sections of a profile.
struct Count {
    sections: usize,
    covered: usize,
    gaps: [(Why, usize); 3],
}

impl Count {
    fn of(coverage: &Coverage, profile: Profile) -> Self {
        let gaps = [Why::Planned, Why::NotPlanned, Why::NothingToDo].map(|why| {
            let is_one = |row: &&CoverageRow| row.gap.is_some_and(|gap| gap.why == why);
            (why, of(coverage, profile).filter(is_one).count())
        });
        Self {
            sections: of(coverage, profile).count(),
            covered: of(coverage, profile).filter(|row| row.is_covered()).count(),
            gaps,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} sections in code and tests", self.covered, self.sections)?;
        for (why, count) in self.gaps.iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{counts, markdown, table};
    use crate::spec::coverage::{Coverage, Source, SourcePart, judge};
    use crate::spec::gaps::{Gap, Why};
    use crate::spec::sections::{Profile, SpecFile};

    fn coverage() -> Coverage {
        const PAGES: &[SpecFile] = &[
            SpecFile { profile: Profile::Basic, file: "ids", titles: &["IDs", "Sessions"] },
            SpecFile { profile: Profile::Advanced, file: "meta_api", titles: &["Meta API"] },
        ];
        const GAPS: &[Gap] = &[Gap {
            profile: Profile::Advanced,
            title: "Meta API",
            why: Why::Planned,
            reason: "It is built after the rest.",
        }];
        let source = |path: &str, part| Source {
            path: path.to_owned(),
            part,
            text: "// basic profile \"IDs\"".to_owned(),
        };
        let sources = [
            source("src/ids.rs", SourcePart::Code),
            source("src/ids.rs", SourcePart::Tests),
            source("tests/a.rs", SourcePart::Tests),
        ];
        judge(&sources, PAGES, GAPS)
    }

    #[test]
    fn the_counts_have_one_line_for_each_profile() {
        assert_eq!(
            counts(&coverage()),
            "basic profile: 1 of 2 sections in code and tests\n\
             advanced profile: 0 of 1 sections in code and tests, 1 planned\n"
        );
    }

    #[test]
    fn the_table_has_a_line_for_each_file_or_reason() {
        let expected = [
            "basic profile: 1 of 2 sections in code and tests",
            "",
            "  IDs                                       code src/ids.rs",
            "                                            test src/ids.rs",
            "                                            test tests/a.rs",
            "  Sessions                                  nothing",
            "",
            "advanced profile: 0 of 1 sections in code and tests, 1 planned",
            "",
            "  Meta API                                  planned: It is built after the rest.",
            "",
            "",
        ];
        assert_eq!(table(&coverage()), expected.join("\n"));
    }

    #[test]
    fn the_page_has_a_row_for_each_section() {
        let page = markdown(&coverage());
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(
            rows,
            [
                "| section | code | tests | why not |",
                "| IDs | `src/ids.rs` | `src/ids.rs`, `tests/a.rs` |  |",
                "| Sessions |  |  |  |",
                "| section | code | tests | why not |",
                "| Meta API |  |  | planned: It is built after the rest. |"
            ]
        );
    }
}
