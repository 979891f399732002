//! How the log is written: lines for people on standard error.

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
