//! Bytes of a connection that were read before they can be handled.

/// A queue of bytes without an allocation while it is empty.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    bytes: Vec<u8>,
    /// How many of them were handled.
    handled: usize,
}

impl ReadAhead {
    /// The bytes that were not handled yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.handled..]
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.handled
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends bytes. Handled bytes are removed only here, so that a sequence of small requests
    /// does not move the bytes behind them once per request.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.handled);
        self.handled = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `length` bytes were handled.
    pub(crate) fn consume(&mut self, length: usize) {
        self.handled += length;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ReadAhead;

    #[test]
    fn bytes_are_consumed_in_order_and_an_empty_queue_holds_no_memory() {
        let mut queue = ReadAhead::default();
        queue.push(b"abcd");
        queue.consume(1);
        assert_eq!((queue.unread(), queue.len()), (&b"bcd"[..], 3));
        queue.push(b"ef");
        queue.consume(2);
        assert_eq!(queue.unread(), b"def");
        queue.consume(3);
        assert_eq!((queue.is_empty(), queue.bytes.capacity()), (true, 0));
    }
}
