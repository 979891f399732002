//! A safe interface to the requests and completions of the kernel.
//!
//! # Soundness
//!
//! The kernel reads and writes the memory that a request names until the request completes. There
//! are two kinds of such memory:
//!
//! - **Bytes to send** are a vector that [`Kernel::send`] takes and [`Completion::Sent`] returns. A
//!   vector that has not been returned when the `Kernel` is dropped is leaked.
//! - **Buffers to receive into** live as long as the process: a thread allocates them once and
//!   never frees them. The bytes of a buffer are read only between the completion that names it and
//!   its return to the kernel, both within [`Kernel::completions`]. The kernel does not touch the
//!   buffer in between.
//!
//! Descriptors are plain numbers. The caller keeps them open until its requests have completed.
//! Otherwise requests reach another file, which is wrong but memory safe.
#![expect(unsafe_code, reason = "requests contain addresses; see above")]

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

/// Requests that fit between two calls of the kernel. More requests cause an additional call.
const REQUESTS: u32 = 256;

/// Completions that fit. Further completions wait in the kernel.
const COMPLETIONS: u32 = 2048;

/// Number of buffers to receive into, a power of two. A buffer is in use only while completions are
/// delivered, so the number bounds one delivery and not the number of sockets.
const BUFFERS: u16 = 256;

/// Size of a buffer in bytes: a usual request or some small messages.
const BUFFER_SIZE: usize = 4096;

/// The only group of buffers.
const GROUP: u16 = 0;

/// The caller's number of a socket, less than 2^31.
pub(crate) type SocketKey = usize;

/// The outcome of a request.
pub(crate) enum Completion<'a> {
    /// These bytes were received. No bytes: the peer has half-closed the stream.
    Received(&'a [u8]),
    /// Receiving has stopped, because of this error if any. A new request continues it.
    ReceivedLast(Option<io::Error>),
    /// The vector of a send request, and how many of its bytes were sent.
    Sent(Vec<u8>, io::Result<usize>),
    /// A request that was to be canceled was not found. If it still runs, it must be canceled
    /// again.
    NotStopped,
}

/// The kernel's end of all sockets of a thread.
pub(crate) struct Kernel {
    ring: IoUring,
    /// The kernel writes to it when there are completions.
    eventfd: OwnedFd,
    buffers: Buffers,
    /// Vectors that the kernel sends from.
    sending: Slab<Vec<u8>>,
}

/// Identifies a request, in the 64 bits that its completion returns.
#[derive(Clone, Copy)]
enum RequestTag {
    Receive(SocketKey),
    Send(SocketKey, usize),
    Cancel(SocketKey),
}

/// The result of canceling a request that the kernel does not find.
const NOT_FOUND: i32 = -rustix::io::Errno::NOENT.raw_os_error();

/// Upper bound of the numbers of sockets and vectors. A slab never comes near it.
const NUMBERS: u64 = 1 << 31;

impl RequestTag {
    const fn pack(self) -> u64 {
        match self {
            Self::Cancel(key) => key as u64,
            Self::Receive(key) => 1 << 62 | key as u64,
            Self::Send(key, vector) => 2 << 62 | (vector as u64) << 31 | key as u64,
        }
    }

    const fn unpack(bits: u64) -> Self {
        let key = (bits % NUMBERS) as SocketKey;
        match bits >> 62 {
            0 => Self::Cancel(key),
            1 => Self::Receive(key),
            _ => Self::Send(key, ((bits >> 31) % NUMBERS) as usize),
        }
    }
}

impl Kernel {
    /// Must be called on the thread that will use the ring.
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
        // Fails here, before a socket depends on it, if rings may be made but not used.
        ring.submit()?;
        Ok(Self { ring, eventfd, buffers, sending: Slab::new() })
    }

    /// A descriptor that becomes readable when there are completions.
    pub(crate) fn eventfd(&self) -> io::Result<OwnedFd> {
        self.eventfd.try_clone()
    }

    /// Receives from a socket until [`Self::stop_receiving`].
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, key: SocketKey) -> io::Result<()> {
        let request = opcode::RecvMulti::new(Fd(socket.as_raw_fd()), GROUP).build();
        self.submit(request, RequestTag::Receive(key))
    }

    /// Stops receiving. A last completion confirms it.
    pub(crate) fn stop_receiving(&mut self, key: SocketKey) -> io::Result<()> {
        self.cancel(RequestTag::Receive(key), key)
    }

    /// Sends `bytes`: with `blocking` all of them, as the peer makes room, otherwise what fits now.
    /// Returns the number for [`Self::stop_sending`].
    pub(crate) fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        key: SocketKey,
        bytes: Vec<u8>,
        blocking: bool,
    ) -> io::Result<usize> {
        let flag = if blocking { RecvFlags::WAITALL } else { RecvFlags::DONTWAIT };
        let flags = SendFlags::NOSIGNAL.bits() | flag.bits();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let request = opcode::Send::new(Fd(socket.as_raw_fd()), bytes.as_ptr(), length)
            .flags(flags.cast_signed())
            .build();
        let vector = self.sending.insert(bytes);
        self.submit(request, RequestTag::Send(key, vector))?;
        Ok(vector)
    }

    /// Cancels sending. The vector is still returned.
    pub(crate) fn stop_sending(&mut self, key: SocketKey, vector: usize) -> io::Result<()> {
        self.cancel(RequestTag::Send(key, vector), key)
    }

    fn cancel(&mut self, tag: RequestTag, key: SocketKey) -> io::Result<()> {
        let request = opcode::AsyncCancel::new(tag.pack()).build();
        self.submit(request, RequestTag::Cancel(key))
    }

    fn submit(&mut self, request: squeue::Entry, tag: RequestTag) -> io::Result<()> {
        let request = request.user_data(tag.pack());
        // SAFETY: the memory that a request names, if any, lives until its completion; see the
        // head of this file.
        while unsafe { self.ring.submission().push(&request) }.is_err() {
            // The queue is full: submit it first.
            self.enter()?;
        }
        Ok(())
    }

    /// Submits the requests to the kernel and fetches completions. The eventfd is disabled
    /// meanwhile: see [`is_needed`](Self::is_needed).
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        self.ring.completion().disable_eventfd();
        let entered = self.ring.submit();
        self.ring.completion().enable_eventfd();
        // The kernel first publishes a completion and then checks whether the eventfd is enabled.
        // Here the order is reversed, so that one of the two sees the other.
        fence(Ordering::SeqCst);
        match entered {
            Ok(_) => Ok(()),
            // Completions must be taken first, or a signal arrived: the next call succeeds.
            Err(error) if matches!(error.kind(), ResourceBusy | WouldBlock | Interrupted) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether [`Self::enter`] must be called: for requests, also those that the last call has
    /// left, or for completions that came while the eventfd was disabled.
    pub(crate) fn is_needed(&mut self) -> bool {
        let submission = self.ring.submission();
        !submission.is_empty() || submission.taskrun() || submission.cq_overflow()
    }

    /// Delivers the fetched completions, each with its socket.
    pub(crate) fn completions(&mut self, mut handle: impl FnMut(SocketKey, Completion<'_>)) {
        let mut used = 0;
        for entry in self.ring.completion() {
            match RequestTag::unpack(entry.user_data()) {
                RequestTag::Cancel(key) if entry.result() == NOT_FOUND => {
                    handle(key, Completion::NotStopped)
                }
                RequestTag::Cancel(_) => {}
                RequestTag::Receive(key) => {
                    self.buffers.received(&entry, &mut used, |completion| handle(key, completion));
                }
                RequestTag::Send(key, vector) => {
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
        // The kernel may still read from these vectors.
        for bytes in self.sending.drain() {
            std::mem::forget(bytes);
        }
    }
}

fn outcome(entry: &cqueue::Entry) -> io::Result<usize> {
    usize::try_from(entry.result()).map_err(|_| io::Error::from_raw_os_error(-entry.result()))
}

/// The buffers that the kernel receives into, and the ring of the free ones.
struct Buffers {
    memory: NonNull<u8>,
    free: NonNull<BufRingEntry>,
    /// The number of buffers that have been given to the kernel so far.
    tail: u16,
}

// SAFETY: only this value uses the memory, which is valid on every thread.
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

    /// Delivers the completion of a receive request and returns its buffer to the kernel.
    fn received(
        &mut self,
        entry: &cqueue::Entry,
        used: &mut u16,
        mut handle: impl FnMut(Completion<'_>),
    ) {
        let outcome = outcome(entry);
        if let Some(number) = cqueue::buffer_select(entry.flags()) {
            let length = outcome.as_ref().map_or(0, |length| (*length).min(BUFFER_SIZE));
            // SAFETY: the kernel has written `length` bytes into this buffer (never more than it
            // has) and does not touch it until it is returned, below.
            let bytes = unsafe { std::slice::from_raw_parts(self.at(number).as_ptr(), length) };
            if outcome.is_ok() {
                handle(Completion::Received(bytes));
            }
            // In any case: a buffer that is not returned is lost to all sockets.
            self.give(number, *used);
            *used += 1;
        } else if matches!(outcome, Ok(0)) {
            handle(Completion::Received(&[]));
        }
        if !cqueue::more(entry.flags()) {
            handle(Completion::ReceivedLast(outcome.err()));
        }
    }

    /// Puts a buffer into the ring, `ahead` places behind the published ones.
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

    /// Publishes `count` more free buffers to the kernel.
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
    /// The largest page size of any processor.
    const PAGE: usize = 64 << 10;
    let layout = Layout::from_size_align(size, PAGE).expect("a few pages fit into memory");
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}
