//! One value of the file, with typed access.
//!
//! Each accessor that fails records a fault and returns none.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::document::{DocumentNode, Entry, Mark, Value, item_path, key_path};
use crate::env;
use crate::fault::{ConfigFault, excerpt};
use crate::load_context::LoadContext;
use crate::location::SourceLocation;
use crate::names::LocatedName;
use crate::spelling;
use crate::unsupported::{self, UnsupportedFeature};

/// The types of whole numbers.
pub(crate) trait WholeNumber: Copy + Display + PartialOrd + TryFrom<u64> + FromStr {}

impl<N: Copy + Display + PartialOrd + TryFrom<u64> + FromStr> WholeNumber for N {}

/// A value of the file.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) context: &'a LoadContext<'a>,
    pub(crate) node: &'a DocumentNode,
    pub(crate) path: String,
}

impl<'a> Field<'a> {
    pub(crate) fn mark(&self) -> Mark {
        self.node.mark
    }

    pub(crate) fn location(&self) -> SourceLocation {
        self.context.location(self.mark(), &self.path)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.node.value == Value::Null
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Whether the value is the text `word`.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.raw_text() == Some(word)
    }

    /// The text as it is in the file, if the value is a string.
    pub(crate) fn raw_text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, with its references replaced.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.node.value {
            Value::String(text) => self.substituted(text),
            _ => self.expected("a string"),
        }
    }

    /// The text, which must not be empty.
    pub(crate) fn non_empty_text(&self) -> Option<String> {
        let text = self.text()?;
        if text.is_empty() { self.expected("a string that is not empty") } else { Some(text) }
    }

    /// The text, which must not be empty, as a name with its location.
    pub(crate) fn located_name(&self) -> Option<LocatedName> {
        Some(LocatedName { name: self.non_empty_text()?, location: self.location() })
    }

    /// The boolean.
    pub(crate) fn flag(&self) -> Option<bool> {
        if let Some(Value::Bool(flag)) = self.yaml_1_1_value() {
            return Some(*flag);
        }
        match &self.node.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if env::has_references(text) => {
                let text = self.substituted(text)?;
                text.parse().ok().or_else(|| self.expected_of_reference(&text, "true or false"))
            }
            _ => self.expected("true or false"),
        }
    }

    /// A whole number in a range.
    pub(crate) fn number<N: WholeNumber>(&self, range: &RangeInclusive<N>) -> Option<N> {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let within = |number: &N| range.contains(number);
        match self.yaml_1_1_value().unwrap_or(&self.node.value) {
            Value::Number(number) => {
                let number = number.as_u64().and_then(|number| N::try_from(number).ok());
                number.filter(within).or_else(|| self.expected(&expected()))
            }
            // In Python, booleans are numbers.
            Value::Bool(flag) => {
                let number = N::try_from(u64::from(*flag)).ok().filter(within);
                if let Some(number) = number {
                    self.warn(format!("{flag} is read as {number}, as Crossbar.io reads it"));
                }
                number.or_else(|| self.expected(&expected()))
            }
            Value::String(text) if env::has_references(text) => {
                let text = self.substituted(text)?;
                let number = text.parse().ok().filter(within);
                number.or_else(|| self.expected_of_reference(&text, &expected()))
            }
            _ => self.expected(&expected()),
        }
    }

    /// A whole number in a range. A number above the range is replaced by the highest one, with a
    /// warning.
    pub(crate) fn number_up_to<N: WholeNumber>(&self, range: &RangeInclusive<N>) -> Option<N> {
        let Value::Number(number) = &self.node.value else { return self.number(range) };
        let is_above = |number: u64| N::try_from(number).map_or(true, |n| n > *range.end());
        match number.as_u64() {
            Some(number) if is_above(number) => {
                self.warn(format!(
                    "{number} is above the most that this version takes: {} is used",
                    range.end()
                ));
                Some(*range.end())
            }
            _ => self.number(range),
        }
    }

    /// The value under the rules of YAML 1.1, if it differs, with a warning: Crossbar.io reads its
    /// files by these rules.
    fn yaml_1_1_value(&self) -> Option<&'a Value> {
        let value = self.node.yaml_1_1_value.as_deref()?;
        let shown = match value {
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => format!("the number {number}"),
            _ => return None,
        };
        self.warn(format!(
            "this is read as {shown}, as Crossbar.io reads it (YAML 1.1); write it so"
        ));
        Some(value)
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<Vec<Self>> {
        let Value::List(items) = &self.node.value else { return self.expected("a list") };
        let item = |(index, node)| Field {
            context: self.context,
            node,
            path: item_path(&self.path, index),
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        Some(self.list()?.iter().filter_map(Field::text).collect())
    }

    /// The entries of a map with arbitrary keys.
    pub(crate) fn entries(&self) -> Option<Vec<(&'a Entry, Self)>> {
        let Value::Map(entries) = &self.node.value else { return self.expected("a map") };
        Some(entries.iter().map(|entry| (entry, self.below(entry))).collect())
    }

    /// The value that the word stands for. Words for features of Crossbar.io that this version does
    /// not have get a fault of their own.
    pub(crate) fn choice<T: Copy>(
        &self,
        noun: &str,
        supported: &[(&'static str, T)],
        unsupported: &[UnsupportedFeature],
    ) -> Option<T> {
        let text = self.text()?;
        if let Some((_, choice)) = supported.iter().find(|(word, _)| *word == text) {
            return Some(*choice);
        }
        if let Some(feature) = unsupported::find(unsupported, &text) {
            return self.report_unsupported(&format!("the {noun} '{text}'"), feature);
        }
        let words = || supported.iter().map(|(word, _)| *word);
        let suggestion = spelling::nearest(&text, words());
        let message = format!("unknown {noun} '{}'", excerpt(&text));
        self.report(message, Some(one_of(words())), suggestion)
    }

    /// Records the fault that this value, which `subject` names, asks for an unsupported feature. A
    /// disabled worker may ask for it.
    pub(crate) fn report_unsupported<T>(
        &self,
        subject: &str,
        feature: &UnsupportedFeature,
    ) -> Option<T> {
        let UnsupportedFeature { name, advice, .. } = feature;
        let message = format!("{subject} is not supported by this version: {advice}");
        self.report_unsupported_as(name, message, None)
    }

    /// Records the fault that the feature `name` is not supported, with a message of its own.
    pub(crate) fn report_unsupported_as<T>(
        &self,
        name: &'static str,
        message: String,
        suggestion: Option<&str>,
    ) -> Option<T> {
        if !self.context.names.borrow().disabled {
            self.context.fault(ConfigFault {
                suggestion: suggestion.map(str::to_owned),
                unsupported_feature: Some(name),
                ..ConfigFault::new(self.location(), message)
            });
        }
        None
    }

    /// The value as JSON, with the references in its texts replaced.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self.yaml_1_1_value().unwrap_or(&self.node.value) {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => number.clone().into(),
            Value::String(text) => self.substituted(text).into(),
            Value::List(_) => self.list().unwrap_or_default().iter().map(Field::json).collect(),
            Value::Map(entries) => {
                let entry = |entry: &'a Entry| (entry.key.clone(), self.below(entry).json());
                entries.iter().map(entry).collect()
            }
        }
    }

    /// The value of an entry of this map.
    pub(crate) fn below(&self, entry: &'a Entry) -> Self {
        Self { context: self.context, node: &entry.node, path: key_path(&self.path, &entry.key) }
    }

    /// The value at a JSON pointer (RFC 6901) below this one. If it does not exist, the deepest
    /// value on the way to it.
    pub(crate) fn at(&self, pointer: &str) -> Self {
        let mut at = self.clone();
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &at.node.value {
                Value::Map(entries) => {
                    let entry = entries.iter().find(|entry| entry.key == token);
                    entry.map(|entry| at.below(entry))
                }
                Value::List(items) => token.parse().ok().and_then(|index| {
                    let (context, node) = (at.context, items.get(index)?);
                    Some(Self { context, node, path: item_path(&at.path, index) })
                }),
                _ => None,
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }

    /// A text of this value with its references replaced.
    fn substituted(&self, text: &str) -> Option<String> {
        match self.context.substitute(text) {
            Ok(text) => Some(text),
            Err(message) => self.report(message, None, None),
        }
    }

    /// Records the fault that something else was expected.
    pub(crate) fn expected<T>(&self, expected: &str) -> Option<T> {
        self.report(format!("found {}", shown(&self.node.value)), Some(expected.to_owned()), None)
    }

    /// Records the fault that the text of a reference is not as expected. The message does not
    /// repeat the text, since it may be a secret.
    fn expected_of_reference<T>(&self, text: &str, expected: &str) -> Option<T> {
        let length = text.chars().count();
        let message = format!("found a reference to a text of {length} characters");
        self.report(message, Some(expected.to_owned()), None)
    }

    /// Records a fault at this value.
    pub(crate) fn fault(&self, message: impl Into<String>) {
        self.context.fault(ConfigFault::new(self.location(), message));
    }

    /// Records a fault at this value. Returns none, as the result of the caller.
    pub(crate) fn report<T>(
        &self,
        message: impl Into<String>,
        expected: Option<String>,
        suggestion: Option<&str>,
    ) -> Option<T> {
        let suggestion = suggestion.map(str::to_owned);
        let fault = ConfigFault::new(self.location(), message);
        self.context.fault(ConfigFault { expected, suggestion, ..fault });
        None
    }

    /// Records a warning at this value.
    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.context.warn(self.location(), message);
    }
}

/// The type of a value and, if it is short, the value.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string '{}'", excerpt(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    }
}

/// The words as alternatives: `'a', 'b' or 'c'`.
fn one_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}
