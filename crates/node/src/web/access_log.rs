//! The request line as the access log shows it: on one line, of bounded length, without secrets.
//!
//! The values of query parameters with names such as `signature` or `access_token` are hidden, and
//! so are the ids of long-poll sessions, which are all that it takes to speak for the session.

use std::fmt::Write as _;

use hyper::{Method, Uri};

/// The most characters of a request line that are logged: enough for a signed request, and little
/// beside the longest head that is read.
const MAX_LINE: usize = 1024;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// Names of parameters whose values are hidden.
const SECRET_NAMES: [&str; 6] = ["auth", "authorization", "code", "jwt", "pwd", "sig"];

/// Parts of such names.
const SECRET_PARTS: [&str; 7] =
    ["apikey", "credential", "passw", "secret", "signature", "ticket", "token"];

/// Which part of a path is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretInPath {
    /// None of it.
    Nothing,
    /// The segment that begins at this offset.
    SegmentAt(usize),
}

/// Method and target of a request.
///
/// Quotation marks, backslashes, control characters and what is not ASCII are escaped. The
/// authority of a target in absolute form is left out: it may hold a password.
pub(super) fn request_line(method: &Method, target: &Uri, secret: SecretInPath) -> String {
    line_of(method.as_str(), target.path(), target.query(), secret)
}

fn line_of(method: &str, path: &str, query: Option<&str>, secret: SecretInPath) -> String {
    let mut line = Line::default();
    line.push(method);
    line.push(" ");
    line.push_path(path, secret);
    if let Some(query) = query {
        line.push("?");
        line.push_query(query);
    }
    line.finish()
}

/// Text of bounded length. What does not fit is dropped.
#[derive(Debug, Default)]
struct Line {
    text: String,
    is_full: bool,
}

impl Line {
    fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.text.len() >= MAX_LINE {
                self.is_full = true;
                return;
            }
            match byte {
                b'"' | b'\\' => {
                    self.text.push('\\');
                    self.text.push(char::from(byte));
                }
                0x20..=0x7e => self.text.push(char::from(byte)),
                // Writing to a string does not fail.
                _ => drop(write!(self.text, "\\x{byte:02x}")),
            }
        }
    }

    fn push_path(&mut self, path: &str, secret: SecretInPath) {
        let SecretInPath::SegmentAt(at) = secret else { return self.push(path) };
        let (before, rest) = path.split_at(at);
        let end = rest.find('/').unwrap_or(rest.len());
        self.push(before);
        self.push(HIDDEN);
        self.push(&rest[end..]);
    }

    fn push_query(&mut self, query: &str) {
        for parameter in query.split_inclusive(['&', ';']) {
            if self.is_full {
                return;
            }
            match parameter.split_once('=') {
                Some((name, value)) if is_secret(name) => {
                    self.push(name);
                    self.push("=");
                    self.push(HIDDEN);
                    let separator = value.len() - value.trim_end_matches(['&', ';']).len();
                    self.push(&value[value.len() - separator..]);
                }
                _ => self.push(parameter),
            }
        }
    }

    fn finish(mut self) -> String {
        if self.is_full {
            self.text.push_str("...");
        }
        self.text
    }
}

/// Whether the value of a parameter is hidden, by its name as it stands in the query.
fn is_secret(name: &str) -> bool {
    let name = normalized(name);
    SECRET_NAMES.contains(&name.as_str()) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// The letters and digits of a name, decoded and in lower case: `Access%5FToken` and `access-token`
/// are the same name.
fn normalized(name: &str) -> String {
    let mut normal = String::new();
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%');
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if escaped.is_some() { &after[2..] } else { after };
        let byte = escaped.unwrap_or(first);
        if byte.is_ascii_alphanumeric() {
            normal.push(char::from(byte.to_ascii_lowercase()));
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use hyper::{Method, Uri};

    use super::{MAX_LINE, SecretInPath, line_of, request_line};

    fn logged(target: &str) -> String {
        let target: Uri = target.parse().expect("a target");
        request_line(&Method::GET, &target, SecretInPath::Nothing)
    }

    #[test]
    fn the_values_of_secret_parameters_are_hidden() {
        for (target, line) in [
            (
                "/call?timestamp=2011-10-14T16:59:51.123Z&seq=1&nonce=2&key=bazapp&signature=aGk=",
                "GET /call?timestamp=2011-10-14T16:59:51.123Z&seq=1&nonce=2&key=bazapp&signature=***",
            ),
            ("/?signature=a&b=c", "GET /?signature=***&b=c"),
            ("/?Signature=a;b=c", "GET /?Signature=***;b=c"),
            ("/?%73ignature=a", "GET /?%73ignature=***"),
            ("/?access_token=a&x", "GET /?access_token=***&x"),
            ("/?X-Auth-Token=a=b=", "GET /?X-Auth-Token=***"),
            ("/?access%5Ftoken=a", "GET /?access%5Ftoken=***"),
            ("/?ticket=a&ticket=b", "GET /?ticket=***&ticket=***"),
            ("/?password=&api-key=1", "GET /?password=***&api-key=***"),
            ("/?author=me&design=1&keyword=k", "GET /?author=me&design=1&keyword=k"),
            ("/?signature", "GET /?signature"),
            ("/?", "GET /?"),
            ("/?%&%z=1&%f", "GET /?%&%z=1&%f"),
            ("http://user:word@host/path?a=1", "GET /path?a=1"),
        ] {
            assert_eq!(logged(target), line);
        }
    }

    #[test]
    fn the_id_of_a_session_is_hidden() {
        for (path, line) in [
            ("/lp/0123456789abcdef/send?x=1", "POST /lp/***/send?x=1"),
            ("/lp/0123456789abcdef", "POST /lp/***"),
            ("/lp//send", "POST /lp/***/send"),
        ] {
            let target: Uri = path.parse().expect("a target");
            let secret = SecretInPath::SegmentAt("/lp/".len());
            assert_eq!(request_line(&Method::POST, &target, secret), line);
        }
    }

    #[test]
    fn a_line_stays_one_line_in_its_quotation_marks() {
        let line = |path, query| line_of("GET", path, Some(query), SecretInPath::Nothing);
        assert_eq!(line("/a\"b", "c\"d"), "GET /a\\\"b?c\\\"d");
        assert_eq!(line("/a\\b", "c\\"), "GET /a\\\\b?c\\\\");
        assert_eq!(line("/\r\nb", "\u{1b}[31m"), "GET /\\x0d\\x0ab?\\x1b[31m");
        assert_eq!(line("/ü", "\u{202e}"), "GET /\\xc3\\xbc?\\xe2\\x80\\xae");
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = logged(&format!("/{}?signature={}", "a".repeat(4_000), "b".repeat(4_000)));
        assert_eq!(line, format!("GET /{}...", "a".repeat(MAX_LINE - "GET /".len())));
        let whole = format!("/{}", "a".repeat(MAX_LINE - "GET /".len()));
        assert_eq!(logged(&whole), format!("GET {whole}"));
        let escaped = line_of("GET", &"\u{fc}".repeat(4_000), None, SecretInPath::Nothing);
        assert!(escaped.len() < MAX_LINE + "\\xc3...".len(), "{escaped}");
    }
}
