//! A survey: looks, changes nothing, reads little, and tells how each journal ends.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::{Head, WriterOptions};
use vexfs_replay::recovery::{
    Checkpoint, Diagnosis, Ending, FailureType, Places, RecoveryManager, RecoveryOptions, Survey,
};
use vexfs_replay::replay::ReplayOptions;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::incremental::{WINDOW_BYTES, block_bytes, header_bytes, large};
use crate::small_journal::{OPTIONS, change, rebuild_header};
use crate::spy::{Call, SpiedFolder};
use crate::story::Teller;
use crate::world::{World, options};

fn survey(world: &World) -> Survey {
    world.manager(options()).survey().unwrap()
}

fn ending(world: &World) -> Ending {
    survey(world).facts.ending
}

#[test]
fn a_survey_leaves_no_trace_and_reads_little_of_a_large_journal() {
    let world = large();
    let last = world.last_lsn();
    let world = world.with_checkpoints(&[last / 2, last * 9 / 10]);
    let spied = [&world.journal, &world.checkpoints, &world.records]
        .map(|folder| SpiedFolder::over(folder.clone()));
    let [journal, checkpoints, records] = spied.clone().map(Arc::new);
    let places = Places { journal, checkpoints: Some(checkpoints), records: Some(records) };
    let manager = RecoveryManager::new(places, options());
    let survey = manager.survey().unwrap();
    drop(manager.plan(&survey));
    manager.estimates(&survey).unwrap();
    manager.history().unwrap();
    for folder in &spied {
        let traces: Vec<Call> = folder.calls().into_iter().filter(Call::changes).collect();
        assert_eq!(traces, []);
    }
    let opened = world.opened();
    let headers = header_bytes(&opened);
    let [read, whole] = [spied[0].bytes_read(), block_bytes(&opened)];
    println!("read {read} of {whole} bytes, of which {headers} of headers and seals");
    assert!(read <= WINDOW_BYTES + headers && whole > 7 * WINDOW_BYTES);
}

#[test]
fn each_ending_is_told_of_a_journal_that_ends_so() {
    let closed = World::closed(1, 300);
    assert_eq!(ending(&closed), Ending::Closed);
    assert_eq!(survey(&closed).last_lsn(), closed.last_lsn());
    let open = World::open(1, 300);
    assert_eq!(ending(&open), Ending::Open);
    let newest = open.segments().pop().unwrap();

    let torn = open.copy();
    change(&torn.journal, &newest, |content| content.truncate(content.len() - 600));
    assert_eq!(ending(&torn), Ending::Torn);
    let last_block = open.blocks(open.segments().len() - 1).pop().unwrap();
    assert_eq!(survey(&torn).last_lsn(), last_block.header.first_lsn - 1);

    let corrupt = closed.copy();
    corrupt.flip(closed.segments().len() - 1, 0);
    assert_eq!(ending(&corrupt), Ending::Corrupt);

    let truncated = open.copy().with_checkpoints(&[open.last_lsn()]);
    change(&truncated.journal, &newest, |content| content.truncate(last_block.at));
    assert_eq!(ending(&truncated), Ending::Truncated);
    let outcome = vexfs_replay::replay::replay_serially(&open.opened(), &options().replay);
    let head = outcome.unwrap().1.head;
    let anchored = |world: &World, anchor: Head| {
        let replay = ReplayOptions { anchor: Some(anchor), ..options().replay };
        world.manager(RecoveryOptions { replay, ..options() }).survey().unwrap().facts.ending
    };
    assert_eq!(anchored(&open, head), Ending::Open);
    let cut_off = World { checkpoints: MemoryFolder::default(), ..truncated };
    assert_eq!((ending(&cut_off), anchored(&cut_off, head)), (Ending::Open, Ending::Truncated));

    let missing = closed.copy();
    missing.journal.remove(&closed.segments()[1]).unwrap();
    assert_eq!(ending(&missing), Ending::SegmentMissing);
    let headless = closed.copy();
    change(&headless.journal, &closed.segments()[1], |content| content[..64].fill(0xAA));
    assert_eq!(ending(&headless), Ending::Corrupt);

    let foreign = closed.copy();
    change(&foreign.journal, &closed.segments()[1], |content| {
        rebuild_header(content, |header| header.journal_id = *b"another-journal!");
    });
    assert_eq!(ending(&foreign), Ending::Foreign);

    let newer = closed.copy();
    change(&newer.journal, &closed.segments()[1], |content| {
        rebuild_header(content, |header| header.major += 1);
    });
    assert_eq!(ending(&newer), Ending::NewerFormat);
    let refused = newer.recover(options());
    assert!(matches!(refused, Err(Error::UnknownFormat { .. })), "{refused:?}");

    let unreadable = SpiedFolder::judged(open.journal.clone(), |call| match call {
        // Headers and trailers can be read, blocks can't.
        Call::Read { offset: 1.., bytes: 4096.., .. } => Err(rustix::io::Errno::IO.into()),
        _ => Ok(()),
    });
    let places = Places { journal: Arc::new(unreadable), ..open.places() };
    let survey = RecoveryManager::new(places, options()).survey().unwrap();
    assert_eq!(survey.facts.ending, Ending::Unreadable);
    assert!(survey.failure.unwrap().contains("could not read"));
}

#[test]
fn other_facts_are_told_as_they_are() {
    let world = World::open(2, 200);
    let facts = survey(&world).facts;
    assert_eq!(
        (facts.checkpoint, facts.bad_checkpoints, facts.held),
        (Checkpoint::None, false, false)
    );
    let guard = world.journal.lock().unwrap();
    let held = survey(&world);
    assert!(held.facts.held && held.holder.is_some());
    assert_eq!(world.manager(options()).plan(&held).diagnosis, Diagnosis::InUse);
    let refused = world.recover(options());
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    drop(guard);

    let world = world.with_checkpoints(&[50]);
    assert_eq!(survey(&world).facts.checkpoint, Checkpoint::Recent);
    let recent = RecoveryOptions { recent: std::time::Duration::ZERO, ..options() };
    assert_eq!(world.manager(recent).survey().unwrap().facts.checkpoint, Checkpoint::Old);

    // A transaction that is open at the end is told of by name; one that ended is not.
    let journal = MemoryFolder::default();
    let mut teller = Teller::new(&journal, WriterOptions { ..OPTIONS }, 3, 60);
    teller.begin();
    teller.member();
    teller.begin();
    teller.member();
    teller.end(true);
    teller.writer().commit().unwrap();
    let world = World::of(journal, teller.die());
    let found = survey(&world);
    assert!(found.facts.unfinished);
    let outcome = vexfs_replay::replay::replay_serially(&world.opened(), &options().replay);
    let discarded = outcome.unwrap().1.findings.transactions.discarded;
    assert_eq!((found.unfinished.count, found.unfinished.ids), (1, discarded.ids));
    let plan = world.manager(options()).plan(&survey(&world));
    assert_eq!(plan.diagnosis, Diagnosis::Failed(FailureType::IncompleteTransaction));
}

#[test]
fn damage_before_the_restart_counts_as_covered() {
    for (covered, lsns) in [(true, &[60, 200][..]), (false, &[20][..])] {
        let world = World::closed(4, 300).with_checkpoints(lsns);
        world.journal.remove(&world.segments()[1]).unwrap();
        let facts = survey(&world).facts;
        assert_eq!((facts.ending, facts.damage_is_covered), (Ending::SegmentMissing, covered));
    }
}
