//! A map of the file with known keys: takes them one by one and complains about the rest.

use std::ops::RangeInclusive;

use crate::document::{Entry, key_path};
use crate::fault::{ConfigFault, shortened};
use crate::field::Field;
use crate::load_context::LoadContext;
use crate::location::SourceLocation;
use crate::schema::Shape;
use crate::spelling;
use crate::unsupported::UnsupportedFeature;

/// A map with known keys. Each key that its reader asks for is known from then on; at the end,
/// [`Section::finish`] reports those that nobody asked for.
pub(crate) struct Section<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
    /// Its name and all keys that it may have.
    shape: &'static Shape,
    /// The keys that its reader has asked for so far.
    known: Vec<&'static str>,
    /// Those of the known keys that are refused.
    refused: Vec<&'static str>,
    /// Unknown keys that were taken for a required one.
    misspelt: Vec<(&'a Entry, &'static str)>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(field: Field<'a>, entries: &'a [Entry], what: &'static str) -> Self {
        let shape = Shape::of(what);
        Self { field, entries, shape, known: Vec::new(), refused: Vec::new(), misspelt: Vec::new() }
    }

    pub(crate) fn context(&self) -> &'a LoadContext<'a> {
        self.field.context
    }

    pub(crate) fn location(&self) -> SourceLocation {
        self.field.location()
    }

    /// Whether the map has no keys at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Calls the section by a better name, once it is known.
    pub(crate) fn call(&mut self, what: &'static str) {
        self.shape = Shape::of(what);
    }

    /// Takes a key for one that this version knows.
    fn know(&mut self, key: &'static str) {
        debug_assert!(
            self.shape.has(key),
            "the key '{key}' of '{}' is not declared in schema/keys.rs",
            self.shape.name
        );
        self.known.push(key);
    }

    /// The value of a key that may be missing.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.know(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.field.below(entry))
    }

    /// The value of a key. If it is only misspelt, this is reported and its value is taken
    /// nevertheless, so that what is wrong with it is found at the same time. A key that the
    /// section has is no misspelling of another one.
    fn nearest(&mut self, key: &'static str) -> Option<Field<'a>> {
        if let Some(field) = self.optional(key) {
            return Some(field);
        }
        let unknown =
            |entry: &&Entry| !self.known.contains(&&*entry.key) && !self.shape.has(&entry.key);
        let near = |entry: &&Entry| spelling::is_near(&entry.key, key);
        let entry = self.entries.iter().filter(unknown).find(near)?;
        self.misspelt.push((entry, key));
        Some(self.field.below(entry))
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.nearest(key)
            .or_else(|| self.report(format!("missing key '{key}' in {}", self.shape.name), None))
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

    /// The whole number of a key, or this when it is missing. A number above the range is taken for
    /// the highest one: Crossbar.io has no such limit.
    pub(crate) fn number_up_to<N>(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<N>,
        default: N,
    ) -> N
    where
        N: Copy + std::fmt::Display + PartialOrd + TryFrom<u64> + std::str::FromStr,
    {
        self.optional(key).and_then(|field| field.number_up_to(range)).unwrap_or(default)
    }

    /// The items in the list of a key; none when it is missing.
    pub(crate) fn items(&mut self, key: &'static str) -> Vec<Field<'a>> {
        let field = if self.shape.is_open { self.optional(key) } else { self.nearest(key) };
        field.and_then(|field| field.list()).unwrap_or_default()
    }

    /// The section of a key that may be missing.
    pub(crate) fn section(&mut self, key: &'static str, what: &'static str) -> Option<Self> {
        self.optional(key)?.section(what)
    }

    /// Whether the section says that it is of this type. The key `type` is not asked for by this.
    pub(crate) fn is_of_type(&self, word: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.key == "type");
        entry.is_some_and(|entry| self.field.below(entry).is(word))
    }

    /// What the word of the required key `type` stands for. Without it nothing is known about
    /// the other keys, and they are not complained about.
    pub(crate) fn kind<T: Copy>(
        &mut self,
        noun: &str,
        supported: &[(&'static str, T)],
        unsupported: &[UnsupportedFeature],
    ) -> Option<T> {
        let kind = self.required("type").and_then(|f| f.choice(noun, supported, unsupported));
        if kind.is_none() {
            self.report_misspelt();
        }
        kind
    }

    /// Keys for features of Crossbar.io that this version does not have: they are refused, since
    /// ignoring them would change what the configuration means.
    pub(crate) fn unsupported(&mut self, keys: &[UnsupportedFeature]) {
        for feature in keys {
            self.refused.push(feature.word);
            if let Some(field) = self.optional(feature.word) {
                let subject = format!("'{}' in {}", feature.word, self.shape.name);
                field.report_unsupported::<()>(&subject, feature);
            }
        }
    }

    /// Keys of Crossbar.io that can be ignored without harm, with the sentence that says why.
    pub(crate) fn ignored(&mut self, keys: &[&'static str], sentence: &str) {
        for key in keys {
            self.refused.push(key);
            if let Some(field) = self.optional(key) {
                field.warn(format!("'{key}' is ignored: {sentence}"));
            }
        }
    }

    /// Keys whose values make no difference here.
    pub(crate) fn accepted(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.know(key);
        }
    }

    /// Reports the keys that are not known: as a warning where Crossbar.io does not look at them.
    pub(crate) fn finish(self) {
        self.report_misspelt();
        let missing = |known: &&str| !self.entries.iter().any(|entry| entry.key == **known);
        let missing: Vec<&str> = self.known.iter().copied().filter(missing).collect();
        for entry in self.entries {
            let misspelt = self.misspelt.iter().any(|(other, _)| other.key == entry.key);
            if !misspelt && !self.known.contains(&entry.key.as_str()) {
                let meant = spelling::nearest(&entry.key, missing.iter().copied());
                match self.shape.is_open {
                    true => self.warn_unknown(entry, meant),
                    false => self.report_unknown(entry, meant),
                }
            }
        }
    }

    fn warn_unknown(&self, entry: &Entry, meant: Option<&str>) {
        let (key, what) = (shortened(&entry.key), self.shape.name);
        let mut message = format!("unknown key '{key}' in {what}: it is ignored");
        if let Some(meant) = meant {
            message.push_str(&format!("; did you mean '{meant}'?"));
        }
        let location = self.context().location(entry.mark, &key_path(&self.field.path, &entry.key));
        self.context().warn(location, message);
    }

    fn report_misspelt(&self) {
        for (entry, meant) in &self.misspelt {
            self.report_unknown(entry, Some(meant));
        }
    }

    fn report_unknown(&self, entry: &Entry, suggestion: Option<&str>) {
        let context = self.context();
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
        context.fault(ConfigFault {
            location: context.location(entry.mark, &key_path(&self.field.path, &entry.key)),
            message: format!("unknown key '{}' in {}", shortened(&entry.key), self.shape.name),
            expected,
            suggestion: suggestion.map(str::to_owned),
            unsupported_feature: None,
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
