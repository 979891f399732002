//! The ring of each thread, where sockets go through io_uring.

use std::io;

use clap::ValueEnum;
use cloverleaf_ring::Ring;

/// How sockets are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sockets {
    /// Through io_uring where the system has it, otherwise through epoll.
    Auto,
    /// Through io_uring, or the node doesn't start.
    #[value(name = "io_uring")]
    IoUring,
    /// Each by system calls of its own, when epoll says that it is ready.
    Epoll,
}

/// Gives this thread a ring, on its runtime.
pub(super) fn start(sockets: Sockets) -> io::Result<()> {
    if sockets == Sockets::Epoll {
        return Ok(());
    }
    match Ring::start() {
        Ok(()) => {}
        Err(error) if sockets == Sockets::Auto => {
            tracing::debug!("sockets go through epoll, since io_uring can't be had: {error}");
        }
        Err(error) => {
            let text = format!(
                "io_uring can't be had (it takes Linux 6.1, and containers often forbid it): \
                 {error}. Leave out --sockets io_uring to go without"
            );
            return Err(io::Error::new(error.kind(), text));
        }
    }
    Ok(())
}
