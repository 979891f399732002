//! The buffers and turns that all connections of a thread share.

use std::cell::RefCell;
use std::future::Future as _;
use std::pin::pin;
use std::task::Context;

use tokio::task::yield_now;

use crate::limits::READ_BUFFER;

thread_local! {
    /// The buffer that all connections of a thread read into.
    pub(super) static SCRATCH: RefCell<Box<[u8]>> =
        RefCell::new(vec![0; READ_BUFFER].into_boxed_slice());
    /// The buffer that the running connection encodes into. The connection gives it back when
    /// everything has been sent.
    pub(super) static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lets the runtime poll its sockets and run the ready tasks before this task runs again.
pub(super) fn end_turn(context: &mut Context<'_>) {
    let look = pin!(yield_now());
    // The first poll is pending and wakes the task after the runtime has polled its sockets.
    let _ = look.poll(context);
}
