//! What is proven is believed, and nothing else: the damage policies over journals with one bad
//! block, or with nothing but contradictions.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::sample::Index;
use vexfs_replay::Error;
use vexfs_replay::journal::damage::Verdict;
use vexfs_replay::journal::layout::BlockHeader;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::DamagePolicy;

use crate::check::*;
use crate::model::Expected;
use crate::play::play;
use crate::script::{BLOCKS, Death, SMALL, Shape, scripts, shapes};
use crate::small_journal::{Block, change, names_of};
use crate::story::{Line, Story};

const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// The modes that check checksums.
const CHECKED: [Validation; 3] = [Validation::Basic, Validation::Full, Validation::Cryptographic];

/// What becomes of the block that is bad.
#[derive(Clone, Copy, Debug)]
enum Harm {
    HeaderBit(Index),
    PayloadBit(Index),
    Zeros,
}

fn harms() -> impl Strategy<Value = Harm> {
    prop_oneof![
        3 => any::<Index>().prop_map(Harm::PayloadBit),
        2 => any::<Index>().prop_map(Harm::HeaderBit),
        1 => Just(Harm::Zeros),
    ]
}

impl Harm {
    fn apply(self, block: &mut [u8]) {
        let (header, payload) = block.split_at_mut(BlockHeader::BYTES);
        let flip = |bytes: &mut [u8], bit: Index| {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        };
        match self {
            Self::HeaderBit(bit) => flip(header, bit),
            Self::PayloadBit(bit) => flip(payload, bit),
            Self::Zeros => block.fill(0),
        }
    }
}

/// A story, and what of it can't be read.
struct Damaged<'s> {
    story: &'s Story,
    lost: Option<RangeInclusive<u64>>,
    verdict: Verdict,
}

impl Damaged<'_> {
    fn expect(&self, validation: Validation, keep: impl Fn(&Line) -> bool + Clone) -> Expected {
        expected_under(validation, self.story.lines.iter().filter(move |line| keep(line)))
    }

    /// The last LSN before what can't be read.
    fn last_readable(&self) -> u64 {
        let last = self.story.lines.len() as u64;
        self.lost.as_ref().map_or(last, |lost| lost.start() - 1)
    }

    fn check(
        &self,
        policy: DamagePolicy,
        way: Way,
        validation: Validation,
        journal: &Journal,
    ) -> Result<(), String> {
        let mut options = options(policy, validation);
        options.anchor = self.story.head.filter(|_| self.lost.is_none());
        let replayed = replay_by(way, journal, &options);
        if policy == DamagePolicy::Salvage {
            let lost = |line: &Line| self.lost.as_ref().is_some_and(|it| it.contains(&line.lsn));
            let expected = self.expect(validation, |line| !lost(line));
            return check(&expected, &replayed.map_err(|error| error.to_string())?);
        }
        let last = self.last_readable();
        let mut before = self.expect(validation, |line| line.lsn <= last);
        let looked = validation >= Validation::Full;
        let contradiction = before.inconsistencies.first.first().filter(|_| looked).copied();
        if policy == DamagePolicy::Prefix {
            let last = contradiction.map_or(last, |it| it.position - 1);
            let mut expected = self.expect(validation, |line| line.lsn <= last);
            // What made it stop is told, though it has no effect.
            std::mem::swap(&mut expected.inconsistencies, &mut before.inconsistencies);
            let replayed = replayed.map_err(|error| error.to_string())?;
            same("last LSN", &last, &replayed.1.last_lsn)?;
            return check(&expected, &replayed);
        }
        let torn = policy == DamagePolicy::Tail && self.verdict == Verdict::TornTail;
        match (replayed, contradiction, self.lost.as_ref().filter(|_| !torn)) {
            (Err(Error::Inconsistent { lsn, .. }), Some(it), _) => same("LSN", &it.lsn, &lsn),
            (Err(Error::Damaged { first, .. }), None, Some(lost)) => {
                same("LSN", lost.start(), &first.lsn)
            }
            (Ok(replayed), None, None) => check(&before, &replayed),
            (Ok(_), ..) => Err("it did not refuse".to_owned()),
            (Err(error), ..) => Err(error.to_string()),
        }
    }

    /// Checks every policy, each in some of the ways.
    fn check_policies(&self, modes: &[Validation], turn: usize) -> Result<(), TestCaseError> {
        let journal = open(&self.story.folder);
        for (number, policy) in POLICIES.into_iter().enumerate() {
            let ways = ways(turn + number).filter(|(_, mode)| modes.contains(mode));
            for (way, validation) in ways.skip((turn + number) % 3).step_by(3) {
                self.check(policy, way, validation, &journal).map_err(|difference| {
                    let at = format!("{policy:?}, {way:?}, {validation:?}, lost {:?}", self.lost);
                    failure(self.story, &at, &difference)
                })?;
            }
        }
        Ok(())
    }
}

#[test]
fn law_5_full_validation_stops_before_the_first_contradiction() {
    hold(runner(300).run(&(scripts(SMALL), 0_usize..4), |(script, turn)| {
        let damaged = Damaged { story: &play(&script), lost: None, verdict: Verdict::Corruption };
        damaged.check_policies(&Validation::ALL, turn)
    }));
}

#[test]
fn law_5_a_bad_block_costs_its_own_events_and_the_transactions_that_need_them() {
    let inputs = (scripts(BLOCKS), any::<Index>(), harms(), 0_usize..4);
    hold(runner(1000).run(&inputs, |(mut script, which, harm, turn)| {
        // A seal proves what comes before it durable: so what is bad there is no torn tail.
        script.death = Death::Closed;
        let story = play(&script);
        let blocks = story.blocks();
        if blocks.is_empty() {
            return Ok(());
        }
        let (name, block) = which.get(&blocks);
        change(&story.folder, name, |content| harm.apply(&mut content[block.at..block.end()]));
        let (lost, verdict) = (Some(lsns(block)), Verdict::Corruption);
        Damaged { story: &story, lost, verdict }.check_policies(&CHECKED, turn)
    }));
}

#[test]
fn law_5_a_torn_block_takes_with_it_what_was_in_flight() {
    let torn = RefCell::new(0);
    let shapes = prop_oneof![shapes(), Just(Shape::PLAIN)];
    let inputs = (scripts(BLOCKS), shapes, any::<Index>(), any::<Index>(), 0_usize..4);
    hold(runner(1000).run(&inputs, |(script, shape, which, bit, turn)| {
        let mut script = script.shaped(shape);
        script.death = Death::Dropped;
        let story = play(&script);
        let mut blocks = story.blocks();
        let Some((newest, _)) = blocks.last().cloned() else { return Ok(()) };
        // The end of a life that wrote nothing is no block.
        if names_of(&story.folder).last() != Some(&newest) {
            return Ok(());
        }
        let synced = blocks.iter().map(|(_, block)| block.header.durable_lsn).max().unwrap_or(0);
        blocks.retain(|(name, block)| *name == newest && block.header.first_lsn > synced);
        let (name, block) = which.get(&blocks);
        let range = block.at..block.end();
        change(&story.folder, name, |content| Harm::PayloadBit(bit).apply(&mut content[range]));
        *torn.borrow_mut() += 1;
        let lost = Some(block.header.first_lsn..=story.lines.len() as u64);
        let verdict = Verdict::TornTail;
        Damaged { story: &story, lost, verdict }.check_policies(&CHECKED, turn)
    }));
    assert!(torn.into_inner() > 0, "some were torn");
}

fn lsns(block: &Block) -> RangeInclusive<u64> {
    block.header.first_lsn..=block.last_lsn()
}
