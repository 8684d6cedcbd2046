//! What a real file system can put in a journal's way.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;
use vexfs_replay::Error;
use vexfs_replay::journal::layout::{PAGE_BYTES, SealTrailer};
use vexfs_replay::journal::{EndKind, Journal, Validation, Writer, segment};
use vexfs_replay::replay::{ReplayOptions, replay, replay_serially, verify};
use vexfs_replay::storage::{DiskFolder, Folder};

use crate::crashing::{CrashingFolder, Operation};
use crate::failing::FailingFolder;
use crate::harness::{Made, POLICIES, options};
use crate::scribe::{Scribe, Step};
use crate::small_journal::{OPTIONS, THREE_SEGMENTS};

/// A journal in a folder on disk.
fn on_disk(made: &Made) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal");
    fs::create_dir(&path).unwrap();
    for (name, content) in made.all_files() {
        fs::write(path.join(name), content).unwrap();
    }
    (folder, path)
}

#[test]
fn fault_36_a_file_cut_by_another_process_while_it_is_read() {
    for (segment, to) in [(0, 5_000), (0, 0), (1, 8_192), (2, 4_096)] {
        let made = Made::closed();
        let (_kept, path) = on_disk(&made);
        let journal = Journal::open_path(&path).unwrap();
        let file = OpenOptions::new().write(true).open(path.join(&made.names[segment])).unwrap();
        file.set_len(to).unwrap();
        for damage in POLICIES {
            let options = options(damage, Validation::Cryptographic);
            let results = [
                replay_serially(&journal, &options).map(drop),
                replay(&journal, &options, &mut |_| {}).map(drop),
                verify(&journal, &options, &mut |_| {}).map(drop),
            ];
            for result in results {
                let Err(Error::Io { path, offset: Some(_), source, .. }) = result else {
                    panic!("{damage:?}: {result:?}");
                };
                assert!(path.ends_with(&made.names[segment]));
                assert_eq!(source.kind(), std::io::ErrorKind::UnexpectedEof);
            }
        }
    }
}

#[test]
fn fault_38_the_second_writer_is_told_who_has_the_journal_and_readers_need_no_lock() {
    let (_kept, path) = on_disk(&Made::open());
    let open = || Arc::new(DiskFolder::open(&path).unwrap());
    let writer = Writer::open(open(), OPTIONS).unwrap();
    for second in [Writer::open(open(), OPTIONS), Writer::create(open(), OPTIONS)] {
        let Err(Error::Locked { holder, .. }) = second else { panic!("{second:?}") };
        assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
    }
    let journal = Journal::open_path(&path).unwrap();
    assert!(verify(&journal, &ReplayOptions::default(), &mut |_| {}).is_ok());
    writer.close().unwrap();
    drop(Writer::open(open(), OPTIONS).unwrap());
}

#[test]
fn fault_38_a_writer_needs_the_folder_and_not_one_file_of_it() {
    let made = Made::open();
    let (_kept, path) = on_disk(&made);
    let one_file = DiskFolder::open(&path.join(&made.names[0])).unwrap();
    let opened = Writer::open(Arc::new(one_file), OPTIONS);
    assert!(matches!(opened, Err(Error::InvalidOption { .. })), "{opened:?}");
}

/// A journal made where a file lies would lie beside it, over the journal that is there.
#[test]
fn fault_38_no_journal_is_made_in_the_place_of_a_file() {
    let made = Made::closed();
    let (_kept, path) = on_disk(&made);
    let other = path.join("notes");
    fs::write(&other, "no segment").unwrap();
    let one_file = DiskFolder::open(&other).unwrap();
    let created = Writer::create(Arc::new(one_file), OPTIONS);
    assert!(matches!(created, Err(Error::InvalidOption { option: "journal", .. })), "{created:?}");
    let folder = DiskFolder::create(&other);
    assert_eq!(folder.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert!(DiskFolder::create(&path).is_ok(), "a folder that is there will do");
    for (name, content) in made.all_files() {
        assert!(fs::read(path.join(name)).unwrap() == content);
    }
}

#[test]
fn fault_46_no_two_blocks_share_a_page_and_nothing_is_written_over() {
    let folder = CrashingFolder::on(&vexfs_replay::storage::MemoryFolder::default());
    let mut scribe = Scribe::create(Arc::new(folder.clone()), OPTIONS).unwrap();
    for &step in THREE_SEGMENTS.iter().chain([Step::Reopen, Step::Set(1), Step::Close].iter()) {
        scribe.step(step).unwrap();
    }
    let mut ends = std::collections::HashMap::new();
    let mut writes = 0;
    for operation in folder.operations() {
        let Operation::Write { file, offset, bytes } = operation else { continue };
        let end = ends.entry(file).or_insert(0);
        assert_eq!(offset, *end, "each write goes on where the last one ended");
        assert_eq!(bytes.len() % PAGE_BYTES, 0, "and ends with a page");
        *end = offset + bytes.len();
        writes += 1;
    }
    assert!(writes > 10);
}

/// Puts something that is no regular file in the place of a segment.
fn in_its_place(path: &Path, what: impl FnOnce(&Path)) {
    let aside = path.with_extension("aside");
    fs::rename(path, &aside).unwrap();
    what(path);
}

fn mkfifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

type Put = fn(&Path);

/// What a segment may be replaced by: a link to it, a folder, a pipe, a socket.
const OTHERS: [(&str, Put); 4] = [
    ("link", |path| symlink(path.with_extension("aside"), path).unwrap()),
    ("folder", |path| fs::create_dir(path).unwrap()),
    ("pipe", mkfifo),
    ("socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
];

#[test]
fn fault_48_a_segment_that_is_no_regular_file_is_missing() {
    for (what, put) in OTHERS {
        for segment in 0..3 {
            let made = Made::closed();
            let (_kept, path) = on_disk(&made);
            in_its_place(&path.join(&made.names[segment]), put);
            let journal = Journal::open_path(&path).unwrap();
            let result = replay_serially(&journal, &ReplayOptions::default());
            let Err(Error::Damaged { first, .. }) = result else { panic!("{what}: {result:?}") };
            assert_eq!((first.fault.name(), first.segment), ("segment_missing", segment as u64));
            // Put there after the folder was listed, it is refused all the same.
            let folder = DiskFolder::open(&path).unwrap();
            assert!(folder.open(&made.names[segment]).is_err(), "{what}");
        }
    }
}

#[test]
fn fault_48_a_writer_makes_and_locks_regular_files_only() {
    for (what, put) in OTHERS {
        for name in ["LOCK", segment::UNFINISHED_NAME] {
            let (_kept, path) = on_disk(&Made::open());
            let place = path.join(name);
            let aside = place.with_extension("aside");
            fs::write(&aside, "not a journal's").unwrap();
            put(&place);
            let opened = Writer::open(Arc::new(DiskFolder::open(&path).unwrap()), OPTIONS);
            assert!(matches!(opened, Err(Error::Io { .. })), "{what} for {name}: {opened:?}");
            assert_eq!(fs::read(&aside).unwrap(), b"not a journal's");
        }
    }
}

/// A length that no reader could work through byte by byte.
const HUGE: u64 = 1 << 40;

fn check_bounded(path: &Path, kind: EndKind, last_lsn: u64) {
    let stored: u64 = 1024 * 1024;
    for damage in POLICIES {
        let counting = FailingFolder::over(Arc::new(DiskFolder::open(path).unwrap()), None);
        let journal = Journal::open(Arc::new(counting.clone())).unwrap();
        let options = options(damage, Validation::Cryptographic);
        let (_, outcome) = replay_serially(&journal, &options).unwrap();
        assert_eq!((outcome.findings.end.kind, outcome.last_lsn), (kind, last_lsn));
        replay(&journal, &options, &mut |_| {}).unwrap();
        verify(&journal, &options, &mut |_| {}).unwrap();
        assert!(counting.bytes_read() < 64 * stored, "{} bytes", counting.bytes_read());
    }
}

#[test]
fn fault_48_a_huge_sparse_file_takes_no_more_work_than_what_is_stored() {
    let made = Made::open();
    let (_kept, path) = on_disk(&made);
    let newest = path.join(&made.names[made.newest()]);
    let file = OpenOptions::new().write(true).open(newest).unwrap();
    file.set_len(HUGE).unwrap();
    check_bounded(&path, EndKind::Unwritten, made.history.last_lsn());
    // The same with a trailer at its end that says that all of it is a seal.
    let mut trailer = vec![0; SealTrailer::BYTES];
    let seal_offset = made.last_block().end() as u64;
    let mut header = SealTrailer {
        magic: vexfs_replay::journal::layout::TRAILER_MAGIC,
        trailer_crc: 0,
        seal_offset,
        seal_bytes: HUGE - seal_offset,
        segment: made.newest() as u64,
    };
    header.write(&mut trailer);
    header.trailer_crc = vexfs_kernels::crc32c(&trailer[8..]);
    header.write(&mut trailer);
    std::os::unix::fs::FileExt::write_all_at(&file, &trailer, HUGE - trailer.len() as u64).unwrap();
    check_bounded(&path, EndKind::Unwritten, made.history.last_lsn());
}

#[test]
fn fault_48_names_that_are_no_segments_are_passed_over() {
    let made = Made::closed();
    let (_kept, path) = on_disk(&made);
    for name in ["segment-1.vexj", "segment-0000000009.vexj.old", "notes", "segment-x.vexj"] {
        fs::write(path.join(name), "anything").unwrap();
    }
    let journal = Journal::open_path(&path).unwrap();
    let (_, outcome) = replay_serially(&journal, &ReplayOptions::default()).unwrap();
    assert!(!outcome.has_loss());
}
