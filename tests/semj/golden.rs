//! A small file that every version must import to the same journal and export to the same bytes. It is the one
//! that `docs/semj.md` shows.

use std::path::Path;
use std::sync::Arc;

use vexfs_replay::import::{SemjImportOptions, import_semj};
use vexfs_replay::journal::WriterOptions;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::kernel::{self, Kernel, LINK_BYTES, marker};
use crate::place::{FILE, export};

const GOLDEN: &[u8] = include_bytes!("../../datasets/golden/small.semj");
/// The head of the journal that it becomes, with the UUID and the time below.
const HEAD: &str = "2ecbd8ed967c6141ae3bcdeb1558b1a33136db81dfe209f2200c1c34dc54ad2c";

const TIME_NS: u64 = 1_700_000_000_000_000_000;

/// Four events: one in each form, and one of the kernel's own.
fn events() -> Vec<Vec<u8>> {
    let ours = |lsn: u64, event_type, form, payload: &[u8], native_bytes| Kernel {
        payload: payload.to_vec(),
        metadata: marker(form, native_bytes),
        ..Kernel::plain(lsn, lsn, event_type, TIME_NS + lsn, 0)
    };
    // The file "a", inode 2, mode 0o100644, in directory 1.
    let mut entry = Vec::new();
    [1_u64, 2].iter().for_each(|it| entry.extend(it.to_le_bytes()));
    [0o100_644_u32, 0, 0, 1].iter().for_each(|it| entry.extend(it.to_le_bytes()));
    entry.push(b'a');
    let create = ours(1, 0x0101, 0, &entry, 33);
    // It gets mode 0o100600, and the kernel knows the path, the session, and what led to it.
    let mut mode = 2_u64.to_le_bytes().to_vec();
    mode.extend(0o100_600_u32.to_le_bytes());
    let mut chmod = ours(2, 0x0106, 1, &mode, 12);
    chmod.context[8..16].copy_from_slice(&5_u64.to_le_bytes());
    chmod.context[24..26].copy_from_slice(b"/a");
    chmod.metadata.extend(b"{\"by\":\"test\"}");
    chmod.parent = 1;
    chmod.root = 1;
    chmod.flags = 0x04;
    chmod.links = vec![0; LINK_BYTES];
    chmod.links[..8].copy_from_slice(&1_u64.to_le_bytes());
    chmod.links[8..16].copy_from_slice(&2_u64.to_le_bytes());
    chmod.links[20] = 100;
    chmod.links[32..39].copy_from_slice(b"because");
    // A node goes, and a field of its tail is of no kernel's.
    let mut node = 7_u64.to_le_bytes().to_vec();
    node.extend([77, 0, 0, 0, 2, 0, 0, 0, b'h', b'i', 0, 0, 0, 0, 0, 0]);
    let delete = ours(3, 0x0202, 2, &node, 8);
    let mut own = Kernel::plain(9, 0, 0x0701, TIME_NS + 4, 0);
    (own.payload, own.version) = (b"of a kernel".to_vec(), 3);
    own.context[4_168..4_173].copy_from_slice(b"agent");
    [create, chmod, delete, own].map(|it| it.encode()).to_vec()
}

#[test]
fn the_golden_file_is_what_the_document_says() {
    assert!(GOLDEN == kernel::file(&events()));
}

#[test]
fn the_golden_file_leads_to_the_same_journal() {
    let (source, into) = (MemoryFolder::default(), MemoryFolder::default());
    source.put(FILE, GOLDEN.to_vec());
    let file = source.open(FILE).unwrap();
    let (journal_id, created_ns) = (Some(*b"vexfs-golden-smj"), Some(1));
    let writer = WriterOptions { journal_id, created_ns, ..WriterOptions::default() };
    let options = SemjImportOptions { writer, ..SemjImportOptions::default() };
    let place = (file.as_ref(), Path::new(FILE));
    let imported = import_semj(place, Arc::new(into.clone()), &options, &mut |_| {}).unwrap();
    assert_eq!((imported.events, imported.foreign), (4, 1));
    assert_eq!(hex::encode(imported.head.digest), HEAD);
    assert!(export(&into).unwrap().0 == GOLDEN);
}
