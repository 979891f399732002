//! The header fields of the HTTP request that opened a session.
//!
//! The session keeps them in memory until it ends, so they are one allocation, shared by all
//! clones.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Header fields with names in lower case, in the order of the request.
///
/// `Debug` shows only the names: values may be credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpHeaders(
    /// One line per field: name, colon, value. Names and values contain no line end.
    Arc<str>,
);

impl HttpHeaders {
    /// Collects fields. Adjacent fields with the same name are joined with a comma (RFC 9110,
    /// section 5.3).
    ///
    /// Skips fields that are not valid (RFC 9110, section 5.5) and fields that would exceed
    /// `max_bytes` in total. A value that is not UTF-8 is read as ISO 8859-1.
    pub fn collect<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        max_bytes: usize,
    ) -> Self {
        let mut lines = String::new();
        let mut last = "";
        for (name, value) in fields {
            let value = text(value);
            let is_valid =
                !name.is_empty() && !name.contains([':', '\n']) && !value.contains(['\r', '\n']);
            if !is_valid || lines.len() + name.len() + value.len() + 3 > max_bytes {
                continue;
            }
            if name == last {
                lines.pop();
                lines.push_str(", ");
            } else {
                lines.push_str(name);
                lines.push(':');
                last = name;
            }
            lines.push_str(&value);
            lines.push('\n');
        }
        Self(lines.into())
    }

    /// Names and values of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().filter_map(|line| line.split_once(':'))
    }
}

fn text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => text.into(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

impl fmt::Debug for HttpHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::HttpHeaders;

    fn collected(fields: &[(&str, &[u8])], max_bytes: usize) -> Vec<(String, String)> {
        let headers = HttpHeaders::collect(fields.iter().copied(), max_bytes);
        headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn fields_keep_their_order_and_adjacent_ones_of_one_name_are_joined() {
        let fields: [(&str, &[u8]); 5] = [
            ("host", b"localhost:8080"),
            ("x-a", b"1"),
            ("x-a", b"2"),
            ("x-empty", b""),
            ("user-agent", b"test: yes"),
        ];
        let expected = [
            field("host", "localhost:8080"),
            field("x-a", "1, 2"),
            field("x-empty", ""),
            field("user-agent", "test: yes"),
        ];
        assert_eq!(collected(&fields, 1_000), expected);
        assert_eq!(collected(&[], 1_000), []);
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_read_as_iso_8859_1() {
        let fields: [(&str, &[u8]); 2] = [("x-a", "\u{fc}".as_bytes()), ("x-b", b"\xfc")];
        assert_eq!(collected(&fields, 100), [field("x-a", "\u{fc}"), field("x-b", "\u{fc}")]);
    }

    #[test]
    fn invalid_fields_and_fields_beyond_the_limit_are_skipped() {
        let long = [b'x'; 100];
        let fields: [(&str, &[u8]); 6] = [
            ("x-long", &long),
            ("x-a", b"1"),
            ("x-line", b"1\nx-b:2"),
            ("", b"1"),
            ("x:a", b"1"),
            ("x-c", b"3"),
        ];
        assert_eq!(collected(&fields, 20), [field("x-a", "1"), field("x-c", "3")]);
        let headers = HttpHeaders::collect((0..100).map(|_| ("x-a", &long[..])), 1_000);
        assert!(headers.0.len() <= 1_000, "{}", headers.0.len());
    }

    #[test]
    fn debug_output_has_no_values() {
        let headers = HttpHeaders::collect([("cookie", &b"secret"[..])], 100);
        assert_eq!(format!("{headers:?}"), r#"["cookie"]"#);
    }
}
