//! Journals that go on after they were signed, that are signed again, and that can't be signed; storage that
//! fails in between; signatures that are about something else.

use std::sync::Arc;
use vexfs_kernels::sha256;
use vexfs_replay::Error;
use vexfs_replay::journal::{EndKind, Writer};
use vexfs_replay::storage::Folder as _;
use vexfs_replay::trust::{
    At, Earlier, Kind, Place, SecretKey, SignatureFault, TrustVerdict, check, seal,
};

use crate::attacker::Apart;
use crate::crashing::{CrashingFolder, Dice};
use crate::failing::{Call, FailingFolder, How, Plan};
use crate::scribe::{Scribe, Step};
use crate::signed::{KEY, Signed, name, options};
use crate::small_journal::{OPTIONS, THREE_SEGMENTS, blocks_of, change, names_of, text_byte};

/// Lets another writer append to a journal.
fn grow(signed: &Signed, steps: &[Step]) {
    let (_, history) = crate::small_journal::journal_of(THREE_SEGMENTS, OPTIONS);
    let mut scribe = Scribe::open(signed.shared(), OPTIONS, history).unwrap();
    steps.iter().for_each(|&step| scribe.step(step).unwrap());
}

#[test]
fn what_is_appended_by_a_writer_is_told_apart_and_can_be_signed_again() {
    let signed = Signed::by(THREE_SEGMENTS);
    let head = signed.trust().signed_head;
    grow(&signed, &[Step::Set(100), Step::Set(200), Step::Commit, Step::Close]);
    let trust = signed.trust();
    assert_eq!((trust.verdict, &trust.kinds[..]), (TrustVerdict::Appended, &[Kind::PutIn][..]));
    assert_eq!((trust.appended.events, trust.appended.segments), (2, 1));
    let told = trust.differences[0];
    let found = told.found.unwrap();
    assert_eq!(
        (told.at, found.first_lsn, found.last_lsn),
        (At::End, Some(head.lsn + 1), Some(head.lsn + 2))
    );
    assert_eq!(signed.seal(Earlier::MustHold).unwrap().unwrap().verdict, TrustVerdict::Appended);
    assert!(signed.is_accepted());
    assert_eq!(signed.trust().signed_head.lsn, head.lsn + 2);
}

#[test]
fn a_journal_whose_writer_died_is_signed_up_to_its_head() {
    let unclosed = &THREE_SEGMENTS[..THREE_SEGMENTS.len() - 1];
    let signed = Signed::by(&[unclosed, &[Step::Commit]].concat());
    let (outcome, trust) = signed.check().unwrap();
    assert_eq!(outcome.findings.end.kind, EndKind::Unsealed);
    assert!(!trust.closed && trust.verdict == TrustVerdict::Intact);
    // The next writer begins a segment of its own.
    Writer::open(signed.shared(), OPTIONS).unwrap().close().unwrap();
    let trust = signed.trust();
    assert_eq!((trust.verdict, trust.appended.events), (TrustVerdict::Appended, 0), "{trust:#?}");
}

#[test]
fn a_torn_tail_is_signed_as_it_lies() {
    let signed = Signed::by(THREE_SEGMENTS);
    let newest = names_of(&signed.folder).pop().unwrap();
    let last = blocks_of(&signed.folder.get(&newest).unwrap()).pop().unwrap();
    change(&signed.folder, &newest, |content| content.truncate(last.at + 2_000));
    signed.seal(Earlier::Replaced).unwrap();
    assert!(signed.is_accepted());
    change(&signed.folder, &newest, |content| content[last.at + 1_000] ^= 1);
    assert!(!signed.is_accepted());
}

#[test]
fn a_damaged_journal_and_one_that_a_writer_holds_are_not_signed() {
    let signed = Signed::by(THREE_SEGMENTS);
    let before = signed.signature();
    let writer = Writer::open(signed.shared(), OPTIONS).unwrap();
    assert!(matches!(signed.seal(Earlier::Replaced), Err(Error::Locked { .. })));
    drop(writer);
    let middle = names_of(&signed.folder).swap_remove(1);
    let content = signed.folder.get(&middle).unwrap();
    let byte = text_byte(&content, &blocks_of(&content)[0]);
    change(&signed.folder, &middle, |content| content[byte] ^= 1);
    assert!(matches!(signed.seal(Earlier::Replaced), Err(Error::Damaged { .. })));
    assert_eq!(signed.signature(), before);
}

#[test]
fn a_journal_that_is_no_longer_what_was_signed_is_not_signed_again_unasked() {
    let signed = Signed::by(THREE_SEGMENTS);
    let apart = Apart::of(&signed.folder);
    apart.remake(&apart.events[..apart.events.len() - 1], &signed.folder);
    let result = signed.seal(Earlier::MustHold);
    let Err(Error::BadSignature { fault, .. }) = result else { panic!("{result:?}") };
    assert!(matches!(fault, SignatureFault::NoLongerHolds { .. }), "{fault}");
    assert!(fault.to_string().contains("cut off"), "{fault}");
    signed.seal(Earlier::Replaced).unwrap();
    assert!(signed.is_accepted());
}

fn fault_of(result: Result<impl std::fmt::Debug, Error>) -> SignatureFault {
    let Err(Error::BadSignature { fault, .. }) = result else { panic!("{result:?}") };
    fault
}

#[test]
fn signatures_that_prove_nothing_are_refused_each_with_its_reason() {
    let signed = Signed::by(THREE_SEGMENTS);
    // By another key, under the name of the trusted one.
    let other = SecretKey::generate().unwrap();
    let (folder, place) = (signed.shared(), Place::new(signed.shared(), name()));
    seal(&folder, &other, &place, Earlier::Replaced, &options(), &mut |_| {}).unwrap();
    assert!(matches!(fault_of(signed.check()), SignatureFault::OtherKey { .. }));
    // And made to name the trusted key.
    let mut forged = signed.signature();
    forged[32..64].copy_from_slice(&KEY.public().id());
    signed.put_signature(forged);
    assert_eq!(fault_of(signed.check()), SignatureFault::Forged);
    // Of another journal.
    let mut foreign = OPTIONS;
    foreign.journal_id = Some(*b"another-journal!");
    let foreign = Signed::with(THREE_SEGMENTS, foreign);
    signed.put_signature(foreign.signature());
    assert!(matches!(fault_of(signed.check()), SignatureFault::OtherJournal { .. }));
    // None.
    signed.folder.remove(&name()).unwrap();
    assert_eq!(fault_of(signed.check()), SignatureFault::Missing);
}

/// What a signature can't tell: it says what the journal was, not that this is the newest one.
#[test]
fn an_older_journal_with_its_older_signature_is_taken_for_what_it_was() {
    let signed = Signed::by(THREE_SEGMENTS);
    let older = signed.copy();
    grow(&signed, &[Step::Set(100), Step::Close]);
    signed.seal(Earlier::MustHold).unwrap();
    assert!(older.is_accepted());
    // The older signature alone tells that the journal has grown; the older journal, what it lacks.
    let newer = signed.signature();
    signed.put_signature(older.signature());
    assert_eq!(signed.trust().verdict, TrustVerdict::Appended);
    older.put_signature(newer);
    assert_eq!(older.trust().kinds, [Kind::CutOff]);
}

/// Whatever call fails while a journal is signed anew, its signature is the old one or the new one.
#[test]
fn a_failure_at_any_call_leaves_a_whole_signature() {
    let grown = Signed::by(THREE_SEGMENTS);
    let old = sha256(&grown.signature());
    grow(&grown, &[Step::Set(100), Step::Close]);
    let (mut failures, error) = (0, rustix::io::Errno::IO);
    for call in Call::ALL {
        for how in [How::Nothing, How::Half, How::All] {
            for nth in 1.. {
                let signed = grown.copy();
                let plan = Plan { call, nth, for_good: false, how, error };
                let failing = FailingFolder::over(signed.shared(), Some(plan));
                let folder: Arc<dyn vexfs_replay::storage::Folder> = Arc::new(failing.clone());
                let place = Place::new(Arc::clone(&folder), name());
                let earlier = Earlier::MustHold;
                let result = seal(&folder, &KEY, &place, earlier, &options(), &mut |_| {});
                if !failing.has_failed() {
                    assert!(
                        result.is_ok() && nth > 1 || call == Call::NextData,
                        "{call:?} {result:?}"
                    );
                    break;
                }
                failures += 1;
                assert!(result.is_err(), "{plan:?}");
                let verdict = signed.trust().verdict;
                let is_old = sha256(&signed.signature()) == old;
                assert_eq!(is_old, verdict == TrustVerdict::Appended, "{plan:?}");
                assert!(is_old || verdict == TrustVerdict::Intact, "{plan:?}");
                // What fails to be read proves nothing, and is never taken for what was signed.
                let plan = Some(Plan { for_good: true, ..plan });
                let failing = FailingFolder::over(signed.shared(), plan);
                let folder: Arc<dyn vexfs_replay::storage::Folder> = Arc::new(failing.clone());
                let place = Place::new(Arc::clone(&folder), name());
                let result = check(&folder, &place, &KEY.public(), &options(), &mut |_| {});
                assert!(result.is_err() || !failing.has_failed(), "{plan:?}");
            }
        }
    }
    eprintln!("{failures} failures");
}

/// Whenever power fails while a journal is signed anew, its signature is the old one or the new one.
#[test]
fn a_crash_at_any_operation_leaves_a_whole_signature() {
    let grown = Signed::by(THREE_SEGMENTS);
    let old = sha256(&grown.signature());
    grow(&grown, &[Step::Set(100), Step::Close]);
    let crashing = CrashingFolder::on(&grown.folder);
    let folder: Arc<dyn vexfs_replay::storage::Folder> = Arc::new(crashing.clone());
    let place = Place::new(Arc::clone(&folder), name());
    seal(&folder, &KEY, &place, Earlier::MustHold, &options(), &mut |_| {}).unwrap();
    let (mut crash, mut dice) = (crashing.crashes(), Dice(3));
    loop {
        for fate in crash.fates(20, &mut dice) {
            let left = Signed { folder: crash.survivor(fate) };
            let at = format!("after {} operations, {fate:?}", crash.done());
            let verdict = left.check().unwrap_or_else(|error| panic!("{at}: {error}")).1.verdict;
            let is_old = sha256(&left.signature()) == old;
            assert_eq!(is_old, verdict == TrustVerdict::Appended, "{at}");
            assert!(is_old || verdict == TrustVerdict::Intact, "{at}");
        }
        if !crash.advance() {
            return;
        }
    }
}
