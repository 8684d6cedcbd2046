//! Damage to segments: cut, missing, foreign, of another format, with a wrong seal.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::OPTIONAL_TYPE_BIT;
use vexfs_replay::journal::damage::Verdict;
use vexfs_replay::journal::layout::SealEntry;
use vexfs_replay::journal::{
    Durability, EndKind, Head, Journal, Validation, Writer, WriterOptions,
};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::harness::{Corruption, Made, POLICIES, check_tail, lsns, options, replay_both};
use crate::scribe::{Scribe, Step, check_recovered, recovered};
use crate::small_journal::{
    Block, OPTIONS, chain_anew, names_of, plain_event, rebuild_header, rebuild_seal, text_byte,
};

#[test]
fn fault_05_a_segment_cut_short_before_an_intact_one() {
    for segment in [0, 1] {
        let blocks = Made::closed().blocks(segment);
        for cut_at in 1..blocks.len() {
            for more in [0, 1, 100, 1000, 4095] {
                let made = Made::closed();
                let offset = blocks[cut_at].at;
                made.change(segment, |content| content.truncate(offset + more));
                let lost = blocks[cut_at].header.first_lsn..blocks[blocks.len() - 1].last_lsn() + 1;
                let (fault, verdict) = ("cut_short", Verdict::Corruption);
                let lsn = lost.start;
                let corruption = Corruption { fault, segment, offset, lsn, lost, verdict };
                corruption.check(&made, &Validation::ALL);
            }
        }
    }
}

#[test]
fn fault_06_a_missing_segment_is_named_and_no_end() {
    for segment in 0..3 {
        let made = Made::closed();
        let blocks = made.blocks(segment);
        let name = &made.names[segment];
        made.folder.remove(name).unwrap();
        let lost = blocks[0].header.first_lsn..blocks[blocks.len() - 1].last_lsn() + 1;
        let (fault, verdict, offset) = ("segment_missing", Verdict::Corruption, 0);
        let lsn = lost.start;
        Corruption { fault, segment, offset, lsn, lost, verdict }.check(&made, &Validation::ALL);
        let refused = replay_both(&made.folder, &ReplayOptions::default()).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn fault_08_torn_bytes_stay_and_what_is_appended_later_is_found_behind_them() {
    let folder = MemoryFolder::default();
    let shared: Arc<dyn Folder> = Arc::new(folder.clone());
    let unsynced = WriterOptions { durability: Durability::MetadataOnly, ..OPTIONS };
    let mut scribe = Scribe::create(Arc::clone(&shared), unsynced).unwrap();
    let mut torn: Vec<(String, Vec<u8>)> = Vec::new();
    for lives in 1..4 {
        for step in [Step::Set(100), Step::Commit, Step::Set(200), Step::Commit] {
            scribe.step(step).unwrap();
        }
        let (mut history, acknowledged) = (scribe.history.clone(), scribe.acknowledged);
        drop(scribe);
        // The machine stops, and of the last block only a part came to the disk.
        let name = names_of(&folder).pop().unwrap();
        let mut content = folder.get(&name).unwrap();
        content.truncate(content.len() - 100);
        folder.put(&name, content.clone());
        torn.push((name, content));
        let found = recovered(&shared, Validation::Cryptographic).unwrap().unwrap();
        assert_eq!(found.1.findings.end.kind, EndKind::TornTail);
        assert_eq!(check_recovered(&found, &history, acknowledged, history.last_lsn()), lives);
        history.cut(lives);
        scribe = Scribe::open(Arc::clone(&shared), unsynced, history).unwrap();
    }
    scribe.step(Step::Close).unwrap();
    let found = recovered(&shared, Validation::Cryptographic).unwrap().unwrap();
    assert_eq!(found.1.findings.end.kind, EndKind::Sealed);
    check_recovered(&found, &scribe.history, 3, 3);
    assert!(torn.iter().all(|(name, content)| folder.get(name).as_ref() == Some(content)));
}

fn head_of(made: &Made) -> Head {
    replay_both(&made.folder, &ReplayOptions::default()).unwrap().1.head
}

/// Checks that the journal is taken for intact without a head, and refused with the head.
fn only_the_head_tells(made: &Made, head: Head, kind: EndKind) {
    for damage in POLICIES {
        let options = options(damage, Validation::Cryptographic);
        let (_, outcome) = replay_both(&made.folder, &options).unwrap();
        assert_eq!(outcome.findings.end.kind, kind);
        assert!(!outcome.has_loss() && !outcome.anchored, "unanchored, and said so");
        let options = ReplayOptions { anchor: Some(head), ..options };
        let result = replay_both(&made.folder, &options);
        assert!(matches!(result, Err(Error::BelowAnchor { .. })), "{damage:?}: {result:?}");
    }
}

#[test]
fn fault_41_a_tail_removed_on_a_block_boundary() {
    let made = Made::closed();
    let (head, last) = (head_of(&made), made.last_block());
    let options = ReplayOptions { anchor: Some(head), ..ReplayOptions::default() };
    assert!(replay_both(&made.folder, &options).unwrap().1.anchored);
    made.change(made.newest(), |content| content.truncate(last.at));
    only_the_head_tells(&made, head, EndKind::Unsealed);
}

#[test]
fn fault_42_a_suffix_chained_anew_by_someone_with_write_access() {
    let made = Made::closed();
    let (head, first) = (head_of(&made), made.blocks(made.newest()).swap_remove(0));
    made.change(made.newest(), |content| {
        let byte = text_byte(content, &first);
        content[byte] ^= 1;
        chain_anew(content);
    });
    only_the_head_tells(&made, head, EndKind::Sealed);
}

#[test]
fn fault_43_a_newer_format_or_an_unknown_required_feature() {
    for segment in 0..3 {
        for newer in [true, false] {
            let made = Made::closed();
            made.change(segment, |content| {
                rebuild_header(content, |header| {
                    if newer {
                        header.major += 1;
                    } else {
                        header.required_features = 4;
                    }
                });
            });
            let before = made.all_files();
            let opened = Journal::open(Arc::new(made.folder.clone()));
            assert!(matches!(opened, Err(Error::UnknownFormat { .. })), "{opened:?}");
            let written = Writer::open(Arc::new(made.folder.clone()), OPTIONS);
            assert!(matches!(written, Err(Error::UnknownFormat { .. })), "{written:?}");
            assert!(made.all_files() == before);
        }
    }
}

#[test]
fn fault_43_a_newer_minor_version_and_optional_features_are_taken() {
    let made = Made::closed();
    made.change(made.newest(), |content| {
        rebuild_header(content, |header| {
            header.minor += 1;
            header.optional_features = 4;
        });
        chain_anew(content);
    });
    check_tail(&made, EndKind::Sealed, made.history.last_lsn(), &Validation::ALL);
}

/// Gives an event of the newest segment, in no transaction, another type. Gives its LSN and block.
fn with_type(code: u16) -> (Made, u64, Block) {
    const EVENT_TYPE_AT: usize = 24;
    let made = Made::closed();
    let block = made.blocks(made.newest()).swap_remove(0);
    let (at, lsn) = plain_event(&made.content(made.newest()), &block);
    made.change(made.newest(), |content| {
        content[at + EVENT_TYPE_AT..at + EVENT_TYPE_AT + 2].copy_from_slice(&code.to_le_bytes());
        chain_anew(content);
    });
    (made, lsn, block)
}

#[test]
fn fault_43_an_unknown_optional_event_is_skipped_and_counted() {
    let (made, skipped, _) = with_type(0x7F00 | OPTIONAL_TYPE_BIT);
    for (damage, validation) in POLICIES.iter().flat_map(|it| Validation::ALL.map(|to| (it, to))) {
        let (state, outcome) = replay_both(&made.folder, &options(*damage, validation)).unwrap();
        assert_eq!(outcome.findings.tally.unknown, 1);
        assert_eq!(outcome.findings.tally.events, made.history.last_lsn());
        assert!(!outcome.has_loss());
        let skipped = skipped..skipped + 1;
        made.history.check_state_without(&state, made.history.last_lsn(), &skipped);
    }
}

#[test]
fn fault_43_an_unknown_required_event_refuses() {
    let (made, _, block) = with_type(0x7F00 & !OPTIONAL_TYPE_BIT);
    Corruption::of_block("malformed_event", made.newest(), &block).check(&made, &Validation::ALL);
}

#[test]
fn fault_47_an_index_entry_that_points_to_another_record() {
    for segment in 0..3 {
        let blocks = Made::closed().blocks(segment);
        for index in 1..blocks.len() {
            let made = Made::closed();
            made.change(segment, |content| {
                rebuild_seal(content, |entries: &mut [SealEntry]| entries.swap(index - 1, index));
            });
            let last = &blocks[blocks.len() - 1];
            let (fault, verdict, lost) = ("digest_mismatch", Verdict::Corruption, 0..0);
            let (offset, lsn) = (last.end(), last.last_lsn() + 1);
            let corruption = Corruption { fault, segment, offset, lsn, lost, verdict };
            corruption.check(&made, &Validation::ALL);
        }
    }
}

/// A seal that must be there, and a file that ends before it.
#[test]
fn fault_05_a_seal_that_is_missing_is_told_as_that() {
    for segment in [0, 1] {
        let made = Made::closed();
        let last = made.blocks(segment).pop().unwrap();
        made.change(segment, |content| content.truncate(last.end()));
        let (fault, verdict, lost) = ("seal_missing", Verdict::Corruption, 0..0);
        let (offset, lsn) = (last.end(), last.last_lsn() + 1);
        Corruption { fault, segment, offset, lsn, lost, verdict }.check(&made, &Validation::ALL);
        let refused = replay_both(&made.folder, &ReplayOptions::default()).unwrap_err();
        let place = format!("{}, segment {segment}, LSN {lsn}", made.names[segment]);
        let told = refused.to_string();
        assert!(told.contains("ends where the segment's seal should stand"), "{told}");
        assert!(told.contains(&format!("segment {segment}")), "{place}: {told}");
    }
}

#[test]
fn fault_05_lsns_go_on_across_segments() {
    let made = Made::closed();
    let first = made.blocks(1).swap_remove(0);
    made.change(1, |content| rebuild_header(content, |header| header.first_lsn += 1));
    for damage in [DamagePolicy::Strict, DamagePolicy::Tail] {
        let result = replay_both(&made.folder, &options(damage, Validation::Full));
        let Err(Error::Damaged { first: found, .. }) = result else { panic!("{result:?}") };
        assert_eq!((found.fault.name(), found.segment, found.offset), ("sequence_gap", 1, 0));
        assert_eq!(found.lsn, lsns(&first).start);
    }
}
