//! A configuration file as a tree of values, each with its line and column.
//!
//! This module knows nothing about the meaning of keys and values.

pub(crate) mod json;
pub(crate) mod yaml;
mod yaml_1_1;

use std::collections::{HashMap, HashSet};

use serde_json::Number;

use crate::fault::excerpt;

/// The deepest nesting of lists and maps. The deepest known configuration has about twenty levels.
pub(crate) const MAX_DEPTH: usize = 64;

/// The most values in a file. A value that YAML aliases repeat counts each time.
pub(crate) const MAX_NODES: usize = 200_000;

/// A line and a column in characters, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Mark {
    /// The beginning of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
    /// A file as a whole.
    pub(crate) const WHOLE: Self = Self { line: 0, column: 0 };
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DocumentNode {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
    /// The value under the rules of YAML 1.1, if it differs.
    pub(crate) yaml_1_1_value: Option<Box<Value>>,
}

impl DocumentNode {
    pub(crate) const fn new(mark: Mark, value: Value) -> Self {
        Self { mark, value, yaml_1_1_value: None }
    }
}

/// A value without its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<DocumentNode>),
    /// The entries in the order of the file.
    Map(Vec<Entry>),
}

/// A key of a map and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) mark: Mark,
    pub(crate) node: DocumentNode,
}

/// A text that violates the syntax of its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxFault {
    pub(crate) mark: Mark,
    pub(crate) message: String,
}

impl SyntaxFault {
    pub(crate) fn new(mark: Mark, message: impl Into<String>) -> Self {
        Self { mark, message: message.into() }
    }

    /// Lists and maps are nested deeper than [`MAX_DEPTH`].
    pub(crate) fn too_deep(mark: Mark) -> Self {
        Self::new(mark, format!("nested more than {MAX_DEPTH} levels deep"))
    }

    /// There are more than [`MAX_NODES`] values.
    pub(crate) fn too_many(mark: Mark) -> Self {
        Self::new(mark, format!("more than {MAX_NODES} values"))
    }
}

/// The path of a key below the path of its map.
pub(crate) fn key_path(path: &str, key: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '…');
    let key = &excerpt(key);
    match (path.is_empty(), !key.is_empty() && key.chars().all(plain)) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}

/// The path of an item below the path of its list.
pub(crate) fn item_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// Removes each entry whose key is repeated later in its map: the last one counts.
pub(crate) fn drop_repeated_keys(node: &mut DocumentNode) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(drop_repeated_keys),
        Value::Map(entries) => {
            let mut later = HashSet::new();
            let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
            for mut entry in std::mem::take(entries).into_iter().rev() {
                if later.insert(entry.key.clone()) {
                    drop_repeated_keys(&mut entry.node);
                    kept.push(entry);
                }
            }
            kept.reverse();
            *entries = kept;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Calls `found` for each repetition of a key in a map, with the path of the key, the entry and the
/// mark of the first entry with this key.
pub(crate) fn repeated_keys(
    node: &DocumentNode,
    path: &str,
    found: &mut impl FnMut(&str, &Entry, Mark),
) {
    match &node.value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                repeated_keys(item, &item_path(path, index), found);
            }
        }
        Value::Map(entries) => {
            let mut first = HashMap::new();
            for entry in entries {
                let path = key_path(path, &entry.key);
                let mark = *first.entry(entry.key.as_str()).or_insert(entry.mark);
                if mark != entry.mark {
                    found(&path, entry, mark);
                }
                repeated_keys(&entry.node, &path, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_quote_only_keys_with_special_characters() {
        assert_eq!(key_path("", "workers"), "workers");
        assert_eq!(key_path("workers[0]", "id"), "workers[0].id");
        assert_eq!(key_path("paths", "/"), "paths[\"/\"]");
        assert_eq!(key_path("paths", ""), "paths[\"\"]");
        assert_eq!(item_path("workers", 3), "workers[3]");
    }

    #[test]
    fn repeated_keys_are_found_at_every_depth() {
        let text = r#"{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3, "a": 4}"#;
        let node = json::parse(text).expect("JSON");
        let mut paths = Vec::new();
        repeated_keys(&node, "", &mut |path, entry, first| {
            paths.push((path.to_owned(), entry.mark.column, first.column));
        });
        let expected = [("b[0].c", 25, 17), ("a", 35, 2), ("a", 43, 2)];
        assert_eq!(paths, expected.map(|(path, at, first)| (path.to_owned(), at, first)));
    }
}
