//! Bytes that were read before their turn.

/// A queue of bytes that takes no room while it is empty.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    /// How many of them have had their turn.
    passed: usize,
}

impl Held {
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.passed..]
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len() - self.passed
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes at the end. Only here those that are passed make room, so that many small
    /// requests do not move what stands behind them once each.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.passed);
        self.passed = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The first bytes have had their turn.
    pub(super) fn pass(&mut self, length: usize) {
        self.passed += length;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Held;

    #[test]
    fn bytes_have_their_turn_in_order_and_leave_no_room_behind() {
        let mut held = Held::default();
        held.push(b"abcd");
        held.pass(1);
        assert_eq!((held.rest(), held.len()), (&b"bcd"[..], 3));
        held.push(b"ef");
        held.pass(2);
        assert_eq!(held.rest(), b"def");
        held.pass(3);
        assert_eq!((held.is_empty(), held.bytes.capacity()), (true, 0));
    }
}
