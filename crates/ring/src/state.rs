//! All sockets of a thread and what they want next.
//!
//! One lock holds all of it. The thread's own tasks take it for a few hundred instructions, one
//! after the other; only a socket that is used from another thread ever waits for it.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::task::Waker;

use rustix::io::Errno;
use slab::Slab;

use crate::kernel::{Completion, Kernel, Key};
use crate::slot::{Op, Slot};

/// Empty vectors that are kept for the next socket that needs one.
const SPARES: usize = 64;

/// Vectors that have grown larger than this are not kept.
const LARGEST_SPARE: usize = 16 << 10;

/// Vectors that were used and are empty: a socket has one only while it holds bytes.
#[derive(Default)]
pub(crate) struct Spares(Vec<Vec<u8>>);

impl Spares {
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, mut vector: Vec<u8>) {
        if self.0.len() < SPARES && vector.capacity() <= LARGEST_SPARE {
            vector.clear();
            self.0.push(vector);
        }
    }
}

/// See the [module](self).
pub(crate) struct State {
    kernel: Kernel,
    slots: Slab<Slot>,
    /// Slots that may want something of the kernel.
    listed: Vec<Key>,
    spares: Spares,
    /// The task that goes to the kernel.
    driver: Option<Waker>,
    has_failed: bool,
}

impl State {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            slots: Slab::new(),
            listed: Vec::new(),
            spares: Spares::default(),
            driver: None,
            has_failed: false,
        }
    }

    pub(crate) fn eventfd(&self) -> io::Result<OwnedFd> {
        self.kernel.eventfd()
    }

    /// Takes a socket in and begins to receive from it.
    pub(crate) fn insert(&mut self, descriptor: OwnedFd) -> Key {
        let key = self.slots.insert(Slot::new(descriptor));
        self.list(key);
        key
    }

    /// A slot and the spare vectors.
    pub(crate) fn slot(&mut self, key: Key) -> (&mut Slot, &mut Spares) {
        (&mut self.slots[key], &mut self.spares)
    }

    /// Lets go of a socket with which the kernel has nothing more to do.
    pub(crate) fn remove(&mut self, key: Key) -> Slot {
        self.slots.remove(key)
    }

    /// A slot may want something new; the driver will ask it.
    pub(crate) fn list(&mut self, key: Key) {
        let slot = &mut self.slots[key];
        if !std::mem::replace(&mut slot.is_listed, true) {
            self.listed.push(key);
            if let Some(driver) = self.driver.take() {
                driver.wake();
            }
        }
    }

    /// The task to be woken when a slot wants something.
    pub(crate) fn is_driven_by(&mut self, driver: &Waker) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(driver),
            none => *none = Some(driver.clone()),
        }
    }

    /// Asks the listed slots what they want, takes it to the kernel, and hands out what has come.
    /// Whether there is more.
    pub(crate) fn turn(&mut self) -> io::Result<bool> {
        let mut listed = std::mem::take(&mut self.listed);
        for key in listed.drain(..) {
            // It may have left meanwhile.
            if let Some(slot) = self.slots.get_mut(key) {
                slot.is_listed = false;
                self.serve(key)?;
            }
        }
        self.listed = listed;
        if self.kernel.is_needed() {
            self.kernel.enter()?;
        }
        self.hand_out();
        Ok(self.kernel.is_needed())
    }

    fn serve(&mut self, key: Key) -> io::Result<()> {
        while let Some(want) = self.slots[key].next() {
            let slot = &mut self.slots[key];
            match want {
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

    fn hand_out(&mut self) {
        let Self { kernel, slots, listed, spares, .. } = self;
        kernel.completions(|key, completion| {
            // What was to be stopped may have ended before, and its socket may be gone.
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
            if slot.wants_something() && !std::mem::replace(&mut slot.is_listed, true) {
                listed.push(key);
            }
        });
    }

    /// Lets all sockets fail: the kernel doesn't listen any more.
    pub(crate) fn fail(&mut self, error: &io::Error) {
        self.has_failed = true;
        for (_, slot) in &mut self.slots {
            slot.fail(number(error));
        }
    }

    /// Whether it has failed: no socket is served any more.
    pub(crate) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether slots wait to be asked.
    pub(crate) fn has_listed(&self) -> bool {
        !self.listed.is_empty()
    }
}

/// The number of an error, where receiving has ended for good.
fn lasting(error: Option<io::Error>) -> Option<i32> {
    const PASSING: [Errno; 4] = [Errno::CANCELED, Errno::NOBUFS, Errno::INTR, Errno::AGAIN];
    let number = number(&error?);
    PASSING.iter().all(|passing| passing.raw_os_error() != number).then_some(number)
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(Errno::IO.raw_os_error())
}
