//! Bytes are imported as a kernel's semantic journal; what is imported must export to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vexfs_replay_fuzz::semj;

fuzz_target!(|bytes: &[u8]| semj::check(bytes));
