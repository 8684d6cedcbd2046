//! The file of the latest question: after any crash at least what was raised to, and never one that nobody asked.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::{Fence as _, FileFence, Turn};
use vexfs_replay::storage::MemoryFolder;

use crate::crashing::{CrashingFolder, Dice};

const TURNS: [Turn; 4] = [
    Turn { epoch: 1, round: 1 },
    Turn { epoch: 1, round: 2 },
    Turn { epoch: 7, round: 1 },
    Turn { epoch: u64::MAX, round: u32::MAX },
];

#[test]
fn it_survives_every_crash() {
    let disk = MemoryFolder::default();
    let folder = CrashingFolder::on(&disk);
    let mut fence = FileFence::open(Arc::new(folder.clone())).unwrap();
    // How many operations there were once it was raised to each.
    let mut raised = vec![(0, Turn::default())];
    for turn in TURNS {
        fence.raise(turn).unwrap();
        assert_eq!(fence.latest(), turn);
        raised.push((folder.operation_count(), turn));
    }
    fence.raise(Turn { epoch: 3, round: 9 }).unwrap();
    assert_eq!(fence.latest(), TURNS[3]);
    let (mut crash, mut dice) = (folder.crashes(), Dice(5));
    loop {
        let done = crash.done();
        let least = raised.iter().rev().find(|(count, _)| *count <= done).unwrap().1;
        for fate in crash.fates(4, &mut dice) {
            let left = FileFence::open(Arc::new(crash.survivor(fate))).unwrap();
            let latest = left.latest();
            assert!(latest >= least, "{latest:?} after {done} of {fate:?}");
            assert!(latest == Turn::default() || TURNS.contains(&latest));
        }
        if !crash.advance() {
            break;
        }
    }
}

#[test]
fn a_damaged_one_is_an_error() {
    let folder = Arc::new(MemoryFolder::default());
    FileFence::open(folder.clone()).unwrap().raise(Turn { epoch: 1_234_567, round: 89 }).unwrap();
    let whole = folder.get("turn.json").unwrap();
    let opened = |content: &[u8]| {
        let folder = MemoryFolder::default();
        folder.put("turn.json", content.to_vec());
        FileFence::open(Arc::new(folder))
    };
    assert_eq!(opened(&whole).unwrap().latest(), Turn { epoch: 1_234_567, round: 89 });
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
