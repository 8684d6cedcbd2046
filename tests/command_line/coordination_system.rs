//! A system of two journals that share transactions, on disk, damaged; and what the story that was written says of
//! it, by arithmetic alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use vexfs_replay::generate::generate_system;

use crate::program::{Ran, run_json, succeed, text_of};

pub(crate) const TRANSACTIONS: usize = 24;
const BLOCK: usize = 4096;
const KEYS: usize = 64;

/// Content of files, by their paths.
pub(crate) type Content = BTreeMap<PathBuf, Vec<u8>>;

/// A system in a folder of its own.
pub(crate) struct System {
    folder: TempDir,
    /// At which LSN each shared transaction ends in the semantic journal.
    pub(crate) ends: &'static [u64],
}

/// The whole system, made once: copies have no locks that a child of another test could still hold.
fn whole() -> &'static (Content, Vec<u64>) {
    static WHOLE: OnceLock<(Content, Vec<u64>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let ends = generate_system(folder.path(), TRANSACTIONS as u64).unwrap();
        (content(folder.path(), folder.path()), ends)
    })
}

/// All files below a folder but for locks, by their paths from the root.
fn content(folder: &Path, root: &Path) -> Content {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            found.extend(content(&path, root));
        } else if kind.is_file() && !path.ends_with("LOCK") {
            let name = path.strip_prefix(root).unwrap().to_owned();
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

impl System {
    pub(crate) fn whole() -> Self {
        let (files, ends) = whole();
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self { folder, ends }
    }

    /// One whose semantic journal ends in the middle of what makes the shared transaction of this number durable.
    pub(crate) fn without_end_of_files(number: usize) -> Self {
        let made = Self::whole();
        let path = made.path().join("files").join("segment-0000000000.vexj");
        let bytes = fs::read(&path).unwrap();
        // Blocks are as long as pages; the first page is the segment's own.
        let at = BLOCK * (number + 1) + 1_234;
        assert!(at < bytes.len());
        fs::write(&path, &bytes[..at]).unwrap();
        made
    }

    /// One whose block journal has nothing from the middle of this transaction's last block on.
    pub(crate) fn without_end_of_disk(number: usize) -> Self {
        let made = Self::whole();
        let path = made.path().join("disk").join("journal");
        let mut bytes = fs::read(&path).unwrap();
        // Behind the superblock each has a descriptor, its data and a commit.
        bytes[BLOCK * (3 * number + 3) + 30..].fill(0);
        fs::write(&path, bytes).unwrap();
        made
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// All that participants store, as others see it.
    pub(crate) fn stored(&self) -> Content {
        let ours = ["coordination.json", "status.json", "decisions", "work", "sockets"];
        let mut all = content(self.path(), self.path());
        all.retain(|path, _| !ours.iter().any(|it| path.starts_with(it)));
        all
    }

    /// What participants keep until it ends: of what they keep longer, nothing.
    fn staged(&self) -> Vec<PathBuf> {
        let all = content(&self.path().join("work"), self.path()).into_keys();
        let left = |path: &PathBuf| {
            path.iter().any(|part| part == "staging") && !path.ends_with("given-up.json")
        };
        all.filter(left).collect()
    }

    pub(crate) fn run(&self, verb: &str, options: &[&str]) -> (Ran, Value) {
        run_json(&[&["coordinate", verb, text_of(self.path())], options].concat())
    }

    #[track_caller]
    pub(crate) fn expect(&self, code: i32, verb: &str, options: &[&str]) -> Value {
        let (ran, result) = self.run(verb, options);
        assert_eq!(ran.code, Some(code), "{verb} {options:?}: {ran:?}");
        result
    }

    /// The key of the only conflict that waits.
    #[track_caller]
    pub(crate) fn key(&self) -> String {
        key_of(&self.expect(0, "status", &[]))
    }

    /// Checks that exactly so many shared transactions are there in both journals, the image and the state.
    #[track_caller]
    pub(crate) fn assert_at(&self, kept: usize, result: &Value) {
        let cut = &result["coordination"]["end"]["plan"]["cut"];
        let files_cut = cut["files"].as_u64().unwrap();
        assert_eq!(self.ends.iter().filter(|&&end| end <= files_cut).count(), kept, "{result}");
        // Of each, a descriptor and a commit have a sequence number; those that were discarded count on.
        let disk_cut = cut["disk"].as_u64().unwrap();
        assert!(disk_cut / 2 == kept as u64 || disk_cut == 2 * TRANSACTIONS as u64, "{cut}");
        assert!(self.image() == image_after(kept), "{kept}");
        assert_eq!(self.recovered(), files_cut);
        assert_eq!(self.index(), files_cut);
        assert_eq!(self.staged(), Vec::<PathBuf>::new());
        // Whoever redoes the block journal by itself brings nothing back.
        let (journal, image) = (self.path().join("disk/journal"), self.path().join("disk/image"));
        let redo = ["kernel-journal", "redo", text_of(&journal), "--image", text_of(&image)];
        let (redone, _) = run_json(&redo);
        assert!(matches!(redone.code, Some(0 | 3)), "{redone:?}");
        assert!(self.image() == image_after(kept), "{kept}, after a redo");
    }

    fn image(&self) -> Vec<u8> {
        fs::read(self.path().join("disk/image")).unwrap()
    }

    /// The last LSN to which the semantic journal comes back, by itself.
    fn recovered(&self) -> u64 {
        let [journal, records, checkpoints] = ["files", "files.records", "files.checkpoints"]
            .map(|name| self.path().join(name).to_str().unwrap().to_owned());
        let options = ["--records", &records, "--checkpoints", &checkpoints];
        let (ran, result) = run_json(&[&["recover", &journal], &options[..]].concat());
        // It tells of what is kept aside, too.
        assert!(matches!(ran.code, Some(0 | 3 | 5)), "{ran:?}");
        result["last_lsn"].as_u64().unwrap()
    }

    /// How far the state has followed.
    fn index(&self) -> u64 {
        let path = self.path().join("index");
        let listed = succeed(&["checkpoint", "list", text_of(&path)]);
        let all = listed["checkpoints"].as_array().unwrap();
        all.iter().map(|it| it["watermark"].as_u64().unwrap()).max().unwrap_or(0)
    }
}

/// The image after the first shared transactions: each fills one block with one byte.
fn image_after(kept: usize) -> Vec<u8> {
    let mut image = vec![0; KEYS * BLOCK];
    for number in 0..kept {
        let block = number * 7 % KEYS;
        image[block * BLOCK..(block + 1) * BLOCK].fill(u8::try_from(number % 251 + 1).unwrap());
    }
    image
}

/// The key of the only conflict that waits, by the result of a verb.
#[track_caller]
pub(crate) fn key_of(result: &Value) -> String {
    let found = result["coordination"]["conflicts"].as_array().unwrap();
    let waits = |it: &&Value| it["resolution"] == "manual" && it["ruling"].is_null();
    let keys: Vec<&str> =
        found.iter().filter(waits).map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 1, "{result}");
    keys[0].to_owned()
}
