//! `cargo xtask arch`: the arrows between the packages, and those between the files of each.
//!
//! Not for style or licences: those are checked by clippy and cargo-deny.

mod arrows;
mod components;
mod files;
mod packages;

use std::fmt::Write as _;

use crate::arch::files::FileGraph;
use crate::metadata::Workspace;
use crate::rules::files::{ALLOWED_CYCLES, AllowedCycle, FLOORS, Floors};
use crate::workspace::BuildTarget;

/// Every breach of the tables, as one sentence each.
pub(crate) fn faults(workspace: &Workspace, targets: &[BuildTarget]) -> Vec<String> {
    let mut faults = packages::faults(workspace);
    faults.extend(packages::stale_rows(workspace));
    faults.extend(file_faults(targets, FLOORS, ALLOWED_CYCLES));
    faults
}

fn file_faults(targets: &[BuildTarget], floors: &[Floors], cycles: &[AllowedCycle]) -> Vec<String> {
    let mut stale_cycles: Vec<&AllowedCycle> = cycles.iter().collect();
    let mut faults = Vec::new();
    for target in targets {
        let graph = FileGraph::of(&target.package, &target.tree);
        faults.extend(graph.cycle_faults(cycles, &mut stale_cycles));
        let row = floors.iter().find(|row| row.package == target.package);
        if target.is_main && (row.is_some() || needs_floors(target)) {
            faults.extend(graph.floor_faults(row));
        }
    }
    let unreasoned = cycles.iter().filter(|cycle| cycle.reason.is_empty());
    faults.extend(unreasoned.map(|cycle| {
        let files = cycle.files.join(", ");
        format!("{}: the cycle {files} is allowed without a reason", cycle.package)
    }));
    faults.extend(stale_cycles.iter().map(|cycle| {
        let files = cycle.files.join(", ");
        format!("{}: {files} are no longer one cycle: remove or correct the entry", cycle.package)
    }));
    let is_known = |package: &str| targets.iter().any(|target| target.package == package);
    let strangers = floors.iter().filter(|row| !is_known(row.package));
    faults.extend(strangers.map(|row| format!("{} has floors but is no package", row.package)));
    faults
}

/// Whether floors are required: of each library under `crates` with more than one module.
fn needs_floors(target: &BuildTarget) -> bool {
    target.tree.files[0].starts_with("crates/") && target.tree.files.len() > 2
}

/// Each cycle with the arrows within it.
pub(crate) fn cycles(targets: &[BuildTarget]) -> String {
    let graphs = targets.iter().map(|target| FileGraph::of(&target.package, &target.tree));
    graphs.map(|graph| graph.describe_cycles()).collect()
}

/// The tables that the present tree needs, as Rust. New entries have no reason yet.
pub(crate) fn table(targets: &[BuildTarget]) -> String {
    let mut floors = String::from("pub(crate) const FLOORS: &[Floors] = &[\n");
    let mut cycles = String::from("pub(crate) const ALLOWED_CYCLES: &[AllowedCycle] = &[\n");
    for target in targets {
        let package = &target.package;
        let graph = FileGraph::of(package, &target.tree);
        if target.is_main && needs_floors(target) {
            let _ = writeln!(floors, "    Floors {{ package: {package:?}, floors: &[");
            for floor in graph.needed_floors() {
                let _ = writeln!(floors, "        &{floor:?},");
            }
            floors.push_str("    ] },\n");
        }
        for files in graph.cycles() {
            let known = ALLOWED_CYCLES.iter().find(|cycle| {
                cycle.package == package && cycle.files.iter().any(|file| files.contains(file))
            });
            let reason = known.map_or("", |cycle| cycle.reason);
            let _ = writeln!(
                cycles,
                "    AllowedCycle {{ package: {package:?}, files: &{files:?}, reason: {reason:?} }},"
            );
        }
    }
    format!("{floors}];\n\n{cycles}];\n")
}

#[cfg(test)]
mod tests {
    use super::file_faults;
    use crate::modules::ModuleTree;
    use crate::rules::files::{AllowedCycle, Floors};
    use crate::workspace::BuildTarget;

    /// A package `kit` with a root that declares the modules `top`, `middle` and `bottom`.
    fn kit(top: &str, middle: &str, bottom: &str) -> Vec<BuildTarget> {
        let read = |path: &str| {
            let text = match path {
                "crates/kit/src/lib.rs" => "mod bottom; mod middle; mod top;",
                "crates/kit/src/top.rs" => top,
                "crates/kit/src/middle.rs" => middle,
                "crates/kit/src/bottom.rs" => bottom,
                _ => return None,
            };
            Some(text.to_owned())
        };
        let tree = ModuleTree::load("crates/kit/src/lib.rs", &read).expect("Rust files");
        vec![BuildTarget { package: "kit".to_owned(), is_main: true, tree }]
    }

    const NONE: [&str; 0] = [];

    const FLOORS: &[Floors] =
        &[Floors { package: "kit", floors: &[&["top"], &["middle"], &["bottom"]] }];

    /// As [`FLOORS`], but with the two lower modules on one floor.
    const SHARED_FLOOR: &[Floors] =
        &[Floors { package: "kit", floors: &[&["top"], &["middle", "bottom"]] }];

    const MIDDLE: &str = "pub struct Middle; fn f(_: crate::bottom::Bottom) {}";
    const BOTTOM: &str = "pub struct Bottom;";
    const CYCLIC_BOTTOM: &str = "pub struct Bottom(crate::middle::Middle);";

    const CYCLE: AllowedCycle = AllowedCycle {
        package: "kit",
        files: &["bottom.rs", "middle.rs"],
        reason: "a test of the table",
    };

    #[test]
    fn arrows_to_lower_floors_are_allowed() {
        let top = "use crate::middle::Middle; use crate::bottom::Bottom;";
        assert_eq!(file_faults(&kit(top, MIDDLE, BOTTOM), FLOORS, &[]), NONE);
    }

    #[test]
    fn an_arrow_to_a_higher_floor_is_a_fault() {
        let bottom = "pub struct Bottom(crate::top::Top);";
        assert_eq!(
            file_faults(&kit("pub struct Top;", "", bottom), FLOORS, &[]),
            ["kit: bottom.rs names crate::top::Top of top.rs, a floor above it"]
        );
    }

    #[test]
    fn a_cycle_is_a_fault_even_on_one_floor() {
        assert_eq!(
            file_faults(&kit("", MIDDLE, CYCLIC_BOTTOM), SHARED_FLOOR, &[]),
            ["kit: bottom.rs, middle.rs in a cycle that is not allowed, such as \
              bottom.rs → (crate::middle::Middle) middle.rs → (crate::bottom::Bottom) bottom.rs"]
        );
    }

    #[test]
    fn a_cycle_that_is_listed_is_allowed() {
        let kit = kit("", MIDDLE, CYCLIC_BOTTOM);
        assert_eq!(file_faults(&kit, SHARED_FLOOR, &[CYCLE]), NONE);
    }

    #[test]
    fn a_listed_cycle_needs_a_reason() {
        let kit = kit("", MIDDLE, CYCLIC_BOTTOM);
        assert_eq!(
            file_faults(&kit, SHARED_FLOOR, &[AllowedCycle { reason: "", ..CYCLE }]),
            ["kit: the cycle bottom.rs, middle.rs is allowed without a reason"]
        );
    }

    #[test]
    fn a_file_that_joins_a_listed_cycle_is_a_fault() {
        let middle = format!("{MIDDLE} fn g(_: crate::top::Top) {{}}");
        let one_floor: &[Floors] =
            &[Floors { package: "kit", floors: &[&["top", "middle", "bottom"]] }];
        let kit = kit("pub struct Top(crate::bottom::Bottom);", &middle, CYCLIC_BOTTOM);
        let faults = file_faults(&kit, one_floor, &[CYCLE]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("kit: top.rs in a cycle that is not allowed"), "{faults:?}");
    }

    #[test]
    fn an_entry_whose_cycle_is_gone_or_smaller_is_a_fault() {
        let stale = "are no longer one cycle: remove or correct the entry";
        assert_eq!(
            file_faults(&kit("", MIDDLE, BOTTOM), FLOORS, &[CYCLE]),
            [format!("kit: bottom.rs, middle.rs {stale}")]
        );
        let larger = AllowedCycle { files: &["bottom.rs", "middle.rs", "top.rs"], ..CYCLE };
        assert_eq!(
            file_faults(&kit("", MIDDLE, CYCLIC_BOTTOM), SHARED_FLOOR, &[larger]),
            [format!("kit: bottom.rs, middle.rs, top.rs {stale}")]
        );
    }

    #[test]
    fn a_module_without_a_floor_and_a_floor_without_a_module_are_faults() {
        let floors: &[Floors] =
            &[Floors { package: "kit", floors: &[&["top"], &["cellar"], &["bottom", "top"]] }];
        assert_eq!(
            file_faults(&kit("", "", ""), floors, &[]),
            [
                "kit: the module middle has no floor",
                "kit: the module top has several floors",
                "kit: a floor lists cellar, which is no module",
            ]
        );
    }

    #[test]
    fn a_crate_without_floors_and_floors_without_a_crate_are_faults() {
        let floors: &[Floors] = &[Floors { package: "other", floors: &[] }];
        assert_eq!(
            file_faults(&kit("", "", ""), floors, &[]),
            [
                "kit: its files have no floors: add a row for it",
                "other has floors but is no package"
            ]
        );
    }

    #[test]
    fn the_root_stands_above_all_floors_unless_one_lists_it() {
        let targets = |bottom: &str| {
            let bottom = bottom.to_owned();
            let read = move |path: &str| match path {
                "crates/kit/src/lib.rs" => Some("mod bottom; pub struct Root;".to_owned()),
                "crates/kit/src/bottom.rs" => Some(bottom.clone()),
                _ => None,
            };
            let tree = ModuleTree::load("crates/kit/src/lib.rs", &read).expect("Rust files");
            vec![BuildTarget { package: "kit".to_owned(), is_main: true, tree }]
        };
        let naming_the_root = targets("fn f(_: crate::Root) {}");
        let floors: &[Floors] = &[Floors { package: "kit", floors: &[&["bottom"]] }];
        assert_eq!(
            file_faults(&naming_the_root, floors, &[]),
            ["kit: bottom.rs names crate::Root of lib.rs, a floor above it"]
        );
        let with_root: &[Floors] = &[Floors { package: "kit", floors: &[&["bottom"], &["crate"]] }];
        assert_eq!(file_faults(&naming_the_root, with_root, &[]), NONE);
    }
}
