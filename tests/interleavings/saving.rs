//! Handing over what is to be saved: who applies hands a piece over where the one who saves is free, and never
//! waits for that. What is handed over is saved in its order, and whoever fails is found out.

use loom::model::Builder;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::desk::desk;

/// How many cuts there are at which something could be handed over.
const CUTS: usize = 3;

/// Has every interleaving of the two, where the one who saves fails at this piece, counted from 0.
fn each_order(fails_at: usize) {
    let mut model = Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let (giver, taker) = desk::<usize, usize>();
        let (saved, begun) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (saving, counted) = (Arc::clone(&saved), Arc::clone(&begun));
        let saver = thread::spawn(move || {
            taker.serve(|piece| {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut saved = saving.lock().unwrap();
                if saved.len() == fails_at {
                    return Err(piece);
                }
                saved.push(piece);
                Ok(piece)
            })
        });
        let (mut handed_over, mut returned, mut gone) = (Vec::new(), Vec::new(), false);
        for cut in 0..CUTS {
            if !giver.is_free() {
                continue;
            }
            // Whoever is free has nothing before it that it did not take.
            assert_eq!(begun.load(Ordering::Relaxed), handed_over.len(), "it would have waited");
            returned.extend(giver.returned());
            if !giver.hand_over(cut) {
                gone = true;
                break;
            }
            handed_over.push(cut);
        }
        drop(giver);
        let ended = saver.join().unwrap();
        let saved = saved.lock().unwrap();
        assert!(!handed_over.is_empty(), "the first one always can be");
        match ended {
            Ok(()) => {
                assert_eq!(*saved, handed_over);
                assert!(!gone);
            }
            Err(piece) => {
                assert_eq!((saved.len(), piece), (fails_at, handed_over[fails_at]));
                assert_eq!(*saved, handed_over[..fails_at]);
                assert_eq!(handed_over.len(), fails_at + 1, "nothing follows what failed");
            }
        }
        assert!(returned.iter().all(|piece| saved.contains(piece)));
    });
}

#[test]
fn what_is_handed_over_is_saved_in_its_order_and_nobody_waits() {
    each_order(usize::MAX);
}

#[test]
fn whoever_fails_is_found_out_and_takes_nothing_more() {
    each_order(0);
    each_order(1);
}
