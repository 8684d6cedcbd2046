//! Progress over a whole scan, and the report of one that is ended early.

use vexfs_replay::journal::Validation;
use vexfs_replay::replay::Progress;
use vexfs_replay::scan::{ScanReport, Verdict, scan};

use crate::injury::{Injury, make};
use crate::tree::{Tree, options};

/// Five journals, the third of them damaged, and something that can't be read.
fn tree() -> Tree {
    let tree = Tree::new();
    for name in ["a", "b", "d", "e"] {
        tree.journal(name, &make(&[3_000; 9], true, &Injury::Nothing).folder);
    }
    tree.journal("c", &make(&[3_000; 9], true, &Injury::Headers).folder);
    tree
}

fn scan_until(tree: &Tree, cancel_at: usize) -> (ScanReport, Vec<Progress>) {
    let options = options(Validation::Cryptographic);
    let mut told = Vec::new();
    if cancel_at == 0 {
        options.replay.control.cancel();
    }
    let report = scan(tree.root(), &options, &mut |now| {
        told.push(*now);
        if told.len() == cancel_at {
            options.replay.control.cancel();
        }
    });
    (report.unwrap(), told)
}

#[test]
fn progress_goes_forward_over_all_journals_to_their_end() {
    let (report, told) = scan_until(&tree(), usize::MAX);
    let all: u64 = report.journals.iter().map(|it| it.file_bytes).sum();
    assert!(told.len() >= 5 && told.iter().all(|now| now.total_bytes == all), "{told:?}");
    for pair in told.windows(2) {
        assert!(pair[0].bytes <= pair[1].bytes && pair[0].events <= pair[1].events, "{pair:?}");
        assert!(pair[0].seconds <= pair[1].seconds, "{pair:?}");
    }
    let last = told.last().unwrap();
    assert_eq!((last.bytes, last.events), (all, report.totals.events));
    assert!(last.seconds_left == 0.0 && last.events_per_second > 0.0, "{last:?}");
    assert!(report.bytes_per_second > 0.0 && report.totals.bytes < all);
}

#[test]
fn wherever_it_is_cancelled_the_report_has_what_was_done_and_says_so() {
    let tree = tree();
    let (whole, told) = scan_until(&tree, usize::MAX);
    assert!(whole.complete && whole.journals.len() == 5);
    let mut lengths = Vec::new();
    for cancel_at in 0..=told.len() {
        let (report, _) = scan_until(&tree, cancel_at);
        let done = report.journals.len();
        assert_eq!(report.journals, whole.journals[..done], "{cancel_at}");
        assert_eq!(report.complete, done == 5, "{cancel_at}");
        assert_eq!(report.found, if cancel_at == 0 { 0 } else { 5 });
        assert_eq!(report.totals.journals, done as u64);
        lengths.push(done);
    }
    assert!(lengths.is_sorted() && lengths[0] == 0, "{lengths:?}");
    for done in 1..5 {
        assert!(lengths.contains(&done), "{lengths:?}");
    }
    assert!(matches!(whole.journals[2].finding.verdict, Verdict::Unreadable { .. }));
}
