//! The headings of a checkout of the specification, compared with the list.
//!
//! Only titles are read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::sections::{PAGES, Profile, depth};

/// A section by profile, file and title.
type SectionName = (Profile, String, String);

/// Sections that only the checkout or only the list has, as one sentence each.
///
/// # Errors
/// A folder or file can't be read.
pub(crate) fn differences(checkout: &Path) -> Result<Vec<String>, String> {
    let there = read(&checkout.join("rfc/text"))?;
    let here: BTreeSet<SectionName> = PAGES
        .iter()
        .flat_map(|page| {
            page.titles.iter().map(|t| (page.profile, page.file.to_owned(), (*t).to_owned()))
        })
        .collect();
    Ok(compare(&here, &there))
}

fn compare(here: &BTreeSet<SectionName>, there: &BTreeSet<SectionName>) -> Vec<String> {
    let sentence = |what: &str, (profile, file, title): &SectionName| {
        format!("{what}: {profile} \"{title}\" ({}/{file}.md)", profile.word())
    };
    let new = there.difference(here).map(|section| sentence("new", section));
    new.chain(here.difference(there).map(|section| sentence("gone", section))).collect()
}

fn read(text: &Path) -> Result<BTreeSet<SectionName>, String> {
    let mut sections = BTreeSet::new();
    for profile in Profile::ALL {
        let folder = text.join(profile.word());
        let said = |error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(said)? {
            let path = entry.map_err(said)?.path();
            let Some(file) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".md"))
            else {
                continue;
            };
            let page = fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let titles = headings(&page, depth(profile, file));
            sections.extend(titles.map(|title| (profile, file.to_owned(), title.to_owned())));
        }
    }
    Ok(sections)
}

/// The titles of a page down to a level. Lines of code blocks are no headings.
fn headings(page: &str, depth: usize) -> impl Iterator<Item = &str> {
    let mut in_fence = false;
    page.lines().filter_map(move |line| {
        in_fence ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        if in_fence || !(1..=depth).contains(&level) || !title.starts_with(' ') {
            return None;
        }
        Some(title.split("{#").next().unwrap_or(title).trim())
    })
}

#[cfg(test)]
mod tests {
    use super::{Profile, compare, headings};

    #[test]
    fn headings_are_read_down_to_a_level_without_their_anchors() {
        let page =
            "# Blocks {#blocks}\ntext\n## URIs\n``` python\n# a comment\n```\n### Rules\n#x\n";
        assert_eq!(headings(page, 2).collect::<Vec<_>>(), ["Blocks", "URIs"]);
        assert_eq!(headings(page, 3).collect::<Vec<_>>(), ["Blocks", "URIs", "Rules"]);
    }

    #[test]
    fn new_and_removed_sections_are_reported() {
        let of = |titles: &[&str]| {
            let section = |t: &&str| (Profile::Basic, "messages".to_owned(), (*t).to_owned());
            titles.iter().map(section).collect()
        };
        assert_eq!(
            compare(&of(&["Messages", "Old"]), &of(&["Messages", "New"])),
            [
                "new: basic profile \"New\" (basic/messages.md)",
                "gone: basic profile \"Old\" (basic/messages.md)"
            ]
        );
    }
}
