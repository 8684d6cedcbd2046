//! Damage and selections: what is stepped over is not met, and what is read is told as ever.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::{Body, EventType, Measure, NewEntry};
use vexfs_replay::journal::damage::Verdict;
use vexfs_replay::journal::layout::{BlockHeader, SealEntry};
use vexfs_replay::journal::{EndKind, Journal, NewEvent, Validation, Writer};
use vexfs_replay::replay::{
    DamagePolicy, Outcome, ReplayOptions, Selection, StopPoint, replay, replay_serially,
};
use vexfs_replay::state::MemoryState;
use vexfs_replay::storage::MemoryFolder;

use crate::inspected::Inspected;
use crate::laws::options;
use crate::small_journal::{
    Block, Digest, OPTIONS, blocks_of, chain_anew, change, names_of, rebuild, rebuild_seal,
};

const PATH: &[u8] = b"/directory";

/// The families of the blocks of three segments, one block after the other.
const FAMILIES: [u8; 9] = [1, 8, 1, 8, 8, 1, 1, 8, 1];

/// What the LSNs of a block are above the first one's of its segment, by their number.
const EVENTS: u64 = 10;

/// Three sealed segments of three blocks each, each block of one family. All files lie in one
/// directory, which is made first.
fn journal() -> MemoryFolder {
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), OPTIONS).unwrap();
    let mut inode = 1_u64;
    for family in FAMILIES {
        for event in 0..EVENTS {
            inode += 1;
            let name = inode.to_le_bytes();
            let first = inode == 2;
            let (parent, name) = if first { (1, &b"directory"[..]) } else { (2, &name[..]) };
            let new = NewEntry { parent, inode, mode: 0, uid: 0, gid: 0, name };
            let measure = Measure { value: event as f64, name, text: &[b'.'; 200] };
            let body = match family {
                1 if first => Body::DirectoryCreate(new),
                1 => Body::FileCreate(new),
                _ => Body::Metric(measure),
            };
            writer.append(&NewEvent::new(inode * 10, body)).unwrap();
        }
        writer.commit().unwrap();
    }
    writer.close().unwrap();
    let names = names_of(&folder);
    let blocks = names.iter().map(|name| blocks_of(&folder.get(name).unwrap()).len());
    assert_eq!(blocks.collect::<Vec<_>>(), [3, 3, 3]);
    folder
}

fn of_family(family: u8) -> Selection {
    let types = EventType::ALL.iter().copied().filter(|it| it.family() == family).collect();
    Selection { types, ..Selection::default() }
}

fn open(folder: &MemoryFolder) -> Journal {
    Journal::open(Arc::new(folder.clone())).unwrap()
}

type Replayed = Result<(MemoryState, Outcome), Error>;

fn replay_with(folder: &MemoryFolder, options: &ReplayOptions) -> Replayed {
    replay(&open(folder), options, &mut |_| {})
}

/// The journal, with the payload of its n-th block changed; and that block, with its segment.
fn with_bad_block(number: usize) -> (MemoryFolder, usize, Block) {
    let folder = journal();
    let segment = number / 3;
    let name = &names_of(&folder)[segment];
    let block = blocks_of(&folder.get(name).unwrap()).remove(number % 3);
    change(&folder, name, |content| content[block.at + BlockHeader::BYTES + 200] ^= 1);
    (folder, segment, block)
}

const CHECKED: [Validation; 3] = [Validation::Basic, Validation::Full, Validation::Cryptographic];

fn check_refused(result: Replayed, segment: usize, block: &Block, at: &str) {
    let Err(Error::Damaged { first, .. }) = result else { panic!("{at}: {result:?}") };
    let place = (first.segment, first.offset, first.lsn);
    let expected = (segment as u64, block.at as u64, block.header.first_lsn);
    assert_eq!((first.fault.name(), place), ("crc_mismatch", expected), "{at}: {first}");
}

#[test]
fn damage_in_a_block_that_is_stepped_over_is_not_met_and_in_one_that_is_read_it_is() {
    for (number, family) in FAMILIES.into_iter().enumerate() {
        let (folder, segment, block) = with_bad_block(number);
        let intact = Inspected::of(&journal());
        for validation in CHECKED {
            for damage in [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix] {
                let other = of_family(9 - family);
                let unmet = ReplayOptions { damage, ..options(&other, validation) };
                let (state, outcome) = replay_with(&folder, &unmet).unwrap();
                assert!(!outcome.has_loss(), "block {number}: {:?}", outcome.findings.damages);
                assert_eq!(outcome.findings.end.kind, EndKind::Sealed);
                assert_eq!(state.digest(), intact.state(&other, None, u64::MAX).digest());

                let own = of_family(family);
                let met = ReplayOptions { damage, ..options(&own, validation) };
                let at = format!("block {number}, {damage:?}, {validation:?}");
                if damage != DamagePolicy::Prefix {
                    check_refused(replay_with(&folder, &met), segment, &block, &at);
                    continue;
                }
                let (state, outcome) = replay_with(&folder, &met).unwrap();
                let before = block.header.first_lsn - 1;
                assert_eq!((outcome.findings.damages.len(), outcome.last_lsn), (1, before), "{at}");
                assert_eq!(state.digest(), intact.state(&own, None, before).digest(), "{at}");
            }
        }
    }
}

#[test]
fn who_salvages_a_selection_is_told_of_all_damage() {
    for number in 0..FAMILIES.len() {
        let (folder, _, block) = with_bad_block(number);
        let mut left = Inspected::of(&journal());
        let lost = block.header.first_lsn..=block.last_lsn();
        left.lines.retain(|line| !lost.contains(&line.lsn));
        for validation in CHECKED {
            let selection = of_family(1);
            let damage = DamagePolicy::Salvage;
            let salvaging = ReplayOptions { damage, ..options(&selection, validation) };
            let (state, outcome) = replay_with(&folder, &salvaging).unwrap();
            assert_eq!(outcome.plan, None);
            assert_eq!(outcome.findings.damages.len(), 1);
            assert_eq!(outcome.findings.damages[0].offset, block.at as u64);
            assert_eq!(state.digest(), left.state(&selection, None, u64::MAX).digest());
            let serial = replay_serially(&open(&folder), &salvaging).unwrap();
            assert_eq!(serial.0.digest(), state.digest());
        }
    }
}

/// Names are followed through all blocks: where one of them is bad that may hold some, what a path
/// means is not known.
#[test]
fn damage_in_any_block_is_met_where_a_path_is_selected() {
    let selection = Selection { paths: [PATH.to_vec()].into(), ..Selection::default() };
    let intact = Inspected::of(&journal());
    let expected = intact.state(&of_family(1), None, u64::MAX).digest();
    for (number, family) in FAMILIES.into_iter().enumerate() {
        let (folder, segment, block) = with_bad_block(number);
        for validation in CHECKED {
            let at = format!("block {number}, {validation:?}");
            match replay_with(&folder, &options(&selection, validation)) {
                // No name is in what was lost: then all the same must come of it.
                Ok((state, outcome)) if family != 1 => {
                    assert_eq!(state.digest(), expected, "{at}: {:?}", outcome.findings.tally);
                }
                result => check_refused(result, segment, &block, &at),
            }
        }
    }
}

/// A lie, told of an entry of a seal.
type Lie = (&'static str, fn(&mut SealEntry));

const LIES: [Lie; 4] = [
    ("its digest", |entry| entry.digest[7] ^= 1),
    ("its families", |entry| entry.families |= 1 << 5),
    ("its earliest time", |entry| entry.min_time_ns -= 1),
    ("its latest time", |entry| entry.max_time_ns += 1),
];

#[test]
fn a_seal_that_lies_about_a_block_that_is_read_is_found() {
    for (what, lie) in LIES {
        for number in (0..FAMILIES.len()).filter(|&number| FAMILIES[number] == 1) {
            let folder = journal();
            change(&folder, &names_of(&folder)[number / 3], |content| {
                rebuild_seal(content, |entries| lie(&mut entries[number % 3]));
            });
            for validation in Validation::ALL {
                let at = format!("{what} of block {number}, {validation:?}");
                let result = replay_with(&folder, &options(&of_family(1), validation));
                let Err(Error::Damaged { first, .. }) = result else { panic!("{at}: {result:?}") };
                assert_eq!(first.segment, number as u64 / 3, "{at}: {first}");
                assert_eq!(first.verdict, Verdict::Corruption, "{at}: {first}");
            }
        }
    }
}

/// The chain goes through what is stepped over.
#[test]
fn a_seal_that_lies_about_the_digest_of_a_block_that_is_stepped_over_is_found_by_the_next() {
    let folder = journal();
    change(&folder, &names_of(&folder)[0], |content| {
        rebuild_seal(content, |entries| entries[1].digest[7] ^= 1);
    });
    for validation in [Validation::Full, Validation::Cryptographic] {
        let result = replay_with(&folder, &options(&of_family(1), validation));
        let Err(Error::Damaged { first, .. }) = result else {
            panic!("{validation:?}: {result:?}")
        };
        assert_eq!((first.segment, first.fault.name()), (0, "chain_break"), "{first}");
    }
}

/// A header that doesn't cover its events.
type Uncovering = (&'static str, fn(&mut BlockHeader));

const UNCOVERING: [Uncovering; 4] = [
    ("none of its families", |header| header.families = 0),
    ("another family", |header| header.families = 1 << 5),
    ("not its first time", |header| header.min_time_ns += 1),
    ("not its last time", |header| header.max_time_ns -= 1),
];

/// Whoever looks for events goes by these, so they must be true where anything is proven.
#[test]
fn a_block_whose_header_does_not_cover_its_events_is_damage() {
    for (what, change_header) in UNCOVERING {
        for number in 6..FAMILIES.len() {
            let folder = journal();
            let newest = names_of(&folder).remove(2);
            let block = blocks_of(&folder.get(&newest).unwrap()).remove(number - 6);
            change(&folder, &newest, |content| {
                rebuild(content, block.at, Digest::MadeRight, |header, _| change_header(header));
                chain_anew(content);
            });
            for validation in Validation::ALL {
                let at = format!("{what}, block {number}, {validation:?}");
                let all = ReplayOptions { validation, ..ReplayOptions::default() };
                let results = [replay_with(&folder, &all), replay_serially(&open(&folder), &all)];
                for result in results {
                    if validation < Validation::Full {
                        assert_eq!(result.unwrap().1.last_lsn, 9 * EVENTS, "{at}");
                        continue;
                    }
                    let Err(Error::Damaged { first, .. }) = result else {
                        panic!("{at}: {result:?}")
                    };
                    let place = (first.segment, first.offset, first.fault.name());
                    assert_eq!(place, (2, block.at as u64, "malformed_event"), "{at}");
                }
            }
        }
    }
}

/// A journal of which a block is bad with its header, and more of its segment; and that block.
fn with_no_word_of(number: usize, without: Without) -> (MemoryFolder, Block) {
    let (folder, segment, block) = with_bad_block(number);
    change(&folder, &names_of(&folder)[segment], |content| {
        let end = blocks_of(content).last().unwrap().end();
        content[block.at + 40] ^= 1;
        match without {
            Without::Nothing => {}
            Without::Seal => content[end + 40] ^= 1,
            Without::HeaderPage => content[20] ^= 1,
        }
    });
    (folder, block)
}

/// What else of a segment is bad.
#[derive(Clone, Copy, Debug)]
enum Without {
    Nothing,
    Seal,
    HeaderPage,
}

/// Who salvages keeps what lies behind damage, and none of it that is later than the stop: also where
/// nothing tells of the blocks there but they themselves.
#[test]
fn a_time_is_kept_behind_damage_too() {
    let intact = Inspected::of(&journal());
    for number in 0..6 {
        for without in [Without::Nothing, Without::Seal, Without::HeaderPage] {
            let (folder, block) = with_no_word_of(number, without);
            let lost = block.header.first_lsn..=block.last_lsn();
            for stop in intact.lines.iter().step_by(4).map(|line| line.time()) {
                let options = ReplayOptions {
                    until: Some(StopPoint::Time(stop)),
                    damage: DamagePolicy::Salvage,
                    ..ReplayOptions::default()
                };
                let (state, outcome) = replay_with(&folder, &options).unwrap();
                let mut left = intact.clone();
                left.lines.retain(|line| line.time() <= stop && !lost.contains(&line.lsn));
                let expected = left.state(&Selection::default(), None, u64::MAX).digest();
                let at = format!("until {stop}, block {number}, without {without:?}");
                assert_eq!(state.digest(), expected, "{at}: {:?}", outcome.findings.end);
            }
        }
    }
}
