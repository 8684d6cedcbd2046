//! What earlier lives of a coordinator told, so that one that goes on with a plan tells of the whole coordination: a
//! plan that is carried out isn't made anew, and so nothing is found that was found when it was made.
//!
//! Absent on purpose: anything that is decided. That is in the record alone.

use std::collections::BTreeMap;

use crate::coordination::conflict::Ruling;
use crate::coordination::machine::End;
use crate::coordination::record::{Ends, Entry, Memory, UnderWay};
use crate::coordination::report::{Name, Report};
use crate::coordination::snapshot::{ConflictState, Snapshot, State};

/// What is told again.
#[derive(Debug, Default)]
pub(super) struct Before {
    conflicts: Vec<ConflictState>,
    reports: BTreeMap<Name, Report>,
}

impl Before {
    /// Of what was told last, by a record with these entries.
    pub(super) fn of(entries: &[Entry], told: Option<Snapshot>) -> Self {
        let Some(told) = told else { return Self::default() };
        match Lives::of(entries, told.epoch) {
            // Whatever isn't planned is found again.
            Lives::UnderWay(it) if it.planned.is_some() || it.ends.is_some() => {
                let members = told.members.into_iter();
                let reports = members.filter_map(|(name, it)| Some((name, it.report?)));
                Self { conflicts: told.conflicts, reports: reports.collect() }
            }
            // It was killed between its last word and telling it: nobody has heard of what was lost.
            Lives::Ended(Some(End::Consistent { .. })) if told.state != State::Ended => {
                let conflicts = told.conflicts.into_iter().filter(|it| it.loses);
                Self { conflicts: conflicts.collect(), reports: BTreeMap::new() }
            }
            _ => Self::default(),
        }
    }

    /// What a life has come to, with what is from before it.
    pub(super) fn added_to(&self, mut snapshot: Snapshot) -> Snapshot {
        let found_again =
            |it: &&ConflictState| snapshot.conflicts.iter().any(|found| found.key == it.key);
        let mut conflicts: Vec<ConflictState> =
            self.conflicts.iter().filter(|it| !found_again(it)).cloned().collect();
        conflicts.append(&mut snapshot.conflicts);
        snapshot.conflicts = conflicts;
        for (name, member) in &mut snapshot.members {
            member.report = member.report.take().or_else(|| self.reports.get(name).cloned());
        }
        snapshot
    }
}

/// What was told last, with what the record knows better: that it ended, or that something was said since.
pub(super) fn corrected(entries: &[Entry], mut told: Snapshot) -> Snapshot {
    if told.state == State::Ended {
        return told;
    }
    match Lives::of(entries, told.epoch) {
        Lives::Ended(end) => (told.state, told.end) = (State::Ended, end),
        Lives::UnderWay(it) => say_rulings(&mut told, &it.rulings),
        Lives::Unknown => {}
    }
    told
}

fn say_rulings(told: &mut Snapshot, rulings: &BTreeMap<String, Ruling>) {
    for it in &mut told.conflicts {
        let said = rulings.get(&it.key).filter(|ruling| it.choices.contains(ruling));
        it.ruling = it.ruling.take().or_else(|| said.cloned());
    }
}

/// What has become of the coordination that had a life of some epoch.
enum Lives {
    UnderWay(Box<UnderWay>),
    Ended(Option<End>),
    Unknown,
}

impl Lives {
    fn of(entries: &[Entry], epoch: u64) -> Self {
        let (mut memory, mut is_it) = (Memory::default(), false);
        for entry in entries {
            is_it |= matches!(entry, Entry::Began { epoch: its, .. } if *its == epoch);
            if matches!(entry, Entry::Ended) {
                let ended = memory.under_way.take();
                if is_it {
                    return Self::Ended(ended.and_then(end_of));
                }
            }
            memory.add(entry);
        }
        let under_way = memory.under_way.filter(|_| is_it);
        under_way.map_or(Self::Unknown, |it| Self::UnderWay(Box::new(it)))
    }
}

fn end_of(ended: UnderWay) -> Option<End> {
    match ended.ends? {
        Ends::TurnedBack(reason, _) => Some(End::Refused { reason }),
        Ends::Committed => ended.planned.map(|(plan, _)| End::Consistent { plan }),
    }
}
