//! Accounting of heap memory, for limits in bytes.

use bytes::Bytes;
use serde_json::value::RawValue;

/// Estimated cost of a heap allocation besides its content: the allocator's header and rounding.
pub(crate) const ALLOCATION_BYTES: usize = 16;

/// Header of bytes that are shared: allocated when they are first cloned.
const SHARED_BYTES: usize = 24;

/// Values whose heap memory is known.
pub(crate) trait HeapSize {
    /// Returns the bytes that the value holds besides its own `size_of`.
    fn heap_size(&self) -> usize;
}

/// Returns the cost of a heap allocation with this content.
fn allocation(bytes: usize) -> usize {
    if bytes == 0 {
        0
    } else {
        bytes + ALLOCATION_BYTES
    }
}

impl HeapSize for String {
    fn heap_size(&self) -> usize {
        allocation(self.capacity())
    }
}

impl HeapSize for Box<RawValue> {
    fn heap_size(&self) -> usize {
        allocation(self.get().len())
    }
}

/// Bytes that are not a part of a larger buffer.
impl HeapSize for Bytes {
    fn heap_size(&self) -> usize {
        allocation(self.len()) + allocation(SHARED_BYTES)
    }
}

impl<T: HeapSize> HeapSize for Option<T> {
    fn heap_size(&self) -> usize {
        self.as_ref().map_or(0, T::heap_size)
    }
}

impl<T: HeapSize> HeapSize for [T] {
    fn heap_size(&self) -> usize {
        self.iter().map(T::heap_size).sum()
    }
}

impl<T: HeapSize> HeapSize for Vec<T> {
    fn heap_size(&self) -> usize {
        allocation(self.capacity() * size_of::<T>()) + self.as_slice().heap_size()
    }
}
