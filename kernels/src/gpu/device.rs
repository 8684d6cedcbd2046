//! The device: which adapter it is made of, what it was heard to complain of, and waiting for it. Knows
//! nothing of hashing.
//!
//! wgpu tells of trouble in four ways: an error scope, a callback for what no scope caught, another one
//! for a lost device, and a panic when that is found while waiting. All of them end up as a [`GpuError`].

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pollster::block_on;

use super::options::{AdapterFacts, AdapterKind, GpuOptions};
use super::{GpuError, clock};

pub(super) struct Device {
    pub(super) raw: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    watch: Watch,
    patience: Duration,
    is_hanging: Cell<bool>,
}

/// The first trouble that a device told of.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Option<GpuError>>>);

impl Watch {
    fn record(&self, error: GpuError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn trouble(&self) -> Option<GpuError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Opens the best of the adapters that will do.
pub(super) fn open(options: &GpuOptions) -> Result<(Device, AdapterFacts), GpuError> {
    let (adapter, facts) = best_adapter(options)?;
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("vexfs integrity kernels"),
        required_features: adapter.features() & clock::FEATURES,
        required_limits: adapter.limits(),
        ..Default::default()
    };
    let (raw, queue) = block_on(adapter.request_device(&descriptor)).map_err(|error| {
        GpuError::NotOpened { adapter: facts.name.clone(), reason: error.to_string() }
    })?;
    let watch = Watch::default();
    let lost = watch.clone();
    raw.set_device_lost_callback(move |reason, message| {
        lost.record(GpuError::Lost { reason: format!("{reason:?} {message}").trim().to_owned() });
    });
    let uncaptured = watch.clone();
    raw.on_uncaptured_error(Arc::new(move |error| uncaptured.record(GpuError::from(error))));
    let is_hanging = Cell::new(false);
    Ok((Device { raw, queue, watch, patience: options.patience, is_hanging }, facts))
}

fn best_adapter(options: &GpuOptions) -> Result<(wgpu::Adapter, AdapterFacts), GpuError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        // Validation layers are for those who write drivers.
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let adapters = adapters.into_iter().map(|it| (facts_of(&it.get_info()), it));
    let mut adapters: Vec<(AdapterFacts, wgpu::Adapter)> = adapters.collect();
    adapters.sort_by_key(|(facts, _)| facts.kind);
    let found = adapters.iter().map(|(facts, _)| facts.name.clone()).collect();
    let wanted = &options.adapters;
    let best = adapters.into_iter().find(|(facts, _)| wanted.admits(facts));
    let (facts, adapter) =
        best.ok_or_else(|| GpuError::NoAdapter { wanted: wanted.clone(), found })?;
    Ok((adapter, facts))
}

fn facts_of(info: &wgpu::AdapterInfo) -> AdapterFacts {
    AdapterFacts {
        name: info.name.clone(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        interface: info.backend.to_str().to_owned(),
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Other => AdapterKind::Other,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
        },
    }
}

impl Device {
    /// Does something of which wgpu tells only afterwards whether it went well.
    pub(super) fn checked<T>(&self, act: impl FnOnce() -> T) -> Result<T, GpuError> {
        use wgpu::ErrorFilter::{Internal, OutOfMemory, Validation};
        let scopes =
            [Internal, OutOfMemory, Validation].map(|filter| self.raw.push_error_scope(filter));
        let value = act();
        let [internal, memory, validation] = scopes;
        // The last one that was opened is the first to be closed.
        let errors = [validation, memory, internal].map(|scope| block_on(scope.pop()));
        if let Some(error) = errors.into_iter().flatten().next() {
            return Err(error.into());
        }
        self.trouble().map_or(Ok(value), Err)
    }

    /// Waits until the submission is done and what was to be mapped behind it is.
    pub(super) fn wait_for(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
        let waiting = wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: Some(self.patience),
        };
        let waited = self.checked(|| self.raw.poll(waiting))?;
        waited.map(drop).map_err(|error| match error {
            wgpu::PollError::Timeout => {
                self.is_hanging.set(true);
                GpuError::TimedOut { seconds: self.patience.as_secs() }
            }
            other => GpuError::Driver { reason: other.to_string() },
        })
    }

    /// The first trouble that it told of.
    fn trouble(&self) -> Option<GpuError> {
        self.watch.trouble()
    }

    /// Why it failed with this error: what it told of first is the cause of what came after.
    pub(super) fn cause_of(&self, error: GpuError) -> GpuError {
        // A device that is gone says so only when it is asked.
        let asked = caught(|| Ok(self.raw.poll(wgpu::PollType::Poll)));
        drop(asked);
        self.trouble().unwrap_or(error)
    }

    /// Whether it didn't answer in time.
    pub(super) fn is_hanging(&self) -> bool {
        self.is_hanging.get()
    }

    /// Loses the device, as an unplugged one is lost. For tests, like what follows.
    pub(super) fn destroy(&self) {
        self.raw.destroy();
    }

    /// Asks for more memory than there is. A driver that lends what it doesn't have is spoken for.
    pub(super) fn exhaust(&self) {
        let descriptor = wgpu::BufferDescriptor {
            label: Some("too large"),
            size: self.raw.limits().max_buffer_size & !3,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        };
        let mut buffers = Vec::new();
        for _ in 0..32 {
            let scope = self.raw.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            buffers.push(self.raw.create_buffer(&descriptor));
            if let Some(error) = block_on(scope.pop()) {
                return self.watch.record(error.into());
            }
        }
        self.watch.record(GpuError::OutOfMemory { reason: "so a test would have it".to_owned() });
    }

    /// Asks for what is not allowed.
    pub(super) fn misuse(&self) {
        let usage = wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::MAP_READ;
        let descriptor =
            wgpu::BufferDescriptor { label: None, size: 3, usage, mapped_at_creation: true };
        drop(self.raw.create_buffer(&descriptor));
    }
}

impl From<wgpu::Error> for GpuError {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { source } => Self::OutOfMemory { reason: source.to_string() },
            wgpu::Error::Validation { description, .. } => {
                Self::Refused { reason: one_line(&description) }
            }
            wgpu::Error::Internal { description, .. } => {
                Self::Driver { reason: one_line(&description) }
            }
        }
    }
}

/// wgpu draws trees; a sentence has one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What it gives, or the panic in it as an error.
pub(super) fn caught<T>(act: impl FnOnce() -> Result<T, GpuError>) -> Result<T, GpuError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().copied();
        let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(GpuError::Driver { reason: one_line(words.unwrap_or("it panicked")) })
    })
}
