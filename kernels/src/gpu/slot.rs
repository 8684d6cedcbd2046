//! A slot: what one load of ranges needs on the host and on the device, and its way there and back.
//!
//! A slot is free, then filled and submitted, then collected and free again. The staging buffer of a free
//! one is mapped, so that filling waits for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wgpu::{BufferUsages, MapMode};

use super::capacity::Capacity;
use super::clock::{self, Clock};
use super::device::Device;
use super::fault::{Break, Step};
use super::kernel::Kernel;
use super::options::{AdapterFacts, Filling, GpuOptions};
use super::shader::{Dispatch, Range};
use super::{GpuError, Times, staging, unmapped};
use crate::Digest;

/// The most slots: a device does one after the other, so more are of no use.
const SLOTS_MAX: usize = 8;

pub(super) struct Slot {
    /// Words, then table, then dispatch, as the host writes them.
    staging: wgpu::Buffer,
    inputs: [Input; 3],
    digests: wgpu::Buffer,
    /// Digests, then stamps of the clock, for the host to read.
    found: wgpu::Buffer,
    kernel: Arc<Kernel>,
    filling: Filling,
    bindings: wgpu::BindGroup,
    clock: Option<Clock>,
    under_way: Option<UnderWay>,
}

/// A buffer of the device that is filled from the staging buffer.
struct Input {
    buffer: wgpu::Buffer,
    /// Where it begins there.
    at: u64,
}

struct UnderWay {
    submission: wgpu::SubmissionIndex,
    staging: Mapping,
    found: Mapping,
}

/// Whether a buffer is mapped.
#[derive(Clone, Default)]
struct Mapping(Arc<AtomicBool>);

impl Mapping {
    fn begin(buffer: &wgpu::Buffer, mode: MapMode) -> Self {
        let mapping = Self::default();
        let told = mapping.clone();
        buffer.map_async(mode, .., move |result| told.0.store(result.is_ok(), Ordering::Release));
        mapping
    }

    fn check(&self) -> Result<(), GpuError> {
        let is_mapped = self.0.load(Ordering::Acquire);
        if is_mapped { Ok(()) } else { Err(unmapped("it failed")) }
    }
}

/// All slots that the options ask for, and what each of them takes within the device's limits.
pub(super) fn all(
    device: &Device,
    options: &GpuOptions,
    adapter: &AdapterFacts,
) -> Result<(Vec<Slot>, Capacity), GpuError> {
    let limits = device.raw.limits();
    let workgroup = options
        .workgroup
        .min(limits.max_compute_workgroup_size_x)
        .min(limits.max_compute_invocations_per_workgroup)
        .max(1);
    let capacity = Capacity::of(options, &limits, workgroup, adapter)?;
    device.checked(|| {
        let kernel = Arc::new(Kernel::new(&device.raw, workgroup));
        let slots = (0..options.slots.clamp(1, SLOTS_MAX))
            .map(|_| Slot::new(device, &kernel, capacity, options));
        (slots.collect(), capacity)
    })
}

impl Slot {
    fn new(
        device: &Device,
        kernel: &Arc<Kernel>,
        capacity: Capacity,
        options: &GpuOptions,
    ) -> Self {
        let buffer = |label, size, usage, mapped_at_creation| {
            let label = Some(label);
            let descriptor = wgpu::BufferDescriptor { label, size, usage, mapped_at_creation };
            device.raw.create_buffer(&descriptor)
        };
        let on_device = |label, size, usage| buffer(label, size, usage, false);
        let (table_bytes, digests_bytes) =
            (bytes_of::<Range>(capacity.ranges), bytes_of::<Digest>(capacity.ranges));
        let input = BufferUsages::COPY_DST | BufferUsages::STORAGE;
        let words = on_device("words", capacity.bytes, input);
        let table = on_device("ranges", table_bytes, input);
        let dispatch = on_device(
            "dispatch",
            bytes_of::<Dispatch>(1),
            BufferUsages::COPY_DST | BufferUsages::UNIFORM,
        );
        let digests = on_device("digests", digests_bytes, input | BufferUsages::COPY_SRC);
        let bindings = kernel.bind(&device.raw, [&dispatch, &table, &words, &digests]);
        let mut end = 0;
        let inputs = [words, table, dispatch].map(|buffer| {
            let at = end;
            end += buffer.size();
            Input { buffer, at }
        });
        Self {
            staging: buffer("staging", end, BufferUsages::COPY_SRC | BufferUsages::MAP_WRITE, true),
            inputs,
            digests,
            found: buffer(
                "found",
                digests_bytes + clock::BYTES,
                BufferUsages::COPY_DST | BufferUsages::MAP_READ,
                false,
            ),
            kernel: Arc::clone(kernel),
            filling: options.filling.clone(),
            bindings,
            clock: Clock::new(&device.raw, &device.queue),
            under_way: None,
        }
    }

    /// Has the device hash a load, which this slot must have room for.
    pub(super) fn submit(
        &mut self,
        device: &Device,
        ranges: &[&[u8]],
        load: &[usize],
        fault: &mut Option<Break>,
        times: &mut Times,
    ) -> Result<(), GpuError> {
        let mut at_step = |step| {
            if let Some(fault) = fault.as_mut() {
                fault.step(step, device);
            }
        };
        let begun = Instant::now();
        at_step(Step::Filling);
        let used = device.checked(|| self.fill(ranges, load))??;
        let filled = Instant::now();
        let under_way = device.checked(|| {
            at_step(Step::Submitting);
            let commands = self.commands(&device.raw, used);
            let submission = device.queue.submit([commands]);
            at_step(Step::Submitted);
            let staging = Mapping::begin(&self.staging, MapMode::Write);
            let found = Mapping::begin(&self.found, MapMode::Read);
            UnderWay { submission, staging, found }
        })?;
        self.under_way = Some(under_way);
        times.copying += filled - begun;
        times.submitting += filled.elapsed();
        Ok(())
    }

    /// Copies a load into the staging buffer, and tells how many bytes of each input are used.
    fn fill(&self, ranges: &[&[u8]], load: &[usize]) -> Result<[u64; 3], GpuError> {
        let words_bytes = staging::copy(&self.staging, ranges, load, &self.filling)?;
        let put = |at: u64, bytes: &[u8]| {
            let target = self.staging.slice(at..at + bytes.len() as u64);
            target.get_mapped_range_mut().map(|mut it| it.copy_from_slice(bytes)).map_err(unmapped)
        };
        let [_, table, dispatch] = &self.inputs;
        put(table.at, bytemuck::cast_slice(&staging::table(ranges, load)))?;
        put(dispatch.at, bytemuck::bytes_of(&Dispatch { ranges: staging::number_of(load.len()) }))?;
        self.staging.unmap();
        Ok([words_bytes, bytes_of::<Range>(load.len()), bytes_of::<Dispatch>(1)])
    }

    /// There and back: what was filled, hashing, the digests.
    fn commands(&self, device: &wgpu::Device, used: [u64; 3]) -> wgpu::CommandBuffer {
        let ranges = used[1] / bytes_of::<Range>(1);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let stamp = |encoder: &mut _, number| {
            if let Some(clock) = &self.clock {
                clock.stamp(encoder, number);
            }
        };
        stamp(&mut encoder, 0);
        for (input, used) in self.inputs.iter().zip(used) {
            encoder.copy_buffer_to_buffer(&self.staging, input.at, &input.buffer, 0, used);
        }
        stamp(&mut encoder, 1);
        let digests_bytes = ranges * size_of::<Digest>() as u64;
        // What an earlier load left there is never taken for this one's.
        encoder.clear_buffer(&self.digests, 0, Some(digests_bytes));
        self.kernel.run(&mut encoder, &self.bindings, ranges);
        stamp(&mut encoder, 2);
        encoder.copy_buffer_to_buffer(&self.digests, 0, &self.found, 0, digests_bytes);
        if let Some(clock) = &self.clock {
            clock.put(&mut encoder, &self.found, self.digests.size());
        }
        encoder.finish()
    }

    /// Waits for the device, and gives as many digests as the load had ranges.
    pub(super) fn collect(
        &mut self,
        device: &Device,
        ranges: usize,
        times: &mut Times,
    ) -> Result<Vec<Digest>, GpuError> {
        let Some(UnderWay { submission, staging, found }) = self.under_way.take() else {
            return Ok(Vec::new());
        };
        let begun = Instant::now();
        device.wait_for(submission)?;
        staging.check()?;
        found.check()?;
        let waited = Instant::now();
        let view = self.found.slice(..).get_mapped_range().map_err(unmapped)?;
        let (digests, stamps) = view.split_at(position(self.digests.size()));
        let digests = digests.as_chunks().0.iter().take(ranges).copied().collect();
        if let Some(clock) = &self.clock {
            *times += Times { device: Some(clock.read(stamps)), ..Times::default() };
        }
        drop(view);
        self.found.unmap();
        times.waiting += waited - begun;
        times.reading += waited.elapsed();
        Ok(digests)
    }
}

/// How many bytes so many of them have.
fn bytes_of<T>(count: usize) -> u64 {
    (size_of::<T>() * count) as u64
}

/// In a buffer that is mapped, hence in memory.
fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
