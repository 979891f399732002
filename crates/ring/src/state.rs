//! All sockets of a thread, and their operations that wait for the kernel.
//!
//! One lock guards all of it. The thread's own tasks take it for a few hundred instructions, one
//! after the other. Only a socket that is used from another thread ever waits for it.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::task::Context;

use cloverleaf_wakes::WakerSlot;
use rustix::io::Errno;
use slab::Slab;

use crate::kernel::{Completion, Kernel, SocketKey};
use crate::slot::{Op, SocketSlot};
use crate::spares::SpareBuffers;

/// The sockets of a thread.
pub(crate) struct RingState {
    kernel: Kernel,
    slots: Slab<SocketSlot>,
    /// Slots that may have an operation for the kernel.
    scheduled: Vec<SocketKey>,
    spares: SpareBuffers,
    /// The task that calls the kernel.
    driver: WakerSlot,
    has_failed: bool,
}

impl RingState {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            slots: Slab::new(),
            scheduled: Vec::new(),
            spares: SpareBuffers::default(),
            driver: WakerSlot::new(),
            has_failed: false,
        }
    }

    pub(crate) fn eventfd(&self) -> io::Result<OwnedFd> {
        self.kernel.eventfd()
    }

    /// Adds a socket and begins to receive from it.
    pub(crate) fn insert(&mut self, descriptor: OwnedFd) -> SocketKey {
        let key = self.slots.insert(SocketSlot::new(descriptor));
        self.schedule(key);
        key
    }

    /// Returns a slot and the spare vectors.
    pub(crate) fn slot(&mut self, key: SocketKey) -> (&mut SocketSlot, &mut SpareBuffers) {
        (&mut self.slots[key], &mut self.spares)
    }

    /// Removes a socket that the kernel does not use any more.
    pub(crate) fn remove(&mut self, key: SocketKey) -> SocketSlot {
        self.slots.remove(key)
    }

    /// Schedules a slot that may have a new operation, and wakes the driver.
    pub(crate) fn schedule(&mut self, key: SocketKey) {
        let slot = &mut self.slots[key];
        if !std::mem::replace(&mut slot.is_scheduled, true) {
            self.scheduled.push(key);
            self.driver.wake();
        }
    }

    /// Sets the task that is woken when a slot is scheduled.
    pub(crate) fn set_driver(&mut self, context: &Context<'_>) {
        self.driver.register(context);
    }

    /// Submits the operations of the scheduled slots to the kernel and delivers the completions.
    /// Returns whether there is more to do.
    pub(crate) fn drive(&mut self) -> io::Result<bool> {
        let mut scheduled = std::mem::take(&mut self.scheduled);
        for key in scheduled.drain(..) {
            // The socket may have left meanwhile.
            if let Some(slot) = self.slots.get_mut(key) {
                slot.is_scheduled = false;
                self.submit_ops(key)?;
            }
        }
        self.scheduled = scheduled;
        if self.kernel.is_needed() {
            self.kernel.enter()?;
        }
        self.deliver_completions();
        Ok(self.kernel.is_needed())
    }

    fn submit_ops(&mut self, key: SocketKey) -> io::Result<()> {
        while let Some(op) = self.slots[key].next_op() {
            let slot = &mut self.slots[key];
            match op {
                Op::Receive => self.kernel.receive(slot.descriptor.as_fd(), key)?,
                Op::StopReceiving => self.kernel.stop_receiving(key)?,
                Op::Send(bytes, blocking) => {
                    let length = bytes.len();
                    let socket = slot.descriptor.as_fd();
                    let vector = self.kernel.send(socket, key, bytes, blocking)?;
                    slot.is_sending(vector, length);
                }
                Op::StopSending(vector) => self.kernel.stop_sending(key, vector)?,
                Op::Close => {
                    self.slots.remove(key);
                    break;
                }
            }
        }
        Ok(())
    }

    fn deliver_completions(&mut self) {
        let Self { kernel, slots, scheduled, spares, .. } = self;
        kernel.completions(|key, completion| {
            // The socket of an operation that was canceled may be gone.
            let Some(slot) = slots.get_mut(key) else { return };
            match completion {
                Completion::Received(bytes) => slot.received(bytes, spares),
                Completion::ReceivedLast(error) => slot.received_last(lasting(error)),
                Completion::Sent(vector, outcome) => {
                    spares.put(vector);
                    slot.sent(outcome.map_err(|error| number(&error)));
                }
                Completion::NotStopped => slot.not_stopped(),
            }
            if slot.has_op() && !std::mem::replace(&mut slot.is_scheduled, true) {
                scheduled.push(key);
            }
        });
    }

    /// Fails all sockets, since the kernel does not accept requests any more.
    pub(crate) fn fail(&mut self, error: &io::Error) {
        self.has_failed = true;
        for (_, slot) in &mut self.slots {
            slot.fail(number(error));
        }
    }

    /// Whether the ring has failed: no socket works any more.
    pub(crate) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether slots are scheduled.
    pub(crate) fn has_scheduled(&self) -> bool {
        !self.scheduled.is_empty()
    }
}

/// The number of an error that ends receiving for good. None for errors after which receiving can
/// be requested again.
fn lasting(error: Option<io::Error>) -> Option<i32> {
    const PASSING: [Errno; 4] = [Errno::CANCELED, Errno::NOBUFS, Errno::INTR, Errno::AGAIN];
    let number = number(&error?);
    PASSING.iter().all(|passing| passing.raw_os_error() != number).then_some(number)
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(Errno::IO.raw_os_error())
}
