//! The signals of the process.
//!
//! | signal | effect |
//! |---|---|
//! | SIGINT, SIGTERM | graceful shutdown; the second one ends the node at once |
//! | SIGQUIT | ends the node at once |
//! | SIGHUP, SIGUSR1, SIGUSR2 | a line in the log |
//! | SIGXFSZ | none; the write that was too much fails |
//!
//! They are handled from the moment [`Signals`] is made: before anything is bound, so that no
//! signal comes too early.

use std::io;
use std::process::ExitCode;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// A signal that ends the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndSignal {
    Interrupt,
    Terminate,
    Quit,
}

impl EndSignal {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Quit => "SIGQUIT",
        }
    }

    /// The exit status of a node that it ended at once: 128 and its number, as shells report a
    /// process that was killed by it.
    pub(crate) fn exit_code(self) -> ExitCode {
        let number = match self {
            Self::Interrupt => Number::INT,
            Self::Terminate => Number::TERM,
            Self::Quit => Number::QUIT,
        };
        u8::try_from(128 + number.as_raw()).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

/// The signals of a node.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    without_effect: SignalsWithoutEffect,
}

impl Signals {
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            without_effect: SignalsWithoutEffect::watch()?,
        })
    }

    /// Handles signals. The first SIGINT or SIGTERM is handed to `shut_down`. Returns at the second
    /// one or at SIGQUIT: the node has to end at once.
    pub(crate) async fn handle(self, shut_down: oneshot::Sender<EndSignal>) -> EndSignal {
        let Self { mut interrupt, mut terminate, mut quit, without_effect } = self;
        let mut shut_down = Some(shut_down);
        let end = async {
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => EndSignal::Interrupt,
                    _ = terminate.recv() => EndSignal::Terminate,
                    _ = quit.recv() => return EndSignal::Quit,
                };
                match shut_down.take() {
                    // An error means that the node has ended.
                    Some(shut_down) => drop(shut_down.send(signal)),
                    None => return signal,
                }
            }
        };
        tokio::select! {
            signal = end => signal,
            never = without_effect.log() => match never {},
        }
    }
}

/// Signals that would kill the process if they were not handled.
#[derive(Debug)]
pub(crate) struct SignalsWithoutEffect {
    hang_up: Signal,
    user_1: Signal,
    user_2: Signal,
}

impl SignalsWithoutEffect {
    pub(crate) fn watch() -> io::Result<Self> {
        // A log that reaches the limit of a file's size is one that can't be written, no more.
        // The handler stays.
        let _ = signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?;
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Logs each of them.
    pub(crate) async fn log(mut self) -> std::convert::Infallible {
        loop {
            let signal = tokio::select! {
                _ = self.hang_up.recv() => {
                    let signal = "SIGHUP";
                    tracing::warn!(signal, "reloading the configuration is not supported yet");
                    continue;
                }
                _ = self.user_1.recv() => "SIGUSR1",
                _ = self.user_2.recv() => "SIGUSR2",
            };
            tracing::info!(signal, "signal ignored");
        }
    }
}
