use std::collections::BTreeMap;

use super::super::blobs::ContentKind;
use super::super::object::ObjectId;
use super::*;
use crate::event;

#[path = "../../../../../tests/import_git/model.rs"]
mod model;
use model::Model;

impl Sink for Model {
    fn put(&mut self, body: event::Body<'_>) -> Result<(), Error> {
        self.apply(&body);
        Ok(())
    }
}

const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// What is at a path: mode, and a number for the content.
type Files = BTreeMap<Vec<u8>, (u32, u64)>;

fn id(content: u64) -> ObjectId {
    ObjectId::from_hex(format!("{content:040x}").as_bytes()).unwrap()
}

struct Bench {
    tree: Tree,
    model: Model,
    commit: Commit,
}

impl Bench {
    /// Begins with `files`.
    fn new(files: &Files) -> Self {
        let (tree, model, commit) = (Tree::new(), Model::default(), Commit::new());
        let mut bench = Self { tree, model, commit };
        for (path, new) in files {
            bench.change(Action::Add, (path, path), ((0, 0), *new));
        }
        bench.apply().unwrap();
        bench.assert_is(files);
        bench
    }

    fn change(
        &mut self,
        action: Action,
        paths: (&[u8], &[u8]),
        (old, new): ((u32, u64), (u32, u64)),
    ) {
        self.commit.push(action, (old.0, new.0), (id(old.1), id(new.1)), paths);
    }

    fn rename(&mut self, from: &str, to: &str, what: (u32, u64)) {
        self.change(Action::Rename, (from.as_bytes(), to.as_bytes()), (what, what));
    }

    fn apply(&mut self) -> Result<(), Error> {
        let contents: Vec<Content> = self.commit.changes.iter().map(content).collect();
        let applied = apply(&mut self.tree, &self.commit, &contents, &mut self.model);
        self.commit = Commit::new();
        applied
    }

    fn assert_is(&self, files: &Files) {
        let found = self.model.files().into_iter().map(|(path, inode)| {
            let inode = &self.model.inodes[&inode];
            (path, (inode.mode, u64::from_be_bytes(inode.content[12..20].try_into().unwrap())))
        });
        assert_eq!(&found.collect::<Files>(), files);
        assert_eq!(self.tree.files(), files.len() as u64);
        let odd = files.values().filter(|(mode, content)| is_text(*mode, *content)).count();
        assert_eq!(self.model.vectors.len(), odd);
    }

    fn count(&self, name: &str) -> u64 {
        self.model.counts.get(name).copied().unwrap_or(0)
    }
}

/// Files with an odd content are text.
fn is_text(mode: u32, content: u64) -> bool {
    matches!(mode, FILE | PROGRAM) && content % 2 == 1
}

fn content(change: &Change) -> Content {
    let number = change.new.content().1[19];
    let kind = match change.new_mode {
        LINK => ContentKind::Target(vec![number; 3]),
        mode if is_text(mode, number.into()) => ContentKind::Text([0.5; 32]),
        _ => ContentKind::Opaque,
    };
    Content { size: number.into(), kind }
}

fn files(list: &[(&str, u32, u64)]) -> Files {
    list.iter().map(|(path, mode, content)| (path.as_bytes().to_vec(), (*mode, *content))).collect()
}

#[test]
fn files_that_change_places_keep_their_inodes() {
    let before = files(&[("a", FILE, 1), ("b", FILE, 2), ("c", PROGRAM, 3), ("d/e", LINK, 4)]);
    let mut bench = Bench::new(&before);
    let inodes = bench.model.files();
    bench.rename("a", "b", (FILE, 1));
    bench.rename("b", "c", (FILE, 2));
    bench.rename("c", "d/e", (PROGRAM, 3));
    bench.rename("d/e", "a", (LINK, 4));
    bench.apply().unwrap();
    bench.assert_is(&files(&[("b", FILE, 1), ("c", FILE, 2), ("d/e", PROGRAM, 3), ("a", LINK, 4)]));
    assert_eq!(bench.model.files()[&b"b"[..]], inodes[&b"a"[..]]);
    assert_eq!(bench.model.files()[&b"a"[..]], inodes[&b"d/e"[..]]);
    assert_eq!((bench.count("filesystem.rename"), bench.count("filesystem.rmdir")), (8, 0));
}

#[test]
fn a_directory_becomes_the_file_that_was_in_it_and_back() {
    let before = files(&[("a/b/c", FILE, 1), ("a/b/d", FILE, 3)]);
    let mut bench = Bench::new(&before);
    bench.rename("a/b/c", "a", (FILE, 1));
    bench.change(Action::Delete, (b"a/b/d", b"a/b/d"), ((FILE, 3), (0, 0)));
    bench.apply().unwrap();
    bench.assert_is(&files(&[("a", FILE, 1)]));
    bench.rename("a", "a/b/c", (FILE, 1));
    bench.apply().unwrap();
    bench.assert_is(&files(&[("a/b/c", FILE, 1)]));
    assert_eq!(bench.count("filesystem.create"), 2);
}

#[test]
fn the_names_by_the_way_are_nobody_elses() {
    let way = |number: u32| format!("{WAY_NAME}{number}");
    let (first, second) = (way(0), way(1));
    let before = files(&[("a", FILE, 1), ("b", FILE, 2), (&first, FILE, 3)]);
    let mut bench = Bench::new(&before);
    bench.rename("a", "b", (FILE, 1));
    bench.rename("b", &format!("{second}/x"), (FILE, 2));
    bench.rename(&first, "a", (FILE, 3));
    bench.apply().unwrap();
    let after = [("b", FILE, 1), (&format!("{second}/x"), FILE, 2), ("a", FILE, 3)];
    bench.assert_is(&files(&after));
}

#[test]
fn a_move_brings_mode_and_content_along() {
    let mut bench = Bench::new(&files(&[("a", FILE, 9), ("l", LINK, 2), ("s", SUBMODULE, 4)]));
    let inode = bench.model.files()[&b"a"[..]];
    bench.change(Action::Rename, (b"a", b"x/y"), ((FILE, 9), (PROGRAM, 7)));
    bench.change(Action::Modify, (b"l", b"l"), ((LINK, 2), (LINK, 6)));
    bench.change(Action::Modify, (b"s", b"s"), ((SUBMODULE, 4), (FILE, 4)));
    bench.apply().unwrap();
    bench.assert_is(&files(&[("x/y", PROGRAM, 7), ("l", LINK, 6), ("s", FILE, 4)]));
    let paths = bench.model.files();
    assert_eq!(paths[&b"x/y"[..]], inode);
    assert_eq!(bench.model.inodes[&inode].size, 7);
    assert_eq!(bench.model.inodes[&paths[&b"l"[..]]].target, vec![6; 3]);
}

#[test]
fn a_history_that_contradicts_itself_is_an_error() {
    let before = files(&[("a", FILE, 1), ("d/e", FILE, 2)]);
    type Change = (Action, &'static str, &'static str, u32);
    let cases: &[&[Change]] = &[
        &[(Action::Add, "a", "a", FILE)],
        &[(Action::Add, "d", "d", FILE)],
        &[(Action::Add, "a/b", "a/b", FILE)],
        &[(Action::Add, "x//y", "x//y", FILE)],
        &[(Action::Add, "/x", "/x", FILE)],
        &[(Action::Add, "x/", "x/", FILE)],
        &[(Action::Add, "", "", FILE)],
        &[(Action::Add, "x", "x", 0o010_000)],
        &[(Action::Delete, "x", "x", FILE)],
        &[(Action::Delete, "d", "d", FILE)],
        &[(Action::Delete, "", "", FILE)],
        &[(Action::Modify, "x", "x", FILE)],
        &[(Action::Modify, "d", "d", FILE)],
        &[(Action::Rename, "x", "y", FILE)],
        &[(Action::Rename, "d", "y", FILE)],
        &[(Action::Rename, "a", "d", FILE)],
        &[(Action::Rename, "a", "x", FILE), (Action::Rename, "a", "y", FILE)],
        &[(Action::Rename, "a", "x", FILE), (Action::Rename, "d/e", "x/y", FILE)],
    ];
    for case in cases {
        let mut bench = Bench::new(&before);
        for (action, from, to, mode) in *case {
            let (old, new) = ((FILE, 1), (*mode, 3));
            bench.change(*action, (from.as_bytes(), to.as_bytes()), (old, new));
        }
        assert!(matches!(bench.apply(), Err(Error::Import(_))), "{case:?}");
    }
}

/// A small random number generator: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % limit as u64).unwrap()
    }

    fn path(&mut self) -> Vec<u8> {
        let parts = (0..=self.below(3)).map(|_| &b"abcd"[self.below(4)..][..1]);
        parts.collect::<Vec<_>>().join(&b'/')
    }

    fn thing(&mut self) -> (u32, u64) {
        ([FILE, FILE, PROGRAM, LINK, SUBMODULE][self.below(5)], self.below(20) as u64 + 1)
    }
}

/// Whether `path` can be in a tree beside `files`.
fn fits(files: &Files, path: &[u8]) -> bool {
    let clashes = |one: &[u8], other: &[u8]| {
        one == other || (one.starts_with(other) && one[other.len()] == b'/')
    };
    !files.keys().any(|other| clashes(path, other) || clashes(other, path))
}

/// Any set of moves, changes, removals and additions, listed in any order, can be taken in steps.
#[test]
fn any_commit_can_be_taken_in_steps() {
    let (mut random, mut by_way) = (Random(1), 0);
    for _ in 0..3_000 {
        let mut before = Files::new();
        for _ in 0..random.below(9) {
            let (path, thing) = (random.path(), random.thing());
            if fits(&before, &path) {
                before.insert(path, thing);
            }
        }
        let mut bench = Bench::new(&before);
        let (mut after, mut changes) = (Files::new(), Vec::new());
        for (path, old) in &before {
            let moves = random.below(2) == 0;
            let to = if moves { random.path() } else { path.clone() };
            let new = if random.below(2) == 0 { *old } else { random.thing() };
            if random.below(5) == 0 || !fits(&after, &to) {
                changes.push((Action::Delete, path.clone(), path.clone(), *old, (0, 0)));
                continue;
            }
            let action = if to == *path { Action::Modify } else { Action::Rename };
            after.insert(to.clone(), new);
            changes.push((action, path.clone(), to, *old, new));
        }
        for _ in 0..random.below(3) {
            let (path, new) = (random.path(), random.thing());
            if fits(&after, &path) {
                after.insert(path.clone(), new);
                changes.push((Action::Add, path.clone(), path, (0, 0), new));
            }
        }
        while !changes.is_empty() {
            let (action, from, to, old, new) = changes.swap_remove(random.below(changes.len()));
            bench.change(action, (&from, &to), (old, new));
        }
        let moves = bench.commit.changes.iter().filter(|change| change.action == Action::Rename);
        let moves = moves.filter(|change| !is_replaced(change)).count() as u64;
        bench.apply().unwrap();
        bench.assert_is(&after);
        by_way += u64::from(bench.count("filesystem.rename") > moves);
    }
    assert!(by_way > 300, "{by_way}");
}
