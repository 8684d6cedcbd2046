//! A hint to the processor that memory will be read soon. It changes nothing but time.

/// The length of a cache line, in bytes.
const LINE_BYTES: usize = 64;

/// Asks for the cache lines of `slice`.
#[inline(always)]
pub fn prefetch<T>(slice: &[T]) {
    let start: *const i8 = slice.as_ptr().cast();
    for at in (0..size_of_val(slice)).step_by(LINE_BYTES) {
        prefetch_line(start.wrapping_add(at));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(unsafe_code, reason = "the standard library has no safe prefetch")]
fn prefetch_line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch reads nothing that the program can see, and faults at no address; the
    // instruction is part of SSE, which every x86-64 processor has.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn prefetch_line(_address: *const i8) {}
