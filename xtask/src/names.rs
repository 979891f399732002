//! `cargo xtask names`: type names that have more than one definition in the workspace.
//!
//! Structs, enums, unions, traits and type aliases of modules count. Tests, associated types and
//! types inside functions do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::rules::names::{SHARED_NAMES, SharedName};
use crate::syntax;
use crate::workspace::BuildTarget;

/// For each type name the places of its definitions, as `path:line`.
pub(crate) type Definitions = BTreeMap<String, BTreeSet<String>>;

/// Folders of packages that only tests contain.
const TEST_FOLDERS: &[&str] = &["tests/", "crates/testkit/"];

/// The definitions of all targets outside [`TEST_FOLDERS`]. Definitions of one name in one module
/// count once: they have opposite conditions.
pub(crate) fn definitions(targets: &[BuildTarget]) -> Definitions {
    let is_counted = |target: &&BuildTarget| {
        !TEST_FOLDERS.iter().any(|folder| target.tree.files[0].starts_with(folder))
    };
    let mut modules = BTreeMap::new();
    for target in targets.iter().filter(is_counted) {
        for module in &target.tree.modules {
            let path = &target.tree.files[module.file];
            for name in module.items.iter().filter_map(syntax::type_name) {
                let key = (name.to_string(), path.as_str(), module.name.as_str());
                modules.entry(key).or_insert_with(|| name.span().start().line);
            }
        }
    }
    let mut definitions = Definitions::new();
    for ((name, path, _), line) in modules {
        definitions.entry(name).or_default().insert(format!("{path}:{line}"));
    }
    definitions
}

/// Names with several definitions that no table lists, and entries that no longer have several.
pub(crate) fn faults(definitions: &Definitions) -> Vec<String> {
    faults_by(definitions, SHARED_NAMES)
}

fn faults_by(definitions: &Definitions, shared: &[SharedName]) -> Vec<String> {
    let listed: Vec<&str> = shared.iter().map(|entry| entry.name).collect();
    let unlisted = duplicates(definitions).filter(|(name, _)| !listed.contains(&name.as_str()));
    let mut faults: Vec<String> = unlisted
        .map(|(name, places)| {
            format!("{name} is defined {} times: {}", places.len(), joined(places))
        })
        .collect();
    let has_several = |name: &str| definitions.get(name).is_some_and(|places| places.len() > 1);
    let stale = listed.iter().filter(|name| !has_several(name));
    faults.extend(stale.map(|name| format!("{name} has one definition: remove its entry")));
    let unreasoned = shared.iter().filter(|entry| entry.reason.is_empty());
    faults.extend(unreasoned.map(|entry| format!("{} is listed without a reason", entry.name)));
    faults
}

/// Every name with several definitions and their places.
pub(crate) fn list(definitions: &Definitions) -> String {
    let mut text = String::new();
    for (name, places) in duplicates(definitions) {
        let _ = writeln!(text, "{name}: {}", joined(places));
    }
    text
}

fn duplicates(definitions: &Definitions) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
    definitions.iter().filter(|(_, places)| places.len() > 1)
}

fn joined(places: &BTreeSet<String>) -> String {
    places.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Definitions, definitions, faults_by};
    use crate::modules::ModuleTree;
    use crate::rules::names::SharedName;
    use crate::workspace::BuildTarget;

    const NONE: [&str; 0] = [];

    /// The definitions of a package whose root declares the modules `a` and `b`.
    fn found(a: &str, b: &str) -> Definitions {
        let read = |path: &str| {
            let text = match path {
                "crates/kit/src/lib.rs" => "mod a; mod b;",
                "crates/kit/src/a.rs" => a,
                "crates/kit/src/b.rs" => b,
                _ => return None,
            };
            Some(text.to_owned())
        };
        let tree = ModuleTree::load("crates/kit/src/lib.rs", &read).expect("Rust files");
        definitions(&[BuildTarget { package: "kit".to_owned(), is_main: true, tree }])
    }

    #[test]
    fn a_name_with_two_definitions_is_a_fault_with_its_places() {
        let definitions = found("struct State;", "\nenum State {}");
        assert_eq!(
            faults_by(&definitions, &[]),
            ["State is defined 2 times: crates/kit/src/a.rs:1, crates/kit/src/b.rs:2"]
        );
    }

    #[test]
    fn every_kind_of_type_counts() {
        for other in
            ["struct T;", "enum T {}", "trait T {}", "type T = u8;", "mod c { union T {} }"]
        {
            let faults = faults_by(&found("struct T;", other), &[]);
            assert_eq!(faults.len(), 1, "{other}");
        }
    }

    #[test]
    fn tests_functions_and_associated_types_do_not_count() {
        let b = "#[cfg(test)] mod tests { struct T; }
                 #[cfg(test)] struct T;
                 fn f() { struct T; }
                 impl Iterator for f { type T = u8; }
                 fn T() {}";
        assert_eq!(faults_by(&found("struct T;", b), &[]), NONE);
    }

    #[test]
    fn alternatives_in_one_module_are_one_definition() {
        let a = "#[cfg(unix)] struct T; #[cfg(not(unix))] struct T;";
        assert_eq!(faults_by(&found(a, ""), &[]), NONE);
    }

    #[test]
    fn listed_names_may_have_several_definitions() {
        let definitions = found("struct A;", "struct A;");
        let shared = SharedName { name: "A", reason: "a test of the table" };
        assert_eq!(faults_by(&definitions, &[shared]), NONE);
    }

    #[test]
    fn a_shared_name_needs_a_reason() {
        let definitions = found("struct A;", "struct A;");
        assert_eq!(
            faults_by(&definitions, &[SharedName { name: "A", reason: "" }]),
            ["A is listed without a reason"]
        );
    }

    #[test]
    fn an_entry_with_one_definition_or_none_is_a_fault() {
        let definitions = found("struct A;", "");
        assert_eq!(
            faults_by(&definitions, &[SharedName { name: "A", reason: "a test" }]),
            ["A has one definition: remove its entry"]
        );
    }
}
