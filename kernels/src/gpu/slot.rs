//! A slot: what one load of ranges needs on the host and on the device, and its way there and back.
//!
//! A slot is free, then filled and submitted, then collected and free again. The staging buffer of a free
//! one is mapped, so that filling waits for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use wgpu::{BufferUsages, MapMode};

use super::clock::{self, Clock};
use super::device::Device;
use super::fault::{Break, Step};
use super::kernel::Kernel;
use super::options::{AdapterFacts, GpuOptions};
use super::plan::Capacity;
use super::shader::{Dispatch, Range, VECTOR_BYTES};
use super::{GpuError, Times};
use crate::Digest;
use crate::lanes::{Block, padded};

/// The fewest bytes of a slot.
const SLOT_BYTES_MIN: u64 = 4096;

/// The mean length below which a slot is full of ranges before it is full of bytes.
const RANGE_BYTES_MEAN: u64 = 512;

pub(super) struct Slot {
    /// Words, then table, then dispatch, as the host writes them.
    staging: wgpu::Buffer,
    inputs: [Input; 3],
    digests: wgpu::Buffer,
    /// Digests, then stamps of the clock, for the host to read.
    found: wgpu::Buffer,
    kernel: Arc<Kernel>,
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

/// What became of mapping a buffer.
#[derive(Clone, Default)]
struct Mapping(Arc<AtomicU8>);

impl Mapping {
    const DONE: u8 = 1;

    fn begin(buffer: wgpu::BufferSlice<'_>, mode: MapMode) -> Self {
        let mapping = Self::default();
        let told = mapping.clone();
        buffer.map_async(mode, move |result| {
            told.0.store(if result.is_ok() { Self::DONE } else { 0 }, Ordering::Release);
        });
        mapping
    }

    fn check(&self) -> Result<(), GpuError> {
        if self.0.load(Ordering::Acquire) == Self::DONE { Ok(()) } else { Err(unmapped("it failed")) }
    }
}

fn unmapped(reason: impl ToString) -> GpuError {
    GpuError::Driver { reason: format!("a buffer was not mapped: {}", reason.to_string()) }
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
    let capacity = capacity(options, &limits, workgroup, adapter)?;
    device.checked(|| {
        let kernel = Arc::new(Kernel::new(&device.raw, workgroup));
        let slots = (0..options.slots.max(1)).map(|_| Slot::new(device, &kernel, capacity));
        (slots.collect(), capacity)
    })
}

/// What a slot takes.
fn capacity(
    options: &GpuOptions,
    limits: &wgpu::Limits,
    workgroup: u32,
    adapter: &AdapterFacts,
) -> Result<Capacity, GpuError> {
    let too_small = |limit, found, needed| {
        Err(GpuError::TooSmall { adapter: adapter.name.clone(), limit, found, needed })
    };
    // The staging buffer also holds the table, which is shorter than an eighth of the words.
    let largest = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size / 8 * 7);
    // The vectors are counted in 32 bits.
    let largest = largest.min(u64::from(u32::MAX) * VECTOR_BYTES as u64);
    if largest < SLOT_BYTES_MIN {
        return too_small("max_storage_buffer_binding_size", largest, SLOT_BYTES_MIN);
    }
    let workgroups = limits.max_compute_workgroups_per_dimension;
    if workgroups == 0 {
        return too_small("max_compute_workgroups_per_dimension", 0, 1);
    }
    let block = size_of::<Block>() as u64;
    let bytes = options.slot_bytes.clamp(SLOT_BYTES_MIN, largest) / block * block;
    let ranges = (bytes / RANGE_BYTES_MEAN).min(u64::from(workgroups) * u64::from(workgroup));
    Ok(Capacity { bytes, ranges: usize::try_from(ranges).unwrap_or(usize::MAX) })
}

impl Slot {
    fn new(device: &Device, kernel: &Arc<Kernel>, capacity: Capacity) -> Self {
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
        let digests =
            on_device("digests", digests_bytes, BufferUsages::COPY_SRC | BufferUsages::STORAGE);
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
        times.copying += begun.elapsed();
        let under_way = device.checked(|| {
            at_step(Step::Submitting);
            let commands = self.commands(&device.raw, used);
            let submission = device.queue.submit([commands]);
            at_step(Step::Submitted);
            let staging = Mapping::begin(self.staging.slice(..), MapMode::Write);
            let found = Mapping::begin(self.found.slice(..), MapMode::Read);
            UnderWay { submission, staging, found }
        })?;
        self.under_way = Some(under_way);
        Ok(())
    }

    /// Copies a load into the staging buffer, and tells how many bytes of each input are used.
    fn fill(&self, ranges: &[&[u8]], load: &[usize]) -> Result<[u64; 3], GpuError> {
        let mut view = self.staging.slice(..).get_mapped_range_mut().map_err(unmapped)?;
        let mut end = 0;
        let mut put = |at: usize, bytes: &[u8]| {
            view.slice(at..at + bytes.len()).copy_from_slice(bytes);
            at + bytes.len()
        };
        let mut table = Vec::with_capacity(load.len());
        for &number in load {
            let begin = end;
            let (whole, padding, blocks) = padded(ranges[number]);
            end = put(end, whole.as_flattened());
            end = put(end, padding[2 - blocks..].as_flattened());
            let range = Range {
                first: number_of(begin / VECTOR_BYTES),
                blocks: number_of((end - begin) / size_of::<Block>()),
            };
            table.push(range);
        }
        let dispatch = Dispatch { ranges: number_of(load.len()) };
        let [_, table_input, dispatch_input] = &self.inputs;
        put(position(table_input.at), bytemuck::cast_slice(&table));
        put(position(dispatch_input.at), bytemuck::bytes_of(&dispatch));
        drop(view);
        self.staging.unmap();
        Ok([end as u64, bytes_of::<Range>(load.len()), bytes_of::<Dispatch>(1)])
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
        self.kernel.run(&mut encoder, &self.bindings, ranges);
        stamp(&mut encoder, 2);
        let digests_bytes = ranges * size_of::<Digest>() as u64;
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

/// Of something in a slot, whose capacity sees to it that 32 bits are enough.
fn number_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// In a buffer that is mapped, hence in memory.
fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
