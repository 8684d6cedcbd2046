//! The journals that are measured: made where they aren't there yet, and held to what is on record of them.

mod make;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vexfs_datasets::{Dataset, Recipe, Record};
use vexfs_replay::journal::Journal;

use crate::Measured;

/// A journal that figures are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// The data set's name, and what was varied.
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

    /// The journal of a data set by name. Refused where it isn't what is on record.
    pub(crate) fn named(&self, name: &str) -> Measured<Workload> {
        self.made(&Dataset::named(name)?)
    }

    /// The journal of a recipe; its name must say what was varied.
    pub(crate) fn of(&self, recipe: &Recipe) -> Measured<Workload> {
        self.made(&Dataset::Events(recipe.clone()))
    }

    /// The journal at a path, where there is a folder, or else that of a data set by name.
    pub(crate) fn named_or_at(&self, name: &str) -> Measured<Workload> {
        let path = Path::new(name);
        if path.is_dir() { self.at(path) } else { self.named(name) }
    }

    /// The journal at a path, whatever it came from.
    fn at(&self, path: &Path) -> Measured<Workload> {
        let journal = Journal::open_path(path)?;
        Workload::of(&path.display().to_string(), &journal, path)
    }

    fn made(&self, dataset: &Dataset) -> Measured<Workload> {
        let path = self.folder.join(dataset.name());
        if !path.exists() {
            make::beside(&self.folder, &path, dataset)?;
        }
        let journal = Journal::open_path(&path)?;
        if Some(journal.journal_id) != make::options(dataset).journal_id {
            let path = path.display();
            return Err(
                format!("{path} was made by another recipe than it is now: remove it").into()
            );
        }
        let workload = Workload::of(dataset.name(), &journal, &path)?;
        if let Some(record) = Record::named(dataset.name()) {
            workload.check(record)?;
        }
        Ok(workload)
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
            make::put(&beside.keep(), &path)?;
        }
        Workload::of(&name, &Journal::open_path(&path)?, &path)
    }

    /// A journal that is removed again when it goes, where `kept` doesn't ask for more.
    pub(crate) fn passing(&self, recipe: &Recipe, kept: Kept) -> Measured<Passing> {
        let there = self.folder.join(&recipe.name).exists();
        let removed = !there && kept == Kept::No;
        Ok(Passing { workload: self.of(recipe)?, removed })
    }
}

/// Whether journals of varied recipes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    No,
}

/// A journal, which is removed with this where it wasn't there before and isn't to be kept.
#[derive(Debug)]
pub(crate) struct Passing {
    pub(crate) workload: Workload,
    removed: bool,
}

impl Drop for Passing {
    fn drop(&mut self) {
        let path = &self.workload.path;
        if self.removed && std::fs::remove_dir_all(path).is_err() {
            eprintln!("the journal {} can't be removed", path.display());
        }
    }
}

impl Workload {
    fn of(name: &str, journal: &Journal, path: &Path) -> Measured<Self> {
        let (mut bytes, mut last) = (0, None);
        for index in 0..journal.segments.len() {
            let blocks = journal.segment_index(index)?.blocks;
            bytes += blocks.iter().map(|it| u64::from(it.entry.block_bytes)).sum::<u64>();
            last = blocks.last().copied().or(last);
        }
        let last = last.ok_or("the journal has no block")?;
        let events = last.next_lsn - 1;
        let head = format!("{events}:{}", hex::encode(last.entry.digest));
        Ok(Self { name: name.to_owned(), events, bytes, head, path: path.to_owned() })
    }

    /// Says whether it is what is on record.
    fn check(&self, record: &Record) -> Result<(), String> {
        let Some(expected) = record.expected else { return Ok(()) };
        let head = format!("{}:{}", expected.events, expected.head);
        if self.head == head {
            return Ok(());
        }
        Err(format!(
            "{} is not the journal {} that figures are about: its head is {}, where {head} is on record",
            self.path.display(),
            self.name,
            self.head,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_journal_under_a_name_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let workloads = Workloads::new(folder.path().to_owned());
        assert_eq!(workloads.named("tiny").unwrap().events, 200);
        // Another recipe under the same name.
        let other = Recipe { events: 100, ..Recipe::named("tiny").unwrap() };
        let refused = workloads.of(&other).unwrap_err().to_string();
        assert!(refused.contains("another recipe"), "{refused}");
        std::fs::remove_dir_all(folder.path().join("tiny")).unwrap();
        let refused = workloads.of(&other).unwrap_err().to_string();
        assert!(refused.contains("its head is 100:") && refused.contains("200:"), "{refused}");
    }

    #[test]
    fn a_journal_that_two_make_at_once_is_there_for_both() {
        let folder = tempfile::tempdir().unwrap();
        let [path, late] = ["1k", "late"].map(|name| folder.path().join(name));
        let workload = Workloads::new(folder.path().to_owned()).named("1k").unwrap();
        std::fs::create_dir(&late).unwrap();
        make::put(&late, &path).unwrap();
        assert!(!late.exists());
        assert_eq!(Workloads::new(folder.path().to_owned()).named("1k").unwrap(), workload);
    }

    #[test]
    fn a_head_that_differs_in_a_digit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let workload = Workloads::new(folder.path().to_owned()).named("1k").unwrap();
        let record = Record::named("1k").unwrap();
        assert_eq!(workload.check(record), Ok(()));
        let mut head = workload.head.clone();
        let last = head.pop().unwrap();
        head.push(if last == '0' { '1' } else { '0' });
        assert!(Workload { head, ..workload }.check(record).is_err());
    }

    #[test]
    fn a_passing_journal_is_removed_unless_it_is_kept_or_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let workloads = Workloads::new(folder.path().to_owned());
        let recipe = Recipe { name: "passing".to_owned(), ..Recipe::named("tiny").unwrap() };
        for (kept, stays) in [(Kept::No, false), (Kept::Yes, true), (Kept::No, true)] {
            let passing = workloads.passing(&recipe, kept).unwrap();
            assert!(passing.workload.path.exists());
            drop(passing);
            assert_eq!(folder.path().join("passing").exists(), stays);
        }
    }
}
