//! The backends of SHA-256 by name, and what proves that the processor can run one.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, choice, instructions, portable};

/// A way to compute SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// The sha2 crate, one range after the other: the definition.
    Portable,
    /// The SHA instructions of x86-64, 2 ranges side by side.
    ShaNi2,
    /// The SHA instructions of x86-64, 4 ranges side by side.
    ShaNi4,
    /// AVX2, 8 ranges side by side: for processors without SHA instructions.
    Avx2,
    /// AVX-512, 16 ranges side by side.
    Avx512,
    /// The SHA-2 instructions of ARMv8, 2 ranges side by side.
    ArmSha2,
}

impl Backend {
    /// All of them, whatever this machine can run.
    pub const ALL: [Self; 6] =
        [Self::Portable, Self::ShaNi2, Self::ShaNi4, Self::Avx2, Self::Avx512, Self::ArmSha2];

    /// Its name, as the command line takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::ShaNi2 => "sha-ni-2",
            Self::ShaNi4 => "sha-ni-4",
            Self::Avx2 => "avx2-8",
            Self::Avx512 => "avx512-16",
            Self::ArmSha2 => "arm-sha2-2",
        }
    }

    /// How many ranges it hashes side by side.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            Self::Portable => 1,
            Self::ShaNi2 | Self::ArmSha2 => 2,
            Self::ShaNi4 => 4,
            Self::Avx2 => 8,
            Self::Avx512 => 16,
        }
    }

    /// The architecture that it is for; none where it is for all.
    fn architecture(self) -> Option<&'static str> {
        match self {
            Self::Portable => None,
            Self::ShaNi2 | Self::ShaNi4 | Self::Avx2 | Self::Avx512 => Some("x86_64"),
            Self::ArmSha2 => Some("aarch64"),
        }
    }

    /// The instruction sets that it needs, as the compiler names them.
    fn instruction_sets(self) -> &'static [&'static str] {
        match self {
            Self::Portable => &[],
            Self::ShaNi2 => &["sha", "avx", "ssse3", "sse4.1"],
            Self::ShaNi4 => &["sha", "ssse3", "sse4.1"],
            Self::Avx2 => &["avx2"],
            Self::Avx512 => &["avx512f", "avx512bw"],
            Self::ArmSha2 => &["neon", "sha2"],
        }
    }

    /// The kernel that computes it.
    ///
    /// # Errors
    /// [`Unavailable`] when this processor can't run it, or its instructions are masked off
    /// ([`MASK_VARIABLE`](crate::MASK_VARIABLE)).
    pub fn kernel(self) -> Result<Kernel, Unavailable> {
        let is_here = self.architecture().is_none_or(|needed| needed == std::env::consts::ARCH);
        if is_here && instructions::has_all(self.instruction_sets()) {
            Ok(Kernel(self))
        } else {
            Err(Unavailable(self))
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A backend that doesn't run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable(Backend);

impl Unavailable {
    /// Which one it is.
    #[must_use]
    pub fn backend(self) -> Backend {
        self.0
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(backend) = *self;
        let architecture = backend.architecture().unwrap_or(std::env::consts::ARCH);
        let sets = backend.instruction_sets().join(", ");
        write!(formatter, "{backend} needs {architecture} with {sets}")
    }
}

impl std::error::Error for Unavailable {}

/// A name that is no backend's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBackend(String);

impl fmt::Display for UnknownBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Backend::ALL.map(Backend::name).join(", ");
        write!(formatter, "there is no backend {:?}; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownBackend {}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| UnknownBackend(name.to_owned()))
    }
}

/// A backend that this processor runs. That one is here proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Backend);

impl Kernel {
    /// The one that runs everywhere.
    pub const PORTABLE: Self = Self(Backend::Portable);

    /// The quickest one on this processor, found by a trial of a few dozen microseconds, once.
    #[must_use]
    pub fn quickest() -> Self {
        choice::quickest()
    }

    /// Those of all backends that run here.
    pub fn all() -> impl Iterator<Item = Self> {
        Backend::ALL.into_iter().filter_map(|it| it.kernel().ok())
    }

    /// Which backend it is.
    #[must_use]
    pub fn backend(self) -> Backend {
        self.0
    }

    /// The SHA-256 of each of `ranges`, in their order, written over `digests` (whose old content is
    /// dropped, and whose allocation is used again).
    pub fn sha256_many(self, ranges: &[&[u8]], digests: &mut Vec<Digest>) {
        digests.clear();
        digests.resize(ranges.len(), [0; 32]);
        #[cfg(target_arch = "x86_64")]
        match self.0 {
            Backend::ShaNi2 => return crate::x86::sha_ni_pair::sha256_many(self, ranges, digests),
            Backend::ShaNi4 => return crate::x86::sha_ni::sha256_many(self, ranges, digests),
            Backend::Avx2 => return crate::x86::avx2::sha256_many(self, ranges, digests),
            Backend::Avx512 => return crate::x86::avx512::sha256_many(self, ranges, digests),
            Backend::Portable | Backend::ArmSha2 => {}
        }
        #[cfg(target_arch = "aarch64")]
        if self.0 == Backend::ArmSha2 {
            return crate::aarch64::sha256_many(self, ranges, digests);
        }
        portable::sha256_many(ranges, digests);
    }
}
