//! Incremental restore: a base, its deltas, and what follows; nothing of the journal before.

use std::collections::BTreeSet;
use std::sync::Arc;

use vexfs_replay::checkpoint::{Catalogue, Kind};
use vexfs_replay::journal::{Journal, Segment, WriterOptions};
use vexfs_replay::recovery::{Places, RecoveryManager, RecoveryOptions, Way};
use vexfs_replay::replay::Cut;

use crate::chains::{Blow, strike};
use crate::small_journal::OPTIONS;
use crate::spy::{Call, SpiedFolder};
use crate::story::{Story, Teller};
use crate::world::{World, options, whole};

/// How much a survey may read at the end of a journal, in bytes.
pub(crate) const WINDOW_BYTES: u64 = 3 << 20;
const PAGE: u64 = 4096;

/// A journal of several segments, much longer than what a survey reads.
pub(crate) fn large() -> World {
    let journal = Default::default();
    let long = WriterOptions { block_bytes: 64 * 1024, segment_bytes: 4 << 20, ..OPTIONS };
    let mut teller = Teller::new(&journal, long, 11, 16_000);
    teller.steps(5_000);
    World::of(journal, teller.close())
}

/// How long the blocks of a journal are, in bytes.
pub(crate) fn block_bytes(journal: &Journal) -> u64 {
    journal.segments.iter().map(|it| end_of_blocks(it) - PAGE).sum()
}

/// Where the blocks of a segment end, in bytes from its start.
fn end_of_blocks(segment: &Segment) -> u64 {
    segment.trailer.map_or(segment.file_bytes, |trailer| trailer.seal_offset)
}

/// How long the headers and seals of a journal are, in bytes.
pub(crate) fn header_bytes(journal: &Journal) -> u64 {
    journal.segments.iter().map(|it| PAGE + it.file_bytes - end_of_blocks(it)).sum()
}

/// Whether a read is of a header, a seal, or what shows that a checkpoint fits: the block that holds its
/// cut, and the header of the one at which reading restarts. Behind the newest one's restart all is.
fn is_allowed(journal: &Journal, cuts: &[Cut], (name, offset, bytes): (&str, u64, u64)) -> bool {
    let segment = journal.segments.iter().find(|it| it.path.ends_with(name)).unwrap();
    let restart = (cuts[0].restart.segment, cuts[0].restart.offset);
    let in_cut = cuts.iter().any(|cut| {
        let in_block = offset >= cut.block.offset
            && offset + bytes <= cut.block.offset + u64::from(cut.block.block_bytes);
        let at_restart =
            (segment.number, offset) == (cut.restart.segment, cut.restart.offset) && bytes <= PAGE;
        (segment.number == cut.block.segment && in_block) || at_restart
    });
    let sealed = end_of_blocks(segment);
    (segment.number, offset) >= restart || offset + bytes <= PAGE || in_cut || offset >= sealed
}

/// What a checkpoint spares is not looked at, even where that is the header of the segment at whose end it
/// was taken.
#[test]
fn a_segment_that_a_checkpoint_has_done_with_may_have_no_header() {
    let world = World::open(2, 220);
    let segments = world.segments().len();
    let mut covered = 0;
    for segment in 1..segments - 1 {
        let last_lsn = world.blocks(segment).last().unwrap().last_lsn();
        let world = world.copy().with_checkpoints(&[last_lsn]);
        let expected = whole(world.copy().recover(options())).record;
        strike(&world, Blow::Headless { segment });
        let mut manager = world.manager(options());
        let survey = manager.survey().unwrap();
        // Where a transaction is open at its end, the segment is read again.
        if !survey.facts.damage_is_covered {
            continue;
        }
        covered += 1;
        let found = whole(manager.recover(&mut |_| {})).record;
        assert_eq!(
            (found.last_lsn, found.state_digest),
            (expected.last_lsn, expected.state_digest)
        );
        assert_eq!((found.way(), found.spared_events), (Some(Way::Incremental), last_lsn));
    }
    assert!(covered > 1, "{covered}");
}

#[test]
fn an_incremental_restore_reads_what_follows_its_checkpoint_and_nothing_else() {
    let world = large();
    let last = world.last_lsn();
    let world = world.with_checkpoints(&[last / 3, last / 2, last * 7 / 10]);
    let catalogue = Catalogue::open(Arc::new(world.checkpoints.clone())).unwrap();
    let kinds: Vec<Kind> = catalogue.entries.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [Kind::Delta, Kind::Delta, Kind::Base]);
    let files = catalogue.entries.iter().map(|it| it.file.as_ref().unwrap());
    let cuts: Vec<Cut> = files.map(|file| file.manifest.clone()).collect();
    // What lies before it may be damaged: it is never looked at.
    let damaged = world.flip(0, 5);
    assert!(damaged.header.first_lsn < last / 4);

    let (journal, checkpoints) =
        (SpiedFolder::over(world.journal.clone()), SpiedFolder::over(world.checkpoints.clone()));
    let before = world.copy();
    let places = Places {
        journal: Arc::new(journal.clone()),
        checkpoints: Some(Arc::new(checkpoints.clone())),
        ..world.places()
    };
    let recovery = whole(RecoveryManager::new(places, options()).recover(&mut |_| {}));
    let record = &recovery.record;
    assert_eq!(record.way(), Some(Way::Incremental));
    assert_eq!(recovery.outcome.started_from.as_ref().unwrap().watermark, last * 7 / 10);
    Story::check_state(&world.story.judge(last, &BTreeSet::new()), &recovery.state);

    let opened = world.opened();
    let mut total = 0;
    for call in journal.calls() {
        let Call::Read { name, offset, bytes } = call else { continue };
        total += bytes;
        let allowed = is_allowed(&opened, &cuts, (&name, offset, bytes));
        assert!(allowed, "{bytes} bytes of {name} at {offset}, and {:?}", cuts[0].restart);
    }
    let behind = block_bytes(&opened) - cuts[0].so_far.bytes;
    let headers = header_bytes(&opened);
    let budget = behind + headers + WINDOW_BYTES;
    println!(
        "read {total} of {} bytes, {behind} behind the cut, {budget} at most",
        block_bytes(&opened)
    );
    assert!(total <= budget && behind < block_bytes(&opened) / 2);
    // Nor of the checkpoints more than there is: each is opened, and read once.
    let stored: u64 = before.checkpoint_bytes();
    assert!(checkpoints.bytes_read() <= 2 * stored + (1 << 20));

    // A full replay comes to the damage. Partial recovery, which may do without a checkpoint, does the
    // same as this where one loads; the others may lose data, or have nobody to ask.
    let told =
        before.check_others(&[Way::Incremental, Way::Partial], record.state_digest, &options());
    assert!(told["full replay"].contains("refused, since the journal is damaged"), "{told:?}");
    let partial = whole(before.forced(Way::Partial, &options()));
    assert_eq!(partial.record.journal_bytes, record.journal_bytes);
}

/// What distinguishes it: it never falls back to the first event by itself.
#[test]
fn an_incremental_restore_without_a_checkpoint_that_loads_refuses_before_it_reads_the_journal() {
    let world = large();
    let last = world.last_lsn();
    let world = world.with_checkpoints(&[last / 2]);
    let name = world.manager(options()).survey().unwrap().usable().unwrap().name.clone();
    crate::small_journal::change(&world.checkpoints, &name, |content| content[3_000] ^= 1);
    for (way, is_refused) in [(Way::Incremental, true), (Way::Partial, false)] {
        let journal = SpiedFolder::over(world.journal.clone());
        let places = Places { journal: Arc::new(journal.clone()), ..world.copy().places() };
        let only = RecoveryOptions { only: Some(way), ..options() };
        let recovered = RecoveryManager::new(places, only).recover(&mut |_| {});
        assert_eq!(recovered.is_err(), is_refused, "{recovered:?}");
        let whole = block_bytes(&world.opened());
        assert_eq!(journal.bytes_read() < whole / 2, is_refused, "{}", journal.bytes_read());
    }
}
