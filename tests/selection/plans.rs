//! Which blocks a selective replay reads: all that hold anything that is selected, and how many bytes
//! that is.

use std::sync::Arc;

use proptest::test_runner::TestCaseResult;
use vexfs_replay::event::{Body, Measure, NodeRef};
use vexfs_replay::journal::{
    Amount, Durability, Journal, NewEvent, PlanSummary, SkipReason, Validation, Writer,
    WriterOptions, layout::SealHeader,
};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, Selection, explain, replay};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::failing::FailingFolder;
use crate::inspected::{Inspected, Line};
use crate::journals::{Made, Strays, hold, play, recipes, runner};
use crate::laws::{fail, options};
use crate::selections::selections;
use crate::small_journal::{OPTIONS, blocks_of, names_of};

/// The family that the boundaries of transactions are of; a block tells of families alone.
const BOUNDARIES: u8 = 6;

/// Why a block need not be read, by the events in it.
fn reason(lines: &[&Line], selection: &Selection) -> Option<SkipReason> {
    let (lsns, times) = (&selection.lsns, &selection.times_ns);
    if lines.iter().all(|line| line.lsn < *lsns.start()) {
        return Some(SkipReason::Lsn);
    }
    if lines.iter().any(|line| line.body().event_type().family() == BOUNDARIES) {
        // It may say how a transaction ends of which something is selected.
        return None;
    }
    let of_types = |line: &&Line| {
        selection.types.is_empty() || {
            let family = line.body().event_type().family();
            selection.types.iter().any(|it| it.family() == family)
        }
    };
    let earliest = lines.iter().map(|line| line.time()).min().unwrap();
    let latest = lines.iter().map(|line| line.time()).max().unwrap();
    if lines.iter().all(|line| line.lsn > *lsns.end()) {
        Some(SkipReason::Lsn)
    } else if earliest > *times.end() || latest < *times.start() {
        Some(SkipReason::Time)
    } else if !lines.iter().any(of_types) {
        Some(SkipReason::Family)
    } else {
        None
    }
}

fn add(amount: &mut Amount, bytes: u32) {
    amount.blocks += 1;
    amount.bytes += u64::from(bytes);
}

/// What a plan amounts to, by the events of all blocks.
fn summary(inspected: &Inspected, selection: &Selection) -> PlanSummary {
    let (segments, sealed) = inspected.segments;
    let mut summary = PlanSummary { segments, sealed, ..PlanSummary::default() };
    for (index, it) in inspected.blocks.iter().enumerate() {
        let lines = inspected.lines.iter().filter(|line| line.block == index);
        let lines: Vec<&Line> = lines.collect();
        let bytes = it.block.header.block_bytes;
        match reason(&lines, selection).filter(|_| it.sealed) {
            None => add(&mut summary.read, bytes),
            Some(reason) => add(summary.skipped.entry(reason).or_default(), bytes),
        }
    }
    summary
}

fn check_plan(made: &Made, selection: &Selection) -> TestCaseResult {
    let plan = explain(&made.journal, &options(selection, Validation::Basic)).unwrap().unwrap();
    let expected = summary(&made.inspected, selection);
    if plan != expected {
        return Err(fail(made, selection, &format!("{plan:?}, not {expected:?}")));
    }
    let blocks = plan.read.blocks + plan.skipped.values().map(|it| it.blocks).sum::<u64>();
    if blocks != made.inspected.blocks.len() as u64 {
        return Err(fail(made, selection, "not all blocks are in the plan"));
    }
    let options = options(selection, Validation::Full);
    let (_, outcome) = replay(&made.journal, &options, &mut |_| {}).unwrap();
    // It may end behind the last LSN that is selected.
    if outcome.findings.blocks > plan.read.blocks || outcome.plan != Some(plan) {
        return Err(fail(made, selection, "more was read than was planned"));
    }
    Ok(())
}

#[test]
fn a_plan_reads_every_block_that_holds_something_selected_and_no_other() {
    let inputs = (recipes(Strays::LeftOut), selections());
    hold(runner("a_plan_reads_every_block", 400).run(&inputs, |(recipe, drawn)| {
        let made = play(&recipe);
        let selection = drawn.of(&made.inspected);
        check_plan(&made, &selection)?;
        // Whatever the reasons: no block that is stepped over holds a selected event.
        for line in made.inspected.selected(&selection, None) {
            let block = made.inspected.lines.iter().filter(|it| it.block == line.block);
            if reason(&block.collect::<Vec<_>>(), &selection).is_some() {
                return Err(fail(&made, &selection, &format!("LSN {} is passed by", line.lsn)));
            }
        }
        Ok(())
    }));
}

#[test]
fn nothing_is_planned_where_all_is_read() {
    let made = Made::of(journal(1_000));
    let all = ReplayOptions::default();
    assert_eq!(explain(&made.journal, &all).unwrap(), None);
    let selection = Some(Selection { lsns: 10..=20, ..Selection::default() });
    let salvaging = ReplayOptions { damage: DamagePolicy::Salvage, selection, ..all };
    assert_eq!(explain(&made.journal, &salvaging).unwrap(), None);
    let (_, outcome) = replay(&made.journal, &salvaging, &mut |_| {}).unwrap();
    assert_eq!(outcome.findings.blocks, made.inspected.blocks.len() as u64);
}

/// Many sealed segments of a dozen blocks each: two metrics, then a graph event, and so on.
pub(crate) fn journal(events: u64) -> MemoryFolder {
    let folder = MemoryFolder::default();
    let shape = WriterOptions { segment_bytes: 48 * 1024, durability: Durability::None, ..OPTIONS };
    let writer = Writer::create(Arc::new(folder.clone()), shape).unwrap();
    for number in 0..events {
        let name = (number % 50).to_le_bytes();
        let measure = Measure { value: number as f64, name: &name, text: &[b'.'; 300] };
        let body = match number % 3 {
            0 => Body::NodeDelete(NodeRef { node: number }),
            _ => Body::Metric(measure),
        };
        writer.append(&NewEvent::new(1_000 + number, body)).unwrap();
    }
    writer.close().unwrap();
    folder
}

#[test]
fn what_the_plan_steps_over_is_not_read_from_storage() {
    let folder = journal(3_000);
    let names = names_of(&folder);
    let stored: u64 = names.iter().map(|name| folder.get(name).unwrap().len() as u64).sum();
    let seals: u64 = names
        .iter()
        .map(|name| {
            let content = folder.get(name).unwrap();
            let end = blocks_of(&content).last().unwrap().end();
            SealHeader::read(&content[end..]).seal_bytes
        })
        .sum();
    assert!(names.len() > 10, "{} segments", names.len());
    let everything = Selection::default();
    for (selection, share) in [
        (Selection { lsns: 1_400..=1_500, ..everything.clone() }, 10),
        (Selection { times_ns: 2_000..=2_100, ..everything.clone() }, 10),
        (Selection { lsns: 4_000..=5_000, ..everything.clone() }, 10),
        (Selection { lsns: 1..=1_000, ..everything.clone() }, 2),
    ] {
        let counting = FailingFolder::over(Arc::new(folder.clone()), None);
        let journal = Journal::open(Arc::new(counting.clone())).unwrap();
        let opened = counting.bytes_read();
        let options = options(&selection, Validation::Cryptographic);
        let (_, outcome) = replay(&journal, &options, &mut |_| {}).unwrap();
        let plan = outcome.plan.unwrap();
        let read = counting.bytes_read() - opened;
        // Each seal is read when the plan is made and when the walk comes to it, with its first page
        // on its own; the last one also lies in the space behind the last block.
        let pages = 2 * 4096 * names.len() as u64;
        let most = plan.read.bytes + 3 * seals + pages;
        assert!(read <= most, "{read} bytes are read, not {most} at most: {selection:?}, {plan:?}");
        assert!(plan.read.bytes <= stored / share, "{plan:?} of {stored} bytes");
    }
}

#[test]
fn a_selection_with_checkpoints_is_refused() {
    use vexfs_replay::Error;
    use vexfs_replay::replay::{CheckpointStart, Checkpoints};
    let made = Made::of(journal(100));
    let folder = Arc::new(MemoryFolder::default());
    let start = CheckpointStart::Newest;
    let checkpoints = Some(Checkpoints { folder: folder.clone(), start, policy: None });
    let selection = Selection { priority: Some(1), ..Selection::default() };
    let options = ReplayOptions { checkpoints, ..options(&selection, Validation::Full) };
    let result = replay(&made.journal, &options, &mut |_| {});
    let Err(Error::InvalidOption { option: "checkpoints", .. }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(folder.list().unwrap(), Vec::<String>::new(), "nothing is left behind");
}
