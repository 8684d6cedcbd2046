//! Bytes become a checkpoint; loading it, and replaying from it, must give a result or a typed error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vexfs_replay_fuzz::checkpoints;

fuzz_target!(|bytes: &[u8]| checkpoints::check(bytes));
