//! Bytes become a journal, its checkpoints and what earlier recoveries left; recovering from them must
//! give a result or a typed error, and a whole result must be the one that a replay from the start gives.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vexfs_replay_fuzz::recoveries;

fuzz_target!(|bytes: &[u8]| recoveries::check(bytes));
