//! A map of the file with known keys.
//!
//! [`SectionKeys`] declares the name of a section and its keys. [`Section`] is one such map of the
//! file: its reader takes one key after the other, and [`Section::finish`] reports the keys that
//! are left.
//!
//! Whether a key is a misspelling of another one can only be said if all keys of the section are
//! known, so they are declared. A debug build panics when a reader asks for an undeclared key.

use std::ops::RangeInclusive;

use crate::document::{Entry, Value, key_path};
use crate::fault::{ConfigFault, excerpt};
use crate::field::{Field, WholeNumber};
use crate::load_context::LoadContext;
use crate::location::SourceLocation;
use crate::spelling;
use crate::unsupported::UnsupportedFeature;

/// The key that tells the kind of a section.
pub(crate) const TYPE: &str = "type";

/// The key `debug` of transports.
pub(crate) const DEBUG: &str = "debug";

/// The key `cookie` of transports.
pub(crate) const COOKIE: &str = "cookie";

/// The keys for Python: `manhole` and `connections`.
pub(crate) const PYTHON_KEYS: [&str; 2] = ["manhole", "connections"];

/// The name of a section and its keys.
#[derive(Debug)]
pub(crate) struct SectionKeys {
    /// The name in messages, with an article: `a web transport`.
    pub(crate) name: &'static str,
    /// The keys that this version or Crossbar.io has.
    pub(crate) keys: &'static [&'static str],
    /// Further keys, which the section shares with other sections.
    pub(crate) shared_keys: &'static [&'static [&'static str]],
    /// The keys for features of Crossbar.io that this version does not have.
    unsupported: &'static [UnsupportedFeature],
    /// The sections that this one may be, depending on its key `type`.
    pub(crate) kinds: &'static [&'static Self],
    /// Whether an unknown key is only a warning, since Crossbar.io does not check this section.
    is_open: bool,
}

impl SectionKeys {
    /// A section with exactly these keys. An unknown key is a fault.
    pub(crate) const fn closed(name: &'static str, keys: &'static [&'static str]) -> Self {
        Self { name, keys, shared_keys: &[], unsupported: &[], kinds: &[], is_open: false }
    }

    /// A section in which an unknown key is a warning.
    pub(crate) const fn open(name: &'static str, keys: &'static [&'static str]) -> Self {
        Self { name, keys, shared_keys: &[], unsupported: &[], kinds: &[], is_open: true }
    }

    /// A section whose key `type` tells which of the `kinds` it is.
    pub(crate) const fn one_of(
        name: &'static str,
        keys: &'static [&'static str],
        kinds: &'static [&'static Self],
    ) -> Self {
        Self { name, keys, shared_keys: &[], unsupported: &[], kinds, is_open: false }
    }

    /// This section with further keys.
    pub(crate) const fn with(mut self, shared_keys: &'static [&'static [&'static str]]) -> Self {
        self.shared_keys = shared_keys;
        self
    }

    /// This section with the keys of unsupported features.
    pub(crate) const fn with_unsupported(
        mut self,
        unsupported: &'static [UnsupportedFeature],
    ) -> Self {
        self.unsupported = unsupported;
        self
    }

    /// All keys of the section itself, without those of its kinds.
    pub(crate) fn own_keys(&self) -> impl Iterator<Item = &'static str> {
        let keys = [self.keys].into_iter().chain(self.shared_keys.iter().copied()).flatten();
        keys.copied().chain(self.unsupported.iter().map(|feature| feature.word))
    }

    /// Whether the section, or one of its kinds, has this key.
    fn has(&self, key: &str) -> bool {
        self.own_keys().any(|own| own == key) || self.kinds.iter().any(|kind| kind.has(key))
    }
}

/// A section whose keys are the fields of a struct. The macro `options!` implements it.
pub(crate) trait SectionOptions: Default {
    /// The keys, in the order of the fields.
    const KEYS: &'static [&'static str];

    /// Reads the keys. Absent ones have their defaults. The caller finishes the section.
    fn read(section: &mut Section<'_>) -> Self;
}

/// A map of the file with known keys.
pub(crate) struct Section<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
    declared: &'static SectionKeys,
    /// The keys that the reader has asked for so far.
    known: Vec<&'static str>,
    /// The known keys that are refused or ignored.
    refused: Vec<&'static str>,
    /// Unknown keys whose values were taken for those of required keys.
    misspelt: Vec<(&'a Entry, &'static str)>,
}

impl<'a> Section<'a> {
    /// The value of `field` as a section; a fault if it is not a map.
    pub(crate) fn of(field: &Field<'a>, declared: &'static SectionKeys) -> Option<Self> {
        let Value::Map(entries) = &field.node.value else {
            return field.expected(&format!("a map: {}", declared.name));
        };
        let field = field.clone();
        let (known, refused, misspelt) = (Vec::new(), Vec::new(), Vec::new());
        Some(Self { field, entries, declared, known, refused, misspelt })
    }

    pub(crate) fn context(&self) -> &'a LoadContext<'a> {
        self.field.context
    }

    pub(crate) fn location(&self) -> SourceLocation {
        self.field.location()
    }

    /// Whether the map is empty.
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Replaces the declared keys by those of the section's kind, once the kind is known.
    pub(crate) fn narrow(&mut self, kind: &'static SectionKeys) {
        self.declared = kind;
    }

    fn know(&mut self, key: &'static str) {
        debug_assert!(
            self.declared.has(key),
            "the key '{key}' of '{}' is not declared",
            self.declared.name
        );
        self.known.push(key);
    }

    /// The value of an optional key.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.know(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.field.below(entry))
    }

    /// The value of an optional key, unless it is null.
    pub(crate) fn non_null(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.optional(key).filter(|field| !field.is_null())
    }

    /// The value of a key, or of an unknown key that is probably a misspelling of it. The
    /// misspelling is reported; its value is taken, so that its faults are found in the same run. A
    /// declared key is never a misspelling of another key.
    fn nearest(&mut self, key: &'static str) -> Option<Field<'a>> {
        if let Some(field) = self.optional(key) {
            return Some(field);
        }
        let unknown =
            |entry: &&Entry| !self.known.contains(&&*entry.key) && !self.declared.has(&entry.key);
        let near = |entry: &&Entry| spelling::is_near(&entry.key, key);
        let entry = self.entries.iter().filter(unknown).find(near)?;
        self.misspelt.push((entry, key));
        Some(self.field.below(entry))
    }

    /// The value of a required key.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.nearest(key)
            .or_else(|| self.report(format!("missing key '{key}' in {}", self.declared.name), None))
    }

    /// The text of an optional key.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.optional(key)?.text()
    }

    /// The text of a required key, which must not be empty.
    pub(crate) fn required_text(&mut self, key: &'static str) -> Option<String> {
        self.required(key)?.non_empty_text()
    }

    /// The texts in the list of a key, or the default if the key is absent.
    pub(crate) fn texts(&mut self, key: &'static str, default: Vec<String>) -> Vec<String> {
        self.optional(key).and_then(|field| field.texts()).unwrap_or(default)
    }

    /// The boolean of a key, or the default if the key is absent.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.optional(key).and_then(|field| field.flag()).unwrap_or(default)
    }

    /// The boolean of a key that has no effect. A warning says so if it is not the default.
    pub(crate) fn flag_without_effect(&mut self, key: &'static str, default: bool) -> bool {
        let flag = self.flag(key, default);
        self.has_no_effect(key, flag != default);
        flag
    }

    /// Warns that a key has no effect if `is_set`.
    pub(crate) fn has_no_effect(&mut self, key: &'static str, is_set: bool) {
        if let Some(field) = self.optional(key).filter(|_| is_set) {
            field.warn("this option has no effect in this version");
        }
    }

    /// The key `debug`, which has no effect: the log says as much without it.
    pub(crate) fn debug(&mut self) {
        self.flag_without_effect(DEBUG, false);
    }

    /// The text of a key that has no effect, with a warning if it is set.
    pub(crate) fn text_without_effect(
        &mut self,
        key: &'static str,
        _: Option<String>,
    ) -> Option<String> {
        let text = self.text(key);
        self.has_no_effect(key, text.is_some());
        text
    }

    /// The whole number of a key, or the default if the key is absent.
    pub(crate) fn number<N: WholeNumber>(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<N>,
        default: N,
    ) -> N {
        self.optional(key).and_then(|field| field.number(range)).unwrap_or(default)
    }

    /// The whole number of a key, or the default if the key is absent. A number above the range is
    /// replaced by the highest one: Crossbar.io has no such limit.
    pub(crate) fn number_up_to<N: WholeNumber>(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<N>,
        default: N,
    ) -> N {
        self.optional(key).and_then(|field| field.number_up_to(range)).unwrap_or(default)
    }

    /// The value that the word of a key stands for, or the default if the key is absent.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        noun: &str,
        choices: &[(&'static str, T)],
        default: T,
    ) -> T {
        let choice = self.optional(key).and_then(|field| field.choice(noun, choices, &[]));
        choice.unwrap_or(default)
    }

    /// The items in the list of an optional key.
    pub(crate) fn items(&mut self, key: &'static str) -> Vec<Field<'a>> {
        let field = if self.declared.is_open { self.optional(key) } else { self.nearest(key) };
        field.and_then(|field| field.list()).unwrap_or_default()
    }

    /// The section of an optional key.
    pub(crate) fn section(
        &mut self,
        key: &'static str,
        declared: &'static SectionKeys,
    ) -> Option<Self> {
        Self::of(&self.optional(key)?, declared)
    }

    /// The options in the section of a key. Absent ones have their defaults.
    pub(crate) fn options<O: SectionOptions>(
        &mut self,
        key: &'static str,
        declared: &'static SectionKeys,
    ) -> O {
        let Some(mut section) = self.section(key, declared) else { return O::default() };
        let options = O::read(&mut section);
        section.finish();
        options
    }

    /// Whether the key `type` is `word`. This does not make the key known.
    pub(crate) fn is_of_type(&self, word: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.key == TYPE);
        entry.is_some_and(|entry| self.field.below(entry).is(word))
    }

    /// The value that the word of the required key `type` stands for. Without it, nothing is known
    /// about the other keys, and they are not reported.
    pub(crate) fn kind<T: Copy>(
        &mut self,
        noun: &str,
        supported: &[(&'static str, T)],
        unsupported: &[UnsupportedFeature],
    ) -> Option<T> {
        let kind = self.required(TYPE).and_then(|f| f.choice(noun, supported, unsupported));
        if kind.is_none() {
            self.report_misspelt();
        }
        kind
    }

    /// The keys for features of Crossbar.io that this version does not have. They are refused,
    /// since ignoring them would change the meaning of the configuration.
    pub(crate) fn refuse_unsupported(&mut self) {
        for feature in self.declared.unsupported {
            self.refused.push(feature.word);
            if let Some(field) = self.optional(feature.word) {
                let subject = format!("'{}' in {}", feature.word, self.declared.name);
                field.report_unsupported::<()>(&subject, feature);
            }
        }
    }

    /// Keys of Crossbar.io that can be ignored without harm, with a warning that gives the reason.
    pub(crate) fn ignored(&mut self, keys: &[&'static str], reason: &str) {
        for key in keys {
            self.refused.push(key);
            if let Some(field) = self.optional(key) {
                field.warn(format!("'{key}' is ignored: {reason}"));
            }
        }
    }

    /// The keys for Python, which are ignored.
    pub(crate) fn ignore_python_keys(&mut self) {
        let [manhole, connections] = PYTHON_KEYS;
        self.ignored(&[manhole], "there is no Python to look into over SSH");
        self.ignored(&[connections], "no connections to databases are made for components");
    }

    /// The key `cookie` of a transport. Ignoring it is harmless, since no method of authentication
    /// uses cookies.
    pub(crate) fn ignore_cookie(&mut self) {
        self.ignored(&[COOKIE], "this version sets no cookies");
    }

    /// Keys whose values make no difference.
    pub(crate) fn accepted(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.know(key);
        }
    }

    /// Reports the unknown keys.
    pub(crate) fn finish(self) {
        self.report_misspelt();
        let is_absent = |known: &&str| !self.entries.iter().any(|entry| entry.key == **known);
        let absent: Vec<&str> = self.known.iter().copied().filter(is_absent).collect();
        for entry in self.entries {
            let misspelt = self.misspelt.iter().any(|(other, _)| other.key == entry.key);
            if !misspelt && !self.known.contains(&entry.key.as_str()) {
                let meant = spelling::nearest(&entry.key, absent.iter().copied());
                match self.declared.is_open {
                    true => self.warn_unknown(entry, meant),
                    false => self.report_unknown(entry, meant),
                }
            }
        }
    }

    fn warn_unknown(&self, entry: &Entry, meant: Option<&str>) {
        let (key, name) = (excerpt(&entry.key), self.declared.name);
        let mut message = format!("unknown key '{key}' in {name}: it is ignored");
        if let Some(meant) = meant {
            message.push_str(&format!("; did you mean '{meant}'?"));
        }
        self.context().warn(self.location_of(entry), message);
    }

    fn report_misspelt(&self) {
        for (entry, meant) in &self.misspelt {
            self.report_unknown(entry, Some(meant));
        }
    }

    fn report_unknown(&self, entry: &Entry, suggestion: Option<&str>) {
        let mut accepted: Vec<&str> = Vec::new();
        for key in &self.known {
            // A reader may ask for a key more than once.
            if !self.refused.contains(key) && !accepted.contains(key) {
                accepted.push(key);
            }
        }
        let message = format!("unknown key '{}' in {}", excerpt(&entry.key), self.declared.name);
        self.context().fault(ConfigFault {
            expected: suggestion.is_none().then(|| format!("one of {}", accepted.join(", "))),
            suggestion: suggestion.map(str::to_owned),
            ..ConfigFault::new(self.location_of(entry), message)
        });
    }

    fn location_of(&self, entry: &Entry) -> SourceLocation {
        self.context().location(entry.mark, &key_path(&self.field.path, &entry.key))
    }

    /// Records a fault of the section as a whole.
    pub(crate) fn report<T>(
        &self,
        message: impl Into<String>,
        expected: Option<String>,
    ) -> Option<T> {
        self.field.report(message, expected, None)
    }

    /// Records a warning about the section as a whole.
    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.field.warn(message);
    }
}
