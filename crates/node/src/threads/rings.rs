//! The ring of each thread, where sockets go through io_uring, and who goes through it.
//!
//! A ring saves calls of the kernel where many sockets bring something in the same turn. Few of
//! them are served faster one by one, so a thread's sockets stay outside until there are many. See
//! `docs/decisions/io-uring.md`.

use std::cell::Cell;
use std::io;

use clap::ValueEnum;
use cloverleaf_ring::Ring;

/// How sockets are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sockets {
    /// Through io_uring where the system has it and they are many, otherwise through epoll.
    Auto,
    /// Through io_uring however few there are, or the node doesn't start.
    #[value(name = "io_uring")]
    IoUring,
    /// Each by system calls of its own, when epoll says that it is ready.
    Epoll,
}

/// From so many connections of a thread on, the ring is the faster way.
const MANY: usize = 32;

thread_local! {
    /// The connections of this thread that may go through its ring.
    static GUESTS: Cell<usize> = const { Cell::new(0) };
    /// From so many of them on they do.
    static MANY_HERE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A connection of this thread that may go through the ring.
pub(crate) struct Guest(());

impl Guest {
    /// Counts one more, until it is dropped.
    pub(crate) fn arrive() -> Self {
        GUESTS.set(GUESTS.get() + 1);
        Self(())
    }

    /// Whether there are enough of them on this thread for its ring to be worth it.
    pub(crate) fn are_many() -> bool {
        GUESTS.get() >= MANY_HERE.get()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        GUESTS.set(GUESTS.get().saturating_sub(1));
    }
}

/// Gives this thread a ring, on its runtime.
pub(super) fn start(sockets: Sockets) -> io::Result<()> {
    let many = match sockets {
        Sockets::Epoll => return Ok(()),
        Sockets::IoUring => 1,
        Sockets::Auto => MANY,
    };
    match Ring::start() {
        Ok(()) => MANY_HERE.set(many),
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

#[cfg(test)]
mod tests {
    use super::{Guest, MANY, Sockets, start};

    #[test]
    fn guests_are_many_from_so_many_on_where_there_is_a_ring() {
        let runtime = crate::threads::runtime().expect("a runtime");
        let _inside = runtime.enter();
        let mut guests: Vec<Guest> = (1..MANY).map(|_| Guest::arrive()).collect();
        for (sockets, are_many) in
            [(Sockets::Epoll, [false; 3]), (Sockets::Auto, [false, true, false])]
        {
            start(sockets).expect("no insisting");
            if sockets == Sockets::Auto && cloverleaf_ring::Ring::of_thread().is_none() {
                eprintln!("io_uring can't be had here");
                return;
            }
            let mut found = [Guest::are_many(); 3];
            guests.push(Guest::arrive());
            found[1] = Guest::are_many();
            guests.pop();
            found[2] = Guest::are_many();
            assert_eq!(found, are_many, "{sockets:?}");
        }
    }
}
