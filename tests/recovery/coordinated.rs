//! Coordinated recovery: to the cut that all agree on, and no farther than the journal reaches.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use vexfs_replay::Error;
use vexfs_replay::recovery::{
    Agreement, Coordinator, FailureType, LocalReport, LsnRange, Plan, Recovered, RecoveryOptions,
    Way,
};

use crate::story::Story;
use crate::world::{ALL, World, files_of, options, whole};

/// A coordinator that says what it was told to say, and remembers what it was asked.
#[derive(Debug)]
struct Told {
    says: Result<Agreement, String>,
    asked: Arc<Mutex<Vec<LocalReport>>>,
}

impl Coordinator for Told {
    fn agree(&mut self, report: &LocalReport) -> Result<Agreement, Error> {
        self.asked.lock().unwrap().push(report.clone());
        self.says.clone().map_err(Error::Import)
    }
}

fn cut(cut_lsn: u64, in_doubt: &[u64]) -> Result<Agreement, String> {
    Ok(Agreement { cut_lsn, in_doubt: in_doubt.to_vec() })
}

fn partitioned() -> RecoveryOptions {
    RecoveryOptions {
        reported: Some(FailureType::NetworkPartition),
        // Whoever is given a coordinator doesn't decide alone, whatever may be lost.
        accept: ALL,
        ..options()
    }
}

fn recover(
    world: &World,
    says: Result<Agreement, String>,
) -> (Result<Recovered, Error>, Vec<LocalReport>, Plan) {
    let asked = Arc::default();
    let told = Told { says, asked: Arc::clone(&asked) };
    let mut manager = world.manager(partitioned()).with_coordinator(Box::new(told));
    let survey = manager.survey().unwrap();
    let plan = manager.plan(&survey);
    let recovered = manager.recover(&mut |_| {});
    let asked = asked.lock().unwrap().clone();
    (recovered, asked, plan)
}

#[test]
fn coordinated_recovery_alone_stops_at_the_cut_that_all_agree_on() {
    for agreed in [1, 77, 200] {
        let world = World::open(9, 300).with_checkpoints(&[60, 150]);
        let before = world.copy();
        let (recovered, asked, plan) = recover(&world, cut(agreed, &[]));
        let recovery = whole(recovered);
        assert_eq!(plan.ways, [Way::Coordinated]);
        assert_eq!(recovery.record.way(), Some(Way::Coordinated));
        assert_eq!(recovery.record.last_lsn, agreed);
        Story::check_state(&world.story.judge(agreed, &BTreeSet::new()), &recovery.state);
        let behind = LsnRange { first: agreed + 1, last: Some(world.last_lsn()) };
        assert_eq!(recovery.record.lost.behind_stop, Some(behind));
        let started_from = recovery.outcome.started_from.as_ref().map(|it| it.watermark);
        assert_eq!(started_from, [60, 150].into_iter().rfind(|&lsn| lsn <= agreed));

        // It told how far it comes, by what a replay finds.
        let whole = vexfs_replay::replay::replay_serially(&world.opened(), &options().replay);
        let (_, outcome) = whole.unwrap();
        let [report] = &asked[..] else { panic!("asked once: {asked:?}") };
        assert_eq!(report.journal_id, world.opened().journal_id);
        assert_eq!(report.head, outcome.head);
        assert_eq!(report.unfinished, outcome.findings.transactions.discarded.ids);
        before.check_others(&[Way::Coordinated], recovery.record.state_digest, &partitioned());
    }
}

#[test]
fn a_cut_beyond_the_journal_is_refused_and_so_is_what_is_in_doubt() {
    let world = World::open(9, 200);
    let last = world.last_lsn();
    let (recovered, ..) = recover(&world.copy(), cut(last, &[]));
    assert_eq!(whole(recovered).record.last_lsn, last, "the end itself is reached");

    let (recovered, ..) = recover(&world, cut(last + 1, &[]));
    match recovered {
        Err(Error::Unrecovered { last: error, tried, .. }) => {
            let Error::BehindCut { reached, agreed } = *error else { panic!("{error}") };
            assert_eq!((reached, agreed, tried.len()), (last, last + 1, 1));
        }
        other => panic!("{other:?}"),
    }
    let world = World::open(9, 200);
    let (recovered, ..) = recover(&world, cut(last, &[3, 8]));
    match recovered {
        Err(Error::InDoubt { transactions }) => assert_eq!(transactions, [3, 8]),
        other => panic!("{other:?}"),
    }
    assert!(files_of(&world.checkpoints).is_empty(), "nothing was applied");
    assert!(world.manager(options()).history().unwrap().is_empty());
    // When nobody is in doubt any more it goes on.
    let (recovered, ..) = recover(&world, cut(last, &[]));
    assert!(whole(recovered).record.resumed);
}

#[test]
fn what_a_coordinator_says_went_wrong_is_told_and_nobody_decides_alone() {
    let world = World::open(9, 200);
    let (recovered, asked, _) = recover(&world, Err("no quorum".to_owned()));
    assert_eq!(asked.len(), 1);
    match recovered {
        Err(Error::Unrecovered { last, tried, .. }) => {
            assert_eq!(last.to_string(), "import: no quorum");
            assert_eq!(tried.iter().map(|it| it.way).collect::<Vec<_>>(), [Way::Coordinated]);
        }
        other => panic!("{other:?}"),
    }
}
