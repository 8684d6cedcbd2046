//! `kernel-journal`: exit codes, and that what is printed is true.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use vexfs_replay::block_journal::{JournalOptions, NewTransaction, Place, Writer};
use vexfs_replay::storage::MemoryFolder;

use crate::program::{Ran, run, run_json, text_of};

const BLOCK: usize = 4096;

/// A journal of two transactions and an image of four blocks.
struct Made(TempDir);

impl Made {
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        fs::write(made.image(), vec![7; 4 * BLOCK]).unwrap();
        // In memory: a lock on the disk could live on for a moment in a child of another test.
        let memory = MemoryFolder::default();
        let place = Place::new(Arc::new(memory.clone()), "journal");
        let options = JournalOptions { total_blocks: 16, ..JournalOptions::default() };
        let mut writer = Writer::create(&place, options).unwrap();
        for (id, number) in [(5, 1), (6, 2)] {
            let blocks = [(number, [id; BLOCK])];
            let transaction = NewTransaction {
                id: id.into(),
                operation: 0,
                timestamp_ns: 0,
                uid: 0,
                gid: 0,
                blocks: &blocks,
            };
            writer.commit(&transaction).unwrap();
        }
        fs::write(made.journal(), memory.get("journal").unwrap()).unwrap();
        made
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("kernel.journal")
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("disk.image")
    }

    /// The first byte of each block of the image.
    fn blocks(&self) -> Vec<u8> {
        fs::read(self.image()).unwrap().chunks(BLOCK).map(|block| block[0]).collect()
    }

    fn flip(&self, at: usize) {
        let mut journal = fs::read(self.journal()).unwrap();
        journal[at] ^= 1;
        fs::write(self.journal(), journal).unwrap();
    }

    fn inspect(&self) -> (Ran, Value) {
        run_json(&["kernel-journal", "inspect", text_of(&self.journal())])
    }

    fn redo(&self, options: &[&str]) -> (Ran, Value) {
        let (journal, image) = (self.journal(), self.image());
        let arguments = ["kernel-journal", "redo", text_of(&journal), "--image", text_of(&image)];
        run_json(&[&arguments, options].concat())
    }
}

#[test]
fn a_journal_is_looked_at_and_redone_in_parts() {
    let made = Made::new();
    let (ran, seen) = made.inspect();
    assert_eq!(ran.code, Some(0));
    assert_eq!(seen["transactions"][1]["outcome"], "committed");
    assert_eq!(seen["ending"]["kind"], "clean");
    let first = seen["transactions"][0]["commit"]["sequence"].to_string();
    let (ran, done) = made.redo(&["--until-sequence", &first, "--keep-journal"]);
    assert_eq!((ran.code, made.blocks()), (Some(0), vec![7, 5, 7, 7]));
    assert_eq!((&done["redone"], &done["not_reached"]), (&json!([5]), &json!([6])));
    assert_eq!(done["journal_changed"], false);
    let (ran, done) = made.redo(&[]);
    assert_eq!((ran.code, made.blocks()), (Some(0), vec![7, 5, 6, 7]));
    assert_eq!(done["journal_changed"], true);
    let (_, done) = made.redo(&[]);
    assert_eq!((&done["blocks_written"], &done["journal_changed"]), (&0.into(), &false.into()));
    let (_, seen) = made.inspect();
    assert_eq!(seen["transactions"].as_array().map(Vec::len), Some(0));
}

#[test]
fn torn_damaged_missing_and_locked_journals_have_their_exit_codes() {
    let made = Made::new();
    // The last commit.
    made.flip(6 * BLOCK + 50);
    assert_eq!(made.inspect().0.code, Some(3));
    let (ran, done) = made.redo(&["--keep-journal"]);
    assert_eq!((ran.code, made.blocks()), (Some(3), vec![7, 5, 7, 7]));
    assert_eq!(done["torn"]["position"], 6);

    let made = Made::new();
    made.flip(2 * BLOCK);
    let (ran, seen) = made.inspect();
    assert_eq!((ran.code, &seen["ending"]["kind"]), (Some(4), &"damaged".into()));
    let (ran, refused) = made.redo(&[]);
    assert_eq!((ran.code, made.blocks()), (Some(4), vec![7; 4]));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("block 3 at byte 12288"), "{message}");

    fs::write(made.journal(), b"no journal").unwrap();
    assert_eq!(made.inspect().0.code, Some(4));
    fs::remove_file(made.journal()).unwrap();
    assert_eq!(made.inspect().0.code, Some(8));

    let made = Made::new();
    let _writer = Writer::open(&Place::on_disk(&made.journal()).unwrap()).unwrap();
    let (ran, refused) = made.redo(&[]);
    assert_eq!((ran.code, made.blocks()), (Some(8), vec![7; 4]), "{refused}");
    let journal = made.journal();
    let same = ["kernel-journal", "redo", text_of(&journal), "--image", text_of(&journal)];
    assert_eq!(run(&same).code, Some(2));
}
