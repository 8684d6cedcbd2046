//! The law of pruning: whatever stays can be loaded, as can the newest one after a crash at any
//! operation; and what can't be read stays, too.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use proptest::sample::subsequence;
use vexfs_replay::checkpoint::{Catalogue, prune};
use vexfs_replay::journal::Validation;
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::chain::Chain;
use crate::check::{hold, runner};
use crate::crashing::{CrashingFolder, Dice};
use crate::scribe::Step;
use crate::small_journal::{OPTIONS, journal_of};

/// Where the checkpoints of several chains are, each with a base and what builds on it.
const STOPS: [&[u64]; 4] = [&[2, 5, 9, 12], &[3, 6, 10], &[7, 8, 11, 13], &[9]];

/// The checkpoints of all chains, by name.
fn files() -> Vec<(String, Vec<u8>)> {
    let (journal, _) = journal_of(&[Step::Set(1_500), Step::Commit].repeat(14), OPTIONS);
    let chains = STOPS.map(|stops| Chain::of(journal.clone(), stops, Validation::Full));
    let contents = chains.iter().flat_map(|chain| {
        (0..chain.names.len()).map(|which| (chain.names[which].clone(), chain.content(which)))
    });
    contents.collect()
}

fn folder_of<'f>(files: impl IntoIterator<Item = &'f (String, Vec<u8>)>) -> MemoryFolder {
    let folder = MemoryFolder::default();
    files.into_iter().for_each(|(name, content)| folder.put(name, content.clone()));
    folder
}

/// The names of those that can be loaded, newest first, and of those that can't be read.
fn look(folder: impl Folder + 'static) -> (Vec<String>, BTreeSet<String>) {
    let catalogue = Catalogue::open(Arc::new(folder)).unwrap();
    let (mut loadable, mut unreadable) = (Vec::new(), BTreeSet::new());
    for entry in &catalogue.entries {
        match &entry.file {
            Ok(file) if catalogue.load(file).is_ok() => loadable.push(entry.name.clone()),
            Ok(_) => {}
            Err(_) => drop(unreadable.insert(entry.name.clone())),
        }
    }
    (loadable, unreadable)
}

#[derive(Debug, Default)]
struct Seen {
    sets: Cell<u64>,
    removed: Cell<usize>,
    crashes: Cell<u64>,
}

fn check_prune(before: &MemoryFolder, keep: usize, seen: &Seen) {
    let (loadable, unreadable) = look(before.clone());
    let folder = CrashingFolder::on(before);
    let pruned = prune(&Catalogue::open(Arc::new(folder.clone())).unwrap(), keep).unwrap();
    seen.sets.set(seen.sets.get() + 1);
    seen.removed.set(seen.removed.get() + pruned.removed.len());

    let after = folder.list().unwrap();
    let all: BTreeSet<_> = pruned.kept.iter().chain(&pruned.removed).cloned().collect();
    assert_eq!(all, before.list().unwrap().into_iter().collect(), "{pruned:?}");
    assert_eq!(after.iter().collect::<BTreeSet<_>>(), pruned.kept.iter().collect(), "{pruned:?}");
    let (still_loadable, still_unreadable) = look(folder.clone());
    assert_eq!(still_unreadable, unreadable, "{pruned:?}");
    assert_eq!(still_loadable.len() + still_unreadable.len(), after.len(), "{pruned:?}");
    let wanted = &loadable[..keep.max(1).min(loadable.len())];
    assert!(still_loadable.starts_with(wanted), "{wanted:?} are to stay, {pruned:?}");

    let (mut crash, mut dice) = (folder.crashes(), Dice(1));
    loop {
        for fate in crash.fates(1, &mut dice) {
            let left = crash.survivor(fate);
            let there = left.list().unwrap();
            let (still_loadable, _) = look(left);
            let at = format!("{there:?} after {} operations, {fate:?}", crash.done());
            assert!(still_loadable.starts_with(wanted), "{wanted:?} are to stay, {at}");
            // What is still there and could be loaded still can.
            let same = loadable.iter().filter(|name| there.contains(name));
            assert!(same.eq(&still_loadable), "{still_loadable:?} of {loadable:?}, {at}");
            seen.crashes.set(seen.crashes.get() + 1);
        }
        if !crash.advance() {
            return;
        }
    }
}

#[test]
fn whatever_stays_can_be_loaded() {
    let (started, seen, files) = (Instant::now(), Seen::default(), files());
    let some = subsequence(files.clone(), 0..=files.len());
    let broken = proptest::collection::vec(any::<proptest::sample::Index>(), 0..3);
    hold(runner(600).run(&(some, broken, 0..7_usize), |(mut some, broken, keep)| {
        let count = some.len();
        for which in broken.iter().filter(|_| count > 0) {
            // Its magic, so that it is none that can be read.
            some[which.index(count)].1[0] = b'-';
        }
        check_prune(&folder_of(&some), keep, &seen);
        Ok(())
    }));
    println!("{seen:?}, {:.1} s", started.elapsed().as_secs_f64());
    assert!(seen.removed.get() > 0);
}

/// All of them, for every number that may be kept.
#[test]
fn all_chains_at_once() {
    let (seen, files) = (Seen::default(), files());
    (0..=files.len() + 1).for_each(|keep| check_prune(&folder_of(&files), keep, &seen));
    println!("{seen:?}");
}
