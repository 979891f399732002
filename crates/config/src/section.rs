//! A map of the file with known keys: takes them one by one and complains about the rest.

use std::ops::RangeInclusive;

use crate::document::{Entry, key_path};
use crate::fault::{ConfigFault, shortened};
use crate::field::Field;
use crate::place::Place;
use crate::reading::Reading;
use crate::spelling;

/// A map with known keys. Each key that its reader asks for is known from then on; at the end,
/// [`Section::finish`] reports those that nobody asked for.
pub(crate) struct Section<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
    /// What it is, with an article: `a web transport`.
    what: &'static str,
    known: Vec<&'static str>,
    /// Those of the known keys that are refused.
    refused: Vec<&'static str>,
    /// Unknown keys that were taken for a required one.
    misspelt: Vec<(&'a Entry, &'static str)>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(field: Field<'a>, entries: &'a [Entry], what: &'static str) -> Self {
        Self { field, entries, what, known: Vec::new(), refused: Vec::new(), misspelt: Vec::new() }
    }

    pub(crate) fn reading(&self) -> &'a Reading<'a> {
        self.field.reading
    }

    pub(crate) fn place(&self) -> Place {
        self.field.place()
    }

    /// Calls the section by a better name, once it is known.
    pub(crate) fn call(&mut self, what: &'static str) {
        self.what = what;
    }

    /// The value of a key that may be missing.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.field.below(entry))
    }

    /// The value of a key. If it is only misspelt, this is reported and its value is taken
    /// nevertheless, so that what is wrong with it is found at the same time.
    fn nearest(&mut self, key: &'static str) -> Option<Field<'a>> {
        if let Some(field) = self.optional(key) {
            return Some(field);
        }
        let unknown = |entry: &&Entry| !self.known.contains(&entry.key.as_str());
        let near = |entry: &&Entry| spelling::is_near(&entry.key, key);
        let entry = self.entries.iter().filter(unknown).find(near)?;
        self.misspelt.push((entry, key));
        Some(self.field.below(entry))
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.nearest(key)
            .or_else(|| self.report(format!("missing key '{key}' in {}", self.what), None))
    }

    /// The text of a key that may be missing.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.optional(key)?.text()
    }

    /// The text of a key that must be there and not be empty.
    pub(crate) fn required_text(&mut self, key: &'static str) -> Option<String> {
        self.required(key)?.full_text()
    }

    /// The truth of a key, or this when it is missing.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.optional(key).and_then(|field| field.flag()).unwrap_or(default)
    }

    /// Says of a key that is set to something that this version does not act on, that it does not.
    pub(crate) fn has_no_effect(&mut self, key: &'static str, is_set: bool) {
        if let Some(field) = self.optional(key).filter(|_| is_set) {
            field.warn("this option has no effect in this version");
        }
    }

    /// The key `debug` of what has no more to tell than the log says anyway.
    pub(crate) fn debug(&mut self) {
        let is_set = self.flag("debug", false);
        self.has_no_effect("debug", is_set);
    }

    /// The key `url` of what is reached at its endpoint, whatever its clients call it.
    pub(crate) fn url(&mut self) -> Option<String> {
        let url = self.text("url");
        self.has_no_effect("url", url.is_some());
        url
    }

    /// The whole number of a key, or this when it is missing.
    pub(crate) fn number<N>(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<N>,
        default: N,
    ) -> N
    where
        N: Copy + std::fmt::Display + PartialOrd + TryFrom<u64> + std::str::FromStr,
    {
        self.optional(key).and_then(|field| field.number(range)).unwrap_or(default)
    }

    /// The items in the list of a key; none when it is missing.
    pub(crate) fn items(&mut self, key: &'static str) -> Vec<Field<'a>> {
        self.nearest(key).and_then(|field| field.list()).unwrap_or_default()
    }

    /// The section of a key that may be missing.
    pub(crate) fn section(&mut self, key: &'static str, what: &'static str) -> Option<Self> {
        self.optional(key)?.section(what)
    }

    /// What the word of the required key `type` stands for. Without it nothing is known about
    /// the other keys, and they are not complained about.
    pub(crate) fn kind<T: Copy>(
        &mut self,
        noun: &str,
        supported: &[(&'static str, T)],
        unsupported: &[&str],
    ) -> Option<T> {
        let kind = self.required("type").and_then(|f| f.choice(noun, supported, unsupported));
        if kind.is_none() {
            self.report_misspelt();
        }
        kind
    }

    /// Keys that Crossbar.io knows and this version does not support: they are refused, since
    /// ignoring them would change what the configuration means.
    pub(crate) fn unsupported(&mut self, keys: &[&'static str]) {
        self.refused.extend(keys);
        for key in keys {
            if let Some(field) = self.optional(key) {
                let what = self.what;
                field
                    .fault(format!("'{key}' in {what} is known but not supported by this version"));
            }
        }
    }

    /// Keys whose values make no difference here.
    pub(crate) fn accepted(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Reports the keys that are not known.
    pub(crate) fn finish(self) {
        self.report_misspelt();
        let missing = |known: &&str| !self.entries.iter().any(|entry| entry.key == **known);
        let missing: Vec<&str> = self.known.iter().copied().filter(missing).collect();
        for entry in self.entries {
            let misspelt = self.misspelt.iter().any(|(other, _)| other.key == entry.key);
            if !misspelt && !self.known.contains(&entry.key.as_str()) {
                self.report_unknown(entry, spelling::nearest(&entry.key, missing.iter().copied()));
            }
        }
    }

    fn report_misspelt(&self) {
        for (entry, meant) in &self.misspelt {
            self.report_unknown(entry, Some(meant));
        }
    }

    fn report_unknown(&self, entry: &Entry, suggestion: Option<&str>) {
        let reading = self.reading();
        let mut accepted: Vec<&str> = Vec::new();
        for key in &self.known {
            // Some are asked for more than once.
            if !self.refused.contains(key) && !accepted.contains(key) {
                accepted.push(key);
            }
        }
        let expected = match suggestion {
            Some(_) => None,
            None => Some(format!("one of {}", accepted.join(", "))),
        };
        reading.fault(ConfigFault {
            place: reading.place(entry.mark, &key_path(&self.field.path, &entry.key)),
            message: format!("unknown key '{}' in {}", shortened(&entry.key), self.what),
            expected,
            suggestion: suggestion.map(str::to_owned),
        });
    }

    /// A fault of the section as a whole.
    pub(crate) fn report<T>(
        &self,
        message: impl Into<String>,
        expected: Option<String>,
    ) -> Option<T> {
        self.field.report(message, expected, None)
    }

    /// A warning about the section as a whole.
    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.field.warn(message);
    }
}
