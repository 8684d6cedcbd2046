//! The device's own clock, where it has one: how long it fetched and how long it hashed.

use std::time::Duration;

use super::DeviceTimes;

/// What a device needs for it.
pub(super) const FEATURES: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);

/// How many bytes the stamps have.
pub(super) const BYTES: u64 = STAMPS as u64 * size_of::<u64>() as u64;

/// Before fetching, between, and after hashing.
const STAMPS: u32 = 3;

pub(super) struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    /// How long a tick is.
    tick_nanoseconds: f64,
}

impl Clock {
    /// None where the device has none.
    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        if !device.features().contains(FEATURES) {
            return None;
        }
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("stamps"),
            ty: wgpu::QueryType::Timestamp,
            count: STAMPS,
        });
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("stamps"),
            size: BYTES,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let tick_nanoseconds = f64::from(queue.get_timestamp_period());
        Some(Self { queries, resolved, tick_nanoseconds })
    }

    pub(super) fn stamp(&self, encoder: &mut wgpu::CommandEncoder, number: u32) {
        encoder.write_timestamp(&self.queries, number);
    }

    /// Has the stamps put into a buffer.
    pub(super) fn put(&self, encoder: &mut wgpu::CommandEncoder, target: &wgpu::Buffer, at: u64) {
        encoder.resolve_query_set(&self.queries, 0..STAMPS, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, target, at, BYTES);
    }

    /// What the stamps say.
    pub(super) fn read(&self, bytes: &[u8]) -> DeviceTimes {
        let mut stamps = bytes.as_chunks().0.iter().map(|it| u64::from_le_bytes(*it));
        let mut next = || stamps.next().unwrap_or_default();
        let [begun, fetched, hashed] = [next(), next(), next()];
        let between = |from: u64, to: u64| {
            let ticks = to.saturating_sub(from) as f64;
            Duration::from_nanos(1).mul_f64(ticks * self.tick_nanoseconds)
        };
        DeviceTimes { fetching: between(begun, fetched), hashing: between(fetched, hashed) }
    }
}
