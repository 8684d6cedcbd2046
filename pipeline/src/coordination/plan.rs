//! What all are to do.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::cut::{Verdict, Verdicts};
use super::report::{Name, Stream};
use crate::error::Error;

/// What all are to do: to which cut they go, and what becomes of transactions on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The last position of each stream that is in.
    pub cut: BTreeMap<Stream, u64>,
    /// What becomes of transactions that span several participants.
    #[serde(default, deserialize_with = "by_number")]
    pub verdicts: Verdicts,
    /// Who keeps what two claimed to own.
    #[serde(default)]
    pub owners: BTreeMap<String, Name>,
    /// Who makes anew what it has, since that differs from what it follows.
    #[serde(default)]
    pub rebuild: BTreeSet<Name>,
}

impl Plan {
    /// The last position of a stream that is in.
    ///
    /// # Errors
    /// [`Error::InconsistentRecovery`] where the plan knows no such stream.
    pub fn cut_of(&self, stream: &str) -> Result<u64, Error> {
        self.cut.get(stream).copied().ok_or_else(|| Error::InconsistentRecovery {
            reason: format!("the plan has no cut of stream {stream}"),
        })
    }
}

/// JSON's keys are strings, and in an enum that is tagged within serde takes them for nothing else.
fn by_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdicts, D::Error> {
    let verdicts = BTreeMap::<String, Verdict>::deserialize(deserializer)?;
    let number =
        |(id, verdict): (String, Verdict)| Ok((id.parse().map_err(D::Error::custom)?, verdict));
    verdicts.into_iter().map(number).collect()
}
