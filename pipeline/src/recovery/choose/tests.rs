//! Every combination of facts, reports and policies, against the rules written a second time.

use super::*;
use crate::recovery::classify;

const BOTH: [bool; 2] = [false, true];

fn all_facts() -> impl Iterator<Item = Facts> {
    let endings = Ending::ALL.into_iter().flat_map(|it| Checkpoint::ALL.map(|other| (it, other)));
    endings.flat_map(|(ending, checkpoint)| {
        (0..64_u8).map(move |bits| Facts {
            ending,
            checkpoint,
            held: bits & 1 != 0,
            bad_checkpoints: bits & 2 != 0,
            damage_is_covered: bits & 4 != 0,
            unfinished: bits & 8 != 0,
            damage_is_behind: bits & 16 != 0,
            anchor_differs: bits & 32 != 0,
        })
    })
}

fn all_allowed() -> impl Iterator<Item = Allowed> {
    (0..32_u8).map(|bits| Allowed {
        suffix: bits & 1 != 0,
        holes: bits & 2 != 0,
        undo: bits & 4 != 0,
        aside: bits & 8 != 0,
        coordinator: bits & 16 != 0,
    })
}

fn reports() -> Vec<Option<FailureType>> {
    [None].into_iter().chain(FailureType::ALL.map(Some)).collect()
}

/// The rules for what happened, written from their words.
fn expected_diagnosis(facts: &Facts, reported: Option<FailureType>) -> Diagnosis {
    if facts.ending == Ending::NewerFormat {
        return Diagnosis::NewerFormat;
    }
    if facts.held {
        return Diagnosis::InUse;
    }
    if let Some(reported) = reported {
        return Diagnosis::Failed(reported);
    }
    let by_ending = match facts.ending {
        Ending::Unreadable => Some(FailureType::StorageFailure),
        Ending::Corrupt | Ending::SegmentMissing | Ending::Foreign => {
            Some(FailureType::DataCorruption)
        }
        Ending::Truncated => Some(FailureType::JournalTruncation),
        _ => None,
    };
    let crashed = matches!(facts.ending, Ending::Open | Ending::Torn);
    let failure = by_ending
        .or(facts.anchor_differs.then_some(FailureType::DataCorruption))
        .or(facts.bad_checkpoints.then_some(FailureType::CheckpointInconsistency))
        .or(facts.unfinished.then_some(FailureType::IncompleteTransaction))
        .or(crashed.then_some(FailureType::SystemCrash));
    failure.map_or(Diagnosis::Healthy, Diagnosis::Failed)
}

#[test]
fn every_combination_of_facts_has_one_diagnosis() {
    let mut count = 0;
    for facts in all_facts() {
        for reported in reports() {
            let expected = expected_diagnosis(&facts, reported);
            assert_eq!(classify(&facts, reported), expected, "{facts:?} {reported:?}");
            count += 1;
        }
    }
    println!("{count} combinations of facts and reports");
    assert_eq!(count, 1728 * 9);
}

#[test]
fn every_combination_of_facts_and_policies_has_one_plan_that_keeps_the_laws() {
    let mut count = 0;
    for facts in all_facts() {
        for reported in reports() {
            let diagnosis = classify(&facts, reported);
            for allowed in all_allowed() {
                let plan = choose(diagnosis, &facts, allowed);
                check_laws(&plan, &facts, allowed);
                count += 1;
            }
        }
    }
    println!("{count} combinations of facts, reports and policies");
    assert_eq!(count, 1728 * 9 * 32);
}

fn check_laws(plan: &Plan, facts: &Facts, allowed: Allowed) {
    let told = || format!("{plan:?} {facts:?} {allowed:?}");
    // Every way is either tried or excluded, once.
    let excluded = plan.excluded.iter().map(|(way, _)| *way);
    let mut named: Vec<Way> = plan.ways.iter().copied().chain(excluded).collect();
    named.sort_by_key(|way| Way::ALL.iter().position(|it| it == way));
    assert_eq!(named, Way::ALL, "{}", told());
    // Nothing runs that loses what may not be lost, or that lacks what it needs.
    for way in &plan.ways {
        let may = match way {
            Way::BeforeDamage => allowed.suffix,
            Way::Emergency => allowed.holes,
            Way::Rollback => allowed.undo && allowed.aside,
            Way::Coordinated => allowed.coordinator,
            Way::Full | Way::Partial | Way::Incremental => facts.ending != Ending::Truncated,
        };
        assert!(may, "{way:?} {}", told());
        let needs = matches!(way, Way::Partial | Way::Incremental | Way::Rollback);
        assert!(!needs || facts.checkpoint != Checkpoint::None, "{way:?} {}", told());
        // A replay from the first event comes to all damage before the stop.
        let meets = facts.ending.is_damage() && !facts.damage_is_behind;
        assert!(*way != Way::Full || !meets, "{}", told());
    }
    // Nothing is done to a journal that is in use or not understood.
    let in_the_way = facts.held || facts.ending == Ending::NewerFormat;
    assert!(!in_the_way || plan.ways.is_empty(), "{}", told());
    // Who coordinates is asked, and nobody decides alone.
    let coordinated = plan.ways == [Way::Coordinated];
    assert!(in_the_way || coordinated == allowed.coordinator, "{}", told());
    // Where all may be lost and the journal is there, something is always tried.
    let all = allowed.suffix && allowed.holes;
    assert!(in_the_way || !all || !plan.ways.is_empty(), "{}", told());
}

/// What the system's own documents name as the strategy that is chosen first, where all is allowed and
/// nothing stands against it.
#[test]
fn the_first_strategy_is_the_one_that_the_vocabulary_names() {
    use crate::recovery::Strategy;
    for recent in BOTH {
        let checkpoint = if recent { Checkpoint::Recent } else { Checkpoint::Old };
        for failure in FailureType::ALL {
            let facts = Facts {
                ending: Ending::Open,
                held: false,
                checkpoint,
                bad_checkpoints: false,
                damage_is_covered: false,
                damage_is_behind: false,
                anchor_differs: false,
                unfinished: false,
            };
            let coordinator = failure == FailureType::NetworkPartition;
            let allowed =
                Allowed { suffix: true, holes: true, undo: true, aside: true, coordinator };
            let plan = choose(Diagnosis::Failed(failure), &facts, allowed);
            let expected = match failure {
                FailureType::SystemCrash if recent => Strategy::PartialRecovery,
                FailureType::SystemCrash
                | FailureType::DataCorruption
                | FailureType::CheckpointInconsistency => Strategy::FullReplay,
                FailureType::StorageFailure => Strategy::EmergencyRecovery,
                FailureType::MemoryCorruption => Strategy::RollbackRecovery,
                FailureType::NetworkPartition => Strategy::CoordinatedRecovery,
                FailureType::IncompleteTransaction => Strategy::IncrementalRestore,
                FailureType::JournalTruncation => Strategy::PartialRecovery,
            };
            assert_eq!(plan.ways[0].strategy(), expected, "{failure:?} {recent}");
        }
    }
}
