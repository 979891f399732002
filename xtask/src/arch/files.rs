//! Checks the files of one package against its floors and its allowed cycles.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::arch::arrows::FileArrows;
use crate::arch::components::{components, shortest_cycle};
use crate::modules::ModuleTree;
use crate::rules::files::{AllowedCycle, Floors};

/// The files of one library or program with the arrows between them.
pub(crate) struct FileGraph<'t> {
    package: &'t str,
    tree: &'t ModuleTree,
    arrows: FileArrows,
    /// The module below the root that each file belongs to.
    modules: Vec<&'t str>,
}

impl<'t> FileGraph<'t> {
    /// Finds the arrows of a tree of `package`.
    pub(crate) fn of(package: &'t str, tree: &'t ModuleTree) -> Self {
        Self { package, tree, arrows: FileArrows::of(tree), modules: tree.top_modules() }
    }

    /// The path of a file from the folder of the root file.
    fn name(&self, file: usize) -> &'t str {
        let root = &self.tree.files[0];
        let folder = root.rfind('/').map_or(0, |slash| slash + 1);
        &self.tree.files[file][folder..]
    }

    /// The sorted file names of each cycle.
    pub(crate) fn cycles(&self) -> Vec<Vec<&'t str>> {
        let found = components(self.tree.files.len(), &self.arrows);
        let named = found.iter().map(|component| {
            let mut names: Vec<&str> = component.iter().map(|file| self.name(*file)).collect();
            names.sort_unstable();
            names
        });
        named.collect()
    }

    /// Cycles that `allowed` lacks, as one sentence each. Removes the entries that are needed from
    /// `stale`, which begins as `allowed`.
    pub(crate) fn cycle_faults<'a>(
        &self,
        allowed: &'a [AllowedCycle],
        stale: &mut Vec<&'a AllowedCycle>,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        for component in components(self.tree.files.len(), &self.arrows) {
            let mut names: Vec<&str> = component.iter().map(|file| self.name(*file)).collect();
            names.sort_unstable();
            let entry = allowed.iter().find(|cycle| {
                cycle.package == self.package && cycle.files.iter().any(|file| names.contains(file))
            });
            let more: Vec<&str> = match entry {
                Some(cycle) => names.into_iter().filter(|n| !cycle.files.contains(n)).collect(),
                None => names,
            };
            if let Some(entry) = entry {
                let is_whole = entry.files.len() + more.len() == component.len();
                stale.retain(|cycle| !(is_whole && std::ptr::eq(*cycle, entry)));
            }
            if !more.is_empty() {
                let cycle = self.describe(&shortest_cycle(&component, &self.arrows));
                faults.push(format!(
                    "{}: {} in a cycle that is not allowed, such as {cycle}",
                    self.package,
                    more.join(", ")
                ));
            }
        }
        faults
    }

    /// Each cycle with the arrows within it, one a line.
    pub(crate) fn describe_cycles(&self) -> String {
        let mut text = String::new();
        for component in components(self.tree.files.len(), &self.arrows) {
            let _ = writeln!(text, "{}: a cycle of {} files", self.package, component.len());
            for (from, to, path) in self.arrows.iter() {
                if component.contains(&from) && component.contains(&to) {
                    let (from, to) = (self.name(from), self.name(to));
                    let _ = writeln!(text, "    {from} → {to} ({path})");
                }
            }
        }
        text
    }

    fn describe(&self, cycle: &[usize]) -> String {
        let mut text = String::new();
        for (at, &from) in cycle.iter().enumerate() {
            let to = cycle[(at + 1) % cycle.len()];
            let path = self.arrows.path(from, to);
            let _ = write!(text, "{} → ({path}) ", self.name(from));
        }
        text + cycle.first().map_or("", |first| self.name(*first))
    }

    /// Arrows upward, modules without a floor and floors without a module, as one sentence each.
    pub(crate) fn floor_faults(&self, row: Option<&Floors>) -> Vec<String> {
        let package = self.package;
        let mut modules = self.modules.clone();
        modules.sort_unstable();
        modules.dedup();
        let Some(row) = row else {
            return vec![format!("{package}: its files have no floors: add a row for it")];
        };
        let listed: Vec<&str> = row.floors.iter().flat_map(|floor| floor.iter().copied()).collect();
        let mut faults = Vec::new();
        for module in modules.iter().filter(|module| **module != "crate") {
            match listed.iter().filter(|name| *name == module).count() {
                0 => faults.push(format!("{package}: the module {module} has no floor")),
                1 => {}
                _ => faults.push(format!("{package}: the module {module} has several floors")),
            }
        }
        let strangers = listed.iter().filter(|name| !modules.contains(name));
        faults.extend(
            strangers.map(|name| format!("{package}: a floor lists {name}, which is no module")),
        );
        // Floors are counted from the top.
        let floor_of = |file: usize| {
            let module = self.modules[file];
            row.floors.iter().position(|floor| floor.contains(&module))
        };
        for (from, to, path) in self.arrows.iter() {
            let is_upward = match (floor_of(from), floor_of(to)) {
                (Some(from), Some(to)) => to < from,
                // The root that no floor lists stands above all.
                (Some(_), None) => self.modules[to] == "crate",
                (None, _) => false,
            };
            if is_upward {
                let (from, to) = (self.name(from), self.name(to));
                faults.push(format!("{package}: {from} names {path} of {to}, a floor above it"));
            }
        }
        faults
    }

    /// The modules below the root, in as few floors as their arrows need, from the top down.
    pub(crate) fn needed_floors(&self) -> Vec<Vec<&'t str>> {
        let mut modules = self.modules.clone();
        modules.sort_unstable();
        modules.dedup();
        modules.retain(|module| *module != "crate" || self.is_named_from_below());
        let mut floors: Vec<usize> = vec![0; modules.len()];
        let index_of = |module: &str| modules.iter().position(|name| *name == module);
        let arrows: Vec<(usize, usize)> = self
            .arrows
            .iter()
            .filter_map(|(from, to, _)| {
                Some((index_of(self.modules[from])?, index_of(self.modules[to])?))
            })
            .collect();
        let reach = reachable(modules.len(), &arrows);
        // As many passes as the longest chain can have arrows.
        for _ in 0..modules.len() {
            for &(from, to) in &arrows {
                let is_cycle = reach[to].contains(&from);
                floors[from] = floors[from].max(floors[to] + usize::from(!is_cycle));
            }
        }
        let top = floors.iter().copied().max().unwrap_or(0);
        let on = |floor: usize| {
            let on_floor = modules.iter().zip(&floors).filter(move |(_, at)| **at == floor);
            on_floor.map(|(module, _)| *module).collect()
        };
        (0..=top).rev().map(on).collect()
    }

    fn is_named_from_below(&self) -> bool {
        self.arrows
            .iter()
            .any(|(from, to, _)| self.modules[to] == "crate" && self.modules[from] != "crate")
    }
}

/// For each module those that it leads to.
fn reachable(count: usize, arrows: &[(usize, usize)]) -> Vec<BTreeSet<usize>> {
    let mut reach = vec![BTreeSet::new(); count];
    for &(from, to) in arrows {
        reach[from].insert(to);
    }
    for middle in 0..count {
        let behind = reach[middle].clone();
        for reached in reach.iter_mut().filter(|reached| reached.contains(&middle)) {
            reached.extend(&behind);
        }
    }
    reach
}
