//! The request line as the access log shows it: on one line, of bounded length, without secrets.
//!
//! The values of secret parameters are hidden ([`cloverleaf_wamp::secrets`]), and so are the ids of
//! long-poll sessions, which are all that it takes to speak for the session.

use std::fmt::Write as _;

use cloverleaf_wamp::secrets::{HIDDEN, redact_secrets};
use hyper::{Method, Uri};

/// The most characters of a request line that are logged: enough for a signed request, and little
/// beside the longest head that is read.
const MAX_LINE: usize = 1024;

/// The ends of path segments.
const IN_PATH: [char; 1] = ['/'];

/// The ends of query parameters.
const IN_QUERY: [char; 2] = ['&', ';'];

/// Which part of a path is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretInPath {
    /// None of it.
    Nothing,
    /// The segment that begins at this offset.
    SegmentAt(usize),
}

/// Method and target of a request.
///
/// Quotation marks, backslashes, control characters and non-ASCII bytes are escaped. The
/// authority of a target in absolute form is left out: it may hold a password.
pub(crate) fn request_line(method: &Method, target: &Uri, secret: SecretInPath) -> String {
    line_of(method.as_str(), target.path(), target.query(), secret)
}

fn line_of(method: &str, path: &str, query: Option<&str>, secret: SecretInPath) -> String {
    let mut line = Line::default();
    line.push(method);
    line.push(" ");
    line.push_path(path, secret);
    if let Some(query) = query {
        line.push("?");
        line.push(&redact_secrets(query, &IN_QUERY));
    }
    line.finish()
}

/// Text of bounded length. The rest is dropped.
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
        let SecretInPath::SegmentAt(at) = secret else {
            return self.push(&redact_secrets(path, &IN_PATH));
        };
        let (before, rest) = path.split_at(at);
        let end = rest.find('/').unwrap_or(rest.len());
        self.push(&redact_secrets(before, &IN_PATH));
        self.push(HIDDEN);
        self.push(&redact_secrets(&rest[end..], &IN_PATH));
    }

    fn finish(mut self) -> String {
        if self.is_full {
            self.text.push_str("...");
        }
        self.text
    }
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
            ("/?url=http%3A%2F%2Fh%2F%3Fsignature%3DX&a", "GET /?url=***&a"),
            ("/?url=http%253A%252F%252Fh%252F%253Fsignature%253DX", "GET /?url=***"),
            ("/?signature%3DX", "GET /?***"),
            ("/to/h%3Fsignature%3DX/y", "GET /to/***/y"),
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
