//! Ids of items: given ones are checked, missing ones are made up.

use std::collections::BTreeMap;

use crate::fault::shortened;
use crate::field::Field;
use crate::section::Section;

/// The ids of the items of one list.
pub(super) struct Ids {
    prefix: &'static str,
    made_up: usize,
    /// Every id and the line of its item.
    taken: BTreeMap<String, u32>,
}

impl Ids {
    /// No ids yet; made up ones will begin with this.
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, made_up: 0, taken: BTreeMap::new() }
    }

    /// The id of an item: its own, or `worker001` and so on.
    pub(super) fn of(&mut self, item: &mut Section<'_>) -> String {
        let line = item.place().line;
        let given = item.optional("id").and_then(|field| self.given(&field));
        let id = given.unwrap_or_else(|| self.make_up());
        self.taken.insert(id.clone(), line);
        id
    }

    fn given(&self, field: &Field<'_>) -> Option<String> {
        let id = check(field)?;
        match self.taken.get(&id) {
            Some(line) => field.report(
                format!("the id '{id}' is already that of the item in line {line}"),
                None,
                None,
            ),
            None => Some(id),
        }
    }

    fn make_up(&mut self) -> String {
        loop {
            self.made_up += 1;
            let id = format!("{}{:03}", self.prefix, self.made_up);
            if !self.taken.contains_key(&id) {
                return id;
            }
        }
    }
}

/// An id that follows its rule: `^[a-z][a-z0-9_]{2,63}$`.
pub(super) fn check(field: &Field<'_>) -> Option<String> {
    let id = field.text()?;
    let starts_well = id.starts_with(|c: char| c.is_ascii_lowercase());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (3..=64).contains(&id.len()) && starts_well && id.chars().all(allowed) {
        return Some(id);
    }
    let expected = "3 to 64 of a-z, 0-9 and '_', a letter first";
    field.report(format!("'{}' is no id", shortened(&id)), Some(expected.to_owned()), None)
}
