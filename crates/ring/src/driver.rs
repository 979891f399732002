//! The driver: the task that submits the operations of a thread's sockets to the kernel.
//!
//! The first socket with an operation wakes the driver, which then runs behind the tasks that are
//! ready already. So the operations of those tasks go to the kernel in the same call. When no task
//! is ready, the runtime sleeps, and the kernel's eventfd wakes it.

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
use crate::state::RingState;

thread_local! {
    static OF_THREAD: RefCell<Option<Ring>> = const { RefCell::new(None) };
}

/// The ring of a thread. Cheap to clone.
#[derive(Clone)]
pub struct Ring(Arc<Mutex<RingState>>);

impl Ring {
    /// Makes the ring of this thread and spawns its driver on the thread's runtime.
    ///
    /// # Errors
    /// The kernel is older than Linux 6.1, or io_uring is forbidden to this process.
    ///
    /// # Panics
    /// Outside of a tokio runtime. It must be a current-thread runtime: the kernel accepts requests
    /// only from the thread that has made the ring.
    pub fn start() -> io::Result<()> {
        let state = RingState::new(Kernel::new()?);
        let eventfd = watch(state.eventfd()?)?;
        let ring = Self(Arc::new(Mutex::new(state)));
        let driven = ring.clone();
        tokio::spawn(poll_fn(move |context| driven.poll_drive(&eventfd, context)));
        OF_THREAD.set(Some(ring));
        Ok(())
    }

    /// The ring of this thread, if it was started and has not failed.
    pub fn of_thread() -> Option<Self> {
        OF_THREAD.with_borrow(Clone::clone).filter(|ring| !ring.0.lock().has_failed())
    }

    /// Takes over a connected stream socket that is not registered with a runtime.
    ///
    /// # Errors
    /// The socket can't be set to blocking mode.
    pub fn adopt(&self, socket: impl Into<OwnedFd>) -> io::Result<Socket> {
        let socket = socket.into();
        // In nonblocking mode the kernel may fail a request instead of waiting.
        rustix::io::ioctl_fionbio(&socket, false)?;
        let key = self.0.lock().insert(socket);
        Ok(Socket::new(Arc::clone(&self.0), key))
    }

    fn poll_drive(&self, eventfd: &AsyncFd<OwnedFd>, context: &mut Context<'_>) -> Poll<()> {
        // The eventfd is never read: its counter does not matter, only that it was written to.
        while let Poll::Ready(readiness) = eventfd.poll_read_ready(context) {
            match readiness {
                Ok(mut readiness) => readiness.clear_ready(),
                // The runtime is shutting down.
                Err(_) => return Poll::Ready(()),
            }
        }
        let mut state = self.0.lock();
        state.set_driver(context);
        match state.drive() {
            Ok(has_more) => {
                if has_more || state.has_scheduled() {
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
