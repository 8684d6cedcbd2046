//! Hashing that never fails: on a GPU as long as there is one, and on the CPU what it can't do.
//!
//! A GPU that has failed is not tried again: what it left is finished here, and everything after that.

use serde::Serialize;

use crate::gpu::{AdapterFacts, Gpu, GpuError, GpuOptions, Times};
use crate::{Digest, sha256_many};

/// Work that was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many ranges were hashed.
    pub ranges: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, range: &[u8]) {
        self.ranges += 1;
        self.bytes += range.len() as u64;
    }
}

/// Who did what, and why.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OffloadReport {
    /// The GPU; none where none was opened.
    pub adapter: Option<AdapterFacts>,
    /// What it hashed.
    pub gpu: Tally,
    /// What the CPU hashed.
    pub cpu: Tally,
    /// Why the CPU hashes everything by now; none while the GPU is well.
    pub ended: Option<GpuError>,
}

/// Hashes batches of ranges on a GPU, and on the CPU where that can't.
pub struct Offload {
    gpu: Option<Gpu>,
    found: Vec<Option<Digest>>,
    times: Times,
    report: OffloadReport,
}

impl Offload {
    /// With the GPU that the options ask for. Where there is none, the report tells why.
    #[must_use]
    pub fn open(options: &GpuOptions) -> Self {
        match Gpu::open(options) {
            Ok(gpu) => Self::new(gpu),
            Err(error) => Self::with(None, Some(error)),
        }
    }

    /// With this GPU.
    #[must_use]
    pub fn new(gpu: Gpu) -> Self {
        Self::with(Some(gpu), None)
    }

    fn with(gpu: Option<Gpu>, ended: Option<GpuError>) -> Self {
        let adapter = gpu.as_ref().map(|it| it.adapter().clone());
        let report = OffloadReport { adapter, ended, ..OffloadReport::default() };
        Self { gpu, found: Vec::new(), times: Times::default(), report }
    }

    /// The GPU, while it is well.
    #[must_use]
    pub fn gpu(&self) -> Option<&Gpu> {
        self.gpu.as_ref()
    }

    /// The SHA-256 of each of `ranges`, in their order, written over `digests` (whose old content is
    /// dropped).
    pub fn hash(&mut self, ranges: &[&[u8]], digests: &mut Vec<Digest>) {
        self.found.clear();
        self.found.resize(ranges.len(), None);
        if let Some(gpu) = &mut self.gpu {
            match gpu.sha256_many(ranges, &mut self.found) {
                Ok(times) => self.times += times,
                Err(error) => {
                    self.report.ended = Some(error);
                    self.gpu = None;
                }
            }
        }
        self.finish(ranges, digests);
    }

    /// Has the CPU hash what was not found.
    fn finish(&mut self, ranges: &[&[u8]], digests: &mut Vec<Digest>) {
        let (mut left, mut by_cpu) = (Vec::new(), Vec::new());
        for (range, found) in ranges.iter().zip(&self.found) {
            if found.is_some() {
                self.report.gpu.add(range);
            } else {
                self.report.cpu.add(range);
                left.push(*range);
            }
        }
        sha256_many(&left, &mut by_cpu);
        let mut by_cpu = by_cpu.into_iter();
        let found = self.found.drain(..);
        digests.clear();
        digests.extend(found.filter_map(|it| it.or_else(|| by_cpu.next())));
    }

    /// Who did what so far.
    #[must_use]
    pub fn report(&self) -> &OffloadReport {
        &self.report
    }

    /// Where the time of the batches went that the GPU finished.
    #[must_use]
    pub fn times(&self) -> Times {
        self.times
    }
}
