//! Checks a journal against a signature: the usual verification, and on top of it whether what was signed is
//! there as it was.

use std::sync::Arc;

use super::compare::compare;
use super::fault::SignatureFault;
use super::keys::TrustedKey;
use super::report::Trust;
use super::signature::{Place, Signature};
use crate::error::Error;
use crate::journal::{Journal, Validation};
use crate::replay::{Outcome, Progress, ReplayOptions, verify};
use crate::storage::Folder;

/// Verifies the journal in a folder, and compares it with what a trusted key signed of it.
///
/// # Errors
/// [`Error::BadSignature`] when there is no signature that proves anything, or no journal is left;
/// [`Error::InvalidOption`] when not all of the journal is to be proven; and as
/// [`verify`]. That the journal differs is no error here.
pub fn check(
    folder: &Arc<dyn Folder>,
    place: &Place,
    key: &TrustedKey,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(Outcome, Trust), Error> {
    require_all(options)?;
    let signature = Signature::open(place, key)?;
    // What makes a journal unreadable as such was done to it after it was signed.
    let gone = |error: Error| match error {
        Error::NotAJournal { .. } | Error::UnknownFormat { .. } | Error::LimitExceeded { .. } => {
            place.fault(SignatureFault::JournalUnreadable { reason: error.to_string() })
        }
        other => other,
    };
    let journal = Journal::open(Arc::clone(folder)).map_err(gone)?;
    signature.check_journal(place, journal.journal_id)?;
    let options = ReplayOptions { list_blocks: true, ..options.clone() };
    let mut outcome = verify(&journal, &options, progress).map_err(gone)?;
    let listed = std::mem::take(&mut outcome.findings.listed);
    let trust = compare(&signature, &journal, &listed)?;
    Ok((outcome, trust))
}

/// What was signed is all of the journal, by digests.
fn require_all(options: &ReplayOptions) -> Result<(), Error> {
    let refused =
        |option, reason: &str| Err(Error::InvalidOption { option, reason: reason.to_owned() });
    if options.validation != Validation::Cryptographic {
        return refused("validation", "a signature is checked with cryptographic validation alone");
    }
    if options.until.is_some() {
        return refused("until", "a signature is checked against all of the journal");
    }
    Ok(())
}
