//! Stop watches: what workers, and the threads that hand over, have done since they looked last.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Doing, Post, Profiler, Stage, record};

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
