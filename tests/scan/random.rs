//! Random trees of random journals that are injured at random.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use vexfs_replay::journal::Validation;
use vexfs_replay::scan::{Gravity, ScanReport, Totals, Verdict};
use vexfs_replay::storage::{DiskFolder, Folder as _};

use crate::injury::{Expected, Injury, Subject, injuries, journals, make};
use crate::small_journal::names_of;
use crate::tree::Tree;

/// A journal: what is written and done to it, where it lies, and whether a writer has it.
#[derive(Clone, Debug)]
struct Plan {
    texts: Vec<usize>,
    is_closed: bool,
    injury: Injury,
    above: Vec<u8>,
    is_alone: bool,
    is_held: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    let above = proptest::collection::vec(0_u8..3, 0..4);
    let one_in_four = prop::bool::weighted(0.25);
    (journals(), injuries(), above, any::<bool>(), one_in_four).prop_map(
        |((texts, is_closed), injury, above, is_alone, is_held)| Plan {
            texts,
            is_closed,
            injury,
            above,
            is_alone,
            is_held,
        },
    )
}

/// What must be said of a journal at a path, and whether somebody must be named who has it.
type Wanted = BTreeMap<String, (Expected, bool)>;

/// Puts a journal into the tree; gives what is held of it.
fn put(tree: &Tree, wanted: &mut Wanted, index: usize, plan: &Plan) -> Option<impl Sized + use<>> {
    let Subject { folder, is_closed, mut expected } =
        make(&plan.texts, plan.is_closed, &plan.injury);
    // What can't be told from the other names is told by the first ones.
    let above: String = plan.above.iter().map(|name| format!("{name}/")).collect();
    let path = format!("{above}journal-{index}");
    let names = names_of(&folder);
    if plan.is_alone && names.len() == 1 && names[0].contains("0000000000") {
        tree.file(&path, &folder.get(&names[0]).unwrap());
        wanted.insert(path, (expected, false));
        return None;
    }
    tree.journal(&path, &folder);
    let lock = plan.is_held.then(|| DiskFolder::open(&tree.place(&path)).unwrap().lock().unwrap());
    // Who has a journal that was closed matters to nobody, unless it is damaged.
    let matters = !is_closed || expected.gravity == Gravity::Damaged;
    let is_told = lock.is_some() && matters && expected.counts.is_some();
    if is_told && expected.gravity <= Gravity::TornTail {
        expected.gravity = Gravity::Locked;
    }
    wanted.insert(path, (expected, is_told));
    lock
}

/// What belongs to no journal, between them.
fn clutter(tree: &Tree) {
    tree.file("0/notes.txt", b"JMESPath and other text");
    tree.file("1/empty", b"");
    tree.folder("2/2/2/2");
    std::os::unix::fs::symlink("..", tree.folder("0").join("circle")).unwrap();
    std::os::unix::fs::symlink(tree.root(), tree.folder("1").join("circle")).unwrap();
}

fn check(report: &ScanReport, wanted: &Wanted) -> Result<(), TestCaseError> {
    let mut paths: Vec<&String> = wanted.keys().collect();
    paths.sort_by(|one, other| Path::new(one).cmp(Path::new(other)));
    let found: Vec<&String> = report.journals.iter().map(|it| &it.path).collect();
    prop_assert_eq!(found, paths);
    let mut sums = Totals { journals: wanted.len() as u64, ..Totals::default() };
    for it in &report.journals {
        let (expected, is_told) = &wanted[&it.path];
        let finding = &it.finding;
        let ranges = match &finding.verdict {
            Verdict::Damaged { ranges, contradictions, .. } => {
                prop_assert_eq!(*contradictions, 0, "{:?}", it);
                *ranges
            }
            _ => 0,
        };
        let counts = finding.counts.as_ref().map(|it| (it.head_lsn, it.events));
        let found = Expected { gravity: finding.verdict.gravity(), ranges, counts };
        prop_assert_eq!(&found, expected, "{:?}", it);
        prop_assert_eq!(finding.holder.is_some(), *is_told, "{:?}", it);
        let count = match expected.gravity {
            Gravity::Clean => &mut sums.clean,
            Gravity::Locked => &mut sums.locked,
            Gravity::TornTail => &mut sums.torn_tail,
            Gravity::UnknownFormat => &mut sums.unknown_format,
            Gravity::Damaged => &mut sums.damaged,
            _ => &mut sums.unreadable,
        };
        *count += 1;
        sums.ranges += expected.ranges;
        sums.events += expected.counts.map_or(0, |counts| counts.1);
        sums.bytes += finding.counts.as_ref().map_or(0, |counts| counts.bytes);
    }
    prop_assert_eq!(&report.totals, &sums);
    let gravest = wanted.values().map(|(expected, _)| expected.gravity).max();
    prop_assert_eq!(Some(report.gravest()), gravest);
    prop_assert!(report.complete && report.found == sums.journals && report.left_out.is_empty());
    // What is written as JSON is read back as it was.
    let text = serde_json::to_string(report).unwrap();
    let read: ScanReport = serde_json::from_str(&text).unwrap();
    let (seconds, bytes_per_second) = (report.seconds, report.bytes_per_second);
    prop_assert_eq!(&ScanReport { seconds, bytes_per_second, ..read }, report);
    Ok(())
}

fn trees() -> u32 {
    std::env::var("SCANNED_TREES").ok().and_then(|it| it.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: trees(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_verdict_is_what_was_done(
        plans in proptest::collection::vec(plans(), 1..12),
        validation in prop::sample::select(&Validation::ALL[1..]),
    ) {
        let tree = Tree::new();
        clutter(&tree);
        let mut wanted = Wanted::new();
        let put = |(index, plan)| put(&tree, &mut wanted, index, plan);
        let locks: Vec<_> = plans.iter().enumerate().map(put).collect();
        let report = tree.scan_by(validation);
        drop(locks);
        check(&report, &wanted)?;
        // Nobody is kept from a journal afterwards.
        for (index, _) in plans.iter().enumerate() {
            let path = wanted.keys().find(|path| path.ends_with(&format!("journal-{index}")));
            let place = tree.place(path.unwrap());
            prop_assert!(DiskFolder::open(&place).unwrap().lock().is_ok());
        }
    }
}
