//! A writer that remembers what it was told to write and what was promised to survive, and a check
//! of what came back: acknowledged ⊆ recovered ⊆ written, a prefix, transactions whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::{Body, Measure, TransactionEnd, transaction_outcome};
use vexfs_replay::journal::{
    Durability, EndKind, Journal, NewEvent, TransactionDigest, Validation, Writer, WriterOptions,
};
use vexfs_replay::replay::{DamagePolicy, Outcome, ReplayOptions, replay_serially};
use vexfs_replay::state::{KeyKind, MemoryState, MetricRecord};
use vexfs_replay::storage::Folder;

/// How many keys the events are about: few, so that later ones overwrite earlier ones.
const KEYS: u64 = 7;

/// What an event says.
#[derive(Clone, Copy, Debug)]
enum Said {
    Set { key: u64, value: f64 },
    Begin,
    Commit,
    Abort,
}

/// One event of the history.
#[derive(Clone, Copy, Debug)]
struct Line {
    transaction: u64,
    said: Said,
}

/// An open transaction.
struct Open {
    sets: Vec<(u64, u64, f64)>,
    is_whole: bool,
}

/// What a metric's record must hold: changed LSN, count, value.
type Known = (u64, u64, f64);

/// Everything that was given to writers, by LSN. What a crash took is cut off at the next opening.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    lines: Vec<Line>,
    /// Never the same twice, also where an LSN is.
    value: f64,
}

impl History {
    pub(crate) fn last_lsn(&self) -> u64 {
        self.lines.len() as u64
    }

    pub(crate) fn cut(&mut self, last_lsn: u64) {
        self.lines.truncate(usize::try_from(last_lsn).unwrap());
    }

    /// The state that these events lead to, up to an LSN, without those that were lost. A
    /// transaction that lost anything has no effect.
    fn state(&self, last_lsn: u64, is_lost: &dyn Fn(u64) -> bool) -> BTreeMap<Vec<u8>, Known> {
        let mut state = BTreeMap::new();
        let mut open: BTreeMap<u64, Open> = BTreeMap::new();
        let mut set = |(lsn, key, value)| {
            let known: &mut Known = state.entry(key_name(key)).or_default();
            *known = (lsn, known.1 + 1, value);
        };
        for (lsn, line) in (1..=last_lsn).zip(&self.lines) {
            let id = line.transaction;
            if is_lost(lsn) {
                open.entry(id).and_modify(|open| open.is_whole = false);
                continue;
            }
            match (line.said, id) {
                (Said::Set { key, value }, 0) => set((lsn, key, value)),
                (Said::Set { key, value }, id) => {
                    open.entry(id).and_modify(|open| open.sets.push((lsn, key, value)));
                }
                (Said::Begin, id) => {
                    open.insert(id, Open { sets: Vec::new(), is_whole: true });
                }
                (Said::Commit, id) => {
                    let ended = open.remove(&id).filter(|open| open.is_whole);
                    ended.into_iter().flat_map(|open| open.sets).for_each(&mut set);
                }
                (Said::Abort, id) => drop(open.remove(&id)),
            }
        }
        state
    }

    /// Checks that `state` is what the events up to `last_lsn` lead to.
    pub(crate) fn check_state(&self, state: &MemoryState, last_lsn: u64) {
        self.check_state_without(state, last_lsn, &(0..0));
    }

    /// As [`Self::check_state`], where the events in `lost` are missing.
    pub(crate) fn check_state_without(
        &self,
        state: &MemoryState,
        last_lsn: u64,
        lost: &Range<u64>,
    ) {
        let (found, expected) = self.found_and_expected(state, last_lsn, &|it| lost.contains(&it));
        assert_eq!(found, expected, "the state after LSN {last_lsn}, without {lost:?}");
    }

    /// Whether `state` is what the events up to `last_lsn` lead to, without those that were lost.
    pub(crate) fn leads_to(
        &self,
        state: &MemoryState,
        last_lsn: u64,
        is_lost: &dyn Fn(u64) -> bool,
    ) -> bool {
        let (found, expected) = self.found_and_expected(state, last_lsn, is_lost);
        found == expected
    }

    fn found_and_expected(
        &self,
        state: &MemoryState,
        last_lsn: u64,
        is_lost: &dyn Fn(u64) -> bool,
    ) -> (BTreeMap<Vec<u8>, Known>, BTreeMap<Vec<u8>, Known>) {
        let mut found = BTreeMap::new();
        state.for_each(KeyKind::Metric, |key, record| {
            let record = MetricRecord::read(record);
            found.insert(key.name.to_vec(), (record.changed_lsn, record.count, record.value));
        });
        (found, self.state(last_lsn, is_lost))
    }

    /// The LSN at which the oldest transaction began that is open behind `lsn`.
    pub(crate) fn open_since(&self, lsn: u64) -> Option<u64> {
        let mut open = std::collections::BTreeSet::new();
        for line in self.lines.iter().take(usize::try_from(lsn).unwrap()) {
            match line.said {
                // A transaction's id is the LSN at which it begins.
                Said::Begin => open.insert(line.transaction),
                Said::Commit | Said::Abort => open.remove(&line.transaction),
                Said::Set { .. } => continue,
            };
        }
        open.first().copied()
    }

    /// The events up to `last_lsn` that are there and count for nothing, since another event of their
    /// transaction is lost, which ends later; by LSN.
    pub(crate) fn dependents(&self, last_lsn: u64, is_lost: &dyn Fn(u64) -> bool) -> Vec<u64> {
        let lines = || (1..=last_lsn).zip(&self.lines);
        let of = |id: u64| lines().filter(move |(_, line)| line.transaction == id);
        let is_member =
            |line: &Line| matches!(line.said, Said::Set { .. }) && line.transaction != 0;
        let waits_for_lost = |id: u64| {
            let begun = !is_lost(id);
            let end = of(id).find(|(_, line)| matches!(line.said, Said::Commit | Said::Abort));
            match end.filter(|(lsn, _)| !is_lost(*lsn)) {
                // Where the end is lost, it isn't known that there was one.
                None => !begun,
                Some((_, line)) => {
                    let hurt = of(id).any(|(lsn, line)| is_member(line) && is_lost(lsn));
                    !begun || (hurt && matches!(line.said, Said::Commit))
                }
            }
        };
        let members = lines().filter(|(lsn, line)| is_member(line) && !is_lost(*lsn));
        members.filter(|(_, line)| waits_for_lost(line.transaction)).map(|it| it.0).collect()
    }
}

fn key_name(key: u64) -> Vec<u8> {
    format!("key-{key}").into_bytes()
}

/// A writer with its history.
#[derive(Debug)]
pub(crate) struct Scribe {
    folder: Arc<dyn Folder>,
    options: WriterOptions,
    writer: Option<Writer>,
    pub(crate) history: History,
    /// The last LSN that was promised to survive a crash of the machine.
    pub(crate) acknowledged: u64,
    /// The last LSN that was promised to survive a crash of the process.
    pub(crate) committed: u64,
}

impl Scribe {
    /// Checks that the writer, where there still is one, does nothing any more and promises no more
    /// than it did.
    pub(crate) fn check_dead(&self) {
        let Some(writer) = &self.writer else { return };
        for _ in 0..2 {
            assert!(matches!(writer.commit(), Err(Error::WriterDead { .. })));
            let begun = writer.begin(0, 0).map(|begun| begun.id());
            assert!(matches!(begun, Err(Error::WriterDead { .. })), "{begun:?}");
        }
        assert!(writer.durable_lsn() <= self.acknowledged);
    }

    /// Makes a new journal.
    pub(crate) fn create(folder: Arc<dyn Folder>, options: WriterOptions) -> Result<Self, Error> {
        let writer = Some(Writer::create(Arc::clone(&folder), options)?);
        let (history, acknowledged, committed) = (History::default(), 0, 0);
        Ok(Self { folder, options, writer, history, acknowledged, committed })
    }

    /// Opens a journal that holds the whole of `history`.
    pub(crate) fn open(
        folder: Arc<dyn Folder>,
        options: WriterOptions,
        history: History,
    ) -> Result<Self, Error> {
        let writer = Some(Writer::open(Arc::clone(&folder), options)?);
        let last_lsn = history.last_lsn();
        Ok(Self { folder, options, writer, history, acknowledged: last_lsn, committed: last_lsn })
    }

    fn writer(&self) -> &Writer {
        self.writer.as_ref().unwrap()
    }

    /// Runs `call`, and takes in what it promises.
    fn call<T>(&mut self, call: impl FnOnce(&Writer) -> Result<T, Error>) -> Result<T, Error> {
        let result = call(self.writer());
        self.acknowledged = self.acknowledged.max(self.writer().durable_lsn());
        self.committed = self.committed.max(self.acknowledged);
        result
    }

    /// Writes down what the next event says, before it is known whether it gets into the journal.
    fn note(&mut self, transaction: Option<u64>, said: Said) {
        let lsn = self.history.last_lsn() + 1;
        self.history.lines.push(Line { transaction: transaction.unwrap_or(lsn), said });
    }

    /// Sets a key to a new value, in a transaction or (0) outside.
    fn set(
        &mut self,
        transaction: u64,
        text_bytes: usize,
        digest: &mut TransactionDigest,
    ) -> Result<(), Error> {
        self.history.value += 1.0;
        let (key, value) = (self.history.last_lsn() % KEYS, self.history.value);
        self.note(Some(transaction), Said::Set { key, value });
        let lsn = self.history.last_lsn();
        let (name, text) = (key_name(key), vec![b'.'; text_bytes]);
        let body = Body::Metric(Measure { value, name: &name, text: &text });
        let event = NewEvent { transaction, ..NewEvent::new(lsn, body) };
        let appended = self.call(|writer| writer.append(&event))?;
        assert_eq!(appended.lsn, lsn, "LSNs go on where the journal ended");
        digest.add(appended.lsn, appended.crc);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.call(Writer::commit)?;
        let last_lsn = self.history.last_lsn();
        match self.options.durability {
            Durability::None => {}
            Durability::MetadataOnly => self.committed = last_lsn,
            Durability::DataAndMetadata | Durability::Strict => {
                assert_eq!(self.acknowledged, last_lsn, "a commit makes all durable");
            }
        }
        Ok(())
    }

    fn transaction(&mut self, members: usize, text_bytes: usize, end: u32) -> Result<(), Error> {
        self.note(None, Said::Begin);
        let lsn = self.history.last_lsn();
        let id = self.call(|writer| writer.begin(lsn, 0).map(|begun| begun.id()))?;
        assert_eq!(id, lsn, "LSNs go on where the journal ended");
        let mut digest = TransactionDigest::default();
        for _ in 0..members {
            self.set(id, text_bytes, &mut digest)?;
            // What stands between a transaction's events is none of its business.
            self.set(0, text_bytes / 2, &mut TransactionDigest::default())?;
        }
        let said = match end {
            0 => return Ok(()),
            transaction_outcome::COMMIT => Said::Commit,
            _ => Said::Abort,
        };
        self.note(Some(id), said);
        let lsn = self.history.last_lsn();
        let events = digest.events();
        let body = TransactionEnd { outcome: end, events, digest: digest.finish() };
        let end = NewEvent::new(lsn, Body::TransactionEnd(body));
        self.call(|writer| writer.append(&NewEvent { transaction: id, ..end })).map(drop)
    }

    /// Does one step of a workload.
    pub(crate) fn step(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Set(text_bytes) => self.set(0, text_bytes, &mut TransactionDigest::default()),
            Step::Transaction(members, text_bytes) => {
                self.transaction(members, text_bytes, transaction_outcome::COMMIT)
            }
            Step::Aborted(members) => self.transaction(members, 40, transaction_outcome::ABORT),
            Step::Unfinished(members) => self.transaction(members, 40, 0),
            Step::Commit => self.commit(),
            Step::Close => {
                let head = self.writer.take().unwrap().close()?;
                let last_lsn = self.history.last_lsn();
                assert_eq!(head.lsn, last_lsn);
                (self.acknowledged, self.committed) = (last_lsn, last_lsn);
                Ok(())
            }
            Step::Reopen => {
                drop(self.writer.take());
                if let Some((_, outcome)) = recovered(&self.folder, Validation::Full)? {
                    self.history.cut(outcome.last_lsn);
                }
                self.writer = Some(Writer::open(Arc::clone(&self.folder), self.options)?);
                Ok(())
            }
        }
    }
}

/// A step of a workload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// An event outside of transactions, with a text of this many bytes.
    Set(usize),
    /// A transaction of this many members, each with a text of this many bytes.
    Transaction(usize, usize),
    /// One that is aborted.
    Aborted(usize),
    /// One that never ends.
    Unfinished(usize),
    /// A commit of all that was appended.
    Commit,
    /// The journal is closed.
    Close,
    /// The process dies, or ended, and the next one opens the journal.
    Reopen,
}

/// What a replay under the default policy makes of a journal; `None` where there is none yet.
pub(crate) fn recovered(
    folder: &Arc<dyn Folder>,
    validation: Validation,
) -> Result<Option<(MemoryState, Outcome)>, Error> {
    let journal = match Journal::open(Arc::clone(folder)) {
        Err(Error::NotAJournal { fault: None, .. }) => return Ok(None),
        other => other?,
    };
    let one = std::num::NonZero::<usize>::MIN;
    let damage = DamagePolicy::Tail;
    let options = ReplayOptions { validation, damage, threads: one, ..ReplayOptions::default() };
    replay_serially(&journal, &options).map(Some)
}

/// Checks what came back against what was promised and what was written; gives the last LSN.
pub(crate) fn check_recovered(
    (state, outcome): &(MemoryState, Outcome),
    history: &History,
    acknowledged: u64,
    written: u64,
) -> u64 {
    let (last_lsn, findings) = (outcome.last_lsn, &outcome.findings);
    let kinds = [EndKind::Sealed, EndKind::Unsealed, EndKind::Unwritten, EndKind::TornTail];
    assert!(kinds.contains(&findings.end.kind), "{:?}", findings.end);
    assert!(!outcome.has_loss(), "{findings:?}");
    assert!(acknowledged <= last_lsn, "LSN {acknowledged} was promised, {last_lsn} came back");
    assert!(last_lsn <= written, "LSN {last_lsn} came back, {written} was written");
    assert_eq!(findings.tally.events, last_lsn, "every event from the first one on");
    history.check_state(state, last_lsn);
    last_lsn
}
