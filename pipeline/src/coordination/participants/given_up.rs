//! What a block journal has given up: shared transactions that are in the image for good, so that its log holds them
//! no more. Others still ask for them, and a transaction that nobody has heard of takes place nowhere.
//!
//! Absent on purpose: what others than a coordination brought into the image. Of that the log tells nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::storage::{self, Folder};

/// The file of them.
pub(super) const GIVEN_UP: &str = "given-up.json";
/// No such file is longer, in bytes.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// No more transactions are kept in mind.
const TRANSACTIONS_MAX: u64 = 16 * 1024 * 1024;

/// Transactions of these ids, which are in the image when the log begins behind a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    first: u64,
    last: u64,
    through_sequence: u64,
}

/// The transactions that a block journal has given up.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct GivenUp(Vec<Range>);

impl GivenUp {
    /// What is kept in this folder; nothing where nothing is.
    pub(super) fn read(folder: &Arc<dyn Folder>) -> Result<Self, Error> {
        let path = folder.path(GIVEN_UP);
        let Some(bytes) = storage::read_whole(folder.as_ref(), GIVEN_UP, BYTES_MAX)? else {
            return Ok(Self::default());
        };
        let wrong = |reason: String| Error::InconsistentRecovery {
            reason: format!("{}: {reason}", path.display()),
        };
        let found: Self = serde_json::from_slice(&bytes).map_err(|it| wrong(it.to_string()))?;
        match found.count() {
            ..=TRANSACTIONS_MAX => Ok(found),
            count => Err(wrong(format!("it names {count} transactions"))),
        }
    }

    /// Keeps it in this folder.
    pub(super) fn keep(&self, folder: &dyn Folder) -> Result<(), Error> {
        if self.count() > TRANSACTIONS_MAX {
            let reason = format!("{TRANSACTIONS_MAX} are as many as are kept in mind");
            return Err(Error::InvalidOption { option: "shared transactions", reason });
        }
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::InconsistentRecovery { reason: error.to_string() })?;
        storage::write_whole(folder, GIVEN_UP, &bytes)
    }

    /// Adds those that are in the image when the log begins behind a sequence. What an earlier journal had given up
    /// that went farther than this one, which ends at `newest_sequence`, goes.
    pub(super) fn add(&mut self, ids: &BTreeSet<u64>, through_sequence: u64, newest_sequence: u64) {
        self.0.retain(|it| it.through_sequence <= newest_sequence);
        for &id in ids {
            match self.0.iter_mut().find(|it| (it.first..=it.last).contains(&id)) {
                Some(_) => {}
                None => self.push(id, through_sequence),
            }
        }
    }

    fn push(&mut self, id: u64, through_sequence: u64) {
        match self.0.last_mut() {
            Some(it)
                if it.through_sequence == through_sequence
                    && it.last.checked_add(1) == Some(id) =>
            {
                it.last = id;
            }
            _ => self.0.push(Range { first: id, last: id, through_sequence }),
        }
    }

    /// Those that are in the image, of a log that begins behind a sequence, and at which sequence at the latest.
    pub(super) fn until(&self, sequence: u64) -> impl Iterator<Item = (u64, u64)> {
        let ranges = self.0.iter().filter(move |it| it.through_sequence <= sequence);
        ranges.flat_map(|it| (it.first..=it.last).map(|id| (id, it.through_sequence)))
    }

    fn count(&self) -> u64 {
        let each = self.0.iter().map(|it| it.last.saturating_sub(it.first).saturating_add(1));
        each.fold(0, u64::saturating_add)
    }
}
