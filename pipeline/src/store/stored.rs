//! A state that a store holds, to be looked at. Nothing of it is kept in memory, and nothing replayed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use vexfs_kernels::Digest;

use super::files::lock_to_read;
use super::{Held, Range, Reader, open_to_read};
use crate::error::Error;
use crate::state::{Key, KeyKind, OwnedKey, PARTITIONS, Pieces, View, Visit, state_digest};

/// With this an SQLite database begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How many records of each partition are read ahead of a visit in order.
const AHEAD: usize = 32;
/// Into how many shares a worker's part of the partitions is divided, so that none waits for long.
const SHARES: usize = 4;

/// Whether there is a store at a path, by how the file begins.
#[must_use]
pub fn is_store(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == MAGIC
}

/// The state that a store holds.
#[derive(Clone, Debug)]
pub struct StoredState {
    path: PathBuf,
    held: Held,
    /// While it is there no replay writes the store, so that all that is read is of one moment.
    _lock: Option<Arc<fs::File>>,
}

/// The digests of some partitions, and how many records they have by kind.
type Part = (Vec<Digest>, [u64; KeyKind::ALL.len()]);

impl StoredState {
    /// The state in the store at this path.
    ///
    /// # Errors
    /// [`Error::Store`] when there is none that can be read; [`Error::Locked`] while a replay writes it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let lock = lock_to_read(path)?.map(Arc::new);
        Ok(Self { _lock: lock, ..Self::of_replay(path)? })
    }

    /// The state that a replay has just written; the next replay may write it again.
    pub(crate) fn of_replay(path: &Path) -> Result<Self, Error> {
        let (held, _) = open_to_read(path)?;
        Ok(Self { path: path.to_owned(), held, _lock: None })
    }

    /// What the store says of itself.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.held
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Error> {
        open_to_read(&self.path).map(|(_, reader)| reader)
    }

    fn sum_up_some(&self, partitions: &[usize]) -> Result<Part, Error> {
        let mut reader = self.reader()?;
        let (mut digests, mut counts) = (Vec::new(), [0; KeyKind::ALL.len()]);
        for &partition in partitions {
            let mut pieces = Pieces::default();
            let all = Range { partition, kind: None, after: None };
            reader.scan(all, &mut |key, value| {
                pieces.add(key, value);
                counts[key.kind as usize - 1] += 1;
                Ok(true)
            })?;
            digests.push(pieces.finish());
        }
        Ok((digests, counts))
    }
}

impl View for StoredState {
    fn record(&self, key: &Key<'_>) -> Result<Option<Vec<u8>>, Error> {
        let mut record = None;
        self.reader()?.get(&[*key], &mut |_, value| {
            record = Some(value.to_vec());
            Ok(())
        })?;
        Ok(record)
    }

    fn visit(&self, kind: KeyKind, visit: Visit<'_>) -> Result<(), Error> {
        let mut reader = self.reader()?;
        (0..PARTITIONS).try_for_each(|partition| {
            let range = Range { partition, kind: Some(kind), after: None };
            reader.scan(range, &mut |key, value| visit(key, value).map(|()| true))
        })
    }

    fn visit_in_order(&self, kind: KeyKind, visit: Visit<'_>) -> Result<(), Error> {
        let mut reader = self.reader()?;
        let mut lines = Vec::with_capacity(PARTITIONS);
        let mut heads = BinaryHeap::new();
        for partition in 0..PARTITIONS {
            let mut line = Line { partition, kind, ahead: VecDeque::new() };
            line.read(reader.as_mut(), None)?;
            heads.extend(line.head().map(|head| Reverse((head, partition))));
            lines.push(line);
        }
        while let Some(Reverse((_, partition))) = heads.pop() {
            let line = &mut lines[partition];
            let Some((key, value)) = line.ahead.pop_front() else { continue };
            let key = key.as_key();
            visit(&key, &value)?;
            if line.ahead.is_empty() {
                line.read(reader.as_mut(), Some(key))?;
            }
            heads.extend(line.head().map(|head| Reverse((head, partition))));
        }
        Ok(())
    }

    fn sum_up(&self) -> Result<(Vec<(KeyKind, u64)>, Digest), Error> {
        let all: Vec<usize> = (0..PARTITIONS).collect();
        let share = PARTITIONS.div_ceil(rayon::current_num_threads() * SHARES);
        let parts: Vec<Part> = all
            .par_chunks(share)
            .map(|partitions| self.sum_up_some(partitions))
            .collect::<Result<_, Error>>()?;
        let count_of = |kind: KeyKind| parts.iter().map(|part| part.1[kind as usize - 1]).sum();
        let counts = KeyKind::ALL.map(|kind| (kind, count_of(kind))).to_vec();
        let digests: Vec<Digest> = parts.into_iter().flat_map(|(digests, _)| digests).collect();
        Ok((counts, state_digest(&digests)))
    }
}

/// The records of one partition and kind that come next.
struct Line {
    partition: usize,
    kind: KeyKind,
    ahead: VecDeque<(OwnedKey, Vec<u8>)>,
}

impl Line {
    fn head(&self) -> Option<OwnedKey> {
        self.ahead.front().map(|(key, _)| key.clone())
    }

    fn read(&mut self, reader: &mut dyn Reader, after: Option<Key<'_>>) -> Result<(), Error> {
        let range = Range { partition: self.partition, kind: Some(self.kind), after };
        reader.scan(range, &mut |key, value| {
            self.ahead.push_back((OwnedKey::from(key), value.to_vec()));
            Ok(self.ahead.len() < AHEAD)
        })
    }
}
