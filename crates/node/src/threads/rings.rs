//! The io_uring of each thread.
//!
//! A ring saves calls of the kernel where many sockets bring something in the same turn. Few of
//! them are served faster one by one, so a thread's sockets stay outside until there are many. See
//! `docs/decisions/io-uring.md`.

use std::io;

use clap::ValueEnum;
use cloverleaf_ring::Ring;
use cloverleaf_ring::candidates::set_threshold;

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

/// Connections per thread from which on io_uring is faster than epoll.
const MANY: usize = 32;

/// Gives this thread a ring, on its runtime.
pub(super) fn start(sockets: Sockets) -> io::Result<()> {
    let many = match sockets {
        Sockets::Epoll => return Ok(()),
        Sockets::IoUring => 1,
        Sockets::Auto => MANY,
    };
    match Ring::start() {
        Ok(()) => set_threshold(many),
        Err(error) if sockets == Sockets::Auto => {
            tracing::debug!(reason = %error, "io_uring not available, epoll is used");
        }
        Err(error) => {
            let text = format!(
                "io_uring is not available (it needs Linux 6.1, and containers often forbid it): \
                 {error}. Omit --sockets io_uring to use epoll"
            );
            return Err(io::Error::new(error.kind(), text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cloverleaf_ring::RingCandidate;

    use super::{MANY, Sockets, start};

    #[test]
    fn connections_use_the_ring_from_the_threshold_on() {
        let runtime = crate::threads::runtime().expect("a runtime");
        let _inside = runtime.enter();
        let mut candidates: Vec<RingCandidate> = (1..MANY).map(|_| RingCandidate::new()).collect();
        for (sockets, use_ring) in
            [(Sockets::Epoll, [false; 3]), (Sockets::Auto, [false, true, false])]
        {
            start(sockets).expect("no insisting");
            if sockets == Sockets::Auto && cloverleaf_ring::Ring::of_thread().is_none() {
                eprintln!("io_uring is not available here");
                return;
            }
            let mut found = [RingCandidate::use_ring(); 3];
            candidates.push(RingCandidate::new());
            found[1] = RingCandidate::use_ring();
            candidates.pop();
            found[2] = RingCandidate::use_ring();
            assert_eq!(found, use_ring, "{sockets:?}");
        }
    }
}
