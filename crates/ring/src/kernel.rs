//! Requests to the kernel and what became of them, in a form that can't be held wrongly.
//!
//! # Why this is sound
//!
//! The kernel reads and writes memory that it was told of until it says that it has done. It is
//! told of two kinds of memory. **Bytes to send** are a vector that [`Kernel::send`] takes and that
//! comes back in [`Completion::Sent`]; one that has not come back when the `Kernel` is dropped is
//! leaked. **Buffers to receive into** live as long as the process: a thread makes them once and
//! never frees them. A buffer's bytes are looked at only between the completion that names it and
//! its return to the kernel, both within [`Kernel::completions`], and the kernel doesn't touch it
//! in between. Descriptors are plain numbers; the caller keeps them open until its requests have
//! ended, or else they reach another file, which is wrong and yet safe.
#![expect(unsafe_code, reason = "the kernel is told addresses; see above")]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io::{
    self,
    ErrorKind::{Interrupted, ResourceBusy, WouldBlock},
};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering, fence};

use io_uring::types::{BufRingEntry, Fd};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::event::{EventfdFlags, eventfd};
use rustix::net::{RecvFlags, SendFlags};
use slab::Slab;

/// Requests that fit between two calls of the kernel; more of them make a call of their own.
const REQUESTS: u32 = 256;

/// Completions that fit; what is more waits in the kernel.
const COMPLETIONS: u32 = 2048;

/// Buffers to receive into; a power of two. They are in use only while completions are looked at,
/// so their number bounds what one look brings and not how many sockets there are.
const BUFFERS: u16 = 256;

/// The size of each: a usual request or some small messages.
const BUFFER_SIZE: usize = 4096;

/// The group of the buffers; there is no other.
const GROUP: u16 = 0;

/// A number of the caller's by which it knows its socket, less than 2^32.
pub(crate) type Key = usize;

/// What has become of a request.
pub(crate) enum Completion<'a> {
    /// These bytes have come; none: the peer has ended its half.
    Received(&'a [u8]),
    /// Receiving goes on only when it is asked for anew, be it for this error or for none.
    ReceivedLast(Option<io::Error>),
    /// A vector comes back, of which so many bytes were sent.
    Sent(Vec<u8>, io::Result<usize>),
    /// What was to be stopped was not found; where it goes on all the same, it has to be stopped
    /// anew.
    NotStopped,
}

/// The kernel's end of all sockets of a thread.
pub(crate) struct Kernel {
    ring: IoUring,
    /// Written to by the kernel when there is something to be had.
    eventfd: OwnedFd,
    buffers: Buffers,
    /// Vectors that the kernel reads from.
    sending: Slab<Vec<u8>>,
}

/// What a request is about, in the 64 bits that come back with its completion.
#[derive(Clone, Copy)]
enum Tag {
    Receive(Key),
    Send(Key, usize),
    Cancel(Key),
}

/// What becomes of the cancelling of a request that is not where the kernel looks for it.
const NOT_FOUND: i32 = -rustix::io::Errno::NOENT.raw_os_error();

/// Sockets and vectors are numbered up to this; a slab never comes near it.
const NUMBERS: u64 = 1 << 31;

impl Tag {
    const fn pack(self) -> u64 {
        match self {
            Self::Cancel(key) => key as u64,
            Self::Receive(key) => 1 << 62 | key as u64,
            Self::Send(key, vector) => 2 << 62 | (vector as u64) << 31 | key as u64,
        }
    }

    const fn unpack(bits: u64) -> Self {
        let key = (bits % NUMBERS) as Key;
        match bits >> 62 {
            0 => Self::Cancel(key),
            1 => Self::Receive(key),
            _ => Self::Send(key, ((bits >> 31) % NUMBERS) as usize),
        }
    }
}

impl Kernel {
    /// Must be made by the thread that will use it.
    ///
    /// # Errors
    /// The kernel is older than Linux 6.1, or io_uring is forbidden to this process.
    pub(crate) fn new() -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(COMPLETIONS)
            .build(REQUESTS)?;
        let eventfd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        ring.submitter().register_eventfd(eventfd.as_raw_fd())?;
        let buffers = Buffers::register(&ring)?;
        // Where rings may be made and not used, that is known before a socket depends on it.
        ring.submit()?;
        Ok(Self { ring, eventfd, buffers, sending: Slab::new() })
    }

    /// Becomes readable when there is something to be had.
    pub(crate) fn eventfd(&self) -> io::Result<OwnedFd> {
        self.eventfd.try_clone()
    }

    /// Receives from a socket whenever something comes, until it is told to stop.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        let request = opcode::RecvMulti::new(Fd(socket.as_raw_fd()), GROUP).build();
        self.ask(request, Tag::Receive(key))
    }

    /// Stops receiving; a last completion says when.
    pub(crate) fn stop_receiving(&mut self, key: Key) -> io::Result<()> {
        self.cancel(Tag::Receive(key), key)
    }

    /// Sends all of `bytes`. With `blocking`, as the peer makes room; otherwise what fits now.
    /// Returns the number by which it can be given up.
    pub(crate) fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        key: Key,
        bytes: Vec<u8>,
        blocking: bool,
    ) -> io::Result<usize> {
        let how = if blocking { RecvFlags::WAITALL } else { RecvFlags::DONTWAIT };
        let flags = SendFlags::NOSIGNAL.bits() | how.bits();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let request = opcode::Send::new(Fd(socket.as_raw_fd()), bytes.as_ptr(), length)
            .flags(flags.cast_signed())
            .build();
        let vector = self.sending.insert(bytes);
        self.ask(request, Tag::Send(key, vector))?;
        Ok(vector)
    }

    /// Gives up sending; the vector comes back all the same.
    pub(crate) fn stop_sending(&mut self, key: Key, vector: usize) -> io::Result<()> {
        self.cancel(Tag::Send(key, vector), key)
    }

    fn cancel(&mut self, tag: Tag, key: Key) -> io::Result<()> {
        let request = opcode::AsyncCancel::new(tag.pack()).build();
        self.ask(request, Tag::Cancel(key))
    }

    fn ask(&mut self, request: squeue::Entry, tag: Tag) -> io::Result<()> {
        let request = request.user_data(tag.pack());
        // SAFETY: the memory that a request names, if any, lives until its completion; see the
        // head of this file.
        while unsafe { self.ring.submission().push(&request) }.is_err() {
            // Full: what is there goes ahead.
            self.enter()?;
        }
        Ok(())
    }

    /// Takes the requests to the kernel and fetches what has happened. The eventfd is silent while
    /// this runs: see [`is_needed`](Self::is_needed).
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        self.ring.completion().disable_eventfd();
        let entered = self.ring.submit();
        self.ring.completion().enable_eventfd();
        // The kernel first says that something has happened and then looks whether the eventfd may
        // ring. Here it is the other way round, so that one of the two sees the other.
        fence(Ordering::SeqCst);
        match entered {
            Ok(_) => Ok(()),
            // Completions have to be taken first, or a signal came: both mend themselves.
            Err(error) if matches!(error.kind(), ResourceBusy | WouldBlock | Interrupted) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether there are requests to be taken to the kernel, among them those that the last `enter`
    /// has left, or something has happened since, for which the eventfd may have been silent.
    pub(crate) fn is_needed(&mut self) -> bool {
        let submission = self.ring.submission();
        !submission.is_empty() || submission.taskrun() || submission.cq_overflow()
    }

    /// Hands over what has been fetched, each with its socket.
    pub(crate) fn completions(&mut self, mut handle: impl FnMut(Key, Completion<'_>)) {
        let mut used = 0;
        for entry in self.ring.completion() {
            match Tag::unpack(entry.user_data()) {
                Tag::Cancel(key) if entry.result() == NOT_FOUND => {
                    handle(key, Completion::NotStopped)
                }
                Tag::Cancel(_) => {}
                Tag::Receive(key) => {
                    self.buffers.received(&entry, &mut used, |completion| handle(key, completion));
                }
                Tag::Send(key, vector) => {
                    let bytes = self.sending.remove(vector);
                    handle(key, Completion::Sent(bytes, outcome(&entry)));
                }
            }
        }
        self.buffers.publish(used);
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // The kernel may still read from them.
        for bytes in self.sending.drain() {
            std::mem::forget(bytes);
        }
    }
}

fn outcome(entry: &cqueue::Entry) -> io::Result<usize> {
    usize::try_from(entry.result()).map_err(|_| io::Error::from_raw_os_error(-entry.result()))
}

/// Buffers that the kernel receives into, and the ring in which it finds the free ones.
struct Buffers {
    memory: NonNull<u8>,
    free: NonNull<BufRingEntry>,
    /// How many have ever been given to the kernel.
    tail: u16,
}

// SAFETY: the memory belongs to this value alone and is the same for every thread.
unsafe impl Send for Buffers {}

impl Buffers {
    fn register(ring: &IoUring) -> io::Result<Self> {
        let memory = leaked(usize::from(BUFFERS) * BUFFER_SIZE);
        let free = leaked(usize::from(BUFFERS) * size_of::<BufRingEntry>()).cast();
        // SAFETY: the ring's memory is as large as `BUFFERS` entries ask, begins with a page and is
        // never freed.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                free.as_ptr() as u64,
                BUFFERS,
                GROUP,
                0,
            )?;
        }
        let mut buffers = Self { memory, free, tail: 0 };
        for number in 0..BUFFERS {
            buffers.give(number, number);
        }
        buffers.publish(BUFFERS);
        Ok(buffers)
    }

    fn at(&self, number: u16) -> NonNull<u8> {
        debug_assert!(number < BUFFERS);
        // SAFETY: there are `BUFFERS` buffers of this size, one behind the other.
        unsafe { self.memory.add(usize::from(number % BUFFERS) * BUFFER_SIZE) }
    }

    /// Looks at what came with a completion and gives its buffer back.
    fn received(
        &mut self,
        entry: &cqueue::Entry,
        used: &mut u16,
        mut handle: impl FnMut(Completion<'_>),
    ) {
        let outcome = outcome(entry);
        if let Some(number) = cqueue::buffer_select(entry.flags()) {
            let length = outcome.as_ref().map_or(0, |length| (*length).min(BUFFER_SIZE));
            // SAFETY: the kernel has written so many bytes into this buffer (never more than it
            // has) and leaves it alone until it is given back, below.
            let bytes = unsafe { std::slice::from_raw_parts(self.at(number).as_ptr(), length) };
            if outcome.is_ok() {
                handle(Completion::Received(bytes));
            }
            // Whatever has come of it: a buffer that isn't given back is lost to all sockets.
            self.give(number, *used);
            *used += 1;
        } else if matches!(outcome, Ok(0)) {
            handle(Completion::Received(&[]));
        }
        if !cqueue::more(entry.flags()) {
            handle(Completion::ReceivedLast(outcome.err()));
        }
    }

    /// Lays a buffer into the ring, `ahead` places behind those that the kernel knows of.
    fn give(&mut self, number: u16, ahead: u16) {
        let place = usize::from(self.tail.wrapping_add(ahead) % BUFFERS);
        let address = self.at(number).as_ptr() as u64;
        // SAFETY: the place lies in the ring, and the kernel reads no place beyond the tail that
        // was published. Only these fields are written: the first place also holds the tail.
        let entry = unsafe { self.free.add(place).as_mut() };
        entry.set_addr(address);
        entry.set_len(BUFFER_SIZE as u32);
        entry.set_bid(number);
    }

    /// Lets the kernel know of so many more free buffers.
    fn publish(&mut self, count: u16) {
        self.tail = self.tail.wrapping_add(count);
        // SAFETY: `free` is the base of the ring. The kernel reads the tail at any time, hence
        // atomically, and behind it what was written before, hence with release.
        unsafe {
            let tail = BufRingEntry::tail(self.free.as_ptr()).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}

/// Zeroed memory of whole pages that is never freed.
fn leaked(size: usize) -> NonNull<u8> {
    /// The largest of any processor's.
    const PAGE: usize = 64 << 10;
    let layout = Layout::from_size_align(size, PAGE).expect("a few pages fit into memory");
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}
