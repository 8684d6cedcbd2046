//! Bytes become a journal; every way to read it must give a result or a typed error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vexfs_replay_fuzz::{input, passes};

fuzz_target!(|bytes: &[u8]| {
    if let Some((journal, choice)) = input::journal_of(bytes) {
        passes::check(&journal, &choice);
    }
});
