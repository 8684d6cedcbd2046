//! Whether the next epoch goes to an accelerator. Pure: is told how much is hashed and what time it is,
//! and measures nothing itself.
//!
//! Where that is to be measured, the workers begin. Only when so much is left that opening an accelerator
//! costs a small share of the time it is opened, while the workers go on; then it has a trial of a few
//! epochs, and whoever was quicker does the rest. What is compared is the whole flow, not hashing alone:
//! an accelerator that waits for something else is worth nothing.

use std::time::Duration;

use serde::Serialize;

/// When an accelerator is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OffloadPolicy {
    /// From the first block on, as long as there is one.
    Always,
    /// When so much is left that it pays, and it is measured to be quicker.
    Measured,
}

/// What is done with the epoch at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The workers hash it.
    Workers,
    /// The workers hash it, and an accelerator is to be opened meanwhile.
    Open,
    /// The accelerator hashes it.
    Accelerator,
}

/// How much must have been seen of the workers before their rate is believed, in bytes.
const MEASURED_BYTES: u64 = 64 << 20;
/// The same of the accelerator, whose epochs are longer.
const TRIAL_BYTES: u64 = 512 << 20;
/// How long epochs are while the flow settles on the accelerator, in bytes: one that is hopeless shows soon.
const FIRST_EPOCH_BYTES: usize = 16 << 20;
/// How long they are then: it wants thousands of blocks.
const EPOCH_BYTES: usize = 128 << 20;
/// What share of the time that is left its trial may lose before it is cut short.
const LOSS_SHARE_MAX: f64 = 0.02;
/// How long the flow takes to come to a steady pace after a change, in epochs.
const SETTLING_EPOCHS: u32 = 3;
/// How long opening may keep a worker busy, in seconds.
const OPENING_SECONDS: f64 = 1.2;
/// What share of the time that is left opening and the trial may take.
const COST_SHARE_MAX: f64 = 0.04;
/// How much quicker the accelerator must be to be worth the memory it takes.
const GAIN_MIN: f64 = 1.02;

/// How quickly bytes go by.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    last: Option<(Duration, u64)>,
    settled: u32,
    bytes: u64,
    time: Duration,
    /// Both, before it was steady, too.
    all: (u64, Duration),
}

impl Pace {
    /// An epoch goes by: the one before it took the time since then.
    fn see(&mut self, now: Duration, epoch_bytes: u64) {
        if let Some((then, bytes)) = self.last.replace((now, epoch_bytes)) {
            self.settled += 1;
            self.all.0 += bytes;
            self.all.1 += now.saturating_sub(then);
            if self.settled > SETTLING_EPOCHS {
                self.bytes += bytes;
                self.time += now.saturating_sub(then);
            }
        }
    }

    /// How much longer it took than at another rate, in seconds, counted from the first epoch on.
    fn lost_seconds(&self, rate: f64) -> f64 {
        self.all.1.as_secs_f64() - self.all.0 as f64 / rate
    }

    /// In bytes per second, once so much was seen.
    fn rate(&self, bytes_min: u64) -> Option<f64> {
        let enough = self.bytes >= bytes_min && !self.time.is_zero();
        enough.then(|| self.bytes as f64 / self.time.as_secs_f64())
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The workers hash, and it isn't known yet whether more pays.
    Workers,
    /// An accelerator is being opened.
    Opening,
    /// It shows what it can do.
    Trial,
    /// It hashes all that comes.
    Offloading,
    /// It isn't used any more.
    Ended,
}

/// The choice, and what it is made by.
#[derive(Debug)]
pub(super) struct Choice {
    phase: Phase,
    workers: Pace,
    accelerator: Pace,
    bytes_left: u64,
    /// It was the slower one.
    is_slower: bool,
}

impl Choice {
    pub(super) fn new(policy: OffloadPolicy) -> Self {
        let phase = match policy {
            OffloadPolicy::Always => Phase::Offloading,
            OffloadPolicy::Measured => Phase::Workers,
        };
        let (workers, accelerator) = (Pace::default(), Pace::default());
        Self { phase, workers, accelerator, bytes_left: 0, is_slower: false }
    }

    pub(super) fn expect_bytes(&mut self, bytes: u64) {
        self.bytes_left = bytes;
    }

    pub(super) fn begin_pass(&mut self, bytes: u64) {
        // Between the passes of one scan time goes by that is the scan's.
        if self.bytes_left < bytes {
            self.bytes_left = bytes;
            self.forget_time();
        }
    }

    /// Time went by that was nobody's.
    pub(super) fn forget_time(&mut self) {
        (self.workers.last, self.accelerator.last) = (None, None);
    }

    /// How long the next epochs are to be, in bytes; 0 while none goes to an accelerator.
    pub(super) fn epoch_bytes(&self) -> usize {
        match self.phase {
            Phase::Trial if self.accelerator.settled < SETTLING_EPOCHS => FIRST_EPOCH_BYTES,
            Phase::Trial | Phase::Offloading => EPOCH_BYTES,
            Phase::Workers | Phase::Opening | Phase::Ended => 0,
        }
    }

    /// What is done with an epoch that comes now.
    pub(super) fn next(&mut self, epoch_bytes: u64, now: Duration, threads: usize) -> Next {
        self.bytes_left = self.bytes_left.saturating_sub(epoch_bytes);
        match self.phase {
            Phase::Workers | Phase::Opening => self.workers.see(now, epoch_bytes),
            Phase::Trial | Phase::Offloading => self.accelerator.see(now, epoch_bytes),
            Phase::Ended => {}
        }
        match self.phase {
            Phase::Workers if self.pays_to_open(threads) => {
                self.phase = Phase::Opening;
                Next::Open
            }
            Phase::Workers | Phase::Opening | Phase::Ended => Next::Workers,
            Phase::Offloading => Next::Accelerator,
            Phase::Trial => match self.is_worth_it() {
                None => Next::Accelerator,
                Some(true) => {
                    self.phase = Phase::Offloading;
                    Next::Accelerator
                }
                Some(false) => {
                    (self.phase, self.is_slower) = (Phase::Ended, true);
                    Next::Workers
                }
            },
        }
    }

    fn workers_rate(&self) -> Option<f64> {
        self.workers.rate(MEASURED_BYTES)
    }

    fn pays_to_open(&self, threads: usize) -> bool {
        self.workers_rate().is_some_and(|rate| {
            let trial_bytes = TRIAL_BYTES + u64::from(SETTLING_EPOCHS) * FIRST_EPOCH_BYTES as u64;
            let cost = OPENING_SECONDS / threads as f64 + trial_bytes as f64 / rate;
            cost <= self.bytes_left as f64 / rate * COST_SHARE_MAX
        })
    }

    /// Whether it was the quicker one in its trial; none while that isn't known.
    fn is_worth_it(&self) -> Option<bool> {
        let workers = self.workers_rate()?;
        let Some(accelerator) = self.accelerator.rate(TRIAL_BYTES) else {
            let bearable = self.bytes_left as f64 / workers * LOSS_SHARE_MAX;
            return (self.accelerator.lost_seconds(workers) > bearable).then_some(false);
        };
        Some(accelerator >= workers * GAIN_MIN)
    }

    /// One was opened.
    pub(super) fn opened(&mut self) {
        if let Phase::Opening = self.phase {
            self.phase = Phase::Trial;
        }
    }

    /// There is none any more.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Ended;
    }

    /// Whether none is used any more.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Why it isn't used, where that was chosen here.
    pub(super) fn why_not(&self) -> Option<String> {
        let why = match self.phase {
            Phase::Workers => "too little was to be hashed for it to be worth opening",
            Phase::Opening => "all was done before it was open",
            Phase::Ended if self.is_slower => "it was the slower one in its trial",
            Phase::Trial | Phase::Offloading | Phase::Ended => return None,
        };
        Some(why.to_owned())
    }

    /// How quickly bytes went by with the workers and with the accelerator, in bytes per second.
    pub(super) fn rates(&self) -> (Option<f64>, Option<f64>) {
        (self.workers_rate(), self.accelerator.rate(1))
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
