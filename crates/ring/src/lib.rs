//! The sockets of a thread, read and written through io_uring.
//!
//! A thread that serves many sockets makes two system calls a message where each socket is asked
//! on its own. Here what all of them want is told to the kernel in one call, which brings back what
//! has come for all of them: the same bytes for two thirds of the processor time
//! (`docs/decisions/io-uring.md`). It stands beside the runtime's own sockets, not in their place:
//! where the kernel has no io_uring, or not this much of it, [`Ring::start`] says so, and nothing
//! is lost but time.
//!
//! ```text
//!  Socket::poll_write ──▶ slot.unsent ──▶ ┐                 ┌ one io_uring_enter for all of them
//!  Socket::poll_read  ◀── slot.unread ◀── ┴ Ring's driver ◀─┘
//! ```
//!
//! | room | what it is for |
//! |---|---|
//! | `kernel` | requests and completions; the only room with `unsafe` in it |
//! | `slot` | what is known of one socket: what it has read, what it has to send |
//! | `state` | all of them, and what they want next |
//! | `driver` | the task that takes it to the kernel |
//! | `socket` | the handle |
//! | [`candidates`] | sockets that the ring may serve |
//!
//! Not for messages, connections or time: see `cloverleaf-transport`.

#![cfg(target_os = "linux")]

pub mod candidates;
mod driver;
mod kernel;
mod slot;
mod socket;
mod state;

pub use candidates::RingCandidate;
pub use driver::Ring;
pub use socket::Socket;
