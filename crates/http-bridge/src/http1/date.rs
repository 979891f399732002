//! The header field Date, formatted once per second (RFC 9110 section 6.6.1).

use std::time::{SystemTime, UNIX_EPOCH};

/// A cache of the last formatted date.
#[derive(Debug, Default)]
pub struct Date {
    second: u64,
    text: String,
}

impl Date {
    /// The date in HTTP's format (IMF-fixdate).
    pub fn at(&mut self, now: SystemTime) -> &str {
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text = httpdate::fmt_http_date(now.max(UNIX_EPOCH));
        }
        &self.text
    }
}
