//! Ids of items: given ids are checked, absent ones are generated.

use std::collections::BTreeMap;

use crate::fault::excerpt;
use crate::field::Field;
use crate::section::{Section, TYPE};

/// The key `id` of items.
pub(crate) const ID: &str = "id";

/// The keys of items of several types.
pub(crate) const TYPE_AND_ID: &[&str] = &[TYPE, ID];

/// The ids of the items of one list.
pub(crate) struct Ids {
    prefix: &'static str,
    /// The number of generated ids.
    generated: usize,
    /// Every id and the line of its item.
    taken: BTreeMap<String, u32>,
}

impl Ids {
    /// No ids yet. Generated ids begin with `prefix`.
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { prefix, generated: 0, taken: BTreeMap::new() }
    }

    /// The id of an item: its key `id`, or a generated one such as `worker001`.
    pub(crate) fn of(&mut self, item: &mut Section<'_>) -> String {
        let given = item.optional(ID).and_then(|field| self.given(&field));
        self.take(item, given)
    }

    /// The id of an item whose `id` Crossbar.io does not check. An invalid id is replaced, with a
    /// warning.
    pub(crate) fn of_unchecked(&mut self, item: &mut Section<'_>) -> String {
        let field = item.optional(ID);
        let is_valid = |field: &Field<'_>| field.raw_text().is_none_or(is_id);
        let given = match field {
            Some(field) if is_valid(&field) => self.given(&field),
            Some(field) => {
                let id = self.generate();
                field.warn(format!("'{id}' is used instead: an id is {EXPECTED}"));
                Some(id)
            }
            None => None,
        };
        self.take(item, given)
    }

    fn take(&mut self, item: &Section<'_>, given: Option<String>) -> String {
        let line = item.location().line;
        let id = given.unwrap_or_else(|| self.generate());
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

    fn generate(&mut self) -> String {
        loop {
            self.generated += 1;
            let id = format!("{}{:03}", self.prefix, self.generated);
            if !self.taken.contains_key(&id) {
                return id;
            }
        }
    }
}

/// The rule of ids in messages.
const EXPECTED: &str = "3 to 64 of a-z, 0-9 and '_', a letter first";

/// Whether a text follows the rule of ids: `^[a-z][a-z0-9_]{2,63}$`.
fn is_id(id: &str) -> bool {
    let starts_well = id.starts_with(|c: char| c.is_ascii_lowercase());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (3..=64).contains(&id.len()) && starts_well && id.chars().all(allowed)
}

/// The text as an id, which must follow the rule.
pub(crate) fn check(field: &Field<'_>) -> Option<String> {
    let id = field.text()?;
    if is_id(&id) {
        return Some(id);
    }
    field.report(format!("'{}' is no id", excerpt(&id)), Some(EXPECTED.to_owned()), None)
}
