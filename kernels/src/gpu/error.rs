//! Why there is no GPU, or none any more.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Adapters;

/// What ended the work of a GPU, or kept it from beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No adapter is as wanted.
    #[error("no graphics adapter: wanted {wanted}, found {}", list(.found))]
    NoAdapter {
        /// What the options ask for.
        wanted: Adapters,
        /// The names of those that are there.
        found: Vec<String>,
    },
    /// The adapter's limits are too low for this kernel.
    #[error("the graphics adapter {adapter} is too small: {limit} is {found}, needed is {needed}")]
    TooSmall {
        /// The adapter's name.
        adapter: String,
        /// Which limit it is.
        limit: &'static str,
        /// What the adapter has.
        found: u64,
        /// What the kernel needs.
        needed: u64,
    },
    /// The driver gave no device.
    #[error("the graphics adapter {adapter} did not open: {reason}")]
    NotOpened {
        /// The adapter's name.
        adapter: String,
        /// What the driver says.
        reason: String,
    },
    /// The device went away.
    #[error("the graphics device was lost: {reason}")]
    Lost {
        /// What the driver says.
        reason: String,
    },
    /// The device's memory is full.
    #[error("the graphics device has no memory left ({reason})")]
    OutOfMemory {
        /// What the driver says.
        reason: String,
    },
    /// The device refused what was asked of it.
    #[error("the graphics device refused a command: {reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
    /// The driver failed.
    #[error("the graphics driver failed: {reason}")]
    Driver {
        /// What it says.
        reason: String,
    },
    /// The device did not answer in time.
    #[error("the graphics device did not answer within {seconds} s")]
    TimedOut {
        /// How long it had.
        seconds: u64,
    },
    /// The device computes something else than SHA-256.
    #[error(
        "the graphics device computed a wrong digest of {length} bytes: expected {expected}, found {found}"
    )]
    Wrong {
        /// How long the range is.
        length: usize,
        /// The digest that the CPU computes, in hexadecimal.
        expected: String,
        /// The digest that the device gave, in hexadecimal.
        found: String,
    },
}

impl GpuError {
    /// What kind of error it is, in one word for a machine.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoAdapter { .. } => "no_adapter",
            Self::TooSmall { .. } => "too_small",
            Self::NotOpened { .. } => "not_opened",
            Self::Lost { .. } => "lost",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::Refused { .. } => "refused",
            Self::Driver { .. } => "driver",
            Self::TimedOut { .. } => "timed_out",
            Self::Wrong { .. } => "wrong",
        }
    }
}

/// As its kind and its sentence.
impl Serialize for GpuError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("GpuError", 2)?;
        fields.serialize_field("kind", self.kind())?;
        fields.serialize_field("sentence", &self.to_string())?;
        fields.end()
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
