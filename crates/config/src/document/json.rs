//! A JSON reader that keeps the line and column of each key and value (RFC 8259).
//!
//! `serde_json` decodes strings and numbers, and keeps no positions. No crate with positions is as
//! strict and explains as much (`docs/decisions/json-reader.md`):
//!
//! - Repeated keys are kept, so that a warning can name both lines.
//! - Nesting and the number of values are bounded while reading.
//! - Messages name what was found and what was expected, and recognize comments and trailing
//!   commas, the two usual mistakes.

use cloverleaf_wamp::excerpt::Excerpt;

use super::{DocumentNode, Entry, MAX_DEPTH, MAX_NODES, Mark, SyntaxFault, Value};

/// The longest unexpected word that a message shows, in characters.
const MAX_WORD: usize = 20;

/// Reads a whole text as one JSON value.
pub(crate) fn parse(text: &str) -> Result<DocumentNode, SyntaxFault> {
    let mut reader = JsonDocumentReader { rest: text, mark: Mark::START, nodes: 0 };
    let node = reader.value(0)?;
    reader.skip_white_space();
    if reader.rest.is_empty() {
        Ok(node)
    } else {
        Err(reader.expected("nothing after the end of the value"))
    }
}

struct JsonDocumentReader<'t> {
    /// The text after the position.
    rest: &'t str,
    /// The position.
    mark: Mark,
    /// The number of values read so far.
    nodes: usize,
}

impl<'t> JsonDocumentReader<'t> {
    fn value(&mut self, depth: usize) -> Result<DocumentNode, SyntaxFault> {
        self.skip_white_space();
        let mark = self.mark;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(SyntaxFault::too_many(mark));
        }
        let value = match self.rest.bytes().next() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => return Err(SyntaxFault::too_deep(mark)),
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(DocumentNode::new(mark, value))
    }

    fn map(&mut self, depth: usize) -> Result<Value, SyntaxFault> {
        let mut entries = Vec::new();
        self.advance(1);
        if self.take('}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_white_space();
            let mark = self.mark;
            if !self.rest.starts_with('"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = self.string()?;
            if !self.take(':') {
                return Err(self.expected("':' after the key"));
            }
            entries.push(Entry { key, mark, node: self.value(depth + 1)? });
            if self.take('}') {
                return Ok(Value::Map(entries));
            }
            if !self.take(',') {
                return Err(self.expected("',' or '}'"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxFault> {
        let mut items = Vec::new();
        self.advance(1);
        if self.take(']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(']') {
                return Ok(Value::List(items));
            }
            if !self.take(',') {
                return Err(self.expected("',' or ']'"));
            }
        }
    }

    fn string(&mut self) -> Result<String, SyntaxFault> {
        let mark = self.mark;
        let mut escaped = false;
        let end = self.rest[1..].bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes || byte == b'\n'
        });
        let token = end.map_or(self.rest, |end| &self.rest[..end + 2]);
        if end.is_none() || token.ends_with('\n') {
            return Err(SyntaxFault::new(mark, "a string without closing quote on its line"));
        }
        self.advance(token.len());
        serde_json::from_str(token).map_err(|_| {
            SyntaxFault::new(mark, "a string with an invalid escape or a control character")
        })
    }

    fn number(&mut self) -> Result<Value, SyntaxFault> {
        let mark = self.mark;
        let token = self.token(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let number = serde_json::from_str(token).map(Value::Number);
        number.map_err(|_| SyntaxFault::new(mark, format!("'{token}' is no number")))
    }

    fn word(&mut self) -> Result<Value, SyntaxFault> {
        let start = JsonDocumentReader { ..*self };
        match self.token(char::is_alphanumeric) {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(start.expected("a value")),
        }
    }

    /// Consumes the longest run of characters for which `belongs` is true.
    fn token(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let token = &self.rest[..self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len())];
        self.advance(token.len());
        token
    }

    /// Consumes white space and then `wanted`. Returns whether `wanted` was there.
    fn take(&mut self, wanted: char) -> bool {
        self.skip_white_space();
        let found = self.rest.starts_with(wanted);
        if found {
            self.advance(wanted.len_utf8());
        }
        found
    }

    fn skip_white_space(&mut self) {
        self.token(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    /// Advances by a number of bytes, counting lines and columns.
    fn advance(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        for c in passed.chars() {
            if c == '\n' {
                self.mark = Mark { line: self.mark.line + 1, column: 1 };
            } else {
                self.mark.column += 1;
            }
        }
        self.rest = rest;
    }

    /// A fault that names the text at the position and what was expected there.
    fn expected(&self, what: &str) -> SyntaxFault {
        let found = match self.rest.chars().next() {
            None => "the end of the file".to_owned(),
            Some('#') => "a comment, which JSON does not have".to_owned(),
            Some('/') if self.rest.starts_with("//") || self.rest.starts_with("/*") => {
                "a comment, which JSON does not have".to_owned()
            }
            Some(c) if c.is_alphabetic() => {
                let end = self.rest.find(|c: char| !c.is_alphanumeric());
                let word = &self.rest[..end.unwrap_or(self.rest.len())];
                format!("'{}'", Excerpt::new(word, MAX_WORD))
            }
            Some(c @ ('}' | ']')) => format!("'{c}', perhaps after a comma too many"),
            Some(c) => format!("{c:?}"),
        };
        SyntaxFault::new(self.mark, format!("found {found}; expected {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(node: &DocumentNode) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::String(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(plain).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), plain(&entry.node))).collect()
            }
        }
    }

    fn fault(text: &str) -> (u32, u32, String) {
        let fault = parse(text).expect_err(text);
        (fault.mark.line, fault.mark.column, fault.message)
    }

    #[test]
    fn every_json_value_is_read_as_serde_json_reads_it() {
        let texts = [
            "null",
            " true ",
            "-0.5e+3",
            "18446744073709551615",
            "[]",
            "{}",
            "\t{\"a\"\r\n:\t[1,\t2, {\"b\": \"\\u00e9\\ud83d\\ude00\\/\\t\\\\\"}], \"ü\": \"\\\"\"}\n",
            "[[[], {}], \"\", [\"\\\\\\\"\"]]",
        ];
        for text in texts {
            let expected: serde_json::Value = serde_json::from_str(text).expect(text);
            assert_eq!(plain(&parse(text).expect(text)), expected, "{text}");
        }
    }

    #[test]
    fn keys_and_values_have_their_line_and_column() {
        let node = parse("{\n  \"ü\": [1,\n\ttrue]}").expect("JSON");
        let Value::Map(entries) = &node.value else { panic!("a map") };
        let Value::List(items) = &entries[0].node.value else { panic!("a list") };
        let marks =
            [node.mark, entries[0].mark, entries[0].node.mark, items[0].mark, items[1].mark];
        let positions = marks.map(|mark| (mark.line, mark.column));
        assert_eq!(positions, [(1, 1), (2, 3), (2, 8), (2, 9), (3, 2)]);
    }

    #[test]
    fn syntax_faults_have_their_position_and_name_what_was_expected() {
        let comma = "found '}', perhaps after a comma too many; expected a key in double quotes";
        let comment = "found a comment, which JSON does not have; expected ',' or '}'";
        let cases = [
            ("", 1, 1, "found the end of the file; expected a value"),
            ("{\n \"a\": 1,\n}", 3, 1, comma),
            ("{\"a\" 1}", 1, 6, "found '1'; expected ':' after the key"),
            ("{\"a\": 1 // one\n}", 1, 9, comment),
            ("[1 2]", 1, 4, "found '2'; expected ',' or ']'"),
            ("[True]", 1, 2, "found 'True'; expected a value"),
            (
                "[üabcdefghijklmnopqrstuvwxyz]",
                1,
                2,
                "found 'üabcdefghijklmnopqrs'; expected a value",
            ),
            ("{a: 1}", 1, 2, "found 'a'; expected a key in double quotes"),
            ("[1] x", 1, 5, "found 'x'; expected nothing after the end of the value"),
            ("[01]", 1, 2, "'01' is no number"),
            ("[1e]", 1, 2, "'1e' is no number"),
            ("[\"a\n\"]", 1, 2, "a string without closing quote on its line"),
            ("[\"a", 1, 2, "a string without closing quote on its line"),
            ("\"", 1, 1, "a string without closing quote on its line"),
            ("[\"\\x\"]", 1, 2, "a string with an invalid escape or a control character"),
            ("[\"\\ud800\"]", 1, 2, "a string with an invalid escape or a control character"),
            ("[\"\t\"]", 1, 2, "a string with an invalid escape or a control character"),
        ];
        for (text, line, column, message) in cases {
            assert_eq!(fault(text), (line, column, message.to_owned()), "{text}");
        }
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(fault(&deep(100_000)), (1, 65, "nested more than 64 levels deep".to_owned()));
        let many = format!("[{}0]", "0,".repeat(MAX_NODES));
        assert_eq!(fault(&many).2, "more than 200000 values");
    }
}
