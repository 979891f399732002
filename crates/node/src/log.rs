//! How the log is written: lines for people on standard error.
//!
//! Logging never fails, never blocks and never panics: lines are queued, and a thread of their own
//! writes them. [`queue`] describes lines that cannot be written.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use rustix::stdio;
use tracing::Level;
use tracing_subscriber::EnvFilter;

mod queue;

use queue::{LogQueue, write_lines};

/// How long the end of the program waits for its last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The lines of this process.
static QUEUE: LogQueue = LogQueue::new();

/// Whether [`QUEUE`] is being written.
static IS_STARTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Where lines of this thread go instead of the queue.
    static CAPTURED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The level of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing.
    None,
    /// Failures.
    Error,
    /// Conditions that need attention.
    Warn,
    /// Events of the node.
    Info,
    /// Every session.
    Debug,
    /// Everything.
    Trace,
}

/// The format of a line.
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

/// The log of the process. Dropping it waits, for a bounded time, until everything is written.
#[derive(Debug)]
pub(crate) struct Log(());

impl Drop for Log {
    fn drop(&mut self) {
        // After the timeout the remaining lines are lost.
        QUEUE.flush(FLUSH_TIMEOUT);
    }
}

/// Starts the log; called once a process. Panics are logged from now on.
pub(crate) fn start(level: LogLevel, format: LogFormat, colour: Colour) -> io::Result<Log> {
    let write = || write_lines(&QUEUE, StandardError, lines_lost);
    thread::Builder::new().name("log".to_owned()).spawn(write)?;
    IS_STARTED.store(true, Ordering::Relaxed);
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
        Colour::Auto => io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(|| QueuedLine)
        .with_ansi(ansi)
        // They would be printed to standard error by a macro that panics when it can't.
        .log_internal_errors(false);
    match format {
        LogFormat::Standard => builder.compact().init(),
        LogFormat::Syslogd => builder.compact().without_time().init(),
        LogFormat::None => {
            builder.compact().without_time().with_level(false).with_target(false).init();
        }
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(Log(()))
}

/// Writes a text to standard error as it is. Once the log is started, it takes its turn among the
/// log's lines and does not block; write errors are ignored in any case.
pub(crate) fn print(text: &str) {
    use io::Write as _;
    if IS_STARTED.load(Ordering::Relaxed) {
        text.lines().for_each(|line| QUEUE.push(&format!("{line}\n")));
    } else {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// The sink of the log's formatter.
#[derive(Debug)]
struct QueuedLine;

impl io::Write for QueuedLine {
    /// Takes a whole line; the formatter writes each in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let is_captured = CAPTURED.try_with(|captured| match &mut *captured.borrow_mut() {
            Some(captured) => {
                captured.push_str(&text);
                true
            }
            None => false,
        });
        // A thread that is ending captures nothing any more.
        if !is_captured.unwrap_or(false) {
            QUEUE.push(&text);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error without the lock of the standard library, so that a write that blocks does not
/// block other threads that print.
#[derive(Debug)]
struct StandardError;

impl io::Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(stdio::stderr(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that reports lost lines, in the format of the log.
fn lines_lost(lost: u64) -> String {
    CAPTURED.set(Some(String::new()));
    tracing::error!(lost, "log lines lost");
    CAPTURED.take().unwrap_or_default()
}

/// Logs a panic, except those that the event store catches and reports. The standard hook writes to
/// standard error itself and would block where it is not read.
fn log_panic(info: &PanicHookInfo<'_>) {
    if cloverleaf_realms::event_store::catches_panics() {
        return;
    }
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let reason = info.payload_as_str().unwrap_or("not a text");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    if tracing::enabled!(Level::ERROR) {
        tracing::error!(thread, location, reason, "panicked");
    } else {
        print(&format!("thread '{thread}' panicked at {location}: {reason}"));
    }
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        print(&backtrace.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::panic;

    use tracing::subscriber::with_default;
    use tracing::{Level, Subscriber};

    use super::{CAPTURED, QueuedLine, lines_lost, log_panic};

    /// A subscriber with the format of the program.
    fn subscriber() -> impl Subscriber + Send + Sync {
        let builder = tracing_subscriber::fmt().compact().without_time().with_ansi(false);
        builder.with_writer(|| QueuedLine).with_max_level(Level::ERROR).finish()
    }

    #[test]
    fn panics_are_logged() {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        CAPTURED.set(Some(String::new()));
        with_default(subscriber(), || {
            panic::catch_unwind(|| panic!("out of {}", "cheese")).expect_err("a panic");
        });
        panic::set_hook(usual);
        let line = CAPTURED.take().expect("a line");
        assert!(line.starts_with("ERROR cloverleaf_node::log: panicked thread="), "{line}");
        assert!(line.contains("/log.rs:") && line.contains(r#" reason="out of cheese""#), "{line}");
    }

    #[test]
    fn lost_lines_are_reported_in_the_format_of_the_log() {
        let line = with_default(subscriber(), || lines_lost(7));
        assert_eq!(line, "ERROR cloverleaf_node::log: log lines lost lost=7\n");
    }
}
