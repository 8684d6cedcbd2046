//! The reading part of the flow: walks the journal and fills an epoch's buffer from all workers, since
//! one thread alone can't keep up with them.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::Sender;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::FlowOptions;
use super::pool::{Epoch, Pool};
use crate::error::Error;
use crate::journal::{End, Fill, Journal, Segment, Walk};
use crate::offload::Offload;
use crate::profile::{Doing, Laps, Post, Stage, Watch};

/// How much one worker reads at once, in bytes: at least and at most.
const READ_BYTES: RangeInclusive<usize> = 64 * 1024..=256 * 1024;

/// How long the first epoch is, in bytes, unless its first block is longer, and each that follows is twice
/// as long, up to what is usual: the sooner one is read, the sooner there is something to do, and while it
/// is verified the next one is read by the same workers.
const FIRST_BYTES: usize = 128 * 1024;

/// Sends epochs until the journal ends; gives its end, where it came to it. They are read into spaces of the
/// pool, so many bytes at most, and so many where an accelerator wants it.
pub(super) fn read(
    journal: &Journal,
    options: &FlowOptions<'_>,
    workers: &ThreadPool,
    (pool, [buffer_bytes, offloaded_bytes]): (&Pool, [usize; 2]),
    epochs: Sender<Epoch>,
    enough: &AtomicBool,
) -> Result<Option<End>, Error> {
    let walk = Walk::new(journal, options.reading.validation, options.past_damage());
    let walk = walk.until(options.reading.until_lsn).skipping(options.plan);
    let walk = walk.beginning_with(FIRST_BYTES);
    let mut walk = match options.start {
        Some(cut) => walk.starting_at(cut.restart),
        None => walk,
    };
    let profiler = options.reading.profiler;
    let mut watch = Watch::start(profiler, Post::Read);
    let fill: Fill<'_> = &|segment: &Segment, bytes: &mut [u8], offset: u64| {
        let share = bytes.len().div_ceil(workers.current_num_threads());
        let part_bytes = share.clamp(*READ_BYTES.start(), *READ_BYTES.end());
        // For one of them to do it would take longer.
        if bytes.len() <= part_bytes {
            return segment.read(bytes, offset);
        }
        workers.install(|| {
            let parts = bytes.par_chunks_mut(part_bytes).enumerate();
            parts.try_for_each(|(part, bytes)| {
                let mut laps = Laps::start(profiler);
                let read = segment.read(bytes, offset + (part * part_bytes) as u64);
                laps.lap(Stage::Read);
                read
            })
        })
    };
    while let Some(mut epoch) = pool.lend() {
        watch.lap(Doing::Waiting);
        options.wait_while_paused(enough);
        // What was read is still applied, so that the pass ends at a cut.
        options.check_stop()?;
        if enough.load(Ordering::Relaxed) {
            walk.end_here();
        }
        let _span = tracing::debug_span!("read").entered();
        let wanted = options.offload.map_or(0, Offload::epoch_bytes).min(offloaded_bytes);
        let mut most = wanted.max(buffer_bytes);
        // What an accelerator would like is no reason to fail.
        if epoch.space.grow(most).is_err() {
            most = buffer_bytes;
            epoch.space.grow(most)?;
        }
        let buffer = &mut epoch.space.buffer;
        let length = most.min(buffer.len());
        let Some(stretch) = walk.next(&mut buffer[..length], fill)? else { break };
        epoch.stretch = stretch;
        epoch.read_at = profiler.map(|_| Instant::now());
        watch.lap(Doing::Working);
        if epochs.send(epoch).is_err() {
            break;
        }
        watch.lap(Doing::Blocked);
    }
    Ok(walk.end())
}
