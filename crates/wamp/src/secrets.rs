//! Names of parameters and header fields whose values are secrets, and redaction of those values.
//!
//! The access log and the session details of the meta API use the same names.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The replacement for a secret.
pub const HIDDEN: &str = "***";

/// A name that contains one of these, after removing punctuation, denotes a secret.
const PARTS: [&str; 17] = [
    "accesskey",
    "apikey",
    "authen",
    "authoris",
    "authoriz",
    "cookie",
    "credential",
    "hmac",
    "jwt",
    "oidc",
    "passphrase",
    "passw",
    "pwd",
    "secret",
    "signature",
    "ticket",
    "token",
];

/// A name with one of these as a whole word denotes a secret.
const WORDS: [&str; 3] = ["auth", "pass", "sig"];

/// This exact name denotes a secret. Longer names that end with it, such as `country-code`, do not.
const NAME: &str = "code";

/// Rounds of percent-decoding. Text that is still encoded afterwards is treated as a secret.
const MAX_DECODINGS: usize = 3;

/// Whether a parameter or header field with this name, which may be percent-encoded, holds a
/// secret. Case and punctuation are ignored: `Access-Token` equals `access_token`.
pub fn is_secret_name(name: &str) -> bool {
    decoded(name).is_none_or(|name| is_secret(&name))
}

/// Replaces the value of each secret parameter by [`HIDDEN`]. Parameters end at `separators`.
///
/// Hides a whole value that contains a secret parameter, percent-encoded or not, or a URL with user
/// information. Hides the whole text if it has quotes and a secret.
pub fn redact_secrets<'t>(text: &'t str, separators: &[char]) -> Cow<'t, str> {
    // The fast path of most header fields.
    if !text.contains(['=', ':', '%']) {
        return text.into();
    }
    // Quoted values may contain separators.
    if text.contains('"') {
        return if has_secret(text) { HIDDEN } else { text }.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(separators).unwrap_or(rest.len());
        let (parameter, after) = rest.split_at(end);
        push_parameter(parameter, &mut shown);
        let separator = after.chars().next();
        shown.extend(separator);
        rest = &after[separator.map_or(0, char::len_utf8)..];
    }
    shown.into()
}

fn push_parameter(parameter: &str, shown: &mut String) {
    match parameter.split_once('=') {
        _ if !has_secret(parameter) => shown.push_str(parameter),
        Some((name, _)) if !has_secret(name) => shown.extend([name, "=", HIDDEN]),
        _ => shown.push_str(HIDDEN),
    }
}

/// Whether text contains a parameter with the name of a secret, or a URL with user information.
fn has_secret(text: &str) -> bool {
    decoded(text).is_none_or(|text| {
        let has_secret_name = text
            .split_inclusive(ends_token)
            .any(|token| token.strip_suffix(['=', ':']).is_some_and(is_secret));
        has_secret_name || has_user_information(&text)
    })
}

/// Whether a character separates names and values in URLs, header fields or JSON.
const fn ends_token(character: char) -> bool {
    matches!(character, '?' | '&' | ';' | '#' | '/' | ',' | '{' | '}' | '=' | ':')
}

/// `user:password@` after `//` (RFC 3986 section 3.2.1).
fn has_user_information(text: &str) -> bool {
    text.split("//").skip(1).any(|after| {
        let authority = after.split(['/', '?', '#', ' ']).next();
        authority.is_some_and(|authority| authority.contains('@'))
    })
}

/// Whether a decoded name denotes a secret.
fn is_secret(name: &str) -> bool {
    let mut normal = name.to_ascii_lowercase();
    let mut words = normal.split(|character: char| !character.is_ascii_alphanumeric());
    if words.any(|word| WORDS.contains(&word)) {
        return true;
    }
    normal.retain(|character| character.is_ascii_alphanumeric());
    normal == NAME || PARTS.iter().any(|part| normal.contains(part))
}

/// Removes percent-encoding. `None` if the text is encoded more than [`MAX_DECODINGS`] times.
///
/// Bytes that are not UTF-8 become U+FFFD. No secret is missed: the names of secrets and the
/// characters that end names are ASCII.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..=MAX_DECODINGS {
        match decoded_once(&decoded) {
            Some(text) => decoded = text.into(),
            None => return Some(decoded),
        }
    }
    None
}

/// `None` if nothing is percent-encoded.
fn decoded_once(text: &str) -> Option<String> {
    match percent_decode_str(text).decode_utf8_lossy() {
        Cow::Owned(decoded) => Some(decoded),
        Cow::Borrowed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_secret_name, redact_secrets};

    #[test]
    fn names_of_secrets_are_recognized_in_every_spelling() {
        for name in [
            "authorization",
            "Proxy-Authorization",
            "cookie",
            "X-Signature",
            "X-Hub-Signature-256",
            "X-Ticket",
            "X-Credential",
            "X-Passwd",
            "X-Auth",
            "X-Auth-User",
            "x-authenticated-user",
            "access_token",
            "access%5Ftoken",
            "access%255Ftoken",
            "%73ig",
            "api-key",
            "X-Apikey",
            "code",
            "pwd",
            "user[password]",
            "%25252525252525",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "host",
            "user-agent",
            "author",
            "design",
            "key",
            "country-code",
            "sec-websocket-key",
            "sec-websocket-protocol",
            "compass",
            "100%",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secret_values_are_hidden_in_every_encoding() {
        const SEPARATORS: &[char] = &['?', '&', ';', '#'];
        for (text, shown) in [
            ("https://h/p?signature=X&a=1&token=Y#z", "https://h/p?signature=***&a=1&token=***#z"),
            ("/p?url=http%3A%2F%2Fh%2F%3Fsignature%3DX&a=1", "/p?url=***&a=1"),
            ("/p?url=http%253A%252F%252Fh%252F%253Fsignature%253DX", "/p?url=***"),
            ("/p?url=%2525252525252525", "/p?url=***"),
            ("/p?signature%3DX", "/p?***"),
            ("/p?signature%3DX=1", "/p?***"),
            ("/p?a%3D1%26signature%3DX=1&b", "/p?***&b"),
            ("/p?a=signature=X", "/p?a=***"),
            ("/p?%7B%22token%22%3A%22X%22%7D", "/p?***"),
            ("/p?to=https%3A%2F%2Fme%3AX%40h%2F", "/p?to=***"),
            ("https://me:X@h/p?a=1", "***?a=1"),
            ("//me:X@h", "***"),
            ("/cb?code=X&state=1", "/cb?code=***&state=1"),
            ("/token=X/b", "/token=***"),
            ("/a?b=1,signature = X", "/a?b=***"),
            (r#"{"token": "X=Y;Z"}"#, "***"),
        ] {
            assert_eq!(redact_secrets(text, SEPARATORS), shown, "{text}");
        }
        for text in [
            "",
            "localhost:8080",
            "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
            r#""Not;A=Brand";v="99", "Chromium";v="120""#,
            "https://tokens.example/a?b=c%20d&author=%C3%BC#signature",
            "permessage-deflate; client_max_window_bits=15",
            "/p?mail=me@example.com&%&%z=1&%f",
        ] {
            assert_eq!(redact_secrets(text, SEPARATORS), text);
        }
    }
}
