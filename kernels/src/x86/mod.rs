//! The backends of x86-64.
//!
//! Each file names the instructions that it needs, and is entered with a [`Kernel`](crate::Kernel), of
//! which there is none where they are missing.

pub(crate) mod avx2;
pub(crate) mod avx512;
pub(crate) mod sha_ni;
pub(crate) mod sha_ni_pair;
mod vectors;
