//! What a caller asks of a GPU, and what it is told about the one that it got. Knows no device.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;
use serde::Serialize;

/// Which adapters will do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Adapters {
    /// Any, a real one rather than one made of software.
    #[default]
    Any,
    /// Real ones.
    Hardware,
    /// Those made of software.
    Software,
    /// Those with this in their name.
    Named(String),
}

impl Adapters {
    /// Whether this one will do.
    pub(super) fn admits(&self, facts: &AdapterFacts) -> bool {
        match self {
            Self::Any => true,
            Self::Hardware => !facts.is_software(),
            Self::Software => facts.is_software(),
            Self::Named(part) => facts.name.contains(part),
        }
    }
}

impl fmt::Display for Adapters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any"),
            Self::Hardware => formatter.write_str("a real one"),
            Self::Software => formatter.write_str("one made of software"),
            Self::Named(part) => write!(formatter, "one named {part:?}"),
        }
    }
}

/// Who copies ranges to where the device can fetch them.
#[derive(Clone, Debug, Default)]
pub enum Filling {
    /// The thread that hands them over.
    Caller,
    /// All workers of the rayon pool that it runs in: a single thread copies slower than a real device
    /// hashes.
    #[default]
    Workers,
    /// All workers of this pool, while the thread that hands them over waits.
    Pool(Arc<ThreadPool>),
}

/// How to use a GPU.
#[derive(Clone, Debug)]
pub struct GpuOptions {
    /// Which adapters will do.
    pub adapters: Adapters,
    /// How many bytes go to the device at once: fewer where its limits are lower, and at least 4 KiB. The
    /// host and the device each need as much memory as all slots together.
    pub slot_bytes: u64,
    /// How many slots there are: one that is filled while another one is hashed, at least one.
    pub slots: usize,
    /// Who fills them.
    pub filling: Filling,
    /// How many invocations a workgroup has, at least one: fewer where the device's limits are lower.
    pub workgroup: u32,
    /// How long the device may take for a slot. Then it counts as dead.
    pub patience: Duration,
}

impl Default for GpuOptions {
    fn default() -> Self {
        Self {
            adapters: Adapters::default(),
            slot_bytes: 64 << 20,
            slots: 2,
            filling: Filling::default(),
            workgroup: super::shader::WORKGROUP_DEFAULT,
            patience: Duration::from_secs(60),
        }
    }
}

/// What kind of processor an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    /// With memory of its own.
    Discrete,
    /// With the memory of the CPU.
    Integrated,
    /// Lent by a host.
    Virtual,
    /// Unknown.
    Other,
    /// None: the CPU plays one.
    Software,
}

impl AdapterKind {
    fn name(self) -> &'static str {
        match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "of unknown kind",
            Self::Software => "software",
        }
    }
}

/// An adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdapterFacts {
    /// Its name.
    pub name: String,
    /// Its driver, with the version.
    pub driver: String,
    /// What the driver speaks: `vulkan`, `metal` or `dx12`.
    pub interface: String,
    /// What kind of processor it is.
    pub kind: AdapterKind,
}

impl AdapterFacts {
    /// Whether it is no real one.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.kind == AdapterKind::Software
    }
}

impl fmt::Display for AdapterFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, driver, interface, kind } = self;
        write!(formatter, "{name} ({}, {interface}, {driver})", kind.name())
    }
}
