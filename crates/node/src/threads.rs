//! The threads that serve connections.
//!
//! One current-thread runtime per thread, each owning its connections; see
//! `docs/decisions/runtime.md`. The first one is the caller's own: it also has the listeners, the
//! components and the containers.

use std::io;
use std::time::Duration;

use cloverleaf_transport::{AcceptedSocket, Stream, log_limited};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::tuning::Tuning;

mod memory;
mod rings;
mod spin;

pub(crate) use rings::Sockets;

/// The runtime of one thread that routes. `spin`: the maximum time for which it polls before it
/// sleeps.
pub(crate) fn routing_runtime(spin: Duration) -> io::Result<Runtime> {
    let spins =
        !spin.is_zero() && std::thread::available_parallelism().is_ok_and(|count| count.get() > 1);
    let mut builder = Builder::new_current_thread();
    builder.enable_all().on_thread_park(move || {
        memory::before_sleep();
        if spins {
            spin::before_sleep(spin);
        }
    });
    let runtime = builder.build()?;
    runtime.spawn(memory::give_back());
    runtime.spawn(cloverleaf_wakes::pace(yield_now));
    if spins {
        runtime.spawn(spin::spin());
    }
    Ok(runtime)
}

/// The runtime of a process of components.
pub(crate) fn runtime() -> io::Result<Runtime> {
    routing_runtime(Duration::ZERO)
}

/// The threads of a node beside its first one.
#[derive(Debug)]
pub(crate) struct Threads {
    others: Vec<WorkerThread>,
}

#[derive(Debug)]
struct WorkerThread {
    handle: Handle,
    /// Dropped to end the thread.
    _stop: oneshot::Sender<()>,
}

impl Threads {
    /// Starts the threads beside the caller's, which is on its runtime.
    pub(crate) fn start(tuning: Tuning) -> io::Result<Self> {
        rings::start(tuning.sockets)?;
        let start = |number| WorkerThread::start(number, tuning);
        let others = (1..tuning.threads()).map(start).collect::<io::Result<_>>()?;
        Ok(Self { others })
    }

    /// Serves an accepted socket on a thread; the caller's is number 0.
    pub(crate) fn spawn_on<F>(
        &self,
        thread: usize,
        socket: AcceptedSocket,
        serve: impl FnOnce(Stream) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let connection = async move {
            // On the thread that is to own it.
            match Stream::accepted(socket) {
                Ok(stream) => serve(stream).await,
                Err(error) => log_limited!(warn, "connection lost", reason = %error),
            }
        };
        match thread.checked_sub(1).and_then(|other| self.others.get(other)) {
            Some(other) => other.handle.spawn(connection),
            None => tokio::spawn(connection),
        };
    }
}

impl WorkerThread {
    fn start(number: usize, tuning: Tuning) -> io::Result<Self> {
        let runtime = routing_runtime(tuning.spin())?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new().name(format!("router-{number}")).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = rings::start(tuning.sockets) {
                    tracing::warn!(reason = %error, "thread does not use io_uring");
                }
                // Ends when the sender is dropped; the connections are dropped with the runtime.
                let _ = stopped.await;
            });
        })?;
        Ok(Self { handle, _stop: stop })
    }
}
