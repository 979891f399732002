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
        let given = item.optional("id").and_then(|field| self.given(&field));
        self.take(item, given)
    }

    /// The id of an item whose own one Crossbar.io does not check: one that follows no rule is
    /// replaced, with a warning.
    pub(super) fn of_unchecked(&mut self, item: &mut Section<'_>) -> String {
        let field = item.optional("id");
        let is_one = |field: &Field<'_>| field.raw_text().is_none_or(is_id);
        let given = match field {
            Some(field) if is_one(&field) => self.given(&field),
            Some(field) => {
                let id = self.make_up();
                field.warn(format!("'{id}' is used instead: an id is {EXPECTED}"));
                Some(id)
            }
            None => None,
        };
        self.take(item, given)
    }

    fn take(&mut self, item: &Section<'_>, given: Option<String>) -> String {
        let line = item.location().line;
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

/// What an id is made of.
const EXPECTED: &str = "3 to 64 of a-z, 0-9 and '_', a letter first";

/// Whether a text follows the rule of ids: `^[a-z][a-z0-9_]{2,63}$`.
fn is_id(id: &str) -> bool {
    let starts_well = id.starts_with(|c: char| c.is_ascii_lowercase());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (3..=64).contains(&id.len()) && starts_well && id.chars().all(allowed)
}

/// An id that follows its rule.
pub(super) fn check(field: &Field<'_>) -> Option<String> {
    let id = field.text()?;
    if is_id(&id) {
        return Some(id);
    }
    field.report(format!("'{}' is no id", shortened(&id)), Some(EXPECTED.to_owned()), None)
}
