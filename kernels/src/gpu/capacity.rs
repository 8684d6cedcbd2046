//! What a slot takes: as much as asked, within the limits of the device. They are the adapter's own, and
//! never assumed.

use super::GpuError;
use super::options::{AdapterFacts, GpuOptions};
use super::shader::VECTOR_BYTES;
use crate::lanes::Block;

/// The fewest bytes of a slot.
const SLOT_BYTES_MIN: u64 = 4096;

/// The mean length below which a slot is full of ranges before it is full of bytes.
const RANGE_BYTES_MEAN: u64 = 512;

/// What one slot takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    /// How many bytes, padding included.
    pub(super) bytes: u64,
    /// How many ranges.
    pub(super) ranges: usize,
}

impl Capacity {
    /// Within the limits of a device.
    pub(super) fn of(
        options: &GpuOptions,
        limits: &wgpu::Limits,
        workgroup: u32,
        adapter: &AdapterFacts,
    ) -> Result<Self, GpuError> {
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
        Ok(Self { bytes, ranges: usize::try_from(ranges).unwrap_or(usize::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterKind;
    use crate::gpu::shader::{Dispatch, Range};

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
        Capacity::of(&GpuOptions { slot_bytes, ..GpuOptions::default() }, &limits, 32, &adapter)
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
        let table = (size_of::<Range>() * capacity.ranges + size_of::<Dispatch>()) as u64;
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
