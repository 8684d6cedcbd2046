//! Holds a replay against what the model expects: every record byte for byte, the digest, the
//! counts, how the transactions ended, and what contradicts itself.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, LazyLock, OnceLock};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestError, TestRunner};
use vexfs_replay::Error;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::{
    DamagePolicy, Outcome, ReplayOptions, Shared, replay, replay_serially, verify,
};
use vexfs_replay::state::{KeyKind, MemoryState};
use vexfs_replay::storage::MemoryFolder;

use crate::keep_memory::keep_memory;
use crate::model::{Digests, Expected, expected};
use crate::story::{Line, Story};

/// The numbers of threads that are compared.
pub(crate) const THREADS: [usize; 5] = [1, 2, 3, 4, 8];

/// How a journal is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Serially,
    /// On this many threads.
    InParallel(usize),
    /// On this many threads and in buffers, all of which earlier replays had.
    OnKept(usize),
}

/// Workers and buffers that are kept, so many, and memory: to start them and to get it anew takes longer than
/// to replay a small journal.
pub(crate) fn kept(threads: usize) -> Arc<Shared> {
    static KEPT: [OnceLock<Arc<Shared>>; 9] = [const { OnceLock::new() }; 9];
    let make = || {
        keep_memory();
        Shared::new(NonZero::new(threads).unwrap(), None).unwrap().keeping_buffers()
    };
    Arc::clone(KEPT[threads].get_or_init(|| Arc::new(make())))
}

pub(crate) type Replayed = Result<(MemoryState, Outcome), Error>;

/// Replays in one way.
pub(crate) fn replay_by(way: Way, journal: &Journal, options: &ReplayOptions) -> Replayed {
    match way {
        Way::Serially => replay_serially(journal, options),
        Way::InParallel(threads) => {
            let threads = NonZero::new(threads).unwrap();
            replay(journal, &ReplayOptions { threads, ..options.clone() }, &mut |_| {})
        }
        Way::OnKept(threads) => {
            let shared = Some(kept(threads));
            replay(journal, &ReplayOptions { shared, ..options.clone() }, &mut |_| {})
        }
    }
}

/// Every way, each with a validation mode; `turn` decides which goes with which, and which of them makes workers
/// and buffers of its own.
pub(crate) fn ways(turn: usize) -> impl Iterator<Item = (Way, Validation)> {
    let mode = move |index: usize| Validation::ALL[(index + turn) % Validation::ALL.len()];
    let parallel = THREADS.iter().enumerate();
    let parallel = parallel.map(move |(index, &threads)| {
        let way = if (index + turn).is_multiple_of(2) { Way::InParallel } else { Way::OnKept };
        (way(threads), mode(index))
    });
    Validation::ALL.map(|mode| (Way::Serially, mode)).into_iter().chain(parallel)
}

pub(crate) fn options(damage: DamagePolicy, validation: Validation) -> ReplayOptions {
    // Asking for the defaults asks the system for the number of cores.
    static DEFAULT: LazyLock<ReplayOptions> = LazyLock::new(ReplayOptions::default);
    ReplayOptions { damage, validation, control: Default::default(), ..DEFAULT.clone() }
}

pub(crate) fn open(folder: &MemoryFolder) -> Journal {
    Journal::open(Arc::new(folder.clone())).unwrap()
}

/// What the model makes of lines in one mode.
pub(crate) fn expected_under<'l>(
    validation: Validation,
    lines: impl IntoIterator<Item = &'l Line>,
) -> Expected {
    let looked = validation >= Validation::Full;
    expected(lines, if looked { Digests::Checked } else { Digests::PassedOver })
}

/// What the model makes of lines in every mode; only what is asked for is made.
pub(crate) struct Models<'l> {
    lines: Vec<&'l Line>,
    made: [OnceCell<Expected>; 2],
}

impl<'l> Models<'l> {
    pub(crate) fn of(lines: impl IntoIterator<Item = &'l Line>) -> Self {
        Self { lines: lines.into_iter().collect(), made: Default::default() }
    }

    pub(crate) fn under(&self, validation: Validation) -> &Expected {
        let made = &self.made[usize::from(validation >= Validation::Full)];
        made.get_or_init(|| expected_under(validation, self.lines.iter().copied()))
    }
}

/// Checks every way to replay a whole story against the model.
pub(crate) fn check_ways(story: &Story, models: &Models, turn: usize) -> TestCaseResult {
    let journal = open(&story.folder);
    check_verify(&journal, models, turn)
        .map_err(|difference| failure(story, "verify", &difference))?;
    ways(turn).try_for_each(|way| check_way(story, &journal, models, way))
}

/// How many turns [`check_in_turn`] takes to see all ways.
pub(crate) const TURNS: usize = THREADS.len() * Validation::ALL.len();

/// The modes of a turn, of which the model expects the same: of the serial replay, and of the parallel one.
pub(crate) fn modes_of(turn: usize) -> [Validation; 2] {
    let serial = turn % Validation::ALL.len();
    [serial, serial ^ 1].map(|mode| Validation::ALL[mode])
}

/// Checks a story serially and on one number of threads, each in one mode: where there are many stories, all
/// are seen in their turns. In one turn of five it is also verified.
pub(crate) fn check_in_turn(story: &Story, models: &Models, turn: usize) -> TestCaseResult {
    let journal = open(&story.folder);
    let (threads, [serial, parallel]) = (THREADS[turn / Validation::ALL.len()], modes_of(turn));
    if threads == THREADS[0] {
        check_verify(&journal, models, turn)
            .map_err(|difference| failure(story, "verify", &difference))?;
    }
    check_way(story, &journal, models, (Way::Serially, serial))?;
    check_way(story, &journal, models, (Way::OnKept(threads), parallel))
}

fn check_way(
    story: &Story,
    journal: &Journal,
    models: &Models,
    (way, validation): (Way, Validation),
) -> TestCaseResult {
    let at = || format!("{way:?}, {validation:?}");
    let mut options = options(DamagePolicy::Salvage, validation);
    options.anchor = story.head;
    let replayed = replay_by(way, journal, &options);
    let replayed = replayed.map_err(|error| failure(story, &at(), &error.to_string()))?;
    same("anchored", &story.head.is_some(), &replayed.1.anchored)
        .and_then(|()| check(models.under(validation), &replayed))
        .map_err(|difference| failure(story, &at(), &difference))
}

/// Checks that a look at the whole journal, which applies nothing, counts the same.
fn check_verify(journal: &Journal, models: &Models, turn: usize) -> Result<(), String> {
    let validation = Validation::ALL[turn];
    let shared = Some(kept(THREADS[1]));
    let options = ReplayOptions { shared, ..options(DamagePolicy::Strict, validation) };
    let verified = verify(journal, &options, &mut |_| {}).map_err(|error| error.to_string())?;
    let (expected, found) = (models.under(validation), verified.findings);
    same("damages", &Vec::new(), &found.damages)?;
    same("tally", &expected.tally, &found.tally)?;
    same("transactions", &expected.transactions, &found.transactions)
}

/// A failure, with all that its reader needs.
pub(crate) fn failure(story: &Story, at: &str, what: &str) -> TestCaseError {
    TestCaseError::fail(format!("{at}: {what}\nthe journal says\n{}", story.told()))
}

/// Compares a replay with what is expected; gives the first difference.
pub(crate) fn check(
    expected: &Expected,
    (state, outcome): &(MemoryState, Outcome),
) -> Result<(), String> {
    check_records(expected, state)?;
    let findings = &outcome.findings;
    same("digest", &expected.digest, &state.digest())?;
    same("transactions", &expected.transactions, &findings.transactions)?;
    let (wanted, found) = (&expected.inconsistencies, &findings.inconsistencies);
    same("number of inconsistencies", &wanted.count, &found.count)?;
    same("inconsistencies", &wanted.first, &found.first)?;
    same("tally", &expected.tally, &findings.tally)
}

pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what} {found:?}, not {expected:?}")) }
}

fn check_records(expected: &Expected, state: &MemoryState) -> Result<(), String> {
    let mut found = BTreeMap::new();
    let mut counts = Vec::new();
    for kind in KeyKind::ALL {
        let before = found.len();
        let mut visited = 0;
        state.for_each(kind, |key, record| {
            visited += 1;
            found.insert((kind as u8, key.id, key.second, key.name.to_vec()), record.to_vec());
        });
        same("records under different keys", &(found.len() - before), &visited)?;
        counts.push((kind, visited as u64));
    }
    same("counts", &counts, &state.counts())?;
    for key in expected.records.keys().chain(found.keys()) {
        let (wanted, found) = (expected.records.get(key), found.get(key));
        if wanted != found {
            return Err(format!("under {key:?} is\n{found:02x?}, not\n{wanted:02x?}"));
        }
    }
    Ok(())
}

/// How many journals the main property looks at where nothing else is asked for. Without optimization one
/// takes ten times as long.
pub(crate) const JOURNALS: u32 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };

/// A runner for a property that looks at so many cases where the main one looks at [`JOURNALS`].
pub(crate) fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("AGREEMENT_JOURNALS").ok();
    let journals = asked.map_or(JOURNALS, |asked| asked.parse().unwrap());
    let cases = u64::from(cases) * u64::from(journals) / u64::from(JOURNALS);
    let cases = u32::try_from(cases.max(1)).unwrap();
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// Panics with a readable report where a property failed.
pub(crate) fn hold<T: std::fmt::Debug>(result: Result<(), TestError<T>>) {
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("{reason}\nby the script\n{value:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
