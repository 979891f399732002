//! What is known of one socket: what it has read, what it has to send, and what it waits for.
//!
//! Not for the kernel: what a slot wants next is an answer of [`Slot::next`].

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, Waker, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::state::Spares;

/// So many bytes that nobody has taken end the receiving until they are: what a socket would hold
/// for itself.
const MAX_UNREAD: usize = 64 << 10;

/// So many bytes may wait to be sent behind those that are on their way. Few, since whoever writes
/// takes what fits here for a sign that the client reads.
const MAX_UNSENT: usize = 64 << 10;

/// The socket of a slot and what happens with it.
pub(crate) struct Slot {
    pub(crate) descriptor: OwnedFd,
    /// Bytes that have come; those before `taken` have been taken.
    unread: Vec<u8>,
    taken: usize,
    /// How the stream of bytes has ended; an error's number, or none.
    end: Option<Result<(), i32>>,
    reader: Option<Waker>,
    receiving: Receiving,
    unsent: Vec<u8>,
    /// The vector that is on its way.
    sending: Option<Sending>,
    send_error: Option<i32>,
    writer: Option<Waker>,
    is_given_up: bool,
    /// Whether the socket is about to leave the ring.
    is_leaving: bool,
    /// Whether it stands in the list of those that want something.
    pub(crate) is_listed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiving {
    No,
    Yes,
    Stopping,
}

#[derive(Clone, Copy)]
struct Sending {
    vector: usize,
    length: usize,
    is_stopping: bool,
}

/// What a slot wants of the kernel.
pub(crate) enum Op {
    Receive,
    StopReceiving,
    /// To send these bytes, waiting for room or not.
    Send(Vec<u8>, bool),
    StopSending(usize),
    /// Nothing, ever again: it can be closed.
    Close,
}

impl Slot {
    pub(crate) const fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            unread: Vec::new(),
            taken: 0,
            end: None,
            reader: None,
            receiving: Receiving::No,
            unsent: Vec::new(),
            sending: None,
            send_error: None,
            writer: None,
            is_given_up: false,
            is_leaving: false,
            is_listed: false,
        }
    }

    const fn unread_len(&self) -> usize {
        self.unread.len() - self.taken
    }

    /// Takes bytes that have come; 0 of them are the end. The second answer is whether the slot
    /// wants something new.
    pub(crate) fn poll_read(
        &mut self,
        context: &Context<'_>,
        buffer: &mut [u8],
        spares: &mut Spares,
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
                remember(&mut self.reader, context);
                (Poll::Pending, self.wants_to_receive())
            }
        }
    }

    /// Takes bytes to be sent, as many as there is room for.
    pub(crate) fn poll_write(
        &mut self,
        context: &Context<'_>,
        bytes: &[u8],
        spares: &mut Spares,
    ) -> Poll<io::Result<usize>> {
        if let Some(number) = self.send_error {
            return Poll::Ready(Err(io::Error::from_raw_os_error(number)));
        }
        let count = bytes.len().min(MAX_UNSENT.saturating_sub(self.unsent.len()));
        if count == 0 && !bytes.is_empty() {
            remember(&mut self.writer, context);
            return Poll::Pending;
        }
        if self.unsent.capacity() == 0 {
            self.unsent = spares.take();
        }
        self.unsent.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    /// Ready when the kernel has all bytes.
    pub(crate) fn poll_flush(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if let Some(number) = self.send_error {
            return Poll::Ready(Err(io::Error::from_raw_os_error(number)));
        }
        if self.unsent.is_empty() && self.sending.is_none() {
            return Poll::Ready(Ok(()));
        }
        remember(&mut self.writer, context);
        Poll::Pending
    }

    /// Ready when the kernel has nothing more to do with the socket and has all bytes.
    pub(crate) fn poll_leave(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.is_leaving = true;
        ready!(self.poll_flush(context))?;
        if let Some(Err(number)) = self.end {
            return Poll::Ready(Err(io::Error::from_raw_os_error(number)));
        }
        if self.receiving == Receiving::No {
            return Poll::Ready(Ok(()));
        }
        remember(&mut self.reader, context);
        Poll::Pending
    }

    /// The socket that has left, and the bytes that had come before.
    pub(crate) fn into_parts(self) -> (OwnedFd, Vec<u8>) {
        let mut unread = self.unread;
        unread.drain(..self.taken);
        (self.descriptor, unread)
    }

    /// Whether the stream ends, be there bytes before its end or not.
    pub(crate) fn has_ended(&self) -> bool {
        // As long as nothing is received, the end is not either.
        self.end.is_some() || (self.receiving == Receiving::No && is_hung_up(&self.descriptor))
    }

    /// Nobody holds the socket any more. What it has still to send is sent as far as there is room.
    pub(crate) fn give_up(&mut self) {
        self.is_given_up = true;
        self.unread = Vec::new();
        self.taken = 0;
        (self.reader, self.writer) = (None, None);
    }

    const fn wants_to_receive(&self) -> bool {
        matches!(self.receiving, Receiving::No)
            && self.end.is_none()
            && !self.is_given_up
            && !self.is_leaving
            && self.unread_len() < MAX_UNREAD
    }

    const fn wants_to_stop_receiving(&self) -> bool {
        matches!(self.receiving, Receiving::Yes)
            && (self.is_given_up || self.is_leaving || self.unread_len() >= MAX_UNREAD)
    }

    /// Whether [`next`](Self::next) would be something.
    pub(crate) const fn wants_something(&self) -> bool {
        self.is_given_up
            || self.wants_to_receive()
            || self.wants_to_stop_receiving()
            || (!self.unsent.is_empty() && self.sending.is_none())
    }

    /// What the slot wants next, and takes for done. None: nothing for now.
    pub(crate) fn next(&mut self) -> Option<Op> {
        if self.wants_to_stop_receiving() {
            self.receiving = Receiving::Stopping;
            return Some(Op::StopReceiving);
        }
        if self.wants_to_receive() {
            self.receiving = Receiving::Yes;
            return Some(Op::Receive);
        }
        match &mut self.sending {
            Some(sending) if self.is_given_up && !sending.is_stopping => {
                sending.is_stopping = true;
                return Some(Op::StopSending(sending.vector));
            }
            None if !self.unsent.is_empty() && self.send_error.is_none() => {
                return Some(Op::Send(std::mem::take(&mut self.unsent), !self.is_given_up));
            }
            Some(_) | None => {}
        }
        let is_idle = self.receiving == Receiving::No && self.sending.is_none();
        (self.is_given_up && is_idle).then_some(Op::Close)
    }

    /// So many bytes are on their way, in this vector of the kernel's.
    pub(crate) const fn is_sending(&mut self, vector: usize, length: usize) {
        self.sending = Some(Sending { vector, length, is_stopping: false });
    }

    /// Bytes have come, or none: the end.
    pub(crate) fn received(&mut self, bytes: &[u8], spares: &mut Spares) {
        if bytes.is_empty() {
            self.end = Some(Ok(()));
        } else if !self.is_given_up {
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
        wake(&mut self.reader);
    }

    /// The kernel receives no more: since it was told to, or for want of buffers, or for good.
    pub(crate) fn received_last(&mut self, error: Option<i32>) {
        self.receiving = Receiving::No;
        if let Some(number) = error {
            self.end.get_or_insert(Err(number));
        }
        if error.is_some() || self.is_leaving {
            wake(&mut self.reader);
        }
    }

    /// What was on its way has been sent, or so much of it that the rest can't be any more.
    pub(crate) fn sent(&mut self, outcome: Result<usize, i32>) {
        const BROKEN_PIPE: i32 = rustix::io::Errno::PIPE.raw_os_error();
        let length = self.sending.take().map_or(0, |sending| sending.length);
        match outcome {
            Ok(count) if count == length => {}
            Ok(_) => self.send_error = Some(BROKEN_PIPE),
            Err(number) => self.send_error = Some(number),
        }
        wake(&mut self.writer);
    }

    /// What was to be stopped was just then between two places where the kernel looks for it, or
    /// has ended. In the first case it is to be stopped anew.
    pub(crate) const fn not_stopped(&mut self) {
        if matches!(self.receiving, Receiving::Stopping) {
            self.receiving = Receiving::Yes;
        }
        if let Some(sending) = &mut self.sending {
            sending.is_stopping = false;
        }
    }

    /// The ring has failed; so has the socket.
    pub(crate) fn fail(&mut self, number: i32) {
        self.end.get_or_insert(Err(number));
        self.send_error = Some(number);
        wake(&mut self.reader);
        wake(&mut self.writer);
    }
}

/// Whether the system knows of the peer's end.
fn is_hung_up(socket: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&now)).is_ok_and(|count| count > 0)
}

fn remember(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(context.waker()),
        none => *none = Some(context.waker().clone()),
    }
}

fn wake(place: &mut Option<Waker>) {
    if let Some(waker) = place.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::task::{Context, Waker};

    use super::{MAX_UNREAD, Op, Slot};
    use crate::state::Spares;

    #[test]
    fn what_a_reader_that_never_takes_all_has_taken_is_not_kept() {
        let mut slot = Slot::new(UnixStream::pair().unwrap().0.into());
        let mut spares = Spares::default();
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
    fn what_could_not_be_found_to_be_stopped_is_stopped_anew() {
        let mut slot = Slot::new(UnixStream::pair().unwrap().0.into());
        assert!(matches!(slot.next(), Some(Op::Receive)));
        slot.is_sending(7, 100);
        slot.give_up();
        for _ in 0..2 {
            assert!(matches!(slot.next(), Some(Op::StopReceiving)));
            assert!(matches!(slot.next(), Some(Op::StopSending(7))));
            assert!(slot.next().is_none());
            slot.not_stopped();
        }
        slot.received_last(None);
        slot.sent(Ok(100));
        assert!(matches!(slot.next(), Some(Op::Close)));
    }
}
