//! The task that takes what the sockets of a thread want to the kernel, once a turn.
//!
//! It is woken by the first socket that wants something and runs behind the tasks that are ready
//! already, so whatever those want goes to the kernel in the same call. When nothing is ready the
//! runtime sleeps as ever, and the kernel's eventfd wakes it.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::kernel::Kernel;
use crate::socket::Socket;
use crate::state::State;

thread_local! {
    static OF_THREAD: RefCell<Option<Ring>> = const { RefCell::new(None) };
}

/// The ring of a thread. Cheap to clone.
#[derive(Clone)]
pub struct Ring(Arc<Mutex<State>>);

impl Ring {
    /// Makes the ring of this thread and spawns the task that drives it on the thread's runtime.
    ///
    /// # Errors
    /// The kernel is older than Linux 6.1, or io_uring is forbidden to this process.
    ///
    /// # Panics
    /// Outside of a runtime of tokio's. It has to be a current-thread one: the kernel answers to no
    /// other thread than the one that has made the ring.
    pub fn start() -> io::Result<()> {
        let state = State::new(Kernel::new()?);
        let eventfd = watch(state.eventfd()?)?;
        let ring = Self(Arc::new(Mutex::new(state)));
        let driven = ring.clone();
        tokio::spawn(poll_fn(move |context| driven.poll_drive(&eventfd, context)));
        OF_THREAD.set(Some(ring));
        Ok(())
    }

    /// The ring of this thread, if it has been started and has not failed since.
    pub fn of_thread() -> Option<Self> {
        OF_THREAD.with_borrow(Clone::clone).filter(|ring| !ring.0.lock().has_failed())
    }

    /// Takes over a connected stream socket that no runtime watches.
    ///
    /// # Errors
    /// It can't be made a blocking one.
    pub fn adopt(&self, socket: impl Into<OwnedFd>) -> io::Result<Socket> {
        let socket = socket.into();
        // Of one that doesn't block, the kernel may say that there is nothing instead of waiting.
        rustix::io::ioctl_fionbio(&socket, false)?;
        let key = self.0.lock().insert(socket);
        Ok(Socket::new(Arc::clone(&self.0), key))
    }

    fn poll_drive(&self, eventfd: &AsyncFd<OwnedFd>, context: &mut Context<'_>) -> Poll<()> {
        // The eventfd counts its strokes and is never read: only its ringing is an event.
        while let Poll::Ready(rung) = eventfd.poll_read_ready(context) {
            match rung {
                Ok(mut rung) => rung.clear_ready(),
                // The runtime ends.
                Err(_) => return Poll::Ready(()),
            }
        }
        let mut state = self.0.lock();
        state.is_driven_by(context.waker());
        match state.turn() {
            Ok(has_more) => {
                if has_more || state.has_listed() {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Err(error) => {
                state.fail(&error);
                Poll::Ready(())
            }
        }
    }
}

fn watch(eventfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(deprecated, reason = "an owned descriptor can't lie about itself")]
    AsyncFd::with_interest(eventfd, Interest::READABLE)
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ring")
    }
}
