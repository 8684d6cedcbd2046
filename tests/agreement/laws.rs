//! The laws of replay, over journals that are intact.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use vexfs_replay::event::EventType;
use vexfs_replay::journal::Validation;
use vexfs_replay::replay::{DamagePolicy, StopPoint};

use crate::check::*;
use crate::model::Expected;
use crate::play::{play, play_with, unseen};
use crate::script::{
    CLOSED, CONTRADICTING, Death, LONG, MANY, SMALL, Script, Shape, Step, long_transactions,
    scripts, shapes,
};
use crate::story::{Said, Story};

/// How much of a journal is on its way through the pipeline as one.
const EPOCH_BYTES: u32 = 2 * 1024 * 1024;

/// What the journals of a run have shown: nothing is proven by journals that lack it.
#[derive(Debug, Default)]
struct Seen {
    types: BTreeSet<EventType>,
    segments: usize,
    shortest_text: usize,
    longest_text: usize,
    committed: u64,
    aborted: u64,
    discarded: u64,
    broken: u64,
    consistent: u64,
}

impl Seen {
    fn add(&mut self, story: &Story, expected: &Expected) {
        let types = story.lines.iter().map(|line| match line.said {
            Said::Act(act) => act.verb.body(&[]).event_type(),
            Said::Begin => EventType::TransactionBegin,
            Said::End(..) => EventType::TransactionEnd,
        });
        self.types.extend(types);
        for line in &story.lines {
            if let Said::Act(act) = line.said {
                self.shortest_text = self.shortest_text.min(act.text.bytes);
                self.longest_text = self.longest_text.max(act.text.bytes);
            }
        }
        let names: BTreeSet<_> = story.blocks().into_iter().map(|(name, _)| name).collect();
        self.segments = self.segments.max(names.len());
        let transactions = &expected.transactions;
        self.committed += transactions.committed;
        self.aborted += transactions.aborted;
        self.discarded += transactions.discarded.count;
        self.broken += transactions.broken.count;
        let is_consistent = expected.inconsistencies.count == 0 && !story.lines.is_empty();
        self.consistent += u64::from(is_consistent);
    }

    fn check(&self) {
        let all: BTreeSet<EventType> = EventType::ALL.iter().copied().collect();
        assert_eq!(self.types, all, "every event type was written");
        let ends = [self.committed, self.aborted, self.discarded, self.broken, self.consistent];
        assert!(ends.iter().all(|&count| count > 0) && self.segments > 5, "{self:?}");
        assert!(self.shortest_text == 0 && self.longest_text > 120 * 1024, "{self:?}");
    }
}

#[test]
fn parallel_serial_and_model_agree() {
    let seen = RefCell::new(Seen { shortest_text: usize::MAX, ..Seen::default() });
    hold(runner(JOURNALS).run(&(scripts(SMALL), 0..TURNS), |(script, turn)| {
        let story = play(&script);
        let models = Models::of(&story.lines);
        seen.borrow_mut().add(&story, models.under(modes_of(turn)[0]));
        check_in_turn(&story, &models, turn)
    }));
    seen.into_inner().check();
}

#[test]
fn law_2_what_contradicts_itself_is_told_the_same_in_every_way() {
    let most = RefCell::new(0);
    hold(runner(60).run(&(scripts(CONTRADICTING), 0_usize..4), |(script, turn)| {
        let story = play(&script);
        let models = Models::of(&story.lines);
        let count = models.under(Validation::Full).inconsistencies.count;
        most.replace_with(|&mut most| most.max(count));
        check_ways(&story, &models, turn)
    }));
    assert!(most.into_inner() > 100, "there were more than are remembered");
}

#[test]
fn law_2_transactions_longer_than_epochs_take_effect_at_their_end() {
    let longest = RefCell::new(0);
    let scripts = prop_oneof![scripts(LONG), long_transactions()];
    hold(runner(30).run(&(scripts, 0_usize..4), |(script, turn)| {
        let story = play(&script);
        let bytes = story.blocks().iter().map(|(_, block)| block.header.block_bytes).sum();
        longest.replace_with(|&mut longest: &mut u32| longest.max(bytes));
        check_ways(&story, &Models::of(&story.lines), turn)
    }));
    assert!(longest.into_inner() > 2 * EPOCH_BYTES, "some were longer than two epochs");
}

#[test]
fn law_2_transactions_of_hundreds_of_events_take_effect_at_their_end() {
    hold(runner(20).run(&(scripts(MANY), 0_usize..4), |(script, turn)| {
        let story = play(&script);
        check_ways(&story, &Models::of(&story.lines), turn)
    }));
}

#[test]
fn law_2_what_never_commits_leaves_no_trace() {
    hold(runner(400).run(&(scripts(CLOSED), 0_usize..4), |(script, turn)| {
        let story = play(&script);
        let happened = expected_under(Validation::Full, &story.lines).happened;
        let without = play_with(&script, &|lsn, act| {
            if happened.contains(&lsn) { act } else { unseen(act) }
        });
        let [with, without] = [&story, &without].map(|story| {
            let options = options(DamagePolicy::Salvage, Validation::Full);
            let way = Way::InParallel(THREADS[turn]);
            let (state, outcome) = replay_by(way, &open(&story.folder), &options).unwrap();
            (state.digest(), outcome.findings.transactions, outcome.findings.inconsistencies)
        });
        same("what came of it", &without, &with)
            .map_err(|difference| failure(&story, "without what never commits", &difference))
    }));
}

#[test]
fn law_2_more_transactions_are_open_than_are_listed() {
    let (shape, death) = (Shape::PLAIN, Death::Closed);
    let begun = |count| Script { shape, steps: vec![Step::Begin(0); count], death };
    for count in [1_000, 1_001, 1_100] {
        let story = play(&begun(count));
        check_ways(&story, &Models::of(&story.lines), 0).unwrap();
    }
}

#[test]
fn law_3_the_digest_does_not_depend_on_blocks_and_segments() {
    let inputs = (scripts(CLOSED), vec(shapes(), 3), 0_usize..4);
    hold(runner(400).run(&inputs, |(script, shapes, turn)| {
        let first = play(&script);
        let models = Models::of(&first.lines);
        for (shape, threads) in shapes.into_iter().zip(THREADS.into_iter().skip(turn)) {
            let story = play(&script.shaped(shape));
            prop_assert_eq!(story.told(), first.told(), "the same events");
            let options = options(DamagePolicy::Salvage, Validation::Basic);
            let way = Way::InParallel(threads);
            let replayed = replay_by(way, &open(&story.folder), &options).unwrap();
            check(models.under(options.validation), &replayed)
                .map_err(|difference| failure(&story, &format!("{shape:?}"), &difference))?;
        }
        Ok(())
    }));
}

#[test]
fn law_4_a_cut_holds_the_events_up_to_it_and_whole_transactions_only() {
    let inputs = (scripts(SMALL), any::<Index>(), 0_usize..4);
    hold(runner(600).run(&inputs, |(script, cut, turn)| {
        let story = play(&script);
        // From before the first event to after the last one.
        let cut = cut.index(story.lines.len() + 2);
        let models = Models::of(story.lines.iter().take(cut));
        let last_lsn = cut.min(story.lines.len()) as u64;
        let journal = open(&story.folder);
        for (way, validation) in ways(turn).skip(turn).step_by(3) {
            let mut options = options(DamagePolicy::Salvage, validation);
            options.until = Some(StopPoint::Lsn(cut as u64));
            let replayed = replay_by(way, &journal, &options).unwrap();
            same("last LSN", &last_lsn, &replayed.1.last_lsn)
                .and(check(models.under(validation), &replayed))
                .map_err(|difference| {
                    failure(&story, &format!("{way:?}, {validation:?}, until {cut}"), &difference)
                })?;
        }
        Ok(())
    }));
}
