//! The handle of one socket in the ring.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use rustix::net::{Shutdown, shutdown};

use crate::kernel::Key;
use crate::state::State;

/// A connected stream socket, TCP or Unix, whose bytes go through the ring of a thread. Dropping it
/// closes it; what it has not sent by then is sent as far as the peer has room.
pub struct Socket {
    state: Arc<Mutex<State>>,
    key: Key,
    has_left: bool,
}

impl Socket {
    pub(crate) const fn new(state: Arc<Mutex<State>>, key: Key) -> Self {
        Self { state, key, has_left: false }
    }

    /// Takes bytes that have come; 0 of them are the end of the stream.
    ///
    /// # Errors
    /// What receiving failed with, after what had come before.
    pub fn poll_read(&self, context: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        let (slot, spares) = state.slot(self.key);
        let (outcome, wants_more) = slot.poll_read(context, buffer, spares);
        if wants_more {
            state.list(self.key);
        }
        outcome
    }

    /// Takes bytes to be sent, as many as there is room for; pending while there is none.
    ///
    /// # Errors
    /// What sending failed with, of these bytes or of earlier ones.
    pub fn poll_write(&self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        let (slot, spares) = state.slot(self.key);
        let count = ready!(slot.poll_write(context, bytes, spares))?;
        state.list(self.key);
        Poll::Ready(Ok(count))
    }

    /// Ends this side's half of the stream once everything has been sent.
    ///
    /// # Errors
    /// What sending failed with; the peer may not have got all.
    pub fn poll_shutdown(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        let (slot, _) = state.slot(self.key);
        ready!(slot.poll_flush(context))?;
        Poll::Ready(shutdown(&slot.descriptor, Shutdown::Write).map_err(Into::into))
    }

    /// Takes the socket out of the ring: its descriptor, and the bytes that had come before.
    ///
    /// # Errors
    /// What receiving or sending failed with.
    pub async fn leave(mut self) -> io::Result<(OwnedFd, Vec<u8>)> {
        poll_fn(|context| {
            let mut state = self.state.lock();
            let left = state.slot(self.key).0.poll_leave(context);
            state.list(self.key);
            left
        })
        .await?;
        self.has_left = true;
        Ok(self.state.lock().remove(self.key).into_parts())
    }

    /// Whether the peer has ended its half, be there bytes before the end or not. Nobody is woken
    /// by that while more is unread than a socket may hold.
    pub fn peer_has_ended(&self) -> bool {
        self.state.lock().slot(self.key).0.has_ended()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.has_left {
            return;
        }
        let mut state = self.state.lock();
        if state.has_failed() {
            // Nobody will close it later. The kernel may still hold it for a request, so its peer
            // would not see the end of that alone.
            let descriptor = state.remove(self.key).into_parts().0;
            let _ = shutdown(&descriptor, Shutdown::Both);
            return;
        }
        state.slot(self.key).0.give_up();
        state.list(self.key);
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("key", &self.key).finish_non_exhaustive()
    }
}
