//! Origins of web pages and the rule that decides which of them may connect.
//!
//! RFC 6454 defines the origin of a page: scheme, host and port. Browsers send it in the header
//! `Origin`. WebSocket endpoints, long-polling and the HTTP bridge use the same rule. It accepts
//! the patterns of Autobahn|Python, so lists written for Crossbar.io keep their meaning.

use std::net::Ipv6Addr;

/// The pages that may connect: patterns of origins, and whether the origin `null` is allowed.
///
/// In a pattern, `*` matches any number of characters, including none. Case is ignored. A pattern
/// is compared with the origin as sent and with its default port added: `https://example.com`
/// matches `https://example.com`, `https://example.com:443` and `https://*:443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRule {
    /// In lower case.
    patterns: Vec<String>,
    allows_null: bool,
}

impl OriginRule {
    /// A rule that allows origins that match one of the patterns. `allows_null` decides about pages
    /// from files and sandboxes, regardless of the patterns.
    pub fn new<I>(patterns: I, allows_null: bool) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let patterns = patterns.into_iter().map(|text| text.as_ref().to_ascii_lowercase());
        Self { patterns: patterns.collect(), allows_null }
    }

    /// Whether a request with this header `Origin` is allowed. A request without the header is: it
    /// does not come from a page of another origin. An invalid value is not.
    pub fn allows(&self, origin: Option<&str>) -> bool {
        match origin.map(Origin::parse) {
            None => true,
            Some(None) => false,
            Some(Some(Origin::Null)) => self.allows_null,
            Some(Some(Origin::Page(page))) => {
                page.forms().any(|form| self.patterns.iter().any(|pattern| matches(pattern, &form)))
            }
        }
    }
}

/// The value of a header `Origin`.
#[derive(Debug, PartialEq, Eq)]
enum Origin<'a> {
    /// `null`, or a file: Chromium sends `file://` where Firefox sends `null`.
    Null,
    Page(Page<'a>),
}

/// The origin of a page that came over a network.
#[derive(Debug, PartialEq, Eq)]
struct Page<'a> {
    /// Empty if the value has none.
    scheme: &'a str,
    /// Without the brackets of an IPv6 address.
    host: &'a str,
    is_ipv6: bool,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Parses an origin. `None` if the value has no host or an invalid port.
    ///
    /// Browsers send only scheme, host and port. Like Autobahn|Python, this ignores user names,
    /// paths and everything after them, so no pattern matches those.
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        if text.eq_ignore_ascii_case("null") {
            return Some(Self::Null);
        }
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => ("", text),
        };
        if scheme.eq_ignore_ascii_case("file") {
            return Some(Self::Null);
        }
        let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
        let address = authority.rsplit('@').next()?;
        let (host, port, is_ipv6) = match address.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, if after.is_empty() { "" } else { after.strip_prefix(':')? }, true)
            }
            None => {
                let (host, port) = address.split_once(':').unwrap_or((address, ""));
                (host, port, false)
            }
        };
        if host.is_empty() || host.contains(['[', ']']) {
            return None;
        }
        Some(Self::Page(Page { scheme, host, is_ipv6, port: parse_port(port)? }))
    }
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The port of an address. `Some(None)` if there is none, `None` if it is invalid.
#[expect(clippy::option_option, reason = "an absent port and an impossible one differ")]
fn parse_port(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    // `parse` would accept a sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok().map(Some)).flatten()
}

impl Page<'_> {
    /// The spellings of the origin that patterns are compared with, in lower case.
    fn forms(&self) -> impl Iterator<Item = String> {
        let Self { scheme, host, is_ipv6, port } = self;
        let bracketed = if *is_ipv6 { format!("[{host}]") } else { (*host).to_owned() };
        let full_port = port.or_else(|| default_port(scheme));
        // Autobahn|Python formats an unknown port as `None`.
        let full_port = full_port.map_or_else(|| "none".to_owned(), |port| port.to_string());
        let as_sent = match port {
            Some(_) => None,
            None => Some(format!("{scheme}://{bracketed}")),
        };
        let with_port = format!("{scheme}://{bracketed}:{full_port}");
        // Autobahn|Python compares IPv6 addresses without brackets.
        let without_brackets = is_ipv6.then(|| format!("{scheme}://{host}:{full_port}"));
        [as_sent, Some(with_port), without_brackets]
            .into_iter()
            .flatten()
            .map(|form| form.to_ascii_lowercase())
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else {
        None
    }
}

/// Whether `text` matches `pattern`, where `*` matches any number of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
