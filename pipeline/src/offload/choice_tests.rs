//! The choice, by a clock that is turned.

use super::*;

const MIB: u64 = 1 << 20;

/// A flow in which the workers and an accelerator hash at these rates, in MiB per second.
struct World {
    choice: Choice,
    now: Duration,
    workers: u64,
    accelerator: u64,
    threads: usize,
    /// What was done with each epoch, and how long it was, in MiB.
    done: Vec<(Next, u64)>,
}

impl World {
    fn new(policy: OffloadPolicy, workers: u64, accelerator: u64) -> Self {
        let (choice, now) = (Choice::new(policy), Duration::ZERO);
        Self { choice, now, workers, accelerator, threads: 2, done: Vec::new() }
    }

    /// A pass over so many MiB; an accelerator is open so many epochs after it was wanted.
    fn pass(&mut self, mebibytes: u64, opened_after: usize) {
        self.choice.begin_pass(mebibytes * MIB);
        let (mut left, mut wanted_at) = (mebibytes, None);
        while left > 0 {
            let length = (self.choice.epoch_bytes() as u64 / MIB).max(2).min(left);
            let next = self.choice.next(length * MIB, self.now, self.threads);
            let rate = if next == Next::Accelerator { self.accelerator } else { self.workers };
            self.now += Duration::from_secs_f64(length as f64 / rate as f64);
            self.done.push((next, length));
            left -= length;
            if next == Next::Open {
                wanted_at = Some(self.done.len());
            }
            if wanted_at == self.done.len().checked_sub(opened_after) {
                self.choice.opened();
            }
        }
    }

    fn mebibytes(&self, by: Next) -> u64 {
        self.done.iter().filter(|(next, _)| *next == by).map(|(_, length)| length).sum()
    }

    fn opened(&self) -> usize {
        self.done.iter().filter(|(next, _)| *next == Next::Open).count()
    }
}

#[test]
fn always_is_from_the_first_epoch_to_the_last() {
    let mut world = World::new(OffloadPolicy::Always, 3_000, 10);
    world.pass(1_000, 0);
    assert_eq!(world.mebibytes(Next::Accelerator), 1_000);
    assert_eq!(world.choice.why_not(), None);
}

#[test]
fn little_is_not_worth_opening_anything() {
    let mut world = World::new(OffloadPolicy::Measured, 3_000, 30_000);
    for _ in 0..100 {
        world.pass(1_000, 0);
    }
    assert_eq!(world.mebibytes(Next::Workers), 100_000);
    assert!(world.choice.why_not().unwrap().contains("too little"));
}

/// The same, but known to be one scan.
#[test]
fn what_is_expected_counts_not_what_one_pass_has() {
    let mut world = World::new(OffloadPolicy::Measured, 3_000, 30_000);
    world.choice.expect_bytes(100_000 * MIB);
    for _ in 0..100 {
        world.pass(1_000, 0);
    }
    assert_eq!(world.opened(), 1);
    assert!(world.mebibytes(Next::Accelerator) > 95_000);
}

#[test]
fn the_quicker_one_does_the_rest() {
    for (workers, accelerator) in [(3_000, 9_000), (3_000, 3_100), (3_000, 3_000), (9_000, 3_000)] {
        let mut world = World::new(OffloadPolicy::Measured, workers, accelerator);
        world.pass(1_000_000, 50);
        let offloaded = world.mebibytes(Next::Accelerator);
        let is_quicker = accelerator as f64 > workers as f64 * GAIN_MIN;
        assert_eq!(offloaded > 500_000, is_quicker, "{workers} {accelerator}: {offloaded}");
        assert_eq!(world.opened(), 1);
        let why = world.choice.why_not();
        assert_eq!(why.is_some_and(|it| it.contains("slower")), !is_quicker);
        // What the trial and the opening cost, against the better of both alone.
        let best = 1_000_000.0 / workers.max(accelerator) as f64;
        let opening = OPENING_SECONDS / world.threads as f64;
        let share = (world.now.as_secs_f64() + opening) / best - 1.0;
        assert!(share < 0.05, "{workers} {accelerator}: {share}");
    }
}

/// However much there is and however slow the accelerator: it costs a small share, or isn't tried.
#[test]
fn a_trial_never_costs_much() {
    for (threads, accelerator) in [1, 2, 16, 64].into_iter().flat_map(|it| [(it, 300), (it, 3_000)])
    {
        for mebibytes in (0..16).map(|power| 100 << power) {
            let workers = 1_500 * threads as u64;
            let mut world = World::new(OffloadPolicy::Measured, workers, accelerator);
            world.threads = threads;
            world.pass(mebibytes, 10);
            let alone = mebibytes as f64 / workers as f64;
            let opening = OPENING_SECONDS / threads as f64 * world.opened() as f64;
            let share = (world.now.as_secs_f64() + opening) / alone - 1.0;
            assert!(share <= 0.08, "{threads} threads, {accelerator}, {mebibytes} MiB: {share}");
        }
    }
}

/// Between the passes of one scan it is the scan's: what each pass costs before its first epoch counts.
#[test]
fn time_between_passes_that_have_nothing_in_common_is_nobodys() {
    for is_one_scan in [false, true] {
        let mut world = World::new(OffloadPolicy::Measured, 3_000, 9_000);
        if is_one_scan {
            world.choice.expect_bytes(1_000 * MIB);
        }
        for _ in 0..10 {
            world.now += Duration::from_secs(1);
            world.pass(100, 5);
        }
        let rate = world.choice.rates().0.unwrap() / MIB as f64;
        let expected = if is_one_scan { 90.0..115.0 } else { 2_990.0..3_010.0 };
        assert!(expected.contains(&rate), "{rate}");
    }
}

/// One that hangs about is not waited for until its trial has its bytes.
#[test]
fn a_trial_that_goes_badly_is_cut_short() {
    let mut world = World::new(OffloadPolicy::Measured, 3_000, 30);
    world.pass(1_000_000, 50);
    assert!(world.now.as_secs_f64() < 1.04 * 1_000_000.0 / 3_000.0);
}

#[test]
fn what_has_ended_is_not_tried_again() {
    let mut world = World::new(OffloadPolicy::Measured, 3_000, 9_000);
    world.choice.end();
    world.pass(1_000_000, 5);
    assert_eq!((world.opened(), world.mebibytes(Next::Accelerator)), (0, 0));
    // It was opened too late to be of use.
    world.choice.opened();
    assert_eq!(world.choice.epoch_bytes(), 0);
}
