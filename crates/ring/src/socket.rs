//! The handle of one socket in the ring.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use rustix::net::{Shutdown, shutdown};

use crate::kernel::SocketKey;
use crate::state::RingState;

/// A connected stream socket, TCP or Unix, in the ring of a thread. Dropping it closes the socket.
/// Unsent bytes are then sent as far as the peer has room.
pub struct Socket {
    state: Arc<Mutex<RingState>>,
    key: SocketKey,
    has_left: bool,
}

impl Socket {
    pub(crate) const fn new(state: Arc<Mutex<RingState>>, key: SocketKey) -> Self {
        Self { state, key, has_left: false }
    }

    /// Takes received bytes. 0 bytes are the end of the stream.
    ///
    /// # Errors
    /// Receiving failed. The bytes that were received before come first.
    pub fn poll_read(&self, context: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        let (slot, spares) = state.slot(self.key);
        let (outcome, wants_more) = slot.poll_read(context, buffer, spares);
        if wants_more {
            state.schedule(self.key);
        }
        outcome
    }

    /// Takes bytes to be sent, as many as there is room for. Pending while there is no room.
    ///
    /// # Errors
    /// Sending failed, for these bytes or for earlier ones.
    pub fn poll_write(&self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        let (slot, spares) = state.slot(self.key);
        let count = ready!(slot.poll_write(context, bytes, spares))?;
        state.schedule(self.key);
        Poll::Ready(Ok(count))
    }

    /// Half-closes the stream once everything has been sent.
    ///
    /// # Errors
    /// Sending failed. The peer may not have received everything.
    pub fn poll_shutdown(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        let (slot, _) = state.slot(self.key);
        ready!(slot.poll_flush(context))?;
        Poll::Ready(shutdown(&slot.descriptor, Shutdown::Write).map_err(Into::into))
    }

    /// Takes the socket out of the ring. Returns its descriptor and the unread bytes.
    ///
    /// # Errors
    /// Receiving or sending failed.
    pub async fn leave(mut self) -> io::Result<(OwnedFd, Vec<u8>)> {
        poll_fn(|context| {
            let mut state = self.state.lock();
            let left = state.slot(self.key).0.poll_leave(context);
            state.schedule(self.key);
            left
        })
        .await?;
        self.has_left = true;
        Ok(self.state.lock().remove(self.key).into_parts())
    }

    /// Whether the peer has half-closed the stream, possibly behind unread bytes. That wakes no
    /// task while receiving is paused.
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
            // No driver will close it later. A pending request may keep it open in the kernel, so
            // the shutdown tells the peer.
            let descriptor = state.remove(self.key).into_parts().0;
            let _ = shutdown(&descriptor, Shutdown::Both);
            return;
        }
        state.slot(self.key).0.release();
        state.schedule(self.key);
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("key", &self.key).finish_non_exhaustive()
    }
}
