//! What a recovery asks of whoever coordinates it with others. The coordination service is to stand
//! behind this; a decision that was written down in a file does, too.

use std::fmt::Debug;
use std::path::PathBuf;

use serde::Deserialize;

use super::survey::Survey;
use crate::error::{Error, IoContext as _};
use crate::journal::{Head, Journal};

/// How far one journal comes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReport {
    /// The journal's UUID.
    pub journal_id: [u8; 16],
    /// The last event that is there, and the digest of its block.
    pub head: Head,
    /// Transactions that are open at its end, as far as a survey sees.
    pub unfinished: Vec<u64>,
}

/// What all participants agree on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Agreement {
    /// Nothing after this LSN takes place.
    pub cut_lsn: u64,
    /// Transactions of which nobody knows yet whether they are committed. While there are any,
    /// nothing is recovered.
    #[serde(default)]
    pub in_doubt: Vec<u64>,
}

/// Whoever brings all participants to one cut.
///
/// Law: asked again with the same report, also after a crash, it gives the same agreement, or one in
/// which fewer transactions are in doubt.
pub trait Coordinator: Debug + Send {
    /// Takes in how far this journal comes, and gives what all agree on.
    ///
    /// # Errors
    /// When no agreement can be reached.
    fn agree(&mut self, report: &LocalReport) -> Result<Agreement, Error>;

    /// What it would give, where that is decided already and can be told without asking anybody: a plan
    /// shows it. Changes nothing.
    ///
    /// # Errors
    /// Those that [`Self::agree`] would give.
    fn decided(&self, _report: &LocalReport) -> Result<Option<Agreement>, Error> {
        Ok(None)
    }
}

/// A decision that somebody wrote down: a JSON object with `journal_id` (hexadecimal), `cut_lsn` and,
/// where there are any, `in_doubt`, a list of transaction ids.
#[derive(Clone, Debug)]
pub struct DecisionFile {
    /// The file.
    pub path: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    #[serde(with = "hex::serde")]
    journal_id: [u8; 16],
    cut_lsn: u64,
    #[serde(default)]
    in_doubt: Vec<u64>,
}

impl LocalReport {
    /// What a survey tells of it.
    pub(super) fn of(journal: &Journal, survey: &Survey) -> Self {
        let position = survey.end.as_ref().map(|end| end.position);
        let head = position.map_or(Head { lsn: 0, digest: [0; 32] }, |position| Head {
            lsn: position.next_lsn.saturating_sub(1),
            digest: position.digest,
        });
        let unfinished = survey.unfinished.ids.clone();
        Self { journal_id: journal.journal_id, head, unfinished }
    }
}

impl Coordinator for DecisionFile {
    fn agree(&mut self, report: &LocalReport) -> Result<Agreement, Error> {
        self.read(report)
    }

    fn decided(&self, report: &LocalReport) -> Result<Option<Agreement>, Error> {
        self.read(report).map(Some)
    }
}

impl DecisionFile {
    fn read(&self, report: &LocalReport) -> Result<Agreement, Error> {
        let wrong = |reason: String| Error::InvalidOption {
            option: "decision",
            reason: format!("{}: {reason}", self.path.display()),
        };
        let bytes = match std::fs::read(&self.path) {
            // A path that leads nowhere was given by mistake: no storage failed, and nothing is in doubt.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(wrong("there is no such file".to_owned()));
            }
            read => read.context("read", &self.path, None)?,
        };
        let decision: Decision =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if decision.journal_id != report.journal_id {
            let [found, expected] = [decision.journal_id, report.journal_id].map(hex::encode);
            return Err(wrong(format!("it is of journal {found}, not of {expected}")));
        }
        let Decision { cut_lsn, in_doubt, .. } = decision;
        Ok(Agreement { cut_lsn, in_doubt })
    }
}
