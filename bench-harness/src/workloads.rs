//! The journals that are measured: made by recipe where they aren't there yet, and told apart by what a
//! recipe and a seed must lead to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vexfs_datasets::Recipe;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::{Journal, Writer};
use vexfs_replay::storage::DiskFolder;

use crate::Measured;

/// The seed of all of them.
const SEED: u64 = 1;

/// A journal that figures are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// The recipe's name, and what was varied.
    pub(crate) name: String,
    /// How many events it holds.
    pub(crate) events: u64,
    /// How long its blocks are together, in bytes.
    pub(crate) bytes: u64,
    /// Its head: the LSN and the digest of its last block, in hex.
    pub(crate) head: String,
    /// Where it is.
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

impl Workload {
    fn of(journal: &Journal, name: String, path: PathBuf) -> Measured<Self> {
        let (mut bytes, mut last) = (0, None);
        for index in 0..journal.segments.len() {
            let blocks = journal.segment_index(index)?.blocks;
            bytes += blocks.iter().map(|it| u64::from(it.entry.block_bytes)).sum::<u64>();
            last = blocks.last().copied().or(last);
        }
        let last = last.ok_or("the journal has no block")?;
        let events = last.next_lsn - 1;
        let head = format!("{events}:{}", hex::encode(last.entry.digest));
        Ok(Self { name, events, bytes, head, path })
    }
}

/// The folder that they are in.
#[derive(Clone, Debug)]
pub(crate) struct Workloads {
    folder: PathBuf,
}

impl Workloads {
    /// Those in this folder, which is made when it is needed.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The journal of a recipe by name.
    pub(crate) fn named(&self, name: &str) -> Measured<Workload> {
        self.of(&Recipe::named(name)?)
    }

    /// The journal of a recipe; its name must say what was varied.
    pub(crate) fn of(&self, recipe: &Recipe) -> Measured<Workload> {
        let path = self.folder.join(&recipe.name);
        if !path.exists() {
            self.make(recipe, &path)?;
        }
        let journal = Journal::open_path(&path)?;
        let expected = writer_options(recipe, SEED).journal_id;
        if Some(journal.journal_id) != expected {
            let path = path.display();
            return Err(
                format!("{path} was made by another recipe than it is now: remove it").into()
            );
        }
        Workload::of(&journal, recipe.name.clone(), path)
    }

    /// The journal at a path, whatever it came from.
    pub(crate) fn at(&self, path: &Path) -> Measured<Workload> {
        let journal = Journal::open_path(path)?;
        Workload::of(&journal, path.display().to_string(), path.to_owned())
    }

    /// The journal as a writer leaves it that is killed in the midst of its last block. It takes little room:
    /// what comes before the last segment is linked.
    pub(crate) fn torn(&self, whole: &Workload) -> Measured<Workload> {
        let name = format!("{}-torn", whole.name);
        let path = self.folder.join(&name);
        if !path.exists() {
            let beside = tempfile::tempdir_in(&self.folder)?;
            let journal = Journal::open_path(&whole.path)?;
            let newest = journal.segments.len() - 1;
            let blocks = journal.segment_index(newest)?.blocks;
            let last = blocks.last().ok_or("the journal's last segment has no block")?.entry;
            for segment in &journal.segments {
                let name = segment.path.file_name().ok_or("a segment has no name")?;
                let from = whole.path.join(name);
                if segment.number < journal.segments[newest].number {
                    std::fs::hard_link(from, beside.path().join(name))?;
                    continue;
                }
                let to = beside.path().join(name);
                std::fs::copy(from, &to)?;
                let torn = std::fs::OpenOptions::new().write(true).open(to)?;
                torn.set_len(last.file_offset + u64::from(last.block_bytes) / 2)?;
            }
            std::fs::rename(beside.keep(), &path)?;
        }
        Workload::of(&Journal::open_path(&path)?, name, path)
    }

    /// Makes it beside its place, so that one that is there is whole.
    fn make(&self, recipe: &Recipe, path: &Path) -> Measured<()> {
        std::fs::create_dir_all(&self.folder)?;
        let beside = tempfile::tempdir_in(&self.folder)?;
        let folder = DiskFolder::create(beside.path())?;
        let writer = Writer::create(Arc::new(folder), writer_options(recipe, SEED))?;
        eprintln!("making the journal {} of {} events", recipe.name, recipe.events);
        generate(&writer, recipe, SEED, &mut |_| {})?;
        writer.close()?;
        std::fs::rename(beside.keep(), path)?;
        Ok(())
    }
}
