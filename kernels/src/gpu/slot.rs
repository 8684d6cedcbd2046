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
use super::options::{AdapterFacts, Filling, GpuOptions};
use super::plan::Capacity;
use super::shader::{Dispatch, Range, VECTOR_BYTES};
use super::{GpuError, Times, staging, unmapped};
use crate::Digest;
use crate::lanes::Block;

/// The fewest bytes of a slot.
const SLOT_BYTES_MIN: u64 = 4096;

/// The most slots: a device does one after the other, so more are of no use.
const SLOTS_MAX: usize = 8;

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
        if self.0.load(Ordering::Acquire) == Self::DONE {
            Ok(())
        } else {
            Err(unmapped("it failed"))
        }
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
    let capacity = capacity(options, &limits, workgroup, adapter)?;
    device.checked(|| {
        let kernel = Arc::new(Kernel::new(&device.raw, workgroup));
        let slots = (0..options.slots.clamp(1, SLOTS_MAX))
            .map(|_| Slot::new(device, &kernel, capacity, options));
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
            filling: options.filling,
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
            let staging = Mapping::begin(self.staging.slice(..), MapMode::Write);
            let found = Mapping::begin(self.found.slice(..), MapMode::Read);
            UnderWay { submission, staging, found }
        })?;
        self.under_way = Some(under_way);
        times.copying += filled - begun;
        times.submitting += filled.elapsed();
        Ok(())
    }

    /// Copies a load into the staging buffer, and tells how many bytes of each input are used.
    fn fill(&self, ranges: &[&[u8]], load: &[usize]) -> Result<[u64; 3], GpuError> {
        let words_bytes = staging::copy(&self.staging, ranges, load, self.filling)?;
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

/// In a buffer that is mapped, hence in memory.
fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterKind;

    fn of(slot_bytes: u64, change: impl FnOnce(&mut wgpu::Limits)) -> Result<Capacity, GpuError> {
        let adapter = AdapterFacts {
            name: "a small one".to_owned(),
            driver: String::new(),
            interface: String::new(),
            kind: AdapterKind::Other,
        };
        let mut limits = wgpu::Limits {
            max_storage_buffer_binding_size: 128 << 20,
            max_buffer_size: 256 << 20,
            max_compute_workgroups_per_dimension: 65_535,
            ..wgpu::Limits::default()
        };
        change(&mut limits);
        capacity(&GpuOptions { slot_bytes, ..GpuOptions::default() }, &limits, 32, &adapter)
    }

    #[test]
    fn a_slot_is_as_large_as_asked_within_the_limits() {
        let bytes = |slot_bytes, change: fn(&mut wgpu::Limits)| {
            let capacity = of(slot_bytes, change).unwrap();
            assert_eq!(capacity.bytes % 64, 0);
            capacity.bytes
        };
        assert_eq!(bytes(64 << 20, |_| ()), 64 << 20);
        assert_eq!(bytes((64 << 20) + 63, |_| ()), 64 << 20);
        assert_eq!(bytes(0, |_| ()), SLOT_BYTES_MIN);
        assert_eq!(bytes(u64::MAX, |_| ()), 128 << 20);
        assert_eq!(bytes(u64::MAX, |it| it.max_storage_buffer_binding_size = 5000), 4992);
        // Words, table and dispatch lie in one staging buffer.
        let whole = 1_u64 << 20;
        let capacity = of(u64::MAX, |it| it.max_buffer_size = whole).unwrap();
        let table = bytes_of::<Range>(capacity.ranges) + bytes_of::<Dispatch>(1);
        assert!(capacity.bytes > whole / 2 && capacity.bytes + table <= whole);
        let few = of(1 << 20, |it| it.max_compute_workgroups_per_dimension = 3).unwrap();
        assert_eq!(few.ranges, 96);
    }

    #[test]
    fn a_device_that_is_too_small_is_refused() {
        let limit = |change: fn(&mut wgpu::Limits)| match of(1 << 20, change) {
            Err(GpuError::TooSmall { limit, .. }) => limit,
            other => panic!("{other:?}"),
        };
        let storage = limit(|it| it.max_storage_buffer_binding_size = 4095);
        assert_eq!(storage, "max_storage_buffer_binding_size");
        let workgroups = limit(|it| it.max_compute_workgroups_per_dimension = 0);
        assert_eq!(workgroups, "max_compute_workgroups_per_dimension");
    }
}
