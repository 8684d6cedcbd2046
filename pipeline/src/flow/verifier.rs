//! The verifying part of the flow: has an epoch's blocks verified and decoded on all workers, while the one
//! before it is settled here.

use crossbeam_channel::Receiver;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::FlowOptions;
use super::found::Found;
use super::pool::{Epoch, Space};
use super::settler::Settler;
use crate::error::Error;
use crate::profile::{Doing, Queue};
use crate::stages::decode::Decoded;

/// Verifies, decodes and settles epochs until the journal ends.
pub(super) fn verify(
    options: &FlowOptions<'_>,
    workers: &ThreadPool,
    epochs: Receiver<Epoch>,
    mut settler: Settler<'_>,
) -> Result<Found, Error> {
    let mut transactions = settler.transactions();
    let mut decoded: Option<Epoch> = None;
    loop {
        // What is decoded doesn't wait for what isn't read yet.
        let mut next = match decoded {
            Some(_) => epochs.try_recv().ok(),
            None => epochs.recv().ok(),
        };
        settler.watch.lap(Doing::Waiting);
        if next.is_some() {
            settler.progress.epochs_read = epochs.len();
            if let Some(profiler) = options.reading.profiler {
                profiler.saw(Queue::Read, epochs.len());
            }
        } else if decoded.is_none() {
            break;
        }
        let ended = workers.in_place_scope(|beside| {
            if let Some(epoch) = &mut next {
                beside.spawn(|_| decode(options, epoch));
            }
            match decoded.take() {
                Some(epoch) => settler.settle(epoch, &mut transactions),
                None => Ok(false),
            }
        })?;
        settler.watch.lap(Doing::Working);
        if ended {
            break;
        }
        decoded = next;
    }
    Ok(settler.finish(transactions))
}

/// Verifies and decodes an epoch's blocks, a run of them per worker.
fn decode(options: &FlowOptions<'_>, epoch: &mut Epoch) {
    let (reading, frames) = (options.reading, &epoch.stretch.frames);
    let _span = tracing::debug_span!("verify", blocks = frames.len()).entered();
    let Space { buffer, runs, digests } = &mut epoch.space;
    let (buffer, digests) = (&buffer[..], &digests[..]);
    let run_length = frames.len().div_ceil(runs.len()).max(1);
    // Who has nothing to do isn't woken for it.
    let (busy, idle) = runs.split_at_mut(frames.len().div_ceil(run_length));
    idle.iter_mut().for_each(Decoded::clear);
    busy.par_iter_mut().enumerate().for_each(|(index, run)| {
        let start = index * run_length;
        let end = (start + run_length).min(frames.len());
        let given = digests.get(start..end).unwrap_or_default();
        run.run(&frames[start..end], buffer, given, reading);
    });
    let wrong = runs.iter().map(|run| run.wrongly_given).sum();
    if let (Some(offload), 1..) = (options.offload, wrong) {
        offload.was_wrong(wrong);
    }
}
