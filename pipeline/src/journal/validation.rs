//! How much of a journal is proven before it is believed.

use serde::{Deserialize, Serialize};

/// The validation modes, each including those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// The structure that decoding needs, and nothing more.
    None,
    /// CRC32C of every header and payload.
    Basic,
    /// Also that LSNs, block numbers and the hash chain go on without a gap, that transactions are
    /// whole, and that each effect finds what it presupposes.
    Full,
    /// Also the SHA-256 of every block, computed anew.
    Cryptographic,
}

impl Validation {
    /// Every mode, weakest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Basic, Self::Full, Self::Cryptographic];

    /// The mode's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Full => "full",
            Self::Cryptographic => "cryptographic",
        }
    }
}
