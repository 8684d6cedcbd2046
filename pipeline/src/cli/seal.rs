//! `seal`: signs a journal, so that `verify --trust` can tell what was done to it since.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::replay::{Control, ReplayOptions};
use vexfs_replay::trust::{Earlier, SecretKey, layout, seal};

use super::exit::Exit;
use super::outcome::exit_of;
use super::output::{Report, facts, grouped};
use super::pass::{interruption, open_folder};
use super::progress::{ProgressArgument, Shown};
use super::trust::{folder_of, place_of};

#[derive(Args, Clone, Debug)]
pub(crate) struct SealArguments {
    /// The journal: a folder of segments, or one segment's file.
    journal: PathBuf,
    /// The secret key that signs, as PKCS#8 in PEM; `key generate` makes one.
    #[arg(long, value_name = "SECRET KEY")]
    key: PathBuf,
    /// Where the signature goes, where not into the journal's folder.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Put the signature over an earlier one of the same key, even where that no longer holds: what
    /// happened to the journal since can't be told any more then.
    #[arg(long)]
    replace: bool,
    /// How progress is shown, on stderr.
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressArgument,
}

pub(crate) fn run(arguments: &SealArguments) -> Result<Report, Error> {
    let (keys, name) = folder_of(&arguments.key, "key")?;
    let key = SecretKey::read(&keys, &name)?;
    let folder = open_folder(&arguments.journal)?;
    let id = key.public().id();
    let place = place_of(&folder, arguments.signature.as_deref(), id)?;
    let control = Control::with_flag(interruption());
    let options = ReplayOptions { control, ..ReplayOptions::default() };
    let earlier = if arguments.replace { Earlier::Replaced } else { Earlier::MustHold };
    let mut shown = Shown::new("seal", arguments.progress);
    let sealed = seal(&folder, &key, &place, earlier, &options, &mut |now| shown.show(now))?;
    drop(shown);
    let (statement, head) = (&sealed.statement, sealed.outcome.head);
    let closed = statement.ending == layout::ENDING_CLOSED;
    let path = place.path();
    let json = json!({
        "signature": path.to_string_lossy(),
        "key_id": hex::encode(id),
        "head": format!("{}:{}", head.lsn, hex::encode(head.digest)),
        "closed": closed,
        "events": statement.events,
        "blocks": statement.blocks,
        "segments": statement.segments,
        "signed_ns": statement.signed_ns,
        "end": sealed.outcome.findings.end.kind,
        "earlier": sealed.earlier.as_ref().map(|trust| trust.verdict),
    });
    let ends = match closed {
        true => "closed by its writer".to_owned(),
        false => "NOT CLOSED by its writer: signed up to the head as it is".to_owned(),
    };
    let rows = [
        ("signature", path.display().to_string()),
        ("key", hex::encode(id)),
        ("signed", format!("LSN 1 to {}", grouped(head.lsn))),
        ("head", format!("{}:{}", head.lsn, hex::encode(head.digest))),
        ("journal", ends),
    ];
    // What contradicts itself is signed as it is.
    let exit = exit_of(&sealed.outcome, Exit::Clean);
    Ok(Report { exit, json, text: facts(&rows) })
}
