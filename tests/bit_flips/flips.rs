//! One flipped bit.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Instant;

use vexfs_replay::journal::{Durability, EndKind, Head, Journal, Validation, WriterOptions};
use vexfs_replay::replay::{DamagePolicy, Outcome, ReplayOptions, replay_serially, verify};
use vexfs_replay::storage::MemoryFolder;

use crate::keep_memory::keep_memory;
use crate::small_journal::{OPTIONS, THREE_SEGMENTS, copy_of, journal_of, names_of};

/// How many bits to go on by: all of them, unless the code is slow.
const STRIDE: usize = if cfg!(debug_assertions) { 61 } else { 1 };
/// Every how many flips the parallel verify has a look; it makes threads each time.
const VERIFY_EVERY: usize = 401;

/// Every how many flips the default policy has a look, too.
const BY_DEFAULT_EVERY: usize = 4;

/// What an intact journal gives.
struct Intact {
    head: Head,
    digest: [u8; 32],
}

/// The options of the looks that are taken; made once, since it takes long to count the cores.
struct Looks {
    past_damage: ReplayOptions,
    by_default: ReplayOptions,
}

impl Looks {
    fn new() -> Self {
        let threads = NonZero::<usize>::MIN;
        let by_default = ReplayOptions { threads, ..ReplayOptions::default() };
        assert_eq!(by_default.validation, Validation::Cryptographic);
        assert_eq!(by_default.damage, DamagePolicy::Tail);
        let past_damage = ReplayOptions { damage: DamagePolicy::Salvage, ..by_default.clone() };
        Self { past_damage, by_default }
    }
}

/// Whether an outcome says that all is well. A journal that was closed ends with a seal.
fn says_all_is_well(outcome: &Outcome) -> bool {
    outcome.findings.end.kind == EndKind::Sealed && !outcome.has_loss()
}

/// Whether a look at the journal, past all damage, says that something is wrong.
fn is_found(folder: &MemoryFolder, looks: &Looks) -> bool {
    let Ok(journal) = Journal::open(Arc::new(folder.clone())) else { return true };
    let replayed = replay_serially(&journal, &looks.past_damage);
    replayed.is_ok_and(|(_, outcome)| !says_all_is_well(&outcome))
}

/// Under the default policy a flipped bit costs nothing that was written: refused, or all there.
fn is_nothing_lost(folder: &MemoryFolder, looks: &Looks, intact: &Intact) -> bool {
    let Ok(journal) = Journal::open(Arc::new(folder.clone())) else { return true };
    match replay_serially(&journal, &looks.by_default) {
        Err(_) => true,
        Ok((state, outcome)) => outcome.head == intact.head && state.digest() == intact.digest,
    }
}

/// A journal whose writer told how far it was durable, and one whose writer didn't.
const DURABILITIES: [Durability; 2] = [Durability::DataAndMetadata, Durability::None];

fn flip_every_bit_of(segment: usize) {
    DURABILITIES.into_iter().for_each(|durability| flip_every_bit(segment, durability));
}

fn flip_every_bit(segment: usize, durability: Durability) {
    keep_memory();
    let started = Instant::now();
    let (folder, _) = journal_of(THREE_SEGMENTS, WriterOptions { durability, ..OPTIONS });
    let names = names_of(&folder);
    assert_eq!(names.len(), 3);
    let journal = Journal::open(Arc::new(copy_of(&folder))).unwrap();
    let (state, outcome) = replay_serially(&journal, &ReplayOptions::default()).unwrap();
    let intact = Intact { head: outcome.head, digest: state.digest() };
    assert!(says_all_is_well(&outcome));

    let (name, content) = (&names[segment], folder.get(&names[segment]).unwrap());
    let (looks, mut flips) = (Looks::new(), 0);
    for bit in (0..content.len() * 8).step_by(STRIDE) {
        let mut flipped = content.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        folder.put(name, flipped);
        let place = || format!("{name}, byte {}, bit {}", bit / 8, bit % 8);
        assert!(is_found(&folder, &looks), "{}", place());
        if flips % BY_DEFAULT_EVERY == 0 {
            assert!(is_nothing_lost(&folder, &looks, &intact), "{}", place());
        }
        if flips % VERIFY_EVERY == 0 {
            let journal = Journal::open(Arc::new(folder.clone()));
            let options = &looks.by_default;
            let looked = journal.and_then(|journal| verify(&journal, options, &mut |_| {}));
            assert!(!looked.is_ok_and(|outcome| says_all_is_well(&outcome)), "{}", place());
        }
        flips += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{name}, {durability:?}: {flips} flips, {seconds:.1} s");
}

#[test]
fn every_flipped_bit_of_the_first_segment_is_found() {
    flip_every_bit_of(0);
}

#[test]
fn every_flipped_bit_of_a_middle_segment_is_found() {
    flip_every_bit_of(1);
}

#[test]
fn every_flipped_bit_of_the_newest_segment_is_found() {
    flip_every_bit_of(2);
}
