//! A GPU as an accelerator.

use std::sync::Arc;

use rayon::ThreadPool;
use vexfs_kernels::Digest;
use vexfs_kernels::gpu::{Adapters, Filling, Gpu, GpuOptions};

use super::{Accelerator, Offload, OffloadPolicy};

/// Has blocks hashed on such a GPU. It is opened when it is wanted first.
#[must_use]
pub fn offload(policy: OffloadPolicy, adapters: Adapters) -> Offload {
    Offload::new(policy, Box::new(move |workers| open(adapters, workers)))
}

fn open(adapters: Adapters, workers: Arc<ThreadPool>) -> Result<Box<dyn Accelerator>, String> {
    let filling = Filling::Pool(workers);
    let options = GpuOptions { adapters, filling, ..GpuOptions::default() };
    let gpu = Gpu::open(&options).map_err(|error| error.to_string())?;
    Ok(Box::new(gpu))
}

impl Accelerator for Gpu {
    fn name(&self) -> String {
        self.adapter().to_string()
    }

    fn hash(&mut self, ranges: &[&[u8]], found: &mut Vec<Option<Digest>>) -> Result<(), String> {
        self.sha256_many(ranges, found).map(drop).map_err(|error| error.to_string())
    }
}
