//! Where the time of a replay goes: timers inside the flow, for whoever hands in a [`Profiler`].
//!
//! Workers count what they do by stage, the threads that hand epochs over count what they wait for. Clocks
//! are read a few times a block at the most, and sums are put together once an epoch and worker. Nothing here
//! knows formats or makes threads. Times are on the clock: where other processes take the cores, that is in
//! them. Who must leave that out asks for processor time, at the cost of a system call a lap.

mod found;
mod laps;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

pub use self::found::{Depth, Distribution, PostTimes, Profile, WorkerTimes};
pub(crate) use self::laps::{Laps, Watch};

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Copies blocks from storage.
    Read,
    /// Proves blocks by their checksums.
    Verify,
    /// Finds events and routes their effects.
    Decode,
    /// Brings records from a store.
    Fetch,
    /// Applies effects to the partitions.
    Apply,
    /// Takes what changed out of the partitions, for a checkpoint.
    Take,
}

impl Stage {
    /// Every stage, in the order of the flow.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Verify, Self::Decode, Self::Fetch, Self::Apply, Self::Take];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Verify => "verify",
            Self::Decode => "decode",
            Self::Fetch => "fetch",
            Self::Apply => "apply",
            Self::Take => "take",
        }
    }
}

/// A thread that hands work to the workers, and its results on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Post {
    /// Has epochs read.
    Read,
    /// Has them verified and decoded, and settles transactions.
    Verify,
    /// Has them applied.
    Apply,
    /// Writes checkpoints.
    Checkpoint,
}

impl Post {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Verify => "verify",
            Self::Apply => "apply",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// What such a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Doing {
    /// It waits for something to do.
    Waiting,
    /// Workers work for it.
    Working,
    /// It works alone.
    Alone,
    /// It waits for somebody to take what it has done.
    Blocked,
}

/// Where epochs wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Those that are read, for the verifying thread.
    Read,
    /// Shares of those that are verified, for the applying thread.
    Verified,
}

impl Queue {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Verified => "verified",
        }
    }
}

/// The timers. One may be handed in to several replays, one after the other, and sums them up.
#[derive(Debug, Default)]
pub struct Profiler {
    times: Mutex<Times>,
    clock: Clock,
    burden: Option<(Stage, f64)>,
}

/// By which clock workers count.
#[derive(Clone, Copy, Debug, Default)]
enum Clock {
    #[default]
    Wall,
    Processor,
}

impl Clock {
    /// The time since something that stays the same within a thread.
    fn now(self) -> Duration {
        let time = clock_gettime(match self {
            Self::Wall => ClockId::Monotonic,
            Self::Processor => ClockId::ThreadCPUTime,
        });
        // Neither is ever negative.
        let seconds = Duration::from_secs(time.tv_sec.try_into().unwrap_or(0));
        seconds + Duration::from_nanos(time.tv_nsec.try_into().unwrap_or(0))
    }
}

#[derive(Debug, Default)]
struct Times {
    wall: Duration,
    workers: Vec<BTreeMap<Stage, Duration>>,
    posts: BTreeMap<Post, BTreeMap<Doing, Duration>>,
    depths: BTreeMap<Queue, (u64, u64, u64)>,
    /// In nanoseconds, to three digits; none where there was no memory for them.
    blocks: Option<Histogram<u64>>,
    epochs: Option<Histogram<u64>>,
}

impl Profiler {
    /// One that makes a stage slower, by this share of its time, so that whoever looks for a slowdown can be
    /// tried.
    #[doc(hidden)]
    #[must_use]
    pub fn burdened(stage: Stage, share: f64) -> Self {
        Self { burden: Some((stage, share)), ..Self::default() }
    }

    /// The same, but workers count the time that they have a processor: what others take of it meanwhile is
    /// not in their times, but in those in which they are idle.
    #[must_use]
    pub fn by_processor_time(self) -> Self {
        Self { clock: Clock::Processor, ..self }
    }

    /// What the timers say.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.with(|times| {
            let worker = |stages: &BTreeMap<Stage, Duration>| {
                let idle = times.wall.saturating_sub(stages.values().sum()).as_secs_f64();
                let busy = stages.iter().map(|(&stage, time)| (stage, time.as_secs_f64()));
                WorkerTimes { busy: busy.collect(), idle }
            };
            let post = |doing: &BTreeMap<Doing, Duration>| {
                let of = |what| doing.get(&what).map_or(0.0, Duration::as_secs_f64);
                PostTimes {
                    waiting: of(Doing::Waiting),
                    working: of(Doing::Working),
                    alone: of(Doing::Alone),
                    blocked: of(Doing::Blocked),
                }
            };
            let depth = |&(count, sum, max): &(u64, u64, u64)| Depth {
                mean: sum as f64 / count.max(1) as f64,
                max,
            };
            Profile {
                seconds: times.wall.as_secs_f64(),
                workers: times.workers.iter().map(worker).collect(),
                posts: times.posts.iter().map(|(&which, doing)| (which, post(doing))).collect(),
                queues: times.depths.iter().map(|(&queue, seen)| (queue, depth(seen))).collect(),
                blocks: Distribution::of(times.blocks.as_ref()),
                epochs: Distribution::of(times.epochs.as_ref()),
            }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Times) -> T) -> T {
        act(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A pass took so long, on so many workers.
    pub(crate) fn passed(&self, wall: Duration, workers: usize) {
        self.with(|times| {
            times.wall += wall;
            let workers = workers.max(times.workers.len());
            times.workers.resize_with(workers, BTreeMap::new);
        });
    }

    /// So many waited behind what was taken out of a queue.
    pub(crate) fn saw(&self, queue: Queue, waiting: usize) {
        let waiting = waiting as u64;
        self.with(|times| {
            let (count, sum, max) = times.depths.entry(queue).or_default();
            (*count, *sum, *max) = (*count + 1, *sum + waiting, waiting.max(*max));
        });
    }

    /// An epoch took so long from having been read to having been applied.
    pub(crate) fn epoch_took(&self, time: Duration) {
        self.with(|times| record(&mut times.epochs, time, 1));
    }
}

fn record(times: &mut Option<Histogram<u64>>, time: Duration, count: u64) {
    if times.is_none() {
        *times = Histogram::new(3).ok();
    }
    if let Some(times) = times {
        // It grows for any time; only memory could be missing, and then a figure is.
        let _ = times.record_n(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), count);
    }
}
