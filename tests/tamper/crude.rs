//! Changes to the files as they lie, by accident or by someone who doesn't know the format: the usual
//! verification finds damage, and the signature tells what it was.

use vexfs_replay::Error;
use vexfs_replay::journal::layout::PAGE_BYTES;
use vexfs_replay::storage::Folder as _;
use vexfs_replay::trust::{At, Kind, SignatureFault, TrustVerdict, What};

use crate::signed::{Signed, of_what};
use crate::small_journal::{Block, THREE_SEGMENTS, blocks_of, change, names_of, text_byte};

fn made() -> (Signed, Vec<String>) {
    let signed = Signed::by(THREE_SEGMENTS);
    let names = names_of(&signed.folder);
    assert_eq!(names.len(), 3);
    (signed, names)
}

fn blocks(signed: &Signed, name: &str) -> Vec<Block> {
    blocks_of(&signed.folder.get(name).unwrap())
}

/// The LSNs of blocks in a row.
fn lsns(blocks: &[Block]) -> (u64, u64) {
    (blocks[0].header.first_lsn, blocks[blocks.len() - 1].last_lsn())
}

/// Checks that just this is told of events, by the LSNs that were signed.
fn check_events(signed: &Signed, kind: Kind, at: At, lsns: (u64, u64)) {
    let trust = signed.trust();
    assert_eq!(trust.verdict, TrustVerdict::Differs);
    let told = of_what(&trust, What::Events);
    let side = |it: &vexfs_replay::trust::Difference| it.signed.or(it.found).unwrap();
    let found: Vec<_> = told
        .iter()
        .map(|it| (it.kind, it.at, side(it).first_lsn.unwrap(), side(it).last_lsn.unwrap()))
        .collect();
    assert_eq!(found, [(kind, at, lsns.0, lsns.1)], "{trust:#?}");
}

/// Checks that all events are told to be as they were, and just this differs.
fn check_around(signed: &Signed, what: What, kind: Kind, segment: u64) {
    let trust = signed.trust();
    let told = trust
        .differences
        .iter()
        .map(|it| (it.what, it.kind, it.signed.or(it.found).unwrap().segment));
    assert_eq!(told.collect::<Vec<_>>(), [(what, kind, segment)], "{trust:#?}");
    assert_eq!(trust.verdict, TrustVerdict::Differs);
}

#[test]
fn a_flipped_byte_of_an_event_is_told_by_its_lsn() {
    for segment in 0..3 {
        let (signed, names) = made();
        for block in blocks(&signed, &names[segment]) {
            let (changed, names) = made();
            let content = changed.folder.get(&names[segment]).unwrap();
            let byte = text_byte(&content, &block);
            let (_, lsn) = crate::small_journal::plain_event(&content, &block);
            change(&changed.folder, &names[segment], |content| content[byte] ^= 1);
            let newest = names_of(&signed.folder).len() - 1 == segment;
            let last = lsn == signed.trust().signed_head.lsn && newest;
            let at = match lsn {
                _ if last => At::End,
                1 => At::Start,
                _ => At::Middle,
            };
            check_events(&changed, Kind::Changed, at, (lsn, lsn));
        }
    }
}

#[test]
fn a_block_whose_magic_is_gone_or_that_was_erased_is_changed() {
    let (signed, names) = made();
    let first = &blocks(&signed, &names[1])[0];
    change(&signed.folder, &names[1], |content| content[first.at] ^= 1);
    check_events(&signed, Kind::Changed, At::Middle, lsns(std::slice::from_ref(first)));
    change(&signed.folder, &names[1], |content| content[first.at..first.end()].fill(0));
    check_events(&signed, Kind::Changed, At::Middle, lsns(std::slice::from_ref(first)));
}

#[test]
fn what_is_cut_off_the_end_is_told_from_its_first_lsn() {
    let (intact, names) = made();
    let last = intact.trust().signed_head.lsn;
    for segment in (0..3).rev() {
        for block in blocks(&intact, &names[segment]).iter().rev() {
            // On the boundary, and in the middle of the block's header and of its events.
            for left in [0, 100, 1_000, PAGE_BYTES - 1] {
                let (signed, names) = made();
                names[segment + 1..].iter().for_each(|name| signed.folder.remove(name).unwrap());
                change(&signed.folder, &names[segment], |content| {
                    content.truncate(block.at + left);
                });
                check_events(&signed, Kind::CutOff, At::End, (block.header.first_lsn, last));
            }
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_told_by_its_lsns() {
    for (segment, at) in [(0, At::Start), (1, At::Middle), (2, At::End)] {
        let (signed, names) = made();
        let gone = lsns(&blocks(&signed, &names[segment]));
        signed.folder.remove(&names[segment]).unwrap();
        check_events(&signed, Kind::CutOff, at, gone);
    }
}

#[test]
fn a_journal_that_is_gone_is_told() {
    let (signed, names) = made();
    names.iter().for_each(|name| signed.folder.remove(name).unwrap());
    let result = signed.check();
    let Err(Error::BadSignature { fault, .. }) = result else { panic!("{result:?}") };
    assert!(matches!(fault, SignatureFault::JournalUnreadable { .. }), "{fault}");
}

#[test]
fn a_block_taken_out_of_its_file_is_cut_out_and_one_put_in_twice_is_put_in() {
    let (signed, names) = made();
    let block = blocks(&signed, &names[1])[1].clone();
    let range = block.at..block.end();
    let whole = signed.folder.get(&names[1]).unwrap();
    change(&signed.folder, &names[1], |content| drop(content.drain(range.clone())));
    check_events(&signed, Kind::CutOff, At::Middle, lsns(std::slice::from_ref(&block)));
    signed.folder.put(&names[1], whole);
    let newest = signed.folder.get(&names[2]).unwrap();
    let block = blocks(&signed, &names[2])[0].clone();
    let twice = [&newest[..block.end()], &newest[block.at..]].concat();
    signed.folder.put(&names[2], twice);
    // Which of the two is the new one can't be told.
    check_events(&signed, Kind::PutIn, At::Middle, lsns(std::slice::from_ref(&block)));
}

#[test]
fn blocks_and_files_that_change_places_are_moved() {
    let (signed, names) = made();
    let found = blocks(&signed, &names[1]);
    let (a, b) = (found[0].clone(), found[1].clone());
    change(&signed.folder, &names[1], |content| {
        content[a.at..b.end()].rotate_left(a.header.block_bytes as usize);
    });
    assert_eq!(signed.trust().kinds, [Kind::Moved], "{:#?}", signed.trust());

    let (signed, names) = made();
    let (one, other) =
        (signed.folder.get(&names[0]).unwrap(), signed.folder.get(&names[1]).unwrap());
    signed.folder.put(&names[0], other);
    signed.folder.put(&names[1], one);
    let trust = signed.trust();
    let told = of_what(&trust, What::Events);
    assert!(!told.is_empty() && told.iter().all(|it| it.kind == Kind::Moved), "{trust:#?}");
}

#[test]
fn what_is_around_events_is_told_by_its_place() {
    let (signed, names) = made();
    let last = blocks(&signed, &names[2]).pop().unwrap();
    change(&signed.folder, &names[2], |content| content.truncate(last.end()));
    check_around(&signed, What::Rest, Kind::CutOff, 2);

    let (signed, names) = made();
    change(&signed.folder, &names[2], |content| content.extend(b"more"));
    check_around(&signed, What::Rest, Kind::PutIn, 2);

    let (signed, names) = made();
    // Zeros of the seal, which nothing says anything about but its digest.
    change(&signed.folder, &names[0], |content| {
        let at = content.len() - 100;
        content[at] ^= 1;
    });
    check_around(&signed, What::Rest, Kind::Changed, 0);

    let (signed, names) = made();
    change(&signed.folder, &names[1], |content| content[1_000] ^= 1);
    check_around(&signed, What::Header, Kind::Changed, 1);

    let (signed, names) = made();
    let padded = blocks(&signed, &names[1])[1].clone();
    change(&signed.folder, &names[1], |content| content[padded.end() - 1] ^= 1);
    check_around(&signed, What::Blocks, Kind::Changed, 1);
    let side = signed.trust().differences[0].signed.unwrap();
    assert_eq!((side.first_lsn.unwrap(), side.last_lsn.unwrap()), lsns(&[padded]));
}
