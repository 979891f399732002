//! Files that name each other: the strongly connected components of the arrows.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};

use crate::arch::arrows::FileArrows;

/// The components with more than one file, as sorted indices.
pub(crate) fn components(files: usize, arrows: &FileArrows) -> Vec<Vec<usize>> {
    let mut search =
        ComponentSearch { arrows, visits: vec![None; files], stack: Vec::new(), found: vec![] };
    let mut count = 0;
    for file in 0..files {
        if search.visits[file].is_none() {
            search.visit(file, &mut count);
        }
    }
    let mut found = search.found;
    found.sort();
    found
}

/// Tarjan's algorithm.
struct ComponentSearch<'a> {
    arrows: &'a FileArrows,
    /// For each visited file its number in the order of visits.
    visits: Vec<Option<FileVisit>>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
}

#[derive(Clone, Copy)]
struct FileVisit {
    number: usize,
    is_on_stack: bool,
}

impl ComponentSearch<'_> {
    /// Visits a file and everything it leads to. Returns the smallest number on the stack that can
    /// be reached.
    fn visit(&mut self, file: usize, count: &mut usize) -> usize {
        let number = *count;
        *count += 1;
        let mut lowest = number;
        self.visits[file] = Some(FileVisit { number, is_on_stack: true });
        self.stack.push(file);
        for next in self.arrows.from(file) {
            match self.visits[next] {
                None => lowest = lowest.min(self.visit(next, count)),
                Some(visit) if visit.is_on_stack => lowest = lowest.min(visit.number),
                Some(_) => {}
            }
        }
        if lowest == number {
            self.close(file);
        }
        lowest
    }

    /// Takes the component of `file` off the stack.
    fn close(&mut self, file: usize) {
        let begin = self.stack.iter().rposition(|on_stack| *on_stack == file).unwrap_or(0);
        let mut component = self.stack.split_off(begin);
        for &closed in &component {
            if let Some(visit) = &mut self.visits[closed] {
                visit.is_on_stack = false;
            }
        }
        component.sort_unstable();
        if component.len() > 1 {
            self.found.push(component);
        }
    }
}

/// A shortest cycle of a component; its last file names its first one.
pub(crate) fn shortest_cycle(component: &[usize], arrows: &FileArrows) -> Vec<usize> {
    let cycles = component.iter().map(|start| cycle_through(*start, component, arrows));
    cycles.min_by_key(Vec::len).unwrap_or_default()
}

fn cycle_through(start: usize, component: &[usize], arrows: &FileArrows) -> Vec<usize> {
    let mut came_from = BTreeMap::new();
    let mut ahead = VecDeque::from([start]);
    while let Some(file) = ahead.pop_front() {
        for next in arrows.from(file).filter(|next| component.contains(next)) {
            if next == start {
                let mut cycle = vec![file];
                while let Some(before) = came_from.get(&cycle[cycle.len() - 1]) {
                    cycle.push(*before);
                }
                cycle.reverse();
                return cycle;
            }
            if let Entry::Vacant(unseen) = came_from.entry(next) {
                unseen.insert(file);
                ahead.push_back(next);
            }
        }
    }
    component.to_vec()
}
