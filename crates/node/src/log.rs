//! How the log is written: lines for people on standard error.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing.
    None,
    /// What has failed.
    Error,
    /// What should be looked at.
    Warn,
    /// What happens.
    Info,
    /// Every session.
    Debug,
    /// Everything.
    Trace,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Time, level, source, text.
    Standard,
    /// Level, source, text; for a log that adds the time itself.
    Syslogd,
    /// The text only.
    None,
}

/// Whether lines are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// Always.
    True,
    /// Never.
    False,
    /// On a terminal.
    Auto,
}

/// The most characters of a peer's text that one line repeats; enough to recognize it.
const MAX_QUOTED_CHARS: usize = 200;

/// Text of a peer as the log shows it: on one line, without control characters, not all of it.
#[derive(Debug)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(MAX_QUOTED_CHARS) {
            match c.is_control() {
                true => write!(f, "{}", c.escape_default())?,
                false => f.write_char(c)?,
            }
        }
        if chars.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// Starts the log; called once a process.
pub(crate) fn start(level: LogLevel, format: LogFormat, colour: Colour) {
    let filter = match level {
        LogLevel::None => "off",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let ansi = match colour {
        Colour::True => true,
        Colour::False => false,
        Colour::Auto => std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(ansi);
    match format {
        LogFormat::Standard => builder.compact().init(),
        LogFormat::Syslogd => builder.compact().without_time().init(),
        LogFormat::None => {
            builder.compact().without_time().with_level(false).with_target(false).init();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_QUOTED_CHARS, Quoted};

    #[test]
    fn text_of_a_peer_stays_on_its_line() {
        assert_eq!(Quoted("a realm: »\n\u{1b}[31m«").to_string(), "a realm: »\\n\\u{1b}[31m«");
        let long = "é".repeat(MAX_QUOTED_CHARS + 1);
        assert_eq!(Quoted(&long).to_string(), format!("{}…", "é".repeat(MAX_QUOTED_CHARS)));
        let whole = "é".repeat(MAX_QUOTED_CHARS);
        assert_eq!(Quoted(&whole).to_string(), whole);
    }
}
