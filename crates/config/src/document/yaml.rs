//! A YAML reader that keeps the line and column of each key and value: it builds a tree from the
//! events of a YAML 1.2 parser.
//!
//! - The merge key `<<` of YAML 1.1 is supported, since configurations use it.
//! - A plain scalar that YAML 1.1 reads differently (`yes`, `10_000`) has the value of YAML 1.2,
//!   and keeps the other value in [`DocumentNode::yaml_1_1_value`].
//! - Several documents, keys that are not text, and custom tags are refused: they have no meaning
//!   in a configuration.
//! - The values that aliases repeat are counted, so that a small file cannot make a huge tree.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::Number;

use super::{DocumentNode, Entry, MAX_DEPTH, MAX_NODES, Mark, SyntaxFault, Value, yaml_1_1};

/// Reads a whole text as one YAML document. An empty text is null.
pub(crate) fn parse(text: &str) -> Result<DocumentNode, SyntaxFault> {
    let mut builder = TreeBuilder::new(text);
    let mut document = None;
    loop {
        let (event, mark) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if document.is_some() => {
                return Err(SyntaxFault::new(mark, "a second document in the file"));
            }
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            event => document = Some(builder.node(event, mark, 0)?),
        }
    }
    Ok(document.unwrap_or(DocumentNode::new(Mark::START, Value::Null)))
}

struct TreeBuilder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Finished nodes with an anchor, by the parser's number for the anchor.
    anchors: HashMap<usize, DocumentNode>,
    /// The number of values so far, with those that aliases repeat.
    nodes: usize,
}

impl<'t> TreeBuilder<'t> {
    fn new(text: &'t str) -> Self {
        Self { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 }
    }

    fn next(&mut self) -> Result<(Event<'t>, Mark), SyntaxFault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, mark(span.start))),
            Some(Err(error)) => Err(syntax_fault(&error)),
            None => Ok((Event::StreamEnd, Mark::START)),
        }
    }

    /// Reads the node that begins with `event`.
    fn node(
        &mut self,
        event: Event<'t>,
        mark: Mark,
        depth: usize,
    ) -> Result<DocumentNode, SyntaxFault> {
        self.count(1, mark)?;
        let mut yaml_1_1_value = None;
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, mark, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref(), mark)?;
                if style == ScalarStyle::Plain && tag.is_none() {
                    let other = yaml_1_1::value(&text).filter(|other| *other != value);
                    yaml_1_1_value = other.map(Box::new);
                }
                (anchor, value)
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if depth == MAX_DEPTH => {
                return Err(SyntaxFault::too_deep(mark));
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), "seq", mark)?;
                (anchor, self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), "map", mark)?;
                (anchor, self.map(depth)?)
            }
            _ => return Err(SyntaxFault::new(mark, "a value is missing")),
        };
        let node = DocumentNode { mark, value, yaml_1_1_value };
        if anchor != 0 {
            self.count(size(&node), mark)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxFault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, mark) => items.push(self.node(event, mark, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, SyntaxFault> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (key, mark) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(key, style, 0, None), mark) => {
                    ((key.into_owned(), style == ScalarStyle::Plain), mark)
                }
                (_, mark) => return Err(SyntaxFault::new(mark, "a key that is no plain text")),
            };
            let (event, node_mark) = self.next()?;
            let node = self.node(event, node_mark, depth + 1)?;
            match key {
                (key, true) if key == "<<" => merge(node, &mut merged)?,
                (key, _) => entries.push(Entry { key, mark, node }),
            }
        }
        // A map's own entries win over merged ones, and earlier merged ones over later ones.
        if !merged.is_empty() {
            let mut keys: HashSet<String> = entries.iter().map(|own| own.key.clone()).collect();
            entries.extend(merged.into_iter().filter(|entry| keys.insert(entry.key.clone())));
        }
        Ok(Value::Map(entries))
    }

    fn alias(
        &mut self,
        anchor: usize,
        mark: Mark,
        depth: usize,
    ) -> Result<DocumentNode, SyntaxFault> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(SyntaxFault::new(mark, "an alias of a value that contains it"));
        };
        let node = node.clone();
        if depth + height(&node) > MAX_DEPTH {
            return Err(SyntaxFault::too_deep(mark));
        }
        self.count(size(&node), mark)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), SyntaxFault> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(SyntaxFault::too_many(mark)) } else { Ok(()) }
    }
}

/// Adds the entries that a merge key stands for. Its value is a map or a list of maps.
fn merge(node: DocumentNode, entries: &mut Vec<Entry>) -> Result<(), SyntaxFault> {
    match node.value {
        Value::Map(map) => entries.extend(map),
        Value::List(maps) => {
            for map in maps {
                match map.value {
                    Value::Map(map) => entries.extend(map),
                    _ => return Err(SyntaxFault::new(map.mark, MERGES)),
                }
            }
        }
        _ => return Err(SyntaxFault::new(node.mark, MERGES)),
    }
    Ok(())
}

const MERGES: &str = "'<<' takes in maps, and this is none";

/// The value of a scalar under the core schema (YAML 1.2, section 10.3).
fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    mark: Mark,
) -> Result<Value, SyntaxFault> {
    let value = match style {
        ScalarStyle::Plain => plain(text),
        _ => Value::String(text.to_owned()),
    };
    let Some(tag) = tag else { return Ok(value) };
    let value = if is_core(tag, "str") { Value::String(text.to_owned()) } else { plain(text) };
    let suits = match value {
        Value::String(_) => is_core(tag, "str"),
        Value::Null => is_core(tag, "null"),
        Value::Bool(_) => is_core(tag, "bool"),
        Value::Number(_) => is_core(tag, "int") || is_core(tag, "float"),
        Value::List(_) | Value::Map(_) => false,
    };
    if suits {
        Ok(value)
    } else {
        Err(SyntaxFault::new(mark, format!("the tag {tag} has no meaning here")))
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let radix = |digits, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    // What Rust calls a number beyond the core schema (`inf`, `nan`, `infinity`) has letters.
    let of_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if !text.chars().all(of_number) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let integer = text.parse().map(i64::into).or_else(|_| text.parse().map(u64::into));
    integer.ok().or_else(|| text.parse().ok().and_then(Number::from_f64))
}

fn refuse_tag(tag: Option<&Tag>, allowed: &str, mark: Mark) -> Result<(), SyntaxFault> {
    match tag {
        Some(tag) if !is_core(tag, allowed) => {
            Err(SyntaxFault::new(mark, format!("the tag {tag} has no meaning here")))
        }
        _ => Ok(()),
    }
}

fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

/// The number of values in a node, including itself.
fn size(node: &DocumentNode) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.node)).sum(),
        _ => 0,
    }
}

/// The number of nested levels of lists and maps in a node.
fn height(node: &DocumentNode) -> usize {
    let deepest: Option<usize> = match &node.value {
        Value::List(items) => Some(items.iter().map(height).max().unwrap_or(0)),
        Value::Map(entries) => {
            Some(entries.iter().map(|entry| height(&entry.node)).max().unwrap_or(0))
        }
        _ => None,
    };
    deepest.map_or(0, |below| below + 1)
}

fn mark(marker: Marker) -> Mark {
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark { line: bounded(marker.line()), column: bounded(marker.col()).saturating_add(1) }
}

fn syntax_fault(error: &ScanError) -> SyntaxFault {
    SyntaxFault::new(mark(*error.marker()), format!("this is no YAML: {}", error.info()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node as text similar to JSON, without positions, for comparing.
    fn shown(node: &DocumentNode) -> String {
        match &node.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("{text:?}"),
            Value::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(","))
            }
            Value::Map(entries) => {
                let entry = |entry: &Entry| format!("{}:{}", entry.key, shown(&entry.node));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
            }
        }
    }

    fn reads(text: &str, expected: &str) {
        let node = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert_eq!(shown(&node), expected, "{text}");
    }

    fn fault(text: &str) -> (u32, u32, String) {
        let fault = parse(text).expect_err(text);
        (fault.mark.line, fault.mark.column, fault.message)
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        reads("[~, null, '', \"null\", ]", r#"[null,null,"","null"]"#);
        reads("[true, False, yes, on, 'true']", r#"[true,false,"yes","on","true"]"#);
        reads(
            "[8080, -1, +1, 0x1F, 0o17, 017, 1.5, 1e3, .5]",
            "[8080,-1,1,31,15,17,1.5,1000.0,0.5]",
        );
        reads(
            "[18446744073709551615, -9223372036854775808]",
            "[18446744073709551615,-9223372036854775808]",
        );
        reads(
            "[.inf, nan, inf, 1.2.3, 0x, e, 1_000]",
            r#"[".inf","nan","inf","1.2.3","0x","e","1_000"]"#,
        );
        reads("[!!str 8080, !!int 8080, !!str true]", r#"["8080",8080,"true"]"#);
        reads("a: |\n  b\n  c\n", "{a:\"b\\nc\\n\"}");
        reads("", "null");
    }

    #[test]
    fn keys_and_values_have_their_line_and_column() {
        let node = parse("# a comment\nü:\n  - 1\n  -   b: true\n").expect("YAML");
        let Value::Map(entries) = &node.value else { panic!("a map") };
        let Value::List(items) = &entries[0].node.value else { panic!("a list") };
        let Value::Map(inner) = &items[1].value else { panic!("a map") };
        let marks = [node.mark, entries[0].mark, items[0].mark, inner[0].mark, inner[0].node.mark];
        let positions = marks.map(|mark| (mark.line, mark.column));
        assert_eq!(positions, [(2, 1), (2, 1), (3, 5), (4, 7), (4, 10)]);
    }

    #[test]
    fn aliases_repeat_values_and_merge_keys_add_entries() {
        reads("a: &x {b: 1}\nc: *x\n", "{a:{b:1},c:{b:1}}");
        reads("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", "{a:{b:1,c:2},d:{c:3,b:1}}");
        reads("- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]\n", "[{a:1},{a:2,b:2},{a:1,b:2}]");
        reads("'<<': 1", "{<<:1}");
    }

    #[test]
    fn repeated_keys_are_kept() {
        reads("a: 1\na: 2\n", "{a:1,a:2}");
    }

    #[test]
    fn yaml_without_meaning_in_a_configuration_is_refused_with_its_position() {
        assert_eq!(fault("a: 1\n---\nb: 2\n"), (2, 1, "a second document in the file".into()));
        assert_eq!(fault("a:\n  [1]: 2\n"), (2, 3, "a key that is no plain text".into()));
        assert_eq!(fault("a: !secret x"), (1, 4, "the tag !secret has no meaning here".into()));
        assert_eq!(fault("&a [*a]"), (1, 5, "an alias of a value that contains it".into()));
        assert_eq!(fault("<<: 1"), (1, 5, "'<<' takes in maps, and this is none".into()));
        assert!(fault("a: [1, 2\nb: 3").2.starts_with("this is no YAML: "));
        assert!(fault("a: *none").2.starts_with("this is no YAML: "));
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(fault(&deep(MAX_DEPTH + 1)).2, "nested more than 64 levels deep");
        assert!(fault(&deep(100_000)).2.starts_with("this is no YAML: "));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{items}]\n");
        }
        assert_eq!(fault(&bomb).2, "more than 200000 values");
    }
}
