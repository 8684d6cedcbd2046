//! SHA-256 on a graphics processor: thousands of ranges at once, one invocation a range.
//!
//! What is in this folder, and nothing else, knows wgpu. A device that fails says so and is dead from
//! then on; what it left is for the caller to hash.
//! Absent on purpose: threads, retries, and any guess that a GPU is the quicker one.

mod capacity;
mod clock;
mod device;
mod error;
mod fault;
mod kernel;
mod options;
mod plan;
mod shader;
mod slot;
mod staging;

use std::collections::VecDeque;
use std::ops::AddAssign;
use std::time::Duration;

pub use error::GpuError;
pub use fault::Fault;
pub use options::{AdapterFacts, AdapterKind, Adapters, Filling, GpuOptions};

use crate::{Digest, portable};
use capacity::Capacity;
use device::Device;
use fault::Break;
use plan::Plan;
use slot::Slot;

/// Where the time of a batch went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// The host copied ranges to where the device can fetch them.
    pub copying: Duration,
    /// The host handed over commands; a driver may take its time for it while it has others.
    pub submitting: Duration,
    /// The host waited for the device: what of its work copying didn't hide.
    pub waiting: Duration,
    /// The host took over digests.
    pub reading: Duration,
    /// The device fetched the ranges and hashed them; none where it has no clock.
    pub device: Option<DeviceTimes>,
}

/// What a device measured itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceTimes {
    /// It fetched the ranges.
    pub fetching: Duration,
    /// It hashed them.
    pub hashing: Duration,
}

impl AddAssign for Times {
    fn add_assign(&mut self, other: Self) {
        self.copying += other.copying;
        self.submitting += other.submitting;
        self.waiting += other.waiting;
        self.reading += other.reading;
        if let Some(DeviceTimes { fetching, hashing }) = other.device {
            let device = self.device.get_or_insert_default();
            device.fetching += fetching;
            device.hashing += hashing;
        }
    }
}

/// A graphics device that computes SHA-256.
pub struct Gpu {
    /// Or why it is dead.
    state: Result<Box<Opened>, GpuError>,
    adapter: AdapterFacts,
    capacity: Capacity,
    slots: usize,
}

struct Opened {
    device: Device,
    slots: Vec<Slot>,
    capacity: Capacity,
    fault: Option<Break>,
}

impl Gpu {
    /// Opens the adapter that the options ask for, the most powerful of several, and has it hash
    /// something: one that computes anything but SHA-256 is not opened.
    ///
    /// # Errors
    /// [`GpuError`] when there is no such adapter, or it doesn't work.
    pub fn open(options: &GpuOptions) -> Result<Self, GpuError> {
        let (opened, adapter) = device::caught(|| {
            let (device, adapter) = device::open(options)?;
            let (slots, capacity) = slot::all(&device, options, &adapter)?;
            Ok((Opened { device, slots, capacity, fault: None }, adapter))
        })?;
        let (capacity, slots) = (opened.capacity, opened.slots.len());
        let mut gpu = Self { state: Ok(Box::new(opened)), adapter, capacity, slots };
        gpu.try_out()?;
        Ok(gpu)
    }

    fn try_out(&mut self) -> Result<(), GpuError> {
        let bytes: [u8; 1500] = std::array::from_fn(|at| ((at * 131) >> 3).to_le_bytes()[0]);
        let ranges = [0, 1, 55, 56, 64, 1000, 1500].map(|length| &bytes[..length]);
        let mut digests = Vec::new();
        self.sha256_many(&ranges, &mut digests)?;
        for (range, digest) in ranges.iter().zip(digests) {
            agrees(range, &digest.unwrap_or_default())?;
        }
        Ok(())
    }

    /// What it runs on.
    #[must_use]
    pub fn adapter(&self) -> &AdapterFacts {
        &self.adapter
    }

    /// How many bytes are best handed over at once: with fewer, the device idles while the host copies.
    #[must_use]
    pub fn batch_bytes(&self) -> u64 {
        self.capacity.bytes * self.slots as u64
    }

    /// How long a range may be, padding included, in bytes.
    #[must_use]
    pub fn range_bytes_max(&self) -> u64 {
        self.capacity.bytes
    }

    /// The SHA-256 of each of `ranges`, in their order, written over `digests` (whose old content is
    /// dropped). There is none where a range is longer than [`range_bytes_max`](Self::range_bytes_max),
    /// and where the device failed before it gave that one; those that are there are right.
    ///
    /// # Errors
    /// [`GpuError`] when the device fails. It is dead then: the next call gives the same error.
    pub fn sha256_many(
        &mut self,
        ranges: &[&[u8]],
        digests: &mut Vec<Option<Digest>>,
    ) -> Result<Times, GpuError> {
        digests.clear();
        digests.resize(ranges.len(), None);
        let opened = self.state.as_mut().map_err(|error| error.clone())?;
        let error = match device::caught(|| opened.run(ranges, digests)) {
            Ok(times) => return Ok(times),
            Err(error) => error,
        };
        let cause = opened.device.cause_of(error);
        close(std::mem::replace(&mut self.state, Err(cause.clone())));
        Err(cause)
    }

    /// Makes the device fail at its submission with this number, counted from now and from 0. For tests.
    #[doc(hidden)]
    pub fn break_at(&mut self, fault: Fault, submission: u64) {
        if let Ok(opened) = &mut self.state {
            opened.fault = Some(Break::new(fault, submission));
        }
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        let gone = GpuError::Lost { reason: "it was closed".to_owned() };
        close(std::mem::replace(&mut self.state, Err(gone)));
    }
}

/// Lets a device go. It waits for what the device still does.
fn close(state: Result<Box<Opened>, GpuError>) {
    let Ok(opened) = state else { return };
    // One that doesn't answer would be waited for without end, and a second panic aborts.
    if opened.device.is_hanging() || std::thread::panicking() {
        std::mem::forget(opened);
        return;
    }
    // A driver that has failed may panic once more. Why it failed is known already.
    let _ = device::caught(|| {
        drop(opened);
        Ok(())
    });
}

impl Opened {
    /// While the device has one slot, the host fills the next.
    fn run(&mut self, ranges: &[&[u8]], digests: &mut [Option<Digest>]) -> Result<Times, GpuError> {
        let plan = Plan::new(ranges, self.capacity);
        let mut times = Times::default();
        let mut under_way = VecDeque::with_capacity(self.slots.len());
        for (number, load) in plan.loads().enumerate() {
            let at = number % self.slots.len();
            if under_way.len() == self.slots.len()
                && let Some((at, load)) = under_way.pop_front()
            {
                self.collect(at, load, ranges, digests, &mut times)?;
            }
            self.slots[at].submit(&self.device, ranges, load, &mut self.fault, &mut times)?;
            under_way.push_back((at, load));
        }
        for (at, load) in under_way {
            self.collect(at, load, ranges, digests, &mut times)?;
        }
        Ok(times)
    }

    fn collect(
        &mut self,
        at: usize,
        load: &[usize],
        ranges: &[&[u8]],
        digests: &mut [Option<Digest>],
        times: &mut Times,
    ) -> Result<(), GpuError> {
        let mut found = self.slots[at].collect(&self.device, load.len(), times)?;
        if let Some(fault) = &mut self.fault {
            fault.spoil(&mut found);
        }
        // The shortest one is computed again, so that a dispatch that never ran isn't believed.
        if let (Some(&number), Some(digest)) = (load.last(), found.last()) {
            agrees(ranges[number], digest)?;
        }
        for (&number, digest) in load.iter().zip(found) {
            digests[number] = Some(digest);
        }
        Ok(())
    }
}

fn agrees(range: &[u8], found: &Digest) -> Result<(), GpuError> {
    let expected = portable::sha256(range);
    if expected == *found {
        return Ok(());
    }
    let hex = |digest: &Digest| digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Err(GpuError::Wrong { length: range.len(), expected: hex(&expected), found: hex(found) })
}

fn unmapped(reason: impl ToString) -> GpuError {
    GpuError::Driver { reason: format!("a buffer was not mapped: {}", reason.to_string()) }
}
