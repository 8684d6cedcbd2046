//! From what happened to a plan: which ways are tried, in which order, and why the others are not.
//! Pure functions over facts and policy.

use serde::Serialize;

use super::classify::Diagnosis;
use super::facts::{Checkpoint, Ending, Facts, FailureType};
use super::strategy::{Loss, Way};

/// What the caller allows, and what there is to work with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// All from the first damage on may be lost.
    pub suffix: bool,
    /// What is damaged may be lost, and what depended on it.
    pub holes: bool,
    /// What came after a checkpoint may be undone, and kept aside.
    pub undo: bool,
    /// There is a place to keep aside what is undone.
    pub aside: bool,
    /// There is a coordinator.
    pub coordinator: bool,
}

impl Allowed {
    fn allows(self, loss: Loss) -> bool {
        match loss {
            Loss::Nothing => true,
            Loss::Suffix => self.suffix,
            Loss::Holes => self.holes,
            Loss::Undone => self.undo,
        }
    }
}

/// Why a way is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// It isn't for this kind of failure.
    #[error("it can't mend this kind of failure")]
    NotForThis,
    /// Another one is asked for.
    #[error("another one is asked for")]
    NotWanted,
    /// It needs a checkpoint.
    #[error("no checkpoint can be used")]
    NoCheckpoint,
    /// It would refuse at damage that the survey has seen.
    #[error("it would refuse at the damage that is there")]
    WouldRefuse,
    /// Nobody coordinates.
    #[error("there is no coordinator")]
    NoCoordinator,
    /// There is nowhere to keep aside what it undoes.
    #[error("there is no folder to keep aside what it undoes")]
    NowhereAside,
    /// No checkpoint of the watermark to go back to can be used.
    #[error("no checkpoint that can be used is of the watermark to go back to")]
    NoSuchCheckpoint,
    /// The transaction at which to stop isn't found.
    #[error("the transaction at which to stop is not found")]
    NoSuchTransaction,
    /// It would not find the head that was kept outside of the journal.
    #[error("it would not find the head that was kept outside")]
    AnchorMissing,
    /// Nobody knows yet of some transactions whether they are committed.
    #[error("some transactions are in doubt")]
    InDoubt,
    /// It would end before the cut that all agree on.
    #[error("it would end before the cut that all agree on")]
    BehindCut,
    /// It loses what the policy doesn't allow to lose.
    #[error("it may lose data, and that was not allowed")]
    NotAllowed,
}

impl Excluded {
    /// Whether no other way is tried after one that is refused for it: what is asked for is wrong, or
    /// another way is no answer to it.
    fn is_final(self) -> bool {
        matches!(
            self,
            Self::NoSuchCheckpoint | Self::NoSuchTransaction | Self::AnchorMissing | Self::InDoubt
        )
    }
}

/// What is done: these ways, one after the other, until one succeeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What happened.
    pub diagnosis: Diagnosis,
    /// The ways, the chosen one first.
    pub ways: Vec<Way>,
    /// The ways that are not tried, and why.
    pub excluded: Vec<(Way, Excluded)>,
}

impl Plan {
    /// The ways that might help, and may lose what isn't allowed to be lost.
    #[must_use]
    pub fn not_allowed(&self) -> Vec<Way> {
        let excluded = self.excluded.iter().filter(|(_, why)| *why == Excluded::NotAllowed);
        excluded.map(|(way, _)| *way).collect()
    }

    /// The same without the ways that would be refused when they are carried out, and without all that
    /// would follow one whose refusal is final.
    pub(super) fn without(mut self, refused: impl Fn(Way) -> Option<Excluded>) -> Self {
        let mut ended = None;
        for way in std::mem::take(&mut self.ways) {
            match ended.or_else(|| refused(way)) {
                None => self.ways.push(way),
                Some(why) => {
                    ended = Some(why).filter(|why| why.is_final());
                    self.excluded.push((way, why));
                }
            }
        }
        self
    }
}

/// The order of ways for what happened, the best one first. What isn't named is never tried.
#[must_use]
pub fn preference(diagnosis: Diagnosis, checkpoint: Checkpoint) -> Vec<Way> {
    use Way::{BeforeDamage, Coordinated, Emergency, Full, Incremental, Partial, Rollback};
    let failure = match diagnosis {
        Diagnosis::InUse | Diagnosis::NewerFormat => return Vec::new(),
        // Nothing failed: the quickest way to the state.
        Diagnosis::Healthy => FailureType::IncompleteTransaction,
        Diagnosis::Failed(failure) => failure,
    };
    match failure {
        FailureType::SystemCrash if checkpoint == Checkpoint::Recent => {
            vec![Partial, Full, Incremental, BeforeDamage, Emergency, Rollback]
        }
        FailureType::SystemCrash => {
            vec![Full, Partial, Incremental, BeforeDamage, Emergency, Rollback]
        }
        FailureType::DataCorruption => vec![Full, Incremental, BeforeDamage, Emergency, Rollback],
        FailureType::StorageFailure => {
            vec![Emergency, Incremental, Full, BeforeDamage, Rollback]
        }
        // Checkpoints may hold what was wrong in memory; one from before, chosen by hand, does not.
        FailureType::MemoryCorruption => vec![Rollback, Full, BeforeDamage, Emergency],
        FailureType::NetworkPartition => {
            vec![Coordinated, Full, Partial, Incremental, BeforeDamage, Emergency, Rollback]
        }
        FailureType::IncompleteTransaction => {
            vec![Incremental, Full, Partial, BeforeDamage, Emergency, Rollback]
        }
        // What was cut off can't come back: whatever is done loses it.
        FailureType::JournalTruncation => vec![BeforeDamage, Rollback, Emergency],
        FailureType::CheckpointInconsistency => {
            vec![Full, Incremental, BeforeDamage, Emergency, Rollback]
        }
    }
}

/// Why a way can't be tried, where it can't.
fn exclude(way: Way, facts: &Facts, allowed: Allowed) -> Option<Excluded> {
    let damaged = facts.ending.is_damage();
    let refuses = way.loss() == Loss::Nothing && way != Way::Coordinated;
    // A full replay comes to all damage before the stop, the others to what no checkpoint spares them.
    let spared = if way == Way::Full { facts.damage_is_behind } else { facts.damage_is_covered };
    let meets = damaged && !spared;
    match way {
        _ if way.needs_checkpoint() && facts.checkpoint == Checkpoint::None => {
            Some(Excluded::NoCheckpoint)
        }
        Way::Coordinated if !allowed.coordinator => Some(Excluded::NoCoordinator),
        _ if refuses && (meets || facts.ending == Ending::Truncated) => Some(Excluded::WouldRefuse),
        _ if !allowed.allows(way.loss()) => Some(Excluded::NotAllowed),
        Way::Rollback if !allowed.aside => Some(Excluded::NowhereAside),
        _ => None,
    }
}

/// What is to be done.
#[must_use]
pub fn choose(diagnosis: Diagnosis, facts: &Facts, allowed: Allowed) -> Plan {
    let preferred = preference(diagnosis, facts.checkpoint);
    // Who was given a coordinator is not to decide alone, whatever happened and whatever it costs.
    if allowed.coordinator && !preferred.is_empty() {
        return choose_only(Way::Coordinated, diagnosis, facts, allowed);
    }
    let (mut ways, mut excluded) = (Vec::new(), Vec::new());
    for way in &preferred {
        match exclude(*way, facts, allowed) {
            None => ways.push(*way),
            Some(why) => excluded.push((*way, why)),
        }
    }
    let others = Way::ALL.into_iter().filter(|way| !preferred.contains(way));
    excluded.extend(others.map(|way| (way, Excluded::NotForThis)));
    Plan { diagnosis, ways, excluded }
}

/// What is to be done, where nothing but this one way is wanted.
#[must_use]
pub fn choose_only(way: Way, diagnosis: Diagnosis, facts: &Facts, allowed: Allowed) -> Plan {
    let in_the_way = matches!(diagnosis, Diagnosis::InUse | Diagnosis::NewerFormat);
    let why = exclude(way, facts, allowed).or(in_the_way.then_some(Excluded::NotForThis));
    let others = Way::ALL.into_iter().filter(|it| *it != way);
    let mut excluded: Vec<(Way, Excluded)> = others.map(|it| (it, Excluded::NotWanted)).collect();
    excluded.extend(why.map(|why| (way, why)));
    Plan { diagnosis, ways: if why.is_none() { vec![way] } else { Vec::new() }, excluded }
}

#[cfg(test)]
#[path = "choose/tests.rs"]
mod tests;
