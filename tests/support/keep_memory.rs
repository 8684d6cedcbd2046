//! Journals by the hundred thousand, each read into memory that was just given back to the system: most of
//! the time would go into getting it anew. So the allocator is brought to keep it.

use std::hint::black_box;

/// What glibc takes from the system and gives back by itself is longer than the longest piece of that kind
/// that was freed, up to 32 MiB; elsewhere this does nothing.
pub(crate) fn keep_memory() {
    drop(black_box(vec![1_u8; 31 << 20]));
}
