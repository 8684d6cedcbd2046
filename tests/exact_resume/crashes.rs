//! A crash after every operation on the checkpoints, with every fate of what was not synced: the
//! replay that goes on comes to what one without crashes comes to, and from no earlier checkpoint
//! than the last one that was told of. Now and then that replay crashes, too.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::event::{Body, Node, NodeRef, Property, PropertyRef};
use vexfs_replay::journal::{Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::replay::{Outcome, ReplayOptions, StopPoint, replay};
use vexfs_replay::storage::MemoryFolder;

use crate::came::{Came, EVERY_CUT, came, came_directly, checkpoints_in};
use crate::check::{kept, open};
use crate::crashing::{CrashingFolder, Dice, Fate};
use crate::small_journal::OPTIONS;

/// How many of each random fate a crash of the first life is played with.
const SEEDS: u64 = if cfg!(debug_assertions) { 1 } else { 2 };
/// Every how many crashes the second life crashes, too.
const CRASH_AGAIN_EVERY: u64 = if cfg!(debug_assertions) { 997 } else { 499 };
/// How long storage must have been left alone before a checkpoint counts as written.
const QUIET: Duration = Duration::from_millis(2);
/// How many blocks the journal has, each in a segment of its own.
const BLOCKS: usize = 40;

/// How an event's text grows and shrinks.
const TEXT_BYTES: usize = 1500;
const NODES: u64 = 6;

/// A journal of short segments, whose ends are cuts: things that are made, grow, shrink, go and are
/// made again, and transactions that are open over several blocks, side by side.
fn journal() -> Journal {
    let folder = MemoryFolder::default();
    let options = WriterOptions { segment_bytes: 1, ..OPTIONS };
    let writer = Writer::create(Arc::new(folder.clone()), options).unwrap();
    let (mut dice, mut alive, mut open_now) = (Dice(3), BTreeSet::new(), VecDeque::new());
    for round in 0..BLOCKS {
        for _ in 0..4 {
            let node = dice.roll() % NODES;
            let text = vec![b'.'; dice.below(TEXT_BYTES)];
            let body = match dice.below(3) {
                _ if alive.insert(node) => Body::NodeCreate(Node { node, kind: 1, data: &text }),
                0 => {
                    alive.remove(&node);
                    Body::NodeDelete(NodeRef { node })
                }
                _ => Body::NodeUpdate(Node { node, kind: 2, data: &text }),
            };
            writer.append(&NewEvent::new(1, body)).unwrap();
        }
        match round % 4 {
            0 => open_now.push_back(writer.begin(1, 0).unwrap()),
            // One in five stays open for good.
            1 if round % 5 != 0 => {
                let ended = open_now.pop_front().unwrap();
                if round % 3 == 0 { ended.abort(1) } else { ended.commit(1) }.unwrap();
            }
            _ => {}
        }
        for transaction in &mut open_now {
            let (node, name, value) = (100 + dice.roll() % 3, b"name".as_slice(), [7; 90]);
            let set = |length| Body::PropertySet(Property { node, name, value: &value[..length] });
            let gone = Body::PropertyDelete(PropertyRef { node, name });
            for body in [set(dice.below(90)), gone, set(dice.below(90))] {
                transaction.append(&NewEvent::new(1, body)).unwrap();
            }
        }
        writer.commit().unwrap();
    }
    writer.close().unwrap();
    open(&folder)
}

/// The replays of one journal, and what they must come to.
struct Case {
    journal: Journal,
    expected: Came,
    policy: CheckpointPolicy,
    counts: Counts,
}

struct Counts {
    checkpoints: u64,
    merged: u64,
    crashes: u64,
    crashed_again: u64,
    resumed: u64,
    dice: Dice,
}

/// What was told of checkpoints when some number of operations was done.
#[derive(Clone, Copy, Debug)]
struct Mark {
    operations: usize,
    watermark: u64,
}

fn options() -> ReplayOptions {
    ReplayOptions { shared: Some(kept(2)), ..ReplayOptions::default() }
}

impl Case {
    fn new(policy: CheckpointPolicy) -> Self {
        let journal = journal();
        let expected = came_directly(&journal, &options());
        assert!(expected.is_ok(), "{expected:?}");
        let (checkpoints, merged, crashes, crashed_again, resumed) = Default::default();
        let dice = Dice(1);
        let counts = Counts { checkpoints, merged, crashes, crashed_again, resumed, dice };
        Self { journal, expected, policy, counts }
    }

    fn count(&mut self, outcome: &Outcome) {
        self.counts.checkpoints += outcome.checkpoints.written;
        self.counts.merged += outcome.checkpoints.merged;
    }

    /// One replay after the other, each up to one of these LSNs, with a checkpoint at its end.
    fn in_stages(&mut self, folder: &CrashingFolder, stops: &[u64]) -> Vec<Mark> {
        let mut marks = vec![Mark { operations: 0, watermark: 0 }];
        for &stop in stops {
            let mut options = options();
            options.until = Some(StopPoint::Lsn(stop));
            options.checkpoints = checkpoints_in(folder.clone(), Some(self.policy));
            let (_, outcome) = replay(&self.journal, &options, &mut |_| {}).unwrap();
            self.count(&outcome);
            let (operations, watermark) = (folder.operation_count(), outcome.checkpoints.watermark);
            marks.push(Mark { operations, watermark });
        }
        marks
    }

    /// One replay, which waits at every cut until the checkpoint before is written.
    fn at_once(&mut self, folder: &CrashingFolder) -> Vec<Mark> {
        let mut options = options();
        options.checkpoints = checkpoints_in(folder.clone(), Some(self.policy));
        let replayed = replay(&self.journal, &options, &mut |_| wait_until_quiet(folder));
        assert_eq!(came(&replayed), self.expected);
        self.count(&replayed.unwrap().1);
        vec![Mark { operations: 0, watermark: 0 }]
    }

    /// Crashes at every operation on `folder`, and looks what comes of it.
    fn crash_everywhere(&mut self, folder: &CrashingFolder, marks: &[Mark]) {
        let mut crash = folder.crashes();
        loop {
            for fate in crash.fates(SEEDS, &mut self.counts.dice) {
                let point = Point { operations: crash.done(), fate };
                let disk = crash.survivor(fate);
                self.counts.crashes += 1;
                if self.counts.crashes.is_multiple_of(CRASH_AGAIN_EVERY) {
                    self.crash_again(&disk);
                }
                let before = marks.partition_point(|mark| mark.operations <= crash.done());
                let told = marks[before.saturating_sub(1)].watermark;
                self.go_on(&disk, told, crash.done());
                point.passed();
            }
            if !crash.advance() {
                return;
            }
        }
    }

    /// Goes on with what a crash left. Every second time more checkpoints are taken.
    fn go_on(&mut self, disk: &MemoryFolder, told: u64, turn: usize) {
        let policy = Some(self.policy).filter(|_| turn % 2 == 1);
        let options =
            ReplayOptions { checkpoints: checkpoints_in(disk.clone(), policy), ..options() };
        let replayed = replay(&self.journal, &options, &mut |_| {});
        assert!(came(&replayed) == self.expected, "{:?}", replayed.map(|it| it.1));
        let (_, outcome) = replayed.unwrap();
        let started_from = outcome.started_from.map_or(0, |from| from.watermark);
        assert!(started_from >= told, "from {started_from}, and {told} was told of");
        self.counts.resumed += u64::from(started_from > 0);
    }

    /// Goes on with what a crash left, and crashes at every operation of that.
    fn crash_again(&mut self, disk: &MemoryFolder) {
        let folder = CrashingFolder::on(disk);
        let last = open_stops(&self.journal);
        let half = last[last.len() / 2];
        // The folder may be farther than that: then this stage begins at the journal's front.
        self.in_stages(&folder, &[half, u64::MAX]);
        let mut crash = folder.crashes();
        loop {
            for fate in crash.fates(1, &mut self.counts.dice) {
                self.counts.crashed_again += 1;
                self.go_on(&crash.survivor(fate), 0, crash.done());
            }
            if !crash.advance() {
                return;
            }
        }
    }

    fn report(&self, name: &str, started: Instant) {
        let seconds = started.elapsed().as_secs_f64();
        let Counts { checkpoints, merged, crashes, crashed_again, resumed, .. } = self.counts;
        println!(
            "{name}: {checkpoints} checkpoints, {merged} merged, {crashes} crashes, {crashed_again} \
             of a second life, {resumed} replays went on from a checkpoint, {seconds:.1} s"
        );
        assert!(checkpoints > 20 && merged > 2, "too few to prove anything");
        assert!(resumed > crashes / 2, "too few went on from a checkpoint");
    }
}

fn wait_until_quiet(folder: &CrashingFolder) {
    let (mut count, mut since) = (folder.operation_count(), Instant::now());
    while since.elapsed() < QUIET {
        std::thread::yield_now();
        let now = folder.operation_count();
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
}

/// The last LSN of every block.
fn open_stops(journal: &Journal) -> Vec<u64> {
    let indices = (0..journal.segments.len()).map(|index| journal.segment_index(index).unwrap());
    indices.flat_map(|index| index.blocks).map(|block| block.next_lsn - 1).collect()
}

/// Tells where a test stood when it failed.
struct Point {
    operations: usize,
    fate: Fate,
}

impl Point {
    fn passed(self) {
        std::mem::forget(self);
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        println!("crashed after {} operations, {:?}", self.operations, self.fate);
    }
}

#[test]
fn a_crash_of_a_replay_costs_nothing_but_time() {
    let started = Instant::now();
    let mut case = Case::new(EVERY_CUT);
    let folder = CrashingFolder::on(&MemoryFolder::default());
    let marks = case.at_once(&folder);
    case.crash_everywhere(&folder, &marks);
    case.report("at once", started);
}

#[test]
fn a_crash_between_stages_costs_nothing_but_the_last_one() {
    let started = Instant::now();
    let mut case = Case::new(CheckpointPolicy { keep: 2, ..EVERY_CUT });
    let folder = CrashingFolder::on(&MemoryFolder::default());
    let mut stops = open_stops(&case.journal);
    stops.push(u64::MAX);
    let marks = case.in_stages(&folder, &stops);
    case.crash_everywhere(&folder, &marks);
    case.report("in stages", started);
}
