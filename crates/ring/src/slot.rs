//! The state of one socket: received bytes, bytes to send, and the tasks that wait for them.
//!
//! A slot does not call the kernel: [`SocketSlot::next_op`] returns its next operation.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use cloverleaf_wakes::WakerSlot;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::spares::SpareBuffers;

/// Unread bytes above which receiving pauses: as much as the system buffers for a socket.
const MAX_UNREAD: usize = 64 << 10;

/// Bytes that may wait behind those being sent. Few, since a writer takes room here for a sign that
/// the client reads.
const MAX_UNSENT: usize = 64 << 10;

/// A socket of the ring.
pub(crate) struct SocketSlot {
    pub(crate) descriptor: OwnedFd,
    /// Received bytes. Those before `taken` have been taken.
    unread: Vec<u8>,
    taken: usize,
    /// The end of the stream, with the number of its error if any.
    end: Option<Result<(), i32>>,
    reader: WakerSlot,
    receiving: ReceiveState,
    unsent: Vec<u8>,
    /// The vector that the kernel sends from.
    sending: Option<SendInFlight>,
    send_error: Option<i32>,
    writer: WakerSlot,
    /// The handle was dropped.
    is_dropped: bool,
    /// Whether the socket is about to leave the ring.
    is_leaving: bool,
    /// Whether the slot is scheduled for the driver.
    pub(crate) is_scheduled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReceiveState {
    No,
    Yes,
    Stopping,
}

#[derive(Clone, Copy)]
struct SendInFlight {
    vector: usize,
    length: usize,
    is_stopping: bool,
}

/// An operation for the kernel.
pub(crate) enum Op {
    Receive,
    StopReceiving,
    /// Send these bytes. `true`: wait until the peer makes room.
    Send(Vec<u8>, bool),
    StopSending(usize),
    /// Close the socket: the kernel does not use it any more.
    Close,
}

impl SocketSlot {
    pub(crate) const fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            unread: Vec::new(),
            taken: 0,
            end: None,
            reader: WakerSlot::new(),
            receiving: ReceiveState::No,
            unsent: Vec::new(),
            sending: None,
            send_error: None,
            writer: WakerSlot::new(),
            is_dropped: false,
            is_leaving: false,
            is_scheduled: false,
        }
    }

    const fn unread_len(&self) -> usize {
        self.unread.len() - self.taken
    }

    /// Takes received bytes. 0 bytes are the end. The second value is whether the slot has a new
    /// operation.
    pub(crate) fn poll_read(
        &mut self,
        context: &Context<'_>,
        buffer: &mut [u8],
        spares: &mut SpareBuffers,
    ) -> (Poll<io::Result<usize>>, bool) {
        let count = self.unread_len().min(buffer.len());
        if count > 0 {
            buffer[..count].copy_from_slice(&self.unread[self.taken..self.taken + count]);
            self.taken += count;
            if self.unread_len() == 0 {
                self.taken = 0;
                spares.put(std::mem::take(&mut self.unread));
            }
            return (Poll::Ready(Ok(count)), self.wants_to_receive());
        }
        match self.end {
            Some(Ok(())) => (Poll::Ready(Ok(0)), false),
            Some(Err(number)) => (Poll::Ready(Err(io::Error::from_raw_os_error(number))), false),
            None => {
                self.reader.register(context);
                (Poll::Pending, self.wants_to_receive())
            }
        }
    }

    /// Takes bytes to be sent, as many as there is room for.
    pub(crate) fn poll_write(
        &mut self,
        context: &Context<'_>,
        bytes: &[u8],
        spares: &mut SpareBuffers,
    ) -> Poll<io::Result<usize>> {
        if let Some(number) = self.send_error {
            return Poll::Ready(Err(io::Error::from_raw_os_error(number)));
        }
        let count = bytes.len().min(MAX_UNSENT.saturating_sub(self.unsent.len()));
        if count == 0 && !bytes.is_empty() {
            self.writer.register(context);
            return Poll::Pending;
        }
        if self.unsent.capacity() == 0 {
            self.unsent = spares.take();
        }
        self.unsent.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    /// Ready when the kernel has sent all bytes.
    pub(crate) fn poll_flush(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if let Some(number) = self.send_error {
            return Poll::Ready(Err(io::Error::from_raw_os_error(number)));
        }
        if self.unsent.is_empty() && self.sending.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.writer.register(context);
        Poll::Pending
    }

    /// Ready when the kernel has sent all bytes and does not use the socket any more.
    pub(crate) fn poll_leave(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.is_leaving = true;
        ready!(self.poll_flush(context))?;
        if let Some(Err(number)) = self.end {
            return Poll::Ready(Err(io::Error::from_raw_os_error(number)));
        }
        if self.receiving == ReceiveState::No {
            return Poll::Ready(Ok(()));
        }
        self.reader.register(context);
        Poll::Pending
    }

    /// The socket that has left, and its unread bytes.
    pub(crate) fn into_parts(self) -> (OwnedFd, Vec<u8>) {
        let mut unread = self.unread;
        unread.drain(..self.taken);
        (self.descriptor, unread)
    }

    /// Whether the stream has ended, possibly behind unread bytes.
    pub(crate) fn has_ended(&self) -> bool {
        // While receiving is paused, the end is not received either.
        self.end.is_some() || (self.receiving == ReceiveState::No && is_hung_up(&self.descriptor))
    }

    /// The handle was dropped. Unsent bytes are sent as far as the peer has room.
    pub(crate) fn release(&mut self) {
        self.is_dropped = true;
        self.unread = Vec::new();
        self.taken = 0;
        (self.reader, self.writer) = (WakerSlot::new(), WakerSlot::new());
    }

    const fn wants_to_receive(&self) -> bool {
        matches!(self.receiving, ReceiveState::No)
            && self.end.is_none()
            && !self.is_dropped
            && !self.is_leaving
            && self.unread_len() < MAX_UNREAD
    }

    const fn wants_to_stop_receiving(&self) -> bool {
        matches!(self.receiving, ReceiveState::Yes)
            && (self.is_dropped || self.is_leaving || self.unread_len() >= MAX_UNREAD)
    }

    /// Whether [`next_op`](Self::next_op) would return an operation.
    pub(crate) const fn has_op(&self) -> bool {
        self.is_dropped
            || self.wants_to_receive()
            || self.wants_to_stop_receiving()
            || (!self.unsent.is_empty() && self.sending.is_none())
    }

    /// The next operation, which the slot then takes for submitted. None: nothing to do for now.
    pub(crate) fn next_op(&mut self) -> Option<Op> {
        if self.wants_to_stop_receiving() {
            self.receiving = ReceiveState::Stopping;
            return Some(Op::StopReceiving);
        }
        if self.wants_to_receive() {
            self.receiving = ReceiveState::Yes;
            return Some(Op::Receive);
        }
        match &mut self.sending {
            Some(sending) if self.is_dropped && !sending.is_stopping => {
                sending.is_stopping = true;
                return Some(Op::StopSending(sending.vector));
            }
            None if !self.unsent.is_empty() && self.send_error.is_none() => {
                return Some(Op::Send(std::mem::take(&mut self.unsent), !self.is_dropped));
            }
            Some(_) | None => {}
        }
        let is_idle = self.receiving == ReceiveState::No && self.sending.is_none();
        (self.is_dropped && is_idle).then_some(Op::Close)
    }

    /// The kernel sends `length` bytes from this vector.
    pub(crate) const fn is_sending(&mut self, vector: usize, length: usize) {
        self.sending = Some(SendInFlight { vector, length, is_stopping: false });
    }

    /// Bytes were received. No bytes: the end.
    pub(crate) fn received(&mut self, bytes: &[u8], spares: &mut SpareBuffers) {
        if bytes.is_empty() {
            self.end = Some(Ok(()));
        } else if !self.is_dropped {
            if self.unread.capacity() == 0 {
                self.unread = spares.take();
            }
            if self.taken >= self.unread_len() {
                // A reader that never takes all would otherwise leave everything it took behind.
                self.unread.drain(..self.taken);
                self.taken = 0;
            }
            self.unread.extend_from_slice(bytes);
        }
        self.reader.wake();
    }

    /// The kernel has stopped receiving: on request, for lack of buffers, or because of an error.
    pub(crate) fn received_last(&mut self, error: Option<i32>) {
        self.receiving = ReceiveState::No;
        if let Some(number) = error {
            self.end.get_or_insert(Err(number));
        }
        if error.is_some() || self.is_leaving {
            self.reader.wake();
        }
    }

    /// The kernel has sent the vector, or has failed to send all of it.
    pub(crate) fn sent(&mut self, outcome: Result<usize, i32>) {
        const BROKEN_PIPE: i32 = rustix::io::Errno::PIPE.raw_os_error();
        let length = self.sending.take().map_or(0, |sending| sending.length);
        match outcome {
            Ok(count) if count == length => {}
            Ok(_) => self.send_error = Some(BROKEN_PIPE),
            Err(number) => self.send_error = Some(number),
        }
        self.writer.wake();
    }

    /// The kernel has not found an operation that was to be canceled. Either the operation has
    /// ended, or it was moving between two places where the kernel looks for it. In the second case
    /// it must be canceled again.
    pub(crate) const fn not_stopped(&mut self) {
        if matches!(self.receiving, ReceiveState::Stopping) {
            self.receiving = ReceiveState::Yes;
        }
        if let Some(sending) = &mut self.sending {
            sending.is_stopping = false;
        }
    }

    /// The ring has failed, so the socket fails.
    pub(crate) fn fail(&mut self, number: i32) {
        self.end.get_or_insert(Err(number));
        self.send_error = Some(number);
        self.reader.wake();
        self.writer.wake();
    }
}

/// Whether the system has received the end of the peer's half.
fn is_hung_up(socket: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&now)).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::task::{Context, Waker};

    use super::{MAX_UNREAD, Op, SocketSlot};
    use crate::spares::SpareBuffers;

    #[test]
    fn taken_bytes_are_freed_even_if_the_reader_never_takes_all() {
        let mut slot = SocketSlot::new(UnixStream::pair().unwrap().0.into());
        let mut spares = SpareBuffers::default();
        let context = Context::from_waker(Waker::noop());
        slot.received(&[1; 100], &mut spares);
        for _ in 0..10_000 {
            slot.received(&[2; 4096], &mut spares);
            assert!(slot.poll_read(&context, &mut [0; 4096], &mut spares).0.is_ready());
        }
        assert_eq!(slot.unread_len(), 100);
        assert!(slot.unread.capacity() < MAX_UNREAD, "{} bytes", slot.unread.capacity());
    }

    #[test]
    fn operation_that_was_not_found_is_canceled_again() {
        let mut slot = SocketSlot::new(UnixStream::pair().unwrap().0.into());
        assert!(matches!(slot.next_op(), Some(Op::Receive)));
        slot.is_sending(7, 100);
        slot.release();
        for _ in 0..2 {
            assert!(matches!(slot.next_op(), Some(Op::StopReceiving)));
            assert!(matches!(slot.next_op(), Some(Op::StopSending(7))));
            assert!(slot.next_op().is_none());
            slot.not_stopped();
        }
        slot.received_last(None);
        slot.sent(Ok(100));
        assert!(matches!(slot.next_op(), Some(Op::Close)));
    }
}
