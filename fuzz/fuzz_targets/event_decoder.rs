//! Bytes are read as events; what can be decoded must encode to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vexfs_replay_fuzz::events;

fuzz_target!(|bytes: &[u8]| events::check(bytes));
