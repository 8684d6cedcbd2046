//! The file of an epoch: after any crash at least what was raised to, and never one that nobody said.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::{Fence as _, FileFence};
use vexfs_replay::storage::MemoryFolder;

use crate::crashing::{CrashingFolder, Dice};

const EPOCHS: [u64; 4] = [1, 7, 7, u64::MAX];

#[test]
fn it_survives_every_crash() {
    let disk = MemoryFolder::default();
    let folder = CrashingFolder::on(&disk);
    let mut fence = FileFence::open(Arc::new(folder.clone())).unwrap();
    // How many operations there were once it was raised to each.
    let mut raised = vec![(0, 0)];
    for epoch in EPOCHS {
        fence.raise(epoch).unwrap();
        assert_eq!(fence.epoch(), epoch);
        raised.push((folder.operation_count(), epoch));
    }
    fence.raise(3).unwrap();
    assert_eq!(fence.epoch(), u64::MAX);
    let (mut crash, mut dice) = (folder.crashes(), Dice(5));
    loop {
        let done = crash.done();
        let least = raised.iter().rev().find(|(count, _)| *count <= done).unwrap().1;
        for fate in crash.fates(4, &mut dice) {
            let left = FileFence::open(Arc::new(crash.survivor(fate))).unwrap();
            assert!(left.epoch() >= least, "{} after {done} of {fate:?}", left.epoch());
            assert!(left.epoch() == 0 || EPOCHS.contains(&left.epoch()));
        }
        if !crash.advance() {
            break;
        }
    }
}

#[test]
fn a_damaged_one_is_an_error() {
    let folder = Arc::new(MemoryFolder::default());
    FileFence::open(folder.clone()).unwrap().raise(1_234_567).unwrap();
    let whole = folder.get("epoch.json").unwrap();
    let opened = |content: &[u8]| {
        let folder = MemoryFolder::default();
        folder.put("epoch.json", content.to_vec());
        FileFence::open(Arc::new(folder))
    };
    assert_eq!(opened(&whole).unwrap().epoch(), 1_234_567);
    let is_refused = |content: &[u8]| {
        let found = opened(content);
        assert!(matches!(found, Err(Error::BadRecord { .. })), "{content:?}: {found:?}");
    };
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        is_refused(&flipped);
    }
    (0..whole.len()).for_each(|length| is_refused(&whole[..length]));
    is_refused(&[&whole[..], b"\n"].concat());
    is_refused(&[&whole[..], &whole].concat());
    is_refused(&vec![b'0'; 1 << 20]);
    is_refused(&[0xff; 20]);
}
