//! Which pages may connect (the header `Origin`, RFC 6454).

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct OriginRule {
    /// Origins in which `*` stands for anything.
    pub(crate) allowed: Vec<String>,
    /// Whether the origin `null` may, which pages from files and sandboxes have.
    pub(crate) allow_null: bool,
}

impl OriginRule {
    pub(in crate::web) fn allows(&self, origin: Option<&str>) -> bool {
        match origin {
            // Not a browser.
            None => true,
            Some("null") => self.allow_null,
            Some(origin) => self.allowed.iter().any(|pattern| matches(pattern, origin)),
        }
    }
}

/// Whether text is the pattern with each `*` replaced by something.
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
mod tests {
    use super::{OriginRule, matches};

    #[test]
    fn a_star_in_an_origin_stands_for_anything() {
        assert!(matches("*", "https://example.com"));
        assert!(matches("https://*.example.com", "https://a.example.com"));
        assert!(matches("http://localhost:*", "http://localhost:8080"));
        assert!(matches("*://*.example.com:*", "https://a.b.example.com:443"));
        assert!(!matches("https://*.example.com", "https://example.com"));
        assert!(!matches("https://example.com", "https://example.com.evil"));
    }

    #[test]
    fn null_and_absent_origins_have_rules_of_their_own() {
        let rule = OriginRule { allowed: vec!["https://a".to_owned()], allow_null: false };
        assert!(rule.allows(None));
        assert!(!rule.allows(Some("null")));
        assert!(rule.allows(Some("https://a")));
        assert!(!rule.allows(Some("https://b")));
    }
}
