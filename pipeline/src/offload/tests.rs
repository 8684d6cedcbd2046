//! An accelerator that is only tried: opened meanwhile, measured, kept or let go. Who is quicker is made by
//! work, since the time is real.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};

use vexfs_kernels::sha256;

use super::*;

/// Work of a millisecond or so.
fn work() {
    black_box(sha256(black_box(&vec![0; 1 << 20])));
}

struct Fake {
    is_slow: bool,
    is_gone: Arc<AtomicBool>,
}

impl Accelerator for Fake {
    fn name(&self) -> String {
        "a fake".to_owned()
    }

    fn hash(&mut self, ranges: &[&[u8]], found: &mut Vec<Option<Digest>>) -> Result<(), String> {
        if self.is_slow {
            (0..400).for_each(|_| work());
        }
        found.extend(ranges.iter().map(|_| Some([7; 32])));
        Ok(())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

/// With one that opens once it may.
fn tried(is_slow: bool, is_gone: &Arc<AtomicBool>, may_open: Receiver<()>) -> Offload {
    let is_gone = Arc::clone(is_gone);
    let opener = move |_| {
        may_open.recv().map_err(|error| error.to_string())?;
        Ok(Box::new(Fake { is_slow, is_gone }) as Box<dyn Accelerator>)
    };
    Offload::new(OffloadPolicy::Measured, Box::new(opener))
}

#[test]
fn the_quicker_one_is_kept() {
    let bytes = vec![0; 128 << 20];
    let workers = Arc::new(flow::thread_pool(1).unwrap());
    for is_slow in [false, true] {
        let is_gone = Arc::new(AtomicBool::new(false));
        let (open, may_open) = channel();
        let offload = tried(is_slow, &is_gone, may_open);
        // So much that opening costs nothing beside it.
        offload.expect_bytes(u64::MAX / 4);
        let mut found = Vec::new();
        let mut epoch = || {
            let length = offload.epoch_bytes().max(2 << 20);
            offload.hash(&[&bytes[..length]], &mut found, &workers);
            if found.is_empty() {
                // Much more, or much less, than the accelerator does: what disturbs the clock decides nothing.
                (0..if is_slow { 1 } else { 40 }).for_each(|_| work());
            }
            (length, !found.is_empty())
        };
        // The workers go on while it is being opened, however long that takes.
        for _ in 0..100 {
            assert_eq!(epoch(), (2 << 20, false));
        }
        open.send(()).unwrap();
        while offload.epoch_bytes() == 0 {
            assert_eq!(epoch(), (2 << 20, false));
        }
        let lengths: Vec<(usize, bool)> = (0..60).map(|_| epoch()).collect();
        let report = offload.report();
        assert_eq!(report.accelerator.as_deref(), Some("a fake"));
        assert_eq!(lengths[0], (16 << 20, true), "{report:?}");
        let last = lengths[lengths.len() - 1];
        if is_slow {
            assert_eq!(last, (2 << 20, false), "{report:?}");
            assert!(report.ended.is_some_and(|why| why.contains("slower")));
            assert!(is_gone.load(Ordering::Relaxed), "it is let go");
        } else {
            assert_eq!(last, (128 << 20, true), "{report:?}");
            assert_eq!((report.ended, is_gone.load(Ordering::Relaxed)), (None, false));
        }
    }
}

#[test]
fn what_cannot_be_opened_is_not_tried_again() {
    let (open, may_open) = channel::<()>();
    let offload = tried(false, &Arc::default(), may_open);
    offload.expect_bytes(u64::MAX / 4);
    let workers = Arc::new(flow::thread_pool(1).unwrap());
    let bytes = vec![0; 2 << 20];
    let epoch = || {
        let mut found = Vec::new();
        offload.hash(&[&bytes], &mut found, &workers);
        work();
        assert!(found.is_empty());
    };
    (0..100).for_each(|_| epoch());
    drop(open);
    while offload.report().ended.is_none_or(|why| why.contains("before it was open")) {
        epoch();
    }
    let report = offload.report();
    assert!(report.accelerator.is_none() && report.offloaded.blocks == 0, "{report:?}");
}
