//! How much memory the values of a message own.

use std::sync::Arc;

use compact_str::CompactString;

/// The memory that a value owns outside of itself. Queues and tables add it up to stay within
/// their limits.
pub trait HeapSize {
    /// Bytes, without those of the value itself.
    fn heap_size(&self) -> usize;

    /// Bytes of the value and of the memory that it owns. The value of a `Box` is the pointer.
    fn total_size(&self) -> usize
    where
        Self: Sized,
    {
        size_of::<Self>() + self.heap_size()
    }
}

impl<T: HeapSize> HeapSize for Option<T> {
    fn heap_size(&self) -> usize {
        self.as_ref().map_or(0, T::heap_size)
    }
}

impl<T: HeapSize> HeapSize for Box<T> {
    fn heap_size(&self) -> usize {
        size_of::<T>() + T::heap_size(self)
    }
}

impl<T: HeapSize> HeapSize for Vec<T> {
    fn heap_size(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(T::heap_size).sum::<usize>()
    }
}

impl HeapSize for CompactString {
    fn heap_size(&self) -> usize {
        if self.is_heap_allocated() { self.capacity() } else { 0 }
    }
}

/// Counted in full by every owner.
impl HeapSize for Arc<str> {
    fn heap_size(&self) -> usize {
        self.len()
    }
}

impl HeapSize for bool {
    fn heap_size(&self) -> usize {
        0
    }
}

impl HeapSize for u64 {
    fn heap_size(&self) -> usize {
        0
    }
}
