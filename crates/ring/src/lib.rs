//! Sockets that are read and written through io_uring.
//!
//! With epoll, a thread that serves many sockets makes two system calls per message. A ring submits
//! the operations of all sockets in one call, which also returns their completions: the same bytes
//! for two thirds of the processor time (`docs/decisions/io-uring.md`).
//!
//! The ring supplements the sockets of the runtime. If the kernel lacks io_uring or a feature of
//! it, [`Ring::start`] fails, and the sockets stay with the runtime.
//!
//! ```text
//!  Socket::poll_write ──▶ slot.unsent ──▶ ┐                 ┌ one io_uring_enter for all of them
//!  Socket::poll_read  ◀── slot.unread ◀── ┴ Ring's driver ◀─┘
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | `kernel` | requests and completions; the only module with `unsafe` code |
//! | `spares` | empty vectors for reuse |
//! | `slot` | the state of one socket: received bytes, bytes to send |
//! | `state` | all sockets of a thread, and their operations that wait |
//! | `driver` | the task that submits the operations to the kernel |
//! | [`candidates`] | sockets that the ring may serve |
//! | `socket` | the handle of one socket |
//!
//! Messages, connections and timeouts belong to `cloverleaf-transport`.

#![cfg(target_os = "linux")]

pub mod candidates;
mod driver;
mod kernel;
mod slot;
mod socket;
mod spares;
mod state;

pub use candidates::RingCandidate;
pub use driver::Ring;
pub use socket::Socket;
