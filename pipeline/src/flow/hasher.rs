//! The hashing part of the flow, where an accelerator may do that: has an epoch's blocks hashed before
//! they are verified. What it leaves, the workers hash then.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use rayon::ThreadPool;

use super::pool::Epoch;
use crate::journal::block;
use crate::offload::Offload;

/// Passes epochs on, with the digests that an accelerator found.
pub(super) fn hash(
    offload: &Offload,
    workers: &Arc<ThreadPool>,
    epochs: Receiver<Epoch>,
    hashed: Sender<Epoch>,
) {
    for mut epoch in epochs {
        let _span = tracing::debug_span!("hash").entered();
        let (frames, space) = (&epoch.stretch.frames, &mut epoch.space);
        let blocks = frames.iter().map(|frame| block::digest_range(frame.block(&space.buffer)));
        offload.hash(&blocks.collect::<Vec<_>>(), &mut space.digests, workers);
        // The verifier has hung up: it came to an end, or has failed and tells itself.
        if hashed.send(epoch).is_err() {
            break;
        }
    }
}
