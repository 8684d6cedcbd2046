//! Random journals with random damage.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use vexfs_replay::journal::{EndKind, Journal, Validation};
use vexfs_replay::replay::{Cause, DamagePolicy, ReplayOptions, replay_serially};
use vexfs_replay::salvage::{DroppedBecause, SalvageOptions, Salvaged, salvage};
use vexfs_replay::storage::MemoryFolder;

use crate::check::{failure, hold, runner, same};
use crate::harm::{Harm, do_harm, harms};
use crate::oracle::{intact, judge};
use crate::play::play;
use crate::script::{BLOCKS, CONTRADICTING, SMALL, Script, long_transactions, scripts};
use crate::small_journal::copy_of;
use crate::story::Story;
use crate::told::*;

/// A journal, what is done to it, and how it is salvaged.
type Case = (Script, Vec<(Index, Harm)>, Validation);

fn cases(scripts: impl Strategy<Value = Script>, harms_max: usize) -> impl Strategy<Value = Case> {
    let validation = prop_oneof![Just(Validation::Full), Just(Validation::Cryptographic)];
    (scripts, vec(harms(), 0..=harms_max), validation)
}

fn check_case((script, harm, validation): &Case) -> Result<(), TestCaseError> {
    let story = play(script);
    let damaged = copy_of(&story.folder);
    harm.iter().for_each(|harm| do_harm(&damaged, harm));
    let Ok(journal) = Journal::open(Arc::new(damaged.clone())) else { return Ok(()) };
    let before = files_of(&damaged);
    let new = MemoryFolder::default();
    let options = SalvageOptions { validation: *validation, ..options() };
    let salvaged = salvage(&journal, Arc::new(new.clone()), &options, &mut |_| {});
    let salvaged =
        salvaged.map_err(|error| failure(&story, "salvage", &format!("{error} {error:?}")))?;
    let checked = same("original", &before, &files_of(&damaged))
        .and_then(|()| check_manifest(&salvaged, &new))
        .and_then(|()| check_journal(&salvaged, &events_of(&story.folder), &new))
        .and_then(|()| check_against_replay(&salvaged, &journal, *validation))
        .and_then(|()| check_against_oracle(&salvaged, &story, &damaged))
        .and_then(|()| check_again(&salvaged, &new));
    checked.map_err(|what| failure(&story, "salvage", &format!("{what}\n{salvaged:#?}")))
}

/// Checks what is said of the original against a replay of it.
fn check_against_replay(
    salvaged: &Salvaged,
    journal: &Journal,
    validation: Validation,
) -> Result<(), String> {
    let damage = DamagePolicy::Salvage;
    let options = ReplayOptions { damage, validation, ..ReplayOptions::default() };
    let replayed = replay_serially(journal, &options);
    let (state, outcome) = replayed.map_err(|error| error.to_string())?;
    let findings = &outcome.findings;
    same("original state", &state.digest(), &salvaged.original.state_digest)?;
    same("original head", &outcome.head.lsn, &salvaged.original.head_lsn)?;
    same("loss", &outcome.has_loss(), &salvaged.has_loss())?;
    same("torn tail", &(findings.end.kind == EndKind::TornTail), &salvaged.has_torn_tail())?;
    let told = salvaged.dropped.iter().filter(|it| it.because == DroppedBecause::Damaged);
    let told: Vec<_> = told.filter_map(|it| it.damage.clone()).collect();
    same("damages", &findings.damages, &told)?;
    // Whatever contradicts may have changed the state of the original all the same.
    let of_effects =
        |it: &&vexfs_replay::replay::Inconsistency| matches!(it.cause, Cause::Effect(_));
    let first = &findings.inconsistencies.first;
    let consistent = first.len() as u64 == findings.inconsistencies.count
        && first.iter().find(of_effects).is_none();
    let same_state = salvaged.original.state_digest == salvaged.new.state_digest;
    same("what is said of both states", &same_state, &salvaged.same_state)?;
    if consistent { same("states without contradictions", &true, &same_state) } else { Ok(()) }
}

/// Checks what was dropped, why, and what the rest leads to.
fn check_against_oracle(
    salvaged: &Salvaged,
    story: &Story,
    damaged: &MemoryFolder,
) -> Result<(), String> {
    let last_lsn = salvaged.original.head_lsn;
    let intact = intact(story, damaged);
    let expected = judge(story, &intact, last_lsn);
    same("dropped", &expected.dropped, &dropped_in(salvaged)?)?;
    same("ends", &expected.ends_made_anew, &salvaged.ends_made_anew)?;
    same("state", &expected.state_digest, &salvaged.new.state_digest)?;
    // Nothing intact is behind the end, unless the log ends there by the rule of torn tails.
    let behind = intact.iter().any(|&lsn| lsn > last_lsn);
    let ends = [EndKind::TornTail, EndKind::Stale, EndKind::Unwritten];
    same("what is behind the end", &false, &(behind && !ends.contains(&salvaged.original_end)))
}

/// Checks that what was salvaged needs no salvage any more.
fn check_again(salvaged: &Salvaged, new: &MemoryFolder) -> Result<(), String> {
    let mut options = options();
    options.writer.journal_id = None;
    let again = salvage(&open(new), Arc::new(MemoryFolder::default()), &options, &mut |_| {});
    let again = again.map_err(|error| error.to_string())?;
    same("what is dropped the second time", &0, &again.dropped.len())?;
    same("state the second time", &salvaged.new.state_digest, &again.new.state_digest)
}

#[test]
fn what_stands_is_kept_and_the_rest_is_told() {
    let cases = cases(scripts(BLOCKS), 4);
    hold(runner(2000).run(&cases, |case| check_case(&case)));
}

#[test]
fn small_journals_keep_what_stands() {
    let cases = cases(scripts(SMALL), 2);
    hold(runner(1000).run(&cases, |case| check_case(&case)));
}

#[test]
fn long_transactions_are_kept_whole_or_not_at_all() {
    let cases = cases(long_transactions(), 3);
    hold(runner(40).run(&cases, |case| check_case(&case)));
}

#[test]
fn contradictions_by_the_hundred_are_all_dropped() {
    let cases = cases(scripts(CONTRADICTING), 1);
    hold(runner(100).run(&cases, |case| check_case(&case)));
}
