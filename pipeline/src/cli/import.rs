//! `import`: turns something else into a journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Subcommand};
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::import::{
    SemjImportOptions, SemjImported, check_semj_header, find_git_commit, import_git, import_semj,
};
use vexfs_replay::journal::{Writer, WriterOptions};
use vexfs_replay::replay::Control;
use vexfs_replay::storage::{DiskFolder, Folder as _};

use super::exit::{Exit, HELP};
use super::output::{Report, facts, grouped};
use super::pass::{create_folder, interruption};
use super::progress::{self, ProgressArgument, Shown};
use super::{io_error, split_path};

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum ImportVerb {
    /// The first-parent history of a git repository, a transaction for each commit.
    #[command(after_help = HELP)]
    Git(GitArguments),
    /// A kernel's semantic journal, in the layout "SEMJ". Nothing of a file that isn't sound is imported.
    #[command(after_help = HELP)]
    Semj(SemjArguments),
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

#[derive(Args, Clone, Debug)]
pub(crate) struct SemjArguments {
    /// The file.
    file: PathBuf,
    /// The folder of the new journal; made when it isn't there. It must be empty, or hold what an import that
    /// was cut off has left.
    journal: PathBuf,
    /// How progress is shown, on stderr.
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressArgument,
}

pub(crate) fn run(verb: &ImportVerb) -> Result<Report, Error> {
    match verb {
        ImportVerb::Git(arguments) => git(arguments),
        ImportVerb::Semj(arguments) => semj(arguments),
    }
}

fn semj(arguments: &SemjArguments) -> Result<Report, Error> {
    let started = Instant::now();
    let SemjArguments { file: source, journal: path, progress } = arguments;
    let (parent, name) = split_path(source, "file")?;
    let file = DiskFolder::open(parent).and_then(|folder| folder.open(name));
    let file = file.map_err(io_error("open", source))?;
    // What isn't such a journal leaves no folder behind.
    check_semj_header(file.as_ref(), source)?;
    let folder = create_folder(path)?;
    let options = SemjImportOptions {
        control: Control::with_flag(interruption()),
        ..SemjImportOptions::default()
    };
    let mut shown = Shown::new("import", *progress);
    let imported =
        import_semj((file.as_ref(), source), folder, &options, &mut |now| shown.show(now))?;
    drop(shown);
    let seconds = started.elapsed().as_secs_f64();
    let SemjImported { events, foreign, bytes, index_bytes, head } = imported;
    let head = format!("{}:{}", head.lsn, hex::encode(head.digest));
    let json = json!({
        "journal": path.to_string_lossy(),
        "file": source.to_string_lossy(),
        "events": events,
        "foreign": foreign,
        "bytes": bytes,
        "index_bytes": index_bytes,
        "head": head,
        "seconds": seconds,
    });
    let mut rows = vec![("journal", path.display().to_string()), ("events", grouped(events))];
    if foreign > 0 {
        let text =
            format!("{} events, kept as they are; a replay passes them over", grouped(foreign));
        rows.push(("the kernel's own", text));
    }
    if index_bytes > 0 {
        rows.push(("left out", format!("the file's index, {} bytes", grouped(index_bytes))));
    }
    rows.extend([("head", head), ("time", format!("{seconds:.2} s"))]);
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}

fn git(arguments: &GitArguments) -> Result<Report, Error> {
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
