//! What damage must lead to, under every policy, by every way to read a journal.

use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::damage::{Damage, Verdict};
use vexfs_replay::journal::{EndKind, Journal, Validation, WriterOptions};
use vexfs_replay::replay::{DamagePolicy, Outcome, ReplayOptions, replay, replay_serially, verify};
use vexfs_replay::state::MemoryState;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::scribe::{History, Step};
use crate::small_journal::{
    Block, OPTIONS, THREE_SEGMENTS, blocks_of, change, journal_of, names_of,
};

/// Every damage policy that there is. Falling back over checkpoints and repair from another
/// participant belong to the recovery of journals that have such.
pub(crate) const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// The modes that check checksums.
pub(crate) const CHECKED: &[Validation] =
    &[Validation::Basic, Validation::Full, Validation::Cryptographic];

/// The modes that check the chain.
pub(crate) const CHAINED: &[Validation] = &[Validation::Full, Validation::Cryptographic];

pub(crate) type Replayed = Result<(MemoryState, Outcome), Error>;

pub(crate) fn options(damage: DamagePolicy, validation: Validation) -> ReplayOptions {
    let threads = NonZero::new(2).unwrap();
    ReplayOptions { damage, validation, threads, ..ReplayOptions::default() }
}

/// Replays serially and in parallel; both must say the same.
pub(crate) fn replay_both(folder: &MemoryFolder, options: &ReplayOptions) -> Replayed {
    let journal = Journal::open(Arc::new(folder.clone()))?;
    let serial = replay_serially(&journal, options);
    let parallel = replay(&journal, options, &mut |_| {});
    match (&serial, &parallel) {
        (Ok((one_state, one)), Ok((two_state, two))) => {
            assert_eq!(one_state.digest(), two_state.digest(), "{one:?} {two:?}");
            assert_eq!((one.head, one.last_lsn), (two.head, two.last_lsn));
            let (one, two) = (&one.findings, &two.findings);
            assert_eq!((one.end.kind, &one.end.tail), (two.end.kind, &two.end.tail));
            assert_eq!((&one.damages, one.tally), (&two.damages, two.tally));
            assert_eq!(one.transactions, two.transactions);
            assert_eq!(one.inconsistencies, two.inconsistencies);
        }
        (Err(one), Err(two)) => assert_eq!(one.to_string(), two.to_string()),
        _ => panic!("serially {serial:?}, in parallel {parallel:?}"),
    }
    serial
}

/// A journal with everything that was written into it.
pub(crate) struct Made {
    pub(crate) folder: MemoryFolder,
    pub(crate) history: History,
    pub(crate) names: Vec<String>,
}

impl Made {
    pub(crate) fn by(steps: &[Step], options: WriterOptions) -> Self {
        let (folder, history) = journal_of(steps, options);
        let names = names_of(&folder);
        Self { folder, history, names }
    }

    /// Three segments, the newest one closed.
    pub(crate) fn closed() -> Self {
        Self::by(THREE_SEGMENTS, OPTIONS)
    }

    /// The same, by a writer that died after its last commit.
    pub(crate) fn open() -> Self {
        let mut made = Self::by(&THREE_SEGMENTS[..THREE_SEGMENTS.len() - 2], OPTIONS);
        let (_, outcome) = replay_both(&made.folder, &ReplayOptions::default()).unwrap();
        made.history.cut(outcome.last_lsn);
        made
    }

    pub(crate) fn newest(&self) -> usize {
        self.names.len() - 1
    }

    pub(crate) fn content(&self, segment: usize) -> Vec<u8> {
        self.folder.get(&self.names[segment]).unwrap()
    }

    pub(crate) fn blocks(&self, segment: usize) -> Vec<Block> {
        blocks_of(&self.content(segment))
    }

    pub(crate) fn last_block(&self) -> Block {
        self.blocks(self.newest()).pop().unwrap()
    }

    pub(crate) fn change(&self, segment: usize, how: impl FnOnce(&mut Vec<u8>)) {
        change(&self.folder, &self.names[segment], how);
    }

    /// Every file of the folder, whatever it is.
    pub(crate) fn all_files(&self) -> Vec<(String, Vec<u8>)> {
        let names = self.folder.list().unwrap();
        names.into_iter().map(|name| (name.clone(), self.folder.get(&name).unwrap())).collect()
    }
}

/// The LSNs of a block's events.
pub(crate) fn lsns(block: &Block) -> Range<u64> {
    block.header.first_lsn..block.last_lsn() + 1
}

/// Damage that refuses, or costs what it says.
#[derive(Debug)]
pub(crate) struct Corruption<'a> {
    /// The fault's name.
    pub(crate) fault: &'a str,
    pub(crate) segment: usize,
    pub(crate) offset: usize,
    /// The LSN that is next where it starts.
    pub(crate) lsn: u64,
    /// The LSNs that salvage can't keep.
    pub(crate) lost: Range<u64>,
    pub(crate) verdict: Verdict,
}

impl<'a> Corruption<'a> {
    /// Damage to one block, which alone is lost.
    pub(crate) fn of_block(fault: &'a str, segment: usize, block: &Block) -> Self {
        let (offset, lost) = (block.at, lsns(block));
        let (lsn, verdict) = (lost.start, Verdict::Corruption);
        Corruption { fault, segment, offset, lsn, lost, verdict }
    }

    fn check_damage(&self, found: &Damage, at: &str) {
        let found_place = (found.segment, found.offset, found.lsn);
        let place = (self.segment as u64, self.offset as u64, self.lsn);
        let kind = (found.fault.name(), found.verdict);
        assert_eq!((kind, found_place), ((self.fault, self.verdict), place), "{at}: {found}");
    }

    /// Checks it under every policy and in these modes, serially, in parallel and by verify.
    pub(crate) fn check(&self, made: &Made, modes: &[Validation]) {
        let before = made.all_files();
        for (damage, &validation) in
            POLICIES.iter().flat_map(|&policy| modes.iter().map(move |mode| (policy, mode)))
        {
            let at = format!("{self:?}, {damage:?}, {validation:?}");
            let options = options(damage, validation);
            let result = replay_both(&made.folder, &options);
            match damage {
                DamagePolicy::Strict | DamagePolicy::Tail => match result {
                    Err(Error::Damaged { first, .. }) => self.check_damage(&first, &at),
                    other => panic!("{at}: {other:?}"),
                },
                DamagePolicy::Prefix => self.check_prefix(&made.history, &result.unwrap(), &at),
                DamagePolicy::Salvage => self.check_salvage(&made.history, &result.unwrap(), &at),
            }
            let journal = Journal::open(Arc::new(made.folder.clone())).unwrap();
            let outcome = verify(&journal, &options, &mut |_| {}).unwrap();
            self.check_damage(&outcome.findings.damages[0], &at);
        }
        assert!(made.all_files() == before, "{self:?}: no policy touches a file");
    }

    fn check_prefix(&self, history: &History, (state, outcome): &(MemoryState, Outcome), at: &str) {
        assert!(outcome.has_loss(), "{at}");
        assert_eq!(outcome.findings.end.kind, EndKind::Damaged, "{at}");
        assert_eq!(outcome.last_lsn, self.lsn - 1, "{at}");
        assert_eq!(outcome.findings.damages.len(), 1, "{at}");
        self.check_damage(&outcome.findings.damages[0], at);
        history.check_state(state, self.lsn - 1);
    }

    fn check_salvage(
        &self,
        history: &History,
        (state, outcome): &(MemoryState, Outcome),
        at: &str,
    ) {
        let Outcome { findings, .. } = outcome;
        assert!(outcome.has_loss(), "{at}");
        self.check_damage(&findings.damages[0], at);
        let lost = self.lost.end - self.lost.start;
        assert_eq!(findings.tally.events, history.last_lsn() - lost, "{at}: {findings:?}");
        history.check_state_without(state, history.last_lsn(), &self.lost);
    }
}

/// Checks that a journal ends like this at this LSN, and that nothing is said to be lost; a torn
/// tail refuses where the policy is strict. Gives what stands behind the end.
pub(crate) fn check_tail(
    made: &Made,
    kind: EndKind,
    last_lsn: u64,
    modes: &[Validation],
) -> Option<Damage> {
    let (mut tail, before) = (None, made.all_files());
    for (damage, &validation) in
        POLICIES.iter().flat_map(|&policy| modes.iter().map(move |mode| (policy, mode)))
    {
        let at = format!("{kind:?} after {last_lsn}, {damage:?}, {validation:?}");
        let options = options(damage, validation);
        let result = replay_both(&made.folder, &options);
        if damage == DamagePolicy::Strict && kind == EndKind::TornTail {
            assert!(matches!(result, Err(Error::Damaged { .. })), "{at}: {result:?}");
            continue;
        }
        let (state, outcome) = result.expect(&at);
        assert_eq!((outcome.findings.end.kind, outcome.last_lsn), (kind, last_lsn), "{at}");
        assert!(!outcome.has_loss(), "{at}: {:?}", outcome.findings);
        made.history.check_state(&state, last_lsn);
        let journal = Journal::open(Arc::new(made.folder.clone())).unwrap();
        let verified = verify(&journal, &options, &mut |_| {}).unwrap();
        assert_eq!((verified.findings.end.kind, verified.last_lsn), (kind, last_lsn), "{at}");
        tail = outcome.findings.end.tail;
    }
    assert!(made.all_files() == before, "no policy touches a file");
    tail
}
