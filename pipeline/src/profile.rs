//! Where the time of a replay goes: timers inside the flow, for whoever hands in a [`Profiler`].
//!
//! Workers count what they do by stage, the threads that hand epochs over count what they wait for. Clocks
//! are read a few times a block at the most, and sums are put together once an epoch and worker. Nothing here
//! knows formats or makes threads. Times are on the clock: where other processes take the cores, that is in
//! them. Who must leave that out asks for processor time, at the cost of a system call a lap.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

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

/// How long a worker was at each stage, in seconds; the rest of the time it was idle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerTimes {
    /// By stage; one that it was never at is missing.
    pub busy: BTreeMap<Stage, f64>,
    /// The rest, in seconds.
    pub idle: f64,
}

/// How long a thread that hands over did what, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PostTimes {
    /// It waited for something to do.
    pub waiting: f64,
    /// Workers worked for it.
    pub working: f64,
    /// It worked alone.
    pub alone: f64,
    /// It waited for somebody to take what it had done.
    pub blocked: f64,
}

/// How many waited in a queue when one was taken out, that one left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Depth {
    /// On average.
    pub mean: f64,
    /// At the most.
    pub max: u64,
}

/// Where times lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many there were.
    pub count: u64,
    /// Shares of them, and what so many were no longer than, in seconds to three digits.
    pub quantiles: Vec<(f64, f64)>,
}

impl Distribution {
    /// The shares that are told.
    pub const SHARES: [f64; 11] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

    /// What this share of them was no longer than, in seconds, where it is one of those that are told.
    #[must_use]
    pub fn at(&self, share: f64) -> Option<f64> {
        self.quantiles.iter().find(|(told, _)| *told == share).map(|&(_, seconds)| seconds)
    }

    fn of(times: Option<&Histogram<u64>>) -> Self {
        let Some(times) = times.filter(|times| !times.is_empty()) else { return Self::default() };
        let at = |share| (share, times.value_at_quantile(share) as f64 / 1e9);
        Self { count: times.len(), quantiles: Self::SHARES.map(at).to_vec() }
    }
}

/// What came of the timers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// How long the passes took that were timed, in seconds.
    pub seconds: f64,
    /// The workers.
    pub workers: Vec<WorkerTimes>,
    /// The threads that hand over.
    pub posts: BTreeMap<Post, PostTimes>,
    /// The queues between them.
    pub queues: BTreeMap<Queue, Depth>,
    /// What proving a block took, on average of those that were hashed side by side.
    pub blocks: Distribution,
    /// What an epoch took from having been read to having been applied.
    pub epochs: Distribution,
}

impl Profile {
    /// How long all workers together were at a stage, in seconds.
    #[must_use]
    pub fn busy_seconds(&self, stage: Stage) -> f64 {
        self.workers.iter().filter_map(|worker| worker.busy.get(&stage)).sum()
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

/// The stop watch of a worker, which counts the time between its laps, where somebody wants to know.
#[derive(Debug)]
pub(crate) struct Laps<'p>(Option<Running<'p>>);

#[derive(Debug)]
struct Running<'p> {
    profiler: &'p Profiler,
    last: Duration,
    sums: BTreeMap<Stage, Duration>,
    blocks: Vec<(Duration, u64)>,
}

impl<'p> Laps<'p> {
    /// Starts it.
    pub(crate) fn start(profiler: Option<&'p Profiler>) -> Self {
        Self(profiler.map(|profiler| Running {
            profiler,
            last: profiler.clock.now(),
            sums: BTreeMap::new(),
            blocks: Vec::new(),
        }))
    }

    /// What was done since the last lap was this stage.
    pub(crate) fn lap(&mut self, stage: Stage) {
        if let Some(running) = &mut self.0 {
            running.lap(stage);
        }
    }

    /// What was done since the last lap was to prove so many blocks.
    pub(crate) fn lap_of_blocks(&mut self, blocks: usize) {
        if let (Some(running), 1..) = (&mut self.0, blocks) {
            let time = running.lap(Stage::Verify);
            let blocks = blocks as u64;
            running.blocks.push((time / u32::try_from(blocks).unwrap_or(u32::MAX), blocks));
        }
    }
}

impl Running<'_> {
    fn lap(&mut self, stage: Stage) -> Duration {
        let clock = self.profiler.clock;
        let mut now = clock.now();
        if let Some((_, share)) = self.profiler.burden.filter(|&(burdened, _)| burdened == stage) {
            let end = now + (now - self.last).mul_f64(share);
            while now < end {
                std::hint::spin_loop();
                now = clock.now();
            }
        }
        let time = now - self.last;
        *self.sums.entry(stage).or_default() += time;
        self.last = now;
        time
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Who isn't one of the pool's workers counts as the first.
        let worker = rayon::current_thread_index().unwrap_or(0);
        let (sums, blocks) = (std::mem::take(&mut self.sums), std::mem::take(&mut self.blocks));
        self.profiler.with(|times| {
            let workers = times.workers.len().max(worker + 1);
            times.workers.resize_with(workers, BTreeMap::new);
            for (stage, time) in sums {
                *times.workers[worker].entry(stage).or_default() += time;
            }
            blocks.into_iter().for_each(|(time, count)| record(&mut times.blocks, time, count));
        });
    }
}

/// The stop watch of a thread that hands over.
#[derive(Debug)]
pub(crate) struct Watch<'p> {
    post: Post,
    running: Option<(&'p Profiler, Instant, BTreeMap<Doing, Duration>)>,
}

impl<'p> Watch<'p> {
    /// Starts it.
    pub(crate) fn start(profiler: Option<&'p Profiler>, post: Post) -> Self {
        let running = profiler.map(|profiler| (profiler, Instant::now(), BTreeMap::new()));
        Self { post, running }
    }

    /// What was done since the last lap was this.
    pub(crate) fn lap(&mut self, doing: Doing) {
        if let Some((_, last, sums)) = &mut self.running {
            let now = Instant::now();
            *sums.entry(doing).or_default() += now - *last;
            *last = now;
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some((profiler, _, sums)) = self.running.take() {
            profiler.with(|times| {
                let post = times.posts.entry(self.post).or_default();
                for (doing, time) in sums {
                    *post.entry(doing).or_default() += time;
                }
            });
        }
    }
}
