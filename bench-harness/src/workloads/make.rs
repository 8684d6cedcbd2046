//! Makes journals: by recipe, or out of a git repository that is made first. Always beside their place, so
//! that one that is there is whole.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use vexfs_datasets::{Dataset, History, Recipe, SEED};
use vexfs_replay::generate::{generate, options_by_identity, writer_options};
use vexfs_replay::import::import_git;
use vexfs_replay::journal::{Writer, WriterOptions};
use vexfs_replay::storage::DiskFolder;

use crate::machine::free_bytes;
use crate::{Measured, progress};

/// How much room a disk must have beside a journal that is made there, in bytes.
const SPARE_BYTES: u64 = 1 << 30;
/// What a payload has beside it in a journal, in bytes: its event's header, and its part of the block's.
const EVENT_OVERHEAD_BYTES: u64 = 40;

/// The options under which a data set always gives the same bytes.
pub(super) fn options(dataset: &Dataset) -> WriterOptions {
    match dataset {
        Dataset::Events(recipe) => writer_options(recipe, SEED),
        Dataset::History(history) => options_by_identity(&format!("{history:?} {SEED}"), SEED),
    }
}

/// Makes its journal at `path`, which is in `folder`.
pub(super) fn beside(folder: &Path, path: &Path, dataset: &Dataset) -> Measured<()> {
    std::fs::create_dir_all(folder)?;
    let place = tempfile::tempdir_in(folder)?;
    let journal = place.path().join("journal");
    let writer = || -> Measured<Writer> {
        Ok(Writer::create(Arc::new(DiskFolder::create(&journal)?), options(dataset))?)
    };
    match dataset {
        Dataset::Events(recipe) => {
            check_room(folder, recipe)?;
            let bar = progress::bar(format!("making {}", recipe.name), recipe.events);
            let writer = writer()?;
            generate(&writer, recipe, SEED, &mut |events| bar.set_position(events))?;
            writer.close()?;
        }
        Dataset::History(history) => {
            let repository = place.path().join("repository");
            make_repository(history, &repository)?;
            let bar = progress::bar(format!("importing {}", history.name), history.commits);
            let writer = writer()?;
            import_git(&repository, "main", &writer, &mut |now| bar.set_position(now.commits))?;
            writer.close()?;
        }
    }
    Ok(put(&journal, path)?)
}

/// Moves what was made to its place. Another program may have put the same there meanwhile: then that stays.
pub(super) fn put(made: &Path, path: &Path) -> std::io::Result<()> {
    match std::fs::rename(made, path) {
        Err(_) if path.is_dir() => std::fs::remove_dir_all(made),
        moved => moved,
    }
}

/// Refuses what the disk has no room for, before half of it is written.
fn check_room(folder: &Path, recipe: &Recipe) -> Measured<()> {
    let needed = recipe.events * (u64::from(recipe.mean_payload_bytes) + EVENT_OVERHEAD_BYTES);
    let free = free_bytes(folder)?;
    if free >= needed + SPARE_BYTES {
        return Ok(());
    }
    let (name, folder) = (&recipe.name, folder.display());
    let [needed, free] = [needed, free].map(|bytes| bytes as f64 / 1e9);
    let said = format!(
        "the journal {name} takes {needed:.1} GB and one more is to stay free, but {folder} has {free:.1} GB"
    );
    Err(said.into())
}

/// A repository of the history, with none of the user's settings.
fn make_repository(history: &History, path: &Path) -> Measured<()> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.args(arguments);
        command
    };
    std::fs::create_dir(path)?;
    let place = path.to_str().ok_or("the path of the repository is no text")?;
    let init = ["init", "--quiet", "--object-format=sha1", "--initial-branch=main", place];
    let made = git(&init).status()?;
    if !made.success() {
        return Err(format!("git init ended with {made}").into());
    }
    let mut import = git(&["-C", place, "fast-import", "--quiet", "--done"]);
    let mut import = import.stdin(Stdio::piped()).spawn()?;
    let written = import.stdin.take().ok_or("git fast-import has no input").map(|input| {
        let mut input = BufWriter::new(input);
        history.write(SEED, &mut input).and_then(|()| input.flush())
    });
    let ended = import.wait()?;
    if !ended.success() {
        return Err(format!("git fast-import ended with {ended}").into());
    }
    Ok(written??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_disk_has_room_for_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe { events: 1 << 50, ..Recipe::named("tiny").unwrap() };
        let path = folder.path().join("tiny");
        let refused =
            beside(folder.path(), &path, &Dataset::Events(recipe)).unwrap_err().to_string();
        assert!(refused.starts_with("the journal tiny takes "), "{refused}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
