//! Signatures on the command line: the files of keys and signatures, and what a check comes to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::storage::{DiskFolder, Folder};
use vexfs_replay::trust::{KeyId, Place, Trust, TrustVerdict, TrustedKey};

use super::exit::Exit;
use super::output::grouped;
use super::{io_error, split_path};

/// What a journal is checked against.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustArguments {
    /// Prove with this public key that nothing was changed, cut off or put in since `seal` signed the
    /// journal.
    #[arg(long, value_name = "PUBLIC KEY")]
    pub(crate) trust: Option<PathBuf>,
    /// Where the signature is, where not in the journal's folder.
    #[arg(long, value_name = "FILE", requires = "trust")]
    pub(crate) signature: Option<PathBuf>,
    /// Let the journal have grown since: what follows the signed head is as unproven as without a
    /// signature.
    #[arg(long, requires = "trust")]
    allow_appended: bool,
}

impl TrustArguments {
    /// What a check deserves, where the verification alone deserves `verified`.
    pub(crate) fn exit_of(&self, trust: &Trust, verified: Exit) -> Exit {
        match trust.verdict {
            TrustVerdict::Intact => verified,
            TrustVerdict::Appended if self.allow_appended => verified,
            TrustVerdict::Appended | TrustVerdict::Differs => Exit::Differs,
        }
    }
}

/// The folder that a file lies in, and its name there.
pub(crate) fn folder_of(path: &Path, option: &'static str) -> Result<(DiskFolder, String), Error> {
    let (parent, name) = split_path(path, option)?;
    let folder = DiskFolder::open(parent).map_err(io_error("open", parent))?;
    Ok((folder, name.to_owned()))
}

/// The public key in a file.
pub(crate) fn trusted_key(path: &Path) -> Result<TrustedKey, Error> {
    let (folder, name) = folder_of(path, "trust")?;
    TrustedKey::read(&folder, &name)
}

/// Where a signature lies: where it is said to, or in the journal's folder.
pub(crate) fn place_of(
    folder: &Arc<dyn Folder>,
    signature: Option<&Path>,
    key: KeyId,
) -> Result<Place, Error> {
    let Some(path) = signature else { return Place::beside(folder, key) };
    let (folder, name) = folder_of(path, "signature")?;
    Ok(Place::new(Arc::new(folder), name))
}

pub(crate) fn trust_json(trust: &Trust) -> Value {
    json!(trust)
}

/// What a check comes to, in a sentence.
fn verdict(trust: &Trust) -> String {
    let lsn = grouped(trust.signed_head.lsn);
    match trust.verdict {
        TrustVerdict::Intact => {
            format!("as signed: nothing was changed, cut off or put in, LSN 1 to {lsn}")
        }
        TrustVerdict::Appended => format!(
            "as signed up to LSN {lsn}: nothing was changed or cut off; {} events were put in \
             behind it, which nothing proves",
            grouped(trust.appended.events)
        ),
        TrustVerdict::Differs => "NOT WHAT WAS SIGNED".to_owned(),
    }
}

/// What happened since, in words.
pub(crate) fn trust_rows(trust: &Trust) -> Vec<(&'static str, String)> {
    let closed = if trust.closed { "closed by its writer" } else { "not closed by its writer" };
    let text = format!(
        "LSN 1 to {}, segments 0 to {}, {closed}, on {}",
        grouped(trust.signed_head.lsn),
        trust.segments.saturating_sub(1),
        date(trust.signed_ns)
    );
    let key = hex::encode(trust.key_id);
    let mut rows = vec![("trust", verdict(trust)), ("signed", text), ("by the key", key)];
    rows.extend(trust.differences.iter().map(|it| ("differs", it.to_string())));
    let untold = trust.difference_count - trust.differences.len() as u64;
    rows.extend((untold > 0).then(|| ("differs", format!("and {} more", grouped(untold)))));
    rows
}

/// A time for people.
fn date(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years; a year starts in March, so that a leap day ends it.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) =
        (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}
