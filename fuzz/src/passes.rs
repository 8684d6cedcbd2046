//! Every way to read a journal, and what must hold whatever its bytes are: a result or a typed
//! error, the same one in parallel as serially, for work that is bounded by what is stored.

use std::num::NonZero;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::{Journal, Validation, segment};
use vexfs_replay::replay::{
    DamagePolicy, Outcome, ReplayOptions, StopPoint, replay, replay_serially, verify,
};
use vexfs_replay::state::MemoryState;
use vexfs_replay::storage::MemoryFolder;

use crate::Segments;
use crate::counting::CountingFolder;
use crate::input::{Choice, POLICIES};

/// How often a pass may read the stored bytes. The tests hold the same bound.
const READINGS_MAX: u64 = 8;
/// What a pass may read beside that, in bytes: a page or so for each look at a small file.
const READ_BYTES_MAX: u64 = 64 * 1024;

type Replayed = Result<(MemoryState, Outcome), Error>;

/// Reads the journal in every mode and under every policy.
///
/// # Panics
/// When something doesn't hold.
pub fn check(segments: &Segments, choice: &Choice) {
    let Some(journal) = Opened::of(segments) else { return };
    for validation in Validation::ALL {
        for damage in POLICIES {
            let options = options(validation, damage, choice);
            let serial = journal.bounded(|it| replay_serially(it, &options));
            if (validation, damage) == (choice.validation, choice.damage) {
                journal.check_parallel(&serial, &options);
            }
        }
    }
}

/// Replays a journal that must be intact, in the strictest way.
///
/// # Panics
/// When it isn't.
#[must_use]
pub fn check_intact(segments: &Segments) -> Outcome {
    let journal = Opened::of(segments).expect("there is a journal");
    let (validation, damage) = (Validation::Cryptographic, DamagePolicy::Strict);
    let options = options(validation, damage, &Choice { validation, damage, until_lsn: None });
    let serial = replay_serially(&journal.journal, &options);
    journal.check_parallel(&serial, &options);
    let (_, outcome) = serial.expect("it is intact");
    assert!(!outcome.has_loss() && outcome.findings.end.tail.is_none(), "{outcome:?}");
    outcome
}

fn options(validation: Validation, damage: DamagePolicy, choice: &Choice) -> ReplayOptions {
    let until = choice.until_lsn.map(StopPoint::Lsn);
    ReplayOptions { validation, damage, until, ..ReplayOptions::default() }
}

struct Opened {
    journal: Journal,
    folder: CountingFolder,
    bytes_max: u64,
}

impl Opened {
    fn of(segments: &Segments) -> Option<Self> {
        let folder = MemoryFolder::default();
        let mut stored = 0;
        for (number, content) in (0..).zip(segments) {
            let Some(content) = content else { continue };
            stored += content.len() as u64;
            folder.put(&segment::file_name(number), content.clone());
        }
        let folder = CountingFolder::over(folder);
        let opened = Journal::open(Arc::new(folder.clone()));
        let bytes_max = READINGS_MAX * stored + READ_BYTES_MAX;
        let read = folder.take_bytes_read();
        assert!(read <= bytes_max, "opening read {read} bytes of {stored}");
        opened.ok().map(|journal| Self { journal, folder, bytes_max })
    }

    /// Makes a pass, and checks how much it read.
    fn bounded<T>(&self, pass: impl FnOnce(&Journal) -> Result<T, Error>) -> Result<T, Error> {
        let result = pass(&self.journal);
        let (read, most) = (self.folder.take_bytes_read(), self.bytes_max);
        assert!(read <= most, "a pass read {read} bytes where {most} are enough");
        if let Err(error) = &result {
            check_error(error);
        }
        result
    }

    fn check_parallel(&self, serial: &Replayed, options: &ReplayOptions) {
        for threads in [1, 2].into_iter().filter_map(NonZero::new) {
            let options = ReplayOptions { threads, ..options.clone() };
            let parallel = self.bounded(|it| replay(it, &options, &mut |_| {}));
            check_same(serial, &parallel);
        }
        // It passes over no damage and applies nothing, so the policy says nothing to it.
        drop(self.bounded(|it| verify(it, options, &mut |_| {})));
    }
}

/// Nothing but damage can be wrong with a journal in memory that nobody changes.
fn check_error(error: &Error) {
    let typed = matches!(
        error,
        Error::Damaged { .. } | Error::Inconsistent { .. } | Error::LimitExceeded { .. }
    );
    assert!(typed, "{error:?}");
    // A message that can't be written would be no message.
    assert!(!error.to_string().is_empty());
}

fn check_same(serial: &Replayed, parallel: &Replayed) {
    match (serial, parallel) {
        (Ok((one_state, one)), Ok((two_state, two))) => {
            assert_eq!(one_state.digest(), two_state.digest(), "{one:?}\n{two:?}");
            assert_eq!((one.head, one.last_lsn), (two.head, two.last_lsn));
            let (one, two) = (&one.findings, &two.findings);
            assert_eq!((one.end.kind, &one.end.tail), (two.end.kind, &two.end.tail));
            assert_eq!((&one.damages, one.tally), (&two.damages, two.tally));
            assert_eq!((one.blocks, one.bytes), (two.blocks, two.bytes));
            assert_eq!(one.transactions, two.transactions);
            assert_eq!(one.inconsistencies, two.inconsistencies);
        }
        (Err(one), Err(two)) => assert_eq!(one.to_string(), two.to_string()),
        _ => panic!("serially {serial:?}, in parallel {parallel:?}"),
    }
}
