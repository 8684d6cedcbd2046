//! `import`: turns something else into a journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Subcommand};
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::import::{find_git_commit, import_git};
use vexfs_replay::journal::{Writer, WriterOptions};
use vexfs_replay::storage::DiskFolder;

use super::exit::{Exit, HELP};
use super::io_error;
use super::output::{Report, facts, grouped};
use super::progress;

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum ImportVerb {
    /// The first-parent history of a git repository, a transaction for each commit.
    #[command(after_help = HELP)]
    Git(GitArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct GitArguments {
    /// The repository.
    repository: PathBuf,
    /// The folder of the new journal; made when it isn't there.
    journal: PathBuf,
    /// The commit with which the history ends.
    #[arg(long, default_value = "HEAD")]
    rev: String,
}

pub(crate) fn run(verb: &ImportVerb) -> Result<Report, Error> {
    let ImportVerb::Git(arguments) = verb;
    let started = Instant::now();
    let commit = find_git_commit(&arguments.repository, &arguments.rev)?;
    let path = &arguments.journal;
    let folder = DiskFolder::create(path).map_err(io_error("create", path))?;
    let writer = Writer::create(Arc::new(folder), WriterOptions::default())?;
    let bar = progress::of_count("import");
    let outcome = import_git(&arguments.repository, &commit, &writer, &mut |now| {
        bar.set_length(now.commits_total);
        bar.set_position(now.commits);
    })?;
    let head = writer.close()?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let head = format!("{}:{}", head.lsn, hex::encode(head.digest));
    let rate = outcome.commits as f64 / seconds;
    let json = json!({
        "journal": path.to_string_lossy(),
        "repository": arguments.repository.to_string_lossy(),
        "commit": outcome.head,
        "commits": outcome.commits,
        "events": outcome.events,
        "changes": outcome.changes,
        "files": outcome.files,
        "shallow": outcome.shallow,
        "head": head,
        "seconds": seconds,
    });
    let depth = if outcome.shallow { " (a shallow clone: there is more before)" } else { "" };
    let rows = [
        ("journal", path.display().to_string()),
        ("commit", outcome.head),
        ("commits", format!("{}{depth}", grouped(outcome.commits))),
        ("events", grouped(outcome.events)),
        ("files", grouped(outcome.files)),
        ("head", head),
        ("time", format!("{seconds:.2} s, {rate:.0} commits/s")),
    ];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}
