//! Empty vectors of a thread, kept for reuse: a socket has one only while it holds bytes.

/// The number of empty vectors that are kept.
const MAX_SPARES: usize = 64;

/// The largest capacity in bytes of a vector that is kept.
const LARGEST_SPARE: usize = 16 << 10;

/// Empty vectors for the next socket that needs one.
#[derive(Default)]
pub(crate) struct SpareBuffers(Vec<Vec<u8>>);

impl SpareBuffers {
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, mut vector: Vec<u8>) {
        if self.0.len() < MAX_SPARES && vector.capacity() <= LARGEST_SPARE {
            vector.clear();
            self.0.push(vector);
        }
    }
}
